/* diag.h - the user's mistakes, collected, sorted by position, shown at once.
 *
 * Every stage adds what it finds and goes on as far as it can; the caller asks diag_failed() between stages.
 * A note or hint belongs to the problem added just before it. Nothing here prints: src/cli renders (text or
 * JSON).
 *
 * At most DIAG_MAX problems are kept; further ones are counted. A warning makes room for an error. The same
 * problem at the same place (an alias repeats its anchor's text) is kept once; diag_where() notes where else it
 * shows, DIAG_AGAIN times at most. File names are copied: a diag may outlive the arena. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "pos.h"

/* What to say of attributes that are understood and have no effect here. */
enum compose_effects { EFFECTS_UNTOLD, EFFECTS_WARNED, EFFECTS_REFUSED };

enum diag_level { DIAG_ERROR, DIAG_WARNING };
enum { DIAG_MAX = 200, DIAG_TEXT = 400, DIAG_AGAIN = 3 };

struct diag_note {
	struct pos pos; /* file NULL: no place of its own */
	bool hint;
	char *msg;
};

struct diag_item {
	enum diag_level level;
	struct pos pos;
	unsigned span; /* columns to underline; 0: one caret */
	char *path;    /* "services.web.ports[1]", NULL when unknown */
	char *origin;  /* "WEB_PORT is set in .env:3", NULL when the text is the user's own */
	char *msg;
	struct diag_note *notes;
	size_t n_notes, cap_notes, n_again;
};

/* A file's text, kept so that the offending line can be shown. */
struct diag_source {
	char *file, *text;
	size_t len;
};

struct diag {
	struct diag_item *items;
	size_t n, cap;
	size_t n_errors, n_dropped;
	bool dropping; /* the last problem was not kept: neither are its notes */
	size_t again;  /* 1 + the number of the item that the last problem repeats; 0: it does not */
	struct diag_source *sources;
	size_t n_sources, cap_sources;
};

#define DIAG_INIT ((struct diag){ 0 })

/* All return -1. A message that is longer than DIAG_TEXT bytes, for the words it quotes, loses its middle. */
int diag_error(struct diag *d, struct pos pos, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int diag_verror(struct diag *d, struct pos pos, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
void diag_warn(struct diag *d, struct pos pos, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void diag_vwarn(struct diag *d, struct pos pos, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
void diag_note(struct diag *d, struct pos pos, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void diag_hint(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void diag_vhint(struct diag *d, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Details of the last problem: path and origin are copied, and shortened as messages are; NULL leaves them. */
void diag_where(struct diag *d, const char *path, const char *origin, unsigned span);
/* Notes, hints and details of a problem that was not reported are dropped, too. */
void diag_mute(struct diag *d);
bool diag_failed(const struct diag *d);
/* Keeps a copy of a file's text for the rendering. */
void diag_add_source(struct diag *d, const char *file, const char *text, size_t len);
/* The text from line `line` of `file` to its end; NULL when it is not known. */
const char *diag_text_from(const struct diag *d, const char *file, unsigned line, size_t *ret_len);
/* Line `line` of `file` (without newline) and its length; NULL when it is not known. */
const char *diag_line(const struct diag *d, const char *file, unsigned line, size_t *ret_len);
void diag_sort(struct diag *d);
void diag_done(struct diag *d);
