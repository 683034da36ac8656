/* ui_json.c - problems for programs: one JSON document on standard error, an array of objects. */
#include "ui.h"

#include <string.h>

static void text(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(b, ",\"%s\":", key);
	buf_json(b, value);
}

static void place(struct buf *b, struct pos pos, unsigned span)
{
	text(b, "file", pos.file);
	if (pos.file && pos.line)
		buf_printf(b, ",\"line\":%u", pos.line);
	if (pos.file && pos.line && pos.col)
		buf_printf(b, ",\"column\":%u,\"end_column\":%u", pos.col, pos.col + (span ? span : 1));
}

/* Objects stand in `out` one a line, with commas between; the brackets come at the end. */
static void begin(struct ui *ui, const char *level, const char *message)
{
	struct buf *b = &ui->problems;

	buf_str(b, b->len ? ",\n" : "[");
	buf_printf(b, "{\"level\":\"%s\",\"message\":", level);
	buf_json(b, message);
}

static void notes(struct buf *b, const struct diag_item *it, bool hints)
{
	const char *before = "";

	buf_printf(b, ",\"%s\":[", hints ? "hints" : "notes");
	for (size_t i = 0; i < it->n_notes; i++) {
		const struct diag_note *n = &it->notes[i];

		if (n->hint != hints)
			continue;
		buf_str(b, before);
		before = ",";
		if (!hints)
			buf_str(b, "{\"message\":");
		buf_json(b, n->msg);
		if (!hints) {
			place(b, n->pos, 0);
			buf_char(b, '}');
		}
	}
	buf_char(b, ']');
}

/* The same as people see it, with its line and caret: who shows it need not know the rest. */
static void rendered(struct buf *b, const struct diag *sources, const struct diag_item *it)
{
	struct diag one = *sources;
	struct buf shown = BUF_INIT;

	one.items = (struct diag_item *)it;
	one.n = 1;
	one.n_dropped = 0;
	ui_diag_format(&one, false, &shown);
	text(b, "rendered", shown.p);
	buf_done(&shown);
}

void ui_json_item(struct ui *ui, const struct diag *sources, const struct diag_item *it)
{
	begin(ui, it->level == DIAG_ERROR ? "error" : "warning", it->msg);
	place(&ui->problems, it->pos, it->span);
	text(&ui->problems, "path", it->path);
	text(&ui->problems, "origin", it->origin);
	notes(&ui->problems, it, false);
	notes(&ui->problems, it, true);
	rendered(&ui->problems, sources, it);
	buf_char(&ui->problems, '}');
}

void ui_json_diag(struct ui *ui, const struct diag *d)
{
	for (size_t i = 0; i < d->n; i++)
		ui_json_item(ui, d, &d->items[i]);
	if (d->n_dropped) {
		begin(ui, "error", "there are more problems than are shown");
		buf_printf(&ui->problems, ",\"not_shown\":%zu,\"notes\":[],\"hints\":[]}", d->n_dropped);
	}
}

void ui_json_end(struct ui *ui)
{
	if (!ui->problems.len)
		return;
	buf_str(&ui->problems, "]\n");
	ui_stderr(&ui->problems);
	buf_done(&ui->problems);
}
