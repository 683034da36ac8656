#include "ui.h"

#include <string.h>
#include <unistd.h>

#include "../util/auto.h"

enum { LINE_MAX_SHOWN = 160 };

struct render {
	const struct diag *d;
	bool colour;
	char *cwd;                       /* files below it are shown relative to it */
	struct buf *out;
};

/* Compilers say what the user could have typed: below the working directory that is the relative name. */
static const char *short_name(const struct render *r, const char *file)
{
	size_t n = r->cwd ? strlen(r->cwd) : 0;

	if (n > 1 && strncmp(file, r->cwd, n) == 0 && file[n] == '/')
		return file + n + 1;
	return file;
}

static void place(const struct render *r, struct pos pos)
{
	if (!pos.file)
		return;
	buf_str(r->out, short_name(r, pos.file));
	if (pos.line)
		buf_printf(r->out, ":%u", pos.line);
	if (pos.line && pos.col)
		buf_printf(r->out, ":%u", pos.col);
	buf_str(r->out, ": ");
}

static void word(const struct render *r, enum ui_colour c, const char *text)
{
	buf_printf(r->out, "%s%s:%s ", ui_on(r->colour, c), text, ui_off(r->colour));
}

/* Foreign text: control characters must not reach the terminal. */
static void clean(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_char(out, (s[i] >= 0 && s[i] < ' ' && s[i] != '\t') || s[i] == 127 ? '?' : s[i]);
}

/* Bytes of the first `columns` code points. */
static size_t bytes_of(const char *s, size_t n, size_t columns)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80 && columns-- == 0)
			break;
	}
	return i;
}

static size_t underline(const struct diag_item *it, const char *line, size_t len, size_t before)
{
	size_t left = ui_width(line + before, len - before);
	size_t n = it->span ? it->span : 1;

	return n > left && left > 0 ? left : n;
}

static void source_line(const struct render *r, const struct diag_item *it)
{
	size_t len, before, from = 0;
	const char *line = it->pos.file ? diag_line(r->d, it->pos.file, it->pos.line, &len) : NULL;
	struct buf *out = r->out;

	if (!line || !it->pos.line || !it->pos.col)
		return;
	if (len && line[len - 1] == '\r')
		len--;
	before = bytes_of(line, len, it->pos.col - 1);
	if (len > LINE_MAX_SHOWN) {      /* the part around the place */
		from = before > LINE_MAX_SHOWN / 2 ? before - LINE_MAX_SHOWN / 2 : 0;
		while (from && ((unsigned char)line[from] & 0xc0) == 0x80)
			from--;
		if (len - from > LINE_MAX_SHOWN)
			len = from + bytes_of(line + from, len - from, LINE_MAX_SHOWN);
	}
	buf_printf(out, "%s%5u |%s ", ui_on(r->colour, C_DIM), it->pos.line, ui_off(r->colour));
	clean(out, line + from, len - from);
	buf_printf(out, "\n%s      |%s ", ui_on(r->colour, C_DIM), ui_off(r->colour));
	for (size_t i = from; i < before; i++)
		if (((unsigned char)line[i] & 0xc0) != 0x80)
			buf_char(out, line[i] == '\t' ? '\t' : ' ');
	buf_printf(out, "%s^", ui_on(r->colour, it->level == DIAG_ERROR ? C_RED : C_YELLOW));
	for (size_t n = underline(it, line, len, before); n > 1; n--)
		buf_char(out, '~');
	buf_str(out, ui_off(r->colour));
	if (it->path || it->origin)
		buf_printf(out, "  %s%s%s", it->path ? it->path : "", it->path && it->origin ? "; " : "",
			   it->origin ? it->origin : "");
	buf_char(out, '\n');
}

static void note(const struct render *r, const struct diag_note *n)
{
	if (n->hint || !n->pos.file)
		buf_str(r->out, "  ");
	else
		place(r, n->pos);
	word(r, C_CYAN, n->hint ? "hint" : "note");
	buf_str(r->out, n->msg);
	buf_char(r->out, '\n');
}

static void item(const struct render *r, const struct diag_item *it)
{
	if (it->pos.file)
		place(r, it->pos);
	else
		buf_str(r->out, "davit: ");
	if (it->level == DIAG_ERROR)
		word(r, C_RED, "error");
	else
		word(r, C_YELLOW, "warning");
	buf_str(r->out, it->msg);
	buf_char(r->out, '\n');
	source_line(r, it);
	for (size_t i = 0; i < it->n_notes; i++)
		note(r, &it->notes[i]);
}

void ui_diag_format(const struct diag *d, bool colour, struct buf *out)
{
	auto_free char *cwd = getcwd(NULL, 0);
	struct render r = { .d = d, .colour = colour, .cwd = cwd, .out = out };

	for (size_t i = 0; i < d->n; i++)
		item(&r, &d->items[i]);
	if (d->n_dropped)
		buf_printf(out, "davit: %zu more problems are not shown\n", d->n_dropped);
}

void ui_err_at(struct ui *ui, const struct diag *sources, struct pos pos, const struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	struct diag_note hint = { .hint = true, .msg = err->hint };
	struct diag_item it = {
		.level = DIAG_ERROR, .pos = pos, .msg = err->msg, .notes = &hint, .n_notes = err->hint ? 1 : 0
	};
	/* borrows everything: only the sources are needed of the other one */
	const struct diag one = {
		.items = &it, .n = 1, .sources = sources->sources, .n_sources = sources->n_sources
	};

	if (!pos.file || !err->msg) {
		ui_err(ui, err);
		return;
	}
	ui_diag_format(&one, ui->colour_err, &b);
	ui_stderr(&b);
}
