/* load_tree.h - private to load: bytes → text (load_bytes.c, load_repair.c), libyaml's events → nodes
 * (load_tree.c), and its complaints in words (load_words.c). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "../src/util/map.h"
#include "diag.h"
#include "node.h"

struct loader {
	struct arena *a;
	struct diag *d;
	const char *file, *text;
	size_t text_len;
	yaml_parser_t parser;
	struct map anchors; /* name → struct anchor; known in later documents, too */
	struct map keys;    /* text of a key → the one copy of it: most are the same few words */
	size_t nodes;
	size_t repeated; /* bytes of texts that aliases stand for */
	bool failed, stop;                 /* stop: nothing sensible can follow */
	bool limit;                        /* it is too much: nothing of it is used */
	struct pos quote_start, quote_end; /* the quoted text that was read last, and what quoted it */
	char quote;
	unsigned flow; /* how many [ and { are open */
	bool repaired; /* load_repair() put marks into the text */
	bool cut;      /* what stood before the place where the text broke off was left out */
};

/* The first reports and goes on, while there is room for more reports; the second ends the reading of this
 * file. */
#define FAIL(l, ...)                                                                                         \
	((void)((l)->failed = true, diag_error((l)->d, __VA_ARGS__),                                         \
		(l)->stop |= (l)->d->n_errors > DIAG_MAX))
#define STOP(l, ...) ((l)->stop = (l)->limit = true, FAIL(l, __VA_ARGS__))

static inline struct pos load_pos(const struct loader *l, yaml_mark_t mark)
{
	return (struct pos){ l->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

/* Makes the text UTF-8 without a byte order mark and keeps it for messages. 0, or -1: it cannot be
 * (reported). */
int load_bytes(struct loader *l);
/* Puts a mark in place of characters that libyaml refuses and the reference reads, so that places stay what
 * they are. */
void load_repair(struct loader *l);
/* Takes the marks out of a scalar (in place); its new length. */
size_t load_unmark(const struct loader *l, char *text, size_t len);
/* Reports what stopped the parser. */
void load_report(struct loader *l);
/* Adds the root of every document to the list. */
void load_stream(struct loader *l, struct node *docs);
