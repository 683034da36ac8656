#include "ui.h"

#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/visible.h"

/* Characters of a line that are shown, and how many of them at least before the place. */
enum { LINE_MAX_SHOWN = 150, LINE_BEFORE = 70 };
/* Further places of a warning that are named. */
enum { PLACES_SHOWN = 8 };

struct render {
	const struct diag *d;
	bool colour;
	char *cwd; /* files below it are shown relative to it */
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

/* Foreign words do not steer the terminal. */
static void text(struct buf *out, const char *s)
{
	visible(out, s, strlen(s));
}

static void place(const struct render *r, struct pos pos)
{
	if (!pos.file)
		return;
	text(r->out, short_name(r, pos.file));
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

/* Bytes of the first `columns` code points, which is what positions count. */
static size_t bytes_of(const char *s, size_t n, size_t columns)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80 && columns-- == 0)
			break;
	}
	return i;
}

/* The part of a line that is shown. */
struct part {
	const char *line;
	size_t from, at, to, len; /* at: the place; len: of the whole line */
};

static struct part choose_part(const char *line, size_t len, unsigned col)
{
	struct part p = { .line = line, .len = len, .at = bytes_of(line, len, col - 1) };

	if (bytes_of(line, len, LINE_MAX_SHOWN) < len && col > LINE_MAX_SHOWN - LINE_BEFORE)
		p.from = bytes_of(line, len, col - 1 - LINE_BEFORE);
	p.to = p.from + bytes_of(line + p.from, len - p.from, LINE_MAX_SHOWN);
	return p;
}

static void shown_line(const struct render *r, const struct part *p, unsigned nr)
{
	buf_printf(r->out, "%s%5u |%s ", ui_on(r->colour, C_DIM), nr, ui_off(r->colour));
	if (p->from)
		buf_str(r->out, "…");
	visible(r->out, p->line + p->from, p->to - p->from);
	if (p->to < p->len)
		buf_str(r->out, "…");
}

/* Blanks of the same width as what stands before the place; a tab stays a tab. */
static void pad(const struct render *r, const struct part *p)
{
	size_t columns;

	buf_printf(r->out, "\n%s      |%s ", ui_on(r->colour, C_DIM), ui_off(r->colour));
	if (p->from)
		buf_char(r->out, ' ');
	for (size_t i = p->from; i < p->at;) {
		bool tab = p->line[i] == '\t';

		i += visible_char(NULL, p->line + i, p->at - i, &columns);
		for (size_t n = 0; n < columns; n++)
			buf_char(r->out, tab ? '\t' : ' ');
	}
}

static size_t underline(const struct diag_item *it, const struct part *p)
{
	size_t left = p->to > p->at ? p->to - p->at : 0;
	size_t bytes = bytes_of(p->line + p->at, left, it->span ? it->span : 1);
	size_t columns = visible(NULL, p->line + p->at, bytes);

	return columns ? columns : 1;
}

static void source_line(const struct render *r, const struct diag_item *it)
{
	size_t len;
	const char *line = it->pos.file ? diag_line(r->d, it->pos.file, it->pos.line, &len) : NULL;
	struct buf *out = r->out;
	struct part p;

	if (!line || !it->pos.line || !it->pos.col)
		return;
	p = choose_part(line, len, it->pos.col);
	shown_line(r, &p, it->pos.line);
	pad(r, &p);
	buf_printf(out, "%s^", ui_on(r->colour, it->level == DIAG_ERROR ? C_RED : C_YELLOW));
	for (size_t n = underline(it, &p); n > 1; n--)
		buf_char(out, '~');
	buf_str(out, ui_off(r->colour));
	if (it->path || it->origin)
		buf_str(out, "  ");
	if (it->path)
		text(out, it->path);
	if (it->origin) {
		buf_str(out, it->path ? "; " : "");
		text(out, it->origin);
	}
	buf_char(out, '\n');
}

static void note(const struct render *r, const struct diag_note *n)
{
	if (n->hint || !n->pos.file)
		buf_str(r->out, "  ");
	else
		place(r, n->pos);
	word(r, C_CYAN, n->hint ? "hint" : "note");
	text(r->out, n->msg);
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
	text(r->out, it->msg);
	buf_char(r->out, '\n');
	source_line(r, it);
	for (size_t i = 0; i < it->n_notes; i++)
		note(r, &it->notes[i]);
}

static bool same_warning(const struct diag_item *a, const struct diag_item *b)
{
	return a->level == DIAG_WARNING && b->level == DIAG_WARNING && a->pos.file && b->pos.file &&
	       strcmp(a->msg, b->msg) == 0;
}

static bool is_repeated(const struct diag *d, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (same_warning(&d->items[i], &d->items[nr]))
			return true;
	return false;
}

static bool same_line(struct pos a, struct pos b)
{
	return a.line == b.line && strcmp(a.file, b.file) == 0;
}

/* A variable that is not set is often used in many places: the warning is shown once, with the others' lines.
 */
static void other_places(const struct render *r, size_t nr)
{
	const struct diag_item *first = &r->d->items[nr];
	const char *file = NULL;
	struct pos last = first->pos;
	size_t n = 0;

	for (size_t i = nr + 1; i < r->d->n; i++) {
		const struct pos pos = r->d->items[i].pos;

		if (!same_warning(first, &r->d->items[i]) || same_line(pos, last))
			continue;
		last = pos;
		if (n++ >= PLACES_SHOWN)
			continue;
		if (n == 1) {
			buf_str(r->out, "  ");
			word(r, C_CYAN, "note");
			buf_str(r->out, "the same at ");
		} else {
			buf_str(r->out, ", ");
		}
		if (!file || strcmp(file, pos.file) != 0)
			text(r->out, short_name(r, pos.file));
		buf_printf(r->out, ":%u", pos.line);
		file = pos.file;
	}
	if (n > PLACES_SHOWN)
		buf_printf(r->out, " and %zu more", n - PLACES_SHOWN);
	if (n)
		buf_char(r->out, '\n');
}

void ui_diag_format(const struct diag *d, bool colour, struct buf *out)
{
	auto_free char *cwd = getcwd(NULL, 0);
	struct render r = { .d = d, .colour = colour, .cwd = cwd, .out = out };

	for (size_t i = 0; i < d->n; i++) {
		if (is_repeated(d, i))
			continue;
		item(&r, &d->items[i]);
		other_places(&r, i);
	}
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
	if (ui->json) {
		ui_json_item(ui, sources, &it);
		return;
	}
	ui_diag_format(&one, ui->colour_err, &b);
	ui_stderr(&b);
}
