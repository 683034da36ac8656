/* bases.h - private to extend.c: files that services are extended from. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../src/util/map.h"

struct front;
struct node;

/* A set of services that are extended within each other: those of a document, or of a file that a document
 * names. Of such a file only what is asked for is looked at: the rest may be anything. */
struct ext_file {
	const char *path; /* absolute */
	const char *dir;  /* absolute: what `extends.file` in it is relative to */
	struct node
		*services; /* canonical; of a named file those that were asked for. NULL: there are none */
	bool wrong;	   /* services may be missing for what was reported */
	const struct merge_tags *tags; /* of the document, of the last one of a named file */
	struct map first_tag;	       /* service → index of its first tag + 1 */
	struct node **docs; /* of a named file: its `services`, document by document, not canonical yet */
	size_t n_docs;
	const char *base; /* what its relative paths get in front of them */
};

/* Notes where the tags of each service begin. */
void bases_index_tags(struct ext_file *file, const struct merge_tags *tags);
/* The file that the node `named` names, read once. Never NULL: what could not be read is wrong (reported). */
struct ext_file *bases_open(struct front *f, const char *path, const struct node *named);
/* Whether the file has such a service; makes it canonical when that was not done yet. */
bool bases_has(struct front *f, struct ext_file *file, const char *name);
/* Did you mean? The nearest of its services. */
void bases_hint(struct front *f, const struct ext_file *file, const char *name);
void bases_done(struct map *files);
