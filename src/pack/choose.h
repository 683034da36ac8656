/* choose.h - which images an archive holds, and which of its files make each of them. Reads the archive's
 * JSON; every digest it meets is compared with what was hashed on the way in, or belongs to what will be (staged_blob.part). */
#pragma once

#include "../image/platform.h"
#include "../util/map.h"
#include "../util/str.h"
#include "spool.h"

struct pack_layer {
	struct staged_blob *blob; /* borrowed; NULL when nobody asks */
	char diff_hex[HASH_HEX_LEN + 1];
	char chain[HASH_HEX_LEN + 1];
	const struct pack_layer *below; /* NULL: it is the lowest */
};
struct pack_image {
	struct strs refs;		/* normalised */
	const struct staged_blob *config;	/* borrowed */
	const struct staged_blob *manifest; /* borrowed; NULL: manifest_text is it, made by us */
	char *manifest_text;
	char manifest_hex[HASH_HEX_LEN + 1];
	size_t manifest_size;
	struct platform platform; /* by its config; arch "": that does not say it */
	const struct staged_blob *index; /* borrowed; what the registry has by its name, when that is not the manifest; NULL: it is */
	struct pack_layer *layers;
	size_t n_layers;
};
struct pack_images {
	struct pack_image *v;
	size_t n, cap;
	struct strs warnings;
	bool exact; /* each name means these alone afterwards, it leaves what it stood for on other platforms, too */
};
/* want: the platform that is taken of several; NULL: this machine's, or whichever there is. */
int choose_images(const struct stage *s, const struct map *files, const struct platform *want, struct pack_images *ret, struct err *err);
void choose_done(struct pack_images *l);

/* Reads the config of an image whose names and blobs are known: layers (n of them, borrowed, lowest first) get their diff_ids and chain ids,
 * and plain ones that are in an archive still their hash: it is the diff_id, or they are refused when they are taken out.
 * An image for another platform than want is refused when that one was wished for, else worth a warning; one that could only fail at every
 * start is refused. */
int pack_image_config(struct pack_image *img, const json_t *config, struct staged_blob *const *layers, size_t n,
	const struct platform *want, bool wished, struct strs *warnings, struct err *err);
/* Gives it an OCI manifest, where it comes with none or with one that other tools do not take from an OCI layout: layers are called by their
 * kind.
 * It is in manifest_text then. */
void pack_image_manifest(struct pack_image *img);
void pack_image_done(struct pack_image *img);

/* --- shared by choose.c, choose_oci.c and choose_docker.c --- */
struct choice {
	const struct stage *stage;
	const struct map *files;
	struct platform platform; /* the one that is taken of several */
	bool wished;		  /* the only one that is taken */
	struct pack_images *out;
};
int choice_doc(
	const struct choice *c, const struct staged_blob *f, const char *what, json_t **ret, struct err *err);
/* pack_image_config() with the config of the archive. */
int choice_finish(const struct choice *c, struct pack_image *img, struct staged_blob *const *layers,
	size_t n, struct err *err);
void choice_ref(const struct choice *c, struct pack_image *img, const char *name);

int choose_oci(const struct choice *c, const json_t *index, struct err *err);
int choose_docker(const struct choice *c, const json_t *list, struct err *err);
/* The names that manifest.json has for this config, for OCI archives that do not name their images
 * themselves. */
void choose_docker_names(const struct choice *c, const json_t *list, struct pack_image *img);
