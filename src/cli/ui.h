/* ui.h - everything that is printed, and the only place where it is decided how it looks.
 *
 * Results go to standard output (buffered, written by ui_flush() and at the end), progress, warnings and
 * errors to standard error. Colours follow --ansi, NO_COLOR, TERM and whether the stream is a terminal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../compose/diag.h"
#include "../util/buf.h"
#include "../util/err.h"
#include "../util/str.h"

enum ui_progress { PROGRESS_TTY, PROGRESS_PLAIN, PROGRESS_QUIET, PROGRESS_JSON };

struct ui {
	struct buf out;                  /* standard output, not yet written */
	bool colour_out, colour_err;
	enum ui_progress progress;
	bool json;                       /* problems are for programs: collected, and written by ui_json_end() */
	struct buf problems;
};

/* ansi, progress: as given on the command line, may be NULL. ERR_USAGE for words that are none. */
int ui_init(struct ui *ui, const char *ansi, const char *progress, struct err *err);
void ui_done(struct ui *ui);

/* --- standard output --- */
void ui_print(struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes what is there. A reader that is gone ends the program quietly; another failure is ERR_FAIL. */
int ui_flush(struct ui *ui, struct err *err);

/* --- standard error --- */
/* One write, failures are ignored. */
void ui_stderr(const struct buf *b);
/* "davit: error: …" and the hint below. */
void ui_err(struct ui *ui, const struct err *err);
/* The same with a place in the user's file, as a diagnostic; sources knows the file's text. pos.file NULL:
 * no place. */
void ui_err_at(struct ui *ui, const struct diag *sources, struct pos pos, const struct err *err);
void ui_warn(struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* All problems, sorted, each with its place, line and caret (STYLE 3.3). */
void ui_diag(struct ui *ui, struct diag *d);
/* ui_json.c: one array of objects with level, message, file, line, column, end_column, path, origin, notes, hints and rendered
 * (the text that people see); what is not known is left out, notes and hints are always there. Valid JSON whatever the texts hold. */
void ui_json_diag(struct ui *ui, const struct diag *d);
void ui_json_item(struct ui *ui, const struct diag *sources, const struct diag_item *it);
void ui_json_end(struct ui *ui);
void ui_diag_format(const struct diag *d, bool colour, struct buf *out);

/* --- tables --- Columns as Go's tabwriter makes them, which the reference uses: as wide as the widest
 * cell + 3, at least min_width; the last one is not padded. */
struct table {
	char **cells;                    /* owned */
	size_t n, cap, columns;
	size_t padding;                  /* between columns: 3, or less where it has to fit */
	uint64_t names;                  /* bit i: column i has names, which stay twice as long as other cells, and lose their middle */
};
void table_init(struct table *t, const char *const *heads);          /* NULL-terminated */
void table_add(struct table *t, const char *text); /* the next cell; copied; NULL is empty */
void table_addf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_format(const struct table *t, size_t min_width, struct buf *out);
/* Shortens the cells of the widest columns until a line has at most `width` columns, but no heading; returns the min_width that
 * table_format() may still use. width 0: as wide as it likes. */
size_t table_fit(struct table *t, size_t min_width, size_t width);
/* The width of the terminal that standard output is; 0: it is none, or too narrow (20 columns or less) for tables to be made to fit. */
size_t ui_columns(void);
/* Into standard output, made to fit where that is a terminal; whole: as it is. */
void table_print(struct table *t, size_t min_width, bool whole, struct ui *ui);
void table_done(struct table *t);

/* Columns of a UTF-8 text, one for each code point (no locale is loaded for it). */
size_t ui_width(const char *s, size_t n);
/* Cuts to at most `width` columns, the last one being "…" when something was cut. Malloc'ed. */
char *ui_ellipsis(const char *s, size_t width);
/* The same in the middle: names of one project begin alike, and end with what tells them apart. */
char *ui_ellipsis_middle(const char *s, size_t width);

/* --- colours --- */
enum ui_colour { C_NONE, C_RED, C_GREEN, C_YELLOW, C_BLUE, C_MAGENTA, C_CYAN, C_BOLD, C_DIM, C_NCOLOURS };
const char *ui_on(bool colour, enum ui_colour c);        /* "" when there is no colour */
const char *ui_off(bool colour);
/* The nth of the colours that containers get in turn, as an escape sequence. */
const char *ui_rainbow(bool colour, size_t nth);

/* --- what is drawn again and again --- */
/* Terminals that know it show what stands between at once; the others ignore it (mode 2026, "synchronized output"). */
#define FRAME_BEGIN "\033[?2026h"
#define FRAME_END "\033[?2026l"
/* Makes of what standard output has so far a frame that takes the place of the one before, on a terminal of that many rows: what there is no
 * room for is left out at the end. first: nothing was drawn before. */
void ui_frame(struct ui *ui, size_t rows, bool first);

/* --- progress --- */
struct progress;
/* verb: "Running", in the head line of the block. */
struct progress *progress_new(struct ui *ui, const char *verb);
void progress_free(struct progress *p);                  /* leaves the last state on the screen */
void progress_step(struct progress *p, const char *kind, const char *name, const char *status,
		   const char *text);
/* What stands behind the status of an entry that is at work, where that is drawn anew all the time: on a terminal. Copied; may be NULL. */
void progress_note(struct progress *p, const char *kind, const char *name, const char *text);
/* A part of an entry, say a layer of an image. On a terminal it is a line below that entry while that one is at work, with a bar when there
 * is a size; in JSON an event with its "parent_id", at most five a second unless the status changes; in plain lines nothing. */
struct progress_part {
	const char *name, *status;
	uint64_t bytes, size;            /* size 0: nothing to measure, then */
	const char *text;                /* stands behind the status; may be NULL */
};
void progress_part(struct progress *p, const char *kind, const char *name, const struct progress_part *part);
/* Takes the block off the screen, so that something else can be printed; the next progress_draw() puts it
 * back. */
void progress_hide(struct progress *p);
void progress_draw(struct progress *p);
/* When to call progress_draw() next: milliseconds, -1: never. */
int progress_timeout_ms(const struct progress *p);
/* What the block looks like (for tests): `width` columns, `rows` rows. */
void progress_format(const struct progress *p, size_t width, size_t rows, int64_t now_ns, struct buf *out);
