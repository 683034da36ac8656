/* store.h - how the image store looks on disk; for src/image and src/pack only.
 *
 *	STATE/images/oci-layout, index.json, blobs/sha256/HEX      an OCI image layout
 *	             layers/CHAIN                                  an unpacked layer, complete when it has this name
 *	             layers/CHAIN.json                             {"diff_id","size","entries"}, written before the directory
 *	             l/XXXXXX → ../layers/CHAIN                    short names for mount(2)
 *	             .lock                                         flock while index.json is changed, or names are given or taken
 *	             partial/HEX                                   the beginning of a blob, from a pull that ended too early (pack/partial.h)
 *	             .load-RANDOM/                                 a load at work
 *	             .gone-RANDOM/                                 what a removal has taken out
 *
 * Who works in one of the last two holds its flock; anybody may remove a directory whose flock can be had. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "../util/err.h"
#include "../util/hash.h"

struct image;
struct platform;

struct image_store {
	char *path; /* STATE/images */
	int fd;	    /* of it; -1: there is none */
};

#define REF_NAME "org.opencontainers.image.ref.name"
/* Annotation of a descriptor with a name: when the name was given to the image here, or was last found to be its name still, RFC 3339 */
#define PULLED_AT "dev.davit.pulled"
/* Annotation of a descriptor: the digest of what the registry has by the image's name, when that is not the manifest: an index, or a manifest
 * of Docker's schema 2, instead of which one of OCI's stands in the store (the same config and layers; skopeo looks for no other in an OCI
 * layout). That document is among the blobs, too. */
#define INDEX_DIGEST "dev.davit.index"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"

enum {
	INDEX_MAX = 64 << 20, /* index.json of the store */
	DOC_MAX = 8 << 20,    /* a manifest, an index or a config in a blob */
	LAYERS_MAX = 500,     /* overlayfs takes no more */
	LINK_LEN = 6,
};

/* The hex digits of "sha256:…" (64, lower case), NULL when it is no such digest. Points into the text. */
const char *digest_hex(const char *digest);
/* The next chain id: chain is the one so far ("" below the first layer) and becomes the one that includes
 * diff_hex. */
void chain_next(char chain[static HASH_HEX_LEN + 1], const char *diff_hex);
/* Chain ids of a config's rootfs.diff_ids, lowest first; none: an image without layers. */
struct strs;
int chain_ids(const json_t *config, struct strs *ret, struct err *err);

/* {"schemaVersion":2,"manifests":[…]}, also when there is no image yet. ERR_INPUT: it is lost or damaged. A store without
 * an index and without layers/, which davit makes after it, has lost none: whatever blobs there are, another tool was stopped halfway. */
int store_index(const struct image_store *s, json_t **ret, struct err *err);
/* What the files of an unpacked layer hold, as it was counted when it was unpacked; -1: nobody has counted. */
int64_t store_layer_bytes(int images_fd, const char *chain);
/* What the image behind a descriptor of index.json is for: the descriptor says it, or (in older stores) its config. -1: neither does. */
int desc_platform(const struct image_store *s, const json_t *desc, struct platform *ret);
/* The normalised name of a descriptor, also one that another tool wrote; NULL when it has none. familiar (may be NULL): as users write
 * it. Both malloc'ed. */
char *desc_ref(const json_t *desc, char **familiar);
/* Whether that name means this descriptor, whose own is ref (desc_ref(), may be NULL). NAME, NAME:TAG: equal. NAME@DIGEST, NAME:TAG@DIGEST:
 * the digest decides, of the manifest or of what it came by, and the repository is the same. want_text: want, formatted. */
struct image_ref;
bool desc_matches(const json_t *desc, const char *ref, const struct image_ref *want, const char *want_text);
/* A document among the blobs. */
int store_doc(const struct image_store *s, const char *digest, json_t **ret, struct err *err);
/* The short name of a layer, made when there is none; ret has LINK_LEN + 1 bytes. */
int store_link(int images_fd, const char *chain, char *ret, struct err *err);
/* Whether trusted.* attributes may be used: not inside a user namespace, where overlayfs reads user.overlay.*
 * instead. */
bool store_trusted_xattrs(void);

/* Reads the config document into the image; bounded and type-checked. */
int imgconf_read(const json_t *config, struct image *ret, struct err *err);

/* Joins the layers by copying into DIR/copy, for where overlayfs cannot be used. */
int rootfs_copy(int images_fd, const struct image *img, int dir_fd, struct err *err);
