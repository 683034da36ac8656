/* image.h - the image store, read side: what davit and its supervisor need to start a container. No
 * libarchive, no network.
 *
 * STATE/images is a standard OCI image layout (oci-layout, index.json with one descriptor per tag and platform in
 * annotation "org.opencontainers.image.ref.name" = the full normalised reference, blobs/sha256/…), and beside
 * it layers/DIGEST/ (DIGEST: hex of the layer's diff_id chain id, OCI image spec "ChainID"): each an unpacked
 * layer with overlayfs whiteouts (char 0:0, trusted.overlay.opaque), complete when it has its name (made
 * beside, renamed). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../util/err.h"
#include "../util/str.h"

/* --- references --- */
struct image_ref {	  /* owned texts */
	char *registry;	  /* "docker.io" */
	char *repository; /* "library/redis" */
	char *tag;	  /* "latest" when neither tag nor digest is given; NULL with a digest alone */
	char *digest;	  /* "sha256:…" or NULL */
};
/* Normalises as Docker does ("redis" → docker.io/library/redis:latest). ERR_INPUT with the reason. */
int ref_parse(const char *text, struct image_ref *ret, struct err *err);
/* "docker.io/library/redis:latest"; malloc'ed. */
char *ref_format(const struct image_ref *r);
/* The same of a text, NULL when it is NULL or none. */
char *ref_normal(const char *name);
/* As users write it: without docker.io/library/; malloc'ed. */
char *ref_familiar(const struct image_ref *r);
void ref_done(struct image_ref *r);

/* --- what an image says about running it --- */
struct image_health {
	bool given;
	struct strs test;
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns; /* 0: not given */
	int64_t retries;						     /* 0: not given */
};
struct image {
	char *id; /* "sha256:…": digest of the config, what docker calls the image id */
	char *manifest_digest;
	char *index_digest; /* of what the registry has by its name, when that is not the manifest: an index, mostly; NULL: it is */
	char *ref; /* the reference it was found by, normalised; NULL: by id, and it has no name */
	char *architecture, *variant, *os, *created;
	int64_t pulled_ns; /* wall time: when it was pulled by this name, loaded, built, or last found to be up to date; 0: not known */
	int64_t size_bytes; /* unpacked content as recorded at load; layers' compressed sizes otherwise */
	struct strs shell; /* of the SHELL instruction, which runs CMD-SHELL checks; empty: /bin/sh -c */
	struct strs entrypoint, cmd, env, volumes,
		exposed_ports; /* volumes: paths; exposed_ports: "6379/tcp" */
	bool entrypoint_set, cmd_set;
	char *user, *working_dir, *stop_signal;
	struct image_health health;
	json_t *labels;	    /* object of text, may be NULL */
	struct strs layers; /* names below STATE/images/layers, lowest first */
};
struct image_store;
int image_store_open(
	const char *state_dir, struct image_store **ret, struct err *err); /* an absent store is empty */
void image_store_close(struct image_store *s);
/* By name, digest (of a manifest, or of what it was pulled by) or (prefix of the) id. platform: "linux/arm64", a name may
 * have several; NULL or "": this machine's, or whichever there is if it is the only one. ERR_NOT_FOUND: "image 'redis:7' is not in
 * davit's store", the hint says how it comes there, and near names; "image 'redis:7' is there for linux/arm64, not for linux/amd64".
 * ERR_INPUT: the name or the platform is none. */
int image_find(struct image_store *s, const char *name, const char *platform, struct image **ret, struct err *err);
/* The same for images that another tool has put into the store, too: some of its layers may not be unpacked, so that nothing can be run
 * of it before `davit-image unpack` was asked to (src/verb/verb_unpack.c). */
int image_look(struct image_store *s, const char *name, const char *platform, struct image **ret, struct err *err);
bool image_unpacked(const struct image_store *s, const struct image *i);
void image_free(struct image *i);
char *image_platform(const struct image *i); /* "linux/arm/v7"; malloc'ed */
/* Every tag and platform: array of {"ref","familiar","id","digest","created","size","platform"}, sorted by ref; digest is the one by which
 * the registry knows it, of an index, say. An image whose name went to another one has ref "" and familiar "<none>". New reference. */
json_t *image_list(struct image_store *s, struct err *err);
/* One image as `docker image inspect` prints it: {"Id","RepoTags","RepoDigests","Created","Config","RootFS",…}. New reference. */
int image_inspect(struct image_store *s, const char *name, json_t **ret, struct err *err);

/* Which of the layers that a config names the store has, blob and unpacked: *ret is an array of their descriptors {"mediaType",
 * "digest", "size"}, from the lowest one on, as far as one image in the store goes. */
int image_known_layers(struct image_store *s, const json_t *config, json_t **ret, struct err *err);

/* --- root file systems ---
 * A container's: DIR/upper, DIR/work (persistent, below the state directory) joined with the image's layers
 * at `mountpoint`. Overlay by mount(2) with chdir and short link names (STATE/images/l/XXXX →
 * ../layers/DIGEST), so that up to 500 layers fit the option page. (worker) */
/* Makes DIR and mountpoint when absent. What an earlier start of the same DIR mounted there is kept, anything
 * else there is unmounted. Where overlayfs cannot be used the image is copied to DIR/copy, which is used from
 * then on. 0, ROOTFS_COPIED when that had to be done now, -1. */
enum { ROOTFS_COPIED = 1 };
int rootfs_mount(struct image_store *s, const struct image *img, const char *dir, const char *mountpoint,
	struct err *err);
/* The same for who only wants to look: where it would have to be copied nothing is mounted, and ROOTFS_COPIED says so. */
int rootfs_try(struct image_store *s, const struct image *img, const char *dir, const char *mountpoint,
	struct err *err);
int rootfs_unmount(const char *mountpoint, struct err *err); /* idempotent; MNT_DETACH */

/* --- users inside an image --- */
struct image_user {
	unsigned uid, gid;
	unsigned *groups; /* owned */
	size_t n_groups;
	char *home; /* from its passwd, "/" when unknown; owned */
	char *name; /* NULL when it has no passwd entry; owned */
};
/* "", "app", "app:grp", "1000", "1000:1000" looked up in the rootfs' /etc/passwd and /etc/group (bounded,
 * through openat2) as Docker does; extra_groups (group_add, may be NULL): names or numbers. ERR_INPUT: unable
 * to find user. */
int image_user(int root_fd, const char *user, const char *const *extra_groups, struct image_user *ret,
	struct err *err);
void image_user_done(struct image_user *u);
