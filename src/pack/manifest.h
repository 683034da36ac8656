/* manifest.h - what an image manifest may say: OCI's (image spec 1.1, "manifest") or Docker's schema 2, which are alike. What else may stand
 * in its place is refused by name. Pure, but for doc_load(). */
#pragma once

#include <jansson.h>

#include "../util/err.h"

enum manifest_kind { MANIFEST_IMAGE, MANIFEST_INDEX };
/* Which of them a document is, by what it has and what it calls itself; type: what a registry calls it, "" or NULL: nothing. A document that
 * may be read as both, or that is called what it is not, is nobody's (CVE-2021-41190); Docker's schema 1 is too old. */
int manifest_kind(const json_t *doc, const char *type, enum manifest_kind *ret, struct err *err);
/* An image's manifest: it has "config", an image's, and "layers", at most LAYERS_MAX (store.h) that can be unpacked. */
int manifest_check(const json_t *doc, struct err *err);
/* A document of strangers: a manifest, an index or a config. As jx_parse() and jx_load() with DOC_MAX, and without the room that eight megabytes
 * of empty objects take, which is a hundred times as much: at most DOC_VALUES brackets, braces and commas. */
enum { DOC_VALUES = 1 << 19 };
int doc_parse(const char *text, size_t n, json_t **ret, struct err *err);
int doc_load(int dir_fd, const char *name, json_t **ret, struct err *err);
