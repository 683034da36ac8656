/* choose.h - which images an archive holds, and which of its files make each of them. Reads the archive's
 * JSON; every digest it meets is compared with what was hashed on the way in. */
#pragma once

#include "../util/map.h"
#include "../util/str.h"
#include "spool.h"

struct pack_layer {
	const struct spooled *blob; /* borrowed from the spooled files */
	char diff_hex[HASH_HEX_LEN + 1];
	char chain[HASH_HEX_LEN + 1];
};
struct pack_image {
	struct strs refs;		/* normalised */
	const struct spooled *config;	/* borrowed */
	const struct spooled *manifest; /* borrowed; NULL: manifest_text is it, made by us */
	char *manifest_text;
	char manifest_hex[HASH_HEX_LEN + 1];
	size_t manifest_size;
	struct pack_layer *layers;
	size_t n_layers;
};
struct pack_images {
	struct pack_image *v;
	size_t n, cap;
	struct strs warnings;
};
int choose_images(const struct stage *s, const struct map *files, struct pack_images *ret, struct err *err);
void choose_done(struct pack_images *l);

/* --- shared by choose.c, choose_oci.c and choose_docker.c --- */
struct choice {
	const struct stage *stage;
	const struct map *files;
	struct pack_images *out;
};
int choice_doc(
	const struct choice *c, const struct spooled *f, const char *what, json_t **ret, struct err *err);
/* Takes diff_ids and platform from the config; layers (n of them) are given lowest first. */
int choice_finish(const struct choice *c, struct pack_image *img, const struct spooled *const *layers,
	size_t n, struct err *err);
void choice_ref(const struct choice *c, struct pack_image *img, const char *name);
void pack_image_done(struct pack_image *img);
const char *choice_host_arch(void); /* as Go writes it: "amd64" */

int choose_oci(const struct choice *c, const json_t *index, struct err *err);
int choose_docker(const struct choice *c, const json_t *list, struct err *err);
/* The names that manifest.json has for this config, for OCI archives that do not name their images
 * themselves. */
void choose_docker_names(const struct choice *c, const json_t *list, struct pack_image *img);
