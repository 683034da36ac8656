/* load.h - text → node trees with positions. The only room that knows libyaml.
 *
 * Anchors, aliases and merge keys (`<<`) are resolved here: an alias is a copy that keeps the positions of
 * what it repeats. Keys are strings and unique in their map. Scalars are resolved as the reference does
 * (YAML 1.2 core with the old octals, `yes` and friends are strings; a date is a string whose `quoted` is
 * false and which load_is_timestamp() knows).
 *
 * Refused with a position: tabs as indentation, NUL, invalid UTF-8 and UTF-16, repeated keys, keys that are no
 * strings, empty documents, values that their tag does not fit, tags that are nearly ours, unknown anchors, and
 * what exceeds a limit. */
#pragma once

#include <stddef.h>

#include "node.h"

struct diag;

enum {
	LOAD_MAX_BYTES = 16 << 20, /* of a file */
	LOAD_MAX_SCALAR = 1 << 20, /* bytes of one text */
	LOAD_MAX_DEPTH = 200,
	LOAD_MAX_DOCS = 500, /* each is merged onto all before it */
	LOAD_MAX_NODES = 1000000,  /* of a file, with all aliases expanded */
	LOAD_MAX_REPEATED = 16 << 20, /* bytes of texts that aliases stand for */
	LOAD_MAX_MEMORY = 256 << 20   /* that the arena may hold when a further file is begun */
};

/* 0 and the documents (*ret_n may be 0), or -1 with the reasons in d. Then the
 * documents are what could be read, at least one, with `wrong` set wherever something is missing. `file` must
 * live in the arena; the text is only read during the call (d keeps a copy for rendering). */
int load_text(struct arena *a, struct diag *d, const char *file, const char *text, size_t len,
	struct node ***ret_docs, size_t *ret_n);
/* The same for a file on disk; "-" is standard input. `shown` is the name in positions. */
int load_file(struct arena *a, struct diag *d, const char *path, const char *shown, struct node ***ret_docs,
	size_t *ret_n);

/* Whether a plain scalar reads as a date or time ("2024-01-02"); the reference refuses it where a text is
 * wanted. */
bool load_is_timestamp(const struct node *n);
/* Such a date with its time: "2024-01-02T00:00:00Z". */
const char *load_timestamp_text(struct arena *a, const struct node *n);
