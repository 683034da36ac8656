/* How it works: items are an array in order of arrival; file names are interned in `sources`, whose order
 * (first mentioned, first shown) is the order of files when sorting. */
#include "diag.h"

#include <stdint.h>
#include <string.h>

#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/mem.h"
#include "../src/util/str.h"

static struct diag_source *source_find(const struct diag *d, const char *file)
{
	for (size_t i = 0; i < d->n_sources; i++) {
		if (STREQ(d->sources[i].file, file))
			return &d->sources[i];
	}
	return NULL;
}

static struct diag_source *source_get(struct diag *d, const char *file)
{
	struct diag_source *s = source_find(d, file);

	if (!s) {
		s = XGROW(d->sources, d->n_sources, d->cap_sources);
		s->file = xstrdup(file);
	}
	return s;
}

static struct pos pos_keep(struct diag *d, struct pos pos)
{
	if (pos.file)
		pos.file = source_get(d, pos.file)->file;
	return pos;
}

static void item_done(struct diag_item *it)
{
	for (size_t i = 0; i < it->n_notes; i++)
		free(it->notes[i].msg);
	free(it->notes);
	free(it->msg);
	free(it->path);
	free(it->origin);
}

/* 1 + the number of the item that says the same; 0: there is none. */
static size_t find_same(const struct diag *d, enum diag_level level, struct pos pos, const char *msg)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct diag_item *it = &d->items[i];

		if (it->level == level && it->pos.file == pos.file && it->pos.line == pos.line &&
			it->pos.col == pos.col && STREQ(it->msg, msg))
			return i + 1;
	}
	return 0;
}

/* The text, without its middle when it is long; characters stay whole. */
static char *shortened(struct buf *text)
{
	size_t head = DIAG_TEXT / 2, tail = text->len > head ? text->len - head : 0;
	struct buf out = BUF_INIT;

	if (text->len <= DIAG_TEXT)
		return buf_take(text);
	while (head > 0 && ((unsigned char)text->p[head] & 0xc0) == 0x80)
		head--;
	while (tail < text->len && ((unsigned char)text->p[tail] & 0xc0) == 0x80)
		tail++;
	buf_add(&out, text->p, head);
	buf_str(&out, "…");
	buf_add(&out, text->p + tail, text->len - tail);
	buf_done(text);
	return buf_take(&out);
}

/* Gives up the newest warning in favour of an error. */
static bool make_room(struct diag *d)
{
	for (size_t i = d->n; i-- > 0;) {
		if (d->items[i].level != DIAG_WARNING)
			continue;
		item_done(&d->items[i]);
		memmove(&d->items[i], &d->items[i + 1], (d->n - i - 1) * sizeof *d->items);
		d->n--;
		return true;
	}
	return false;
}

static __attribute__((format(printf, 4, 0))) void add(
	struct diag *d, enum diag_level level, struct pos pos, const char *fmt, va_list ap)
{
	struct buf text = BUF_INIT;
	auto_free char *msg = NULL;

	buf_vprintf(&text, fmt, ap);
	msg = shortened(&text);
	pos = pos_keep(d, pos);
	d->dropping = true;
	d->again = find_same(d, level, pos, msg);
	if (d->again)
		return;
	if (level == DIAG_ERROR)
		d->n_errors++;
	if (d->n >= DIAG_MAX) {
		d->n_dropped++;
		if (level != DIAG_ERROR || !make_room(d))
			return;
	}
	d->dropping = false;
	*XGROW(d->items, d->n, d->cap) = (struct diag_item){ .level = level, .pos = pos, .msg = take(msg) };
}

int diag_error(struct diag *d, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_verror(d, pos, fmt, ap);
	va_end(ap);
	return -1;
}

int diag_verror(struct diag *d, struct pos pos, const char *fmt, va_list ap)
{
	add(d, DIAG_ERROR, pos, fmt, ap);
	return -1;
}

void diag_warn(struct diag *d, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_vwarn(d, pos, fmt, ap);
	va_end(ap);
}

void diag_vwarn(struct diag *d, struct pos pos, const char *fmt, va_list ap)
{
	add(d, DIAG_WARNING, pos, fmt, ap);
}

static __attribute__((format(printf, 4, 0))) void add_note(
	struct diag *d, struct pos pos, bool hint, const char *fmt, va_list ap)
{
	struct buf text = BUF_INIT;
	struct diag_item *it;
	struct diag_note *note;

	if (d->dropping || d->n == 0)
		return;
	pos = pos_keep(d, pos);
	buf_vprintf(&text, fmt, ap);
	it = &d->items[d->n - 1];
	note = XGROW(it->notes, it->n_notes, it->cap_notes);
	*note = (struct diag_note){ .pos = pos, .hint = hint, .msg = shortened(&text) };
}

void diag_note(struct diag *d, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_note(d, pos, false, fmt, ap);
	va_end(ap);
}

void diag_hint(struct diag *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_vhint(d, fmt, ap);
	va_end(ap);
}

void diag_vhint(struct diag *d, const char *fmt, va_list ap)
{
	add_note(d, (struct pos){ 0 }, true, fmt, ap);
}

/* The problem that was reported last stands at a place where it was said before, for another path. */
static void note_again(struct diag *d, const char *path)
{
	struct diag_item *it = &d->items[d->again - 1];
	struct diag_note *note;
	struct buf text = BUF_INIT;

	if (!path || !it->path || STREQ(path, it->path) || it->n_again >= DIAG_AGAIN)
		return;
	buf_printf(&text, "the same for %s", path);
	for (size_t i = 0; i < it->n_notes; i++) {
		if (text.p && STREQ(it->notes[i].msg, text.p)) {
			buf_done(&text);
			return;
		}
	}
	it->n_again++;
	note = XGROW(it->notes, it->n_notes, it->cap_notes);
	*note = (struct diag_note){ .msg = shortened(&text) };
}

static void replace(char **place, const char *text)
{
	struct buf b = BUF_INIT;

	buf_str(&b, text);
	free(*place);
	*place = shortened(&b);
}

void diag_where(struct diag *d, const char *path, const char *origin, unsigned span)
{
	struct diag_item *it;

	if (d->dropping && d->again)
		note_again(d, path);
	if (d->dropping || d->n == 0)
		return;
	it = &d->items[d->n - 1];
	if (path)
		replace(&it->path, path);
	if (origin)
		replace(&it->origin, origin);
	if (span)
		it->span = span;
}

void diag_mute(struct diag *d)
{
	d->dropping = true;
	d->again = 0;
}

bool diag_failed(const struct diag *d)
{
	return d->n_errors > 0;
}

void diag_add_source(struct diag *d, const char *file, const char *text, size_t len)
{
	struct diag_source *s = source_get(d, file);

	free(s->text);
	s->text = xmalloc(len + 1);
	if (len)
		memcpy(s->text, text, len);
	s->text[len] = '\0';
	s->len = len;
}

const char *diag_text_from(const struct diag *d, const char *file, unsigned line, size_t *ret_len)
{
	const struct diag_source *s = file ? source_find(d, file) : NULL;
	const char *p, *end;

	if (!s || !s->text || line == 0)
		return NULL;
	p = s->text;
	end = p + s->len;
	for (unsigned i = 1; i < line; i++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return NULL;
		p++;
	}
	*ret_len = (size_t)(end - p);
	return p;
}

const char *diag_line(const struct diag *d, const char *file, unsigned line, size_t *ret_len)
{
	size_t len;
	const char *p = diag_text_from(d, file, line, &len), *nl;

	if (!p)
		return NULL;
	nl = memchr(p, '\n', len);
	if (!nl)
		nl = p + len;
	if (nl > p && nl[-1] == '\r')
		nl--;
	*ret_len = (size_t)(nl - p);
	return p;
}

/* ------------------------------------------------------------------ order */

struct sort_key {
	struct diag_item item;
	size_t file, seq;
};

static size_t file_rank(const struct diag *d, const char *file)
{
	for (size_t i = 0; file && i < d->n_sources; i++) {
		if (d->sources[i].file == file)
			return i + 1;
	}
	return 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct sort_key *a = pa, *b = pb;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->item.pos.line != b->item.pos.line)
		return a->item.pos.line < b->item.pos.line ? -1 : 1;
	if (a->item.pos.col != b->item.pos.col)
		return a->item.pos.col < b->item.pos.col ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

void diag_sort(struct diag *d)
{
	auto_free struct sort_key *keys = xcalloc(d->n ? d->n : 1, sizeof *keys);

	for (size_t i = 0; i < d->n; i++)
		keys[i] = (struct sort_key){ d->items[i], file_rank(d, d->items[i].pos.file), i };
	if (d->n)
		qsort(keys, d->n, sizeof *keys, compare);
	for (size_t i = 0; i < d->n; i++)
		d->items[i] = keys[i].item;
	diag_mute(d); /* what was last is no longer last */
}

void diag_done(struct diag *d)
{
	for (size_t i = 0; i < d->n; i++)
		item_done(&d->items[i]);
	for (size_t i = 0; i < d->n_sources; i++) {
		free(d->sources[i].file);
		free(d->sources[i].text);
	}
	free(d->items);
	free(d->sources);
	*d = DIAG_INIT;
}
