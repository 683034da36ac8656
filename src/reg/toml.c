/* toml.c - lines, keys and tables. Values are in toml_value.c, strings in toml_string.c.
 *
 * Which table may be added to is TOML's own rule: each has one header at most, but one that only longer headers or dotted keys have
 * named so far; what is written as a value, {…} or […], is whole. */
#include "toml.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "toml_parts.h"

/* --- where --- */

static size_t column(const char *text, size_t offset)
{
	size_t start = offset;

	while (start && text[start - 1] != '\n')
		start--;
	return str_utf8_count(text + start, offset - start) + 1;
}

static __attribute__((format(printf, 5, 0))) int say(
	struct err *err, const char *file, unsigned line, size_t col, const char *fmt, va_list ap)
{
	char *msg;

	if (vasprintf(&msg, fmt, ap) < 0)
		abort();
	err_set(err, ERR_INPUT, "%s:%u:%zu: %s", file, line, col, msg);
	free(msg);
	return -1;
}

int toml_fail(struct toml_reader *r, const char *at, const char *fmt, ...)
{
	unsigned line = r->line;
	va_list ap;

	for (const char *p = at; p < r->p; p++) /* at may lie some lines back */
		line -= *p == '\n';
	va_start(ap, fmt);
	say(r->err, r->file, line, column(r->text, (size_t)(at - r->text)), fmt, ap);
	va_end(ap);
	return -1;
}

int toml_bad(const struct toml_doc *d, const struct toml *at, struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(err, d->file, at->line, column(d->text, at->offset), fmt, ap);
	va_end(ap);
	return -1;
}

char *toml_where(const struct toml_doc *d, const struct toml *at)
{
	return xasprintf("%s:%u:%zu", d->file, at->line, column(d->text, at->offset));
}

const char *toml_kind_str(enum toml_kind kind)
{
	static const char *const words[] = {
		[TOML_STRING] = "a string",
		[TOML_INTEGER] = "a number",
		[TOML_BOOLEAN] = "true or false",
		[TOML_ARRAY] = "an array",
		[TOML_TABLE] = "a table",
	};

	return words[kind];
}

/* --- the tree --- */

struct toml *toml_new(struct toml_reader *r, enum toml_kind kind)
{
	struct toml *v;

	if (++r->nodes > TOML_NODES_MAX) {
		toml_fail(r, r->p, "more than %d values", TOML_NODES_MAX);
		return NULL;
	}
	v = arena_alloc(r->arena, sizeof *v);
	v->kind = kind;
	v->line = r->line;
	v->offset = (size_t)(r->p - r->text);
	return v;
}

int toml_append(struct toml_reader *r, struct toml *parent, struct toml *child)
{
	if (parent->kind == TOML_TABLE && parent->n >= TOML_KEYS_MAX)
		return toml_fail(r, r->p, "more than %d keys in a table", TOML_KEYS_MAX);
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->n++;
	return 0;
}

static struct toml *find(const struct toml *table, const char *key)
{
	for (struct toml *it = table->first; it; it = it->next)
		if (str_same(it->key, key))
			return it;
	return NULL;
}

const struct toml *toml_get(const struct toml *table, const char *key)
{
	return find(table, key);
}

static struct toml *add_table(struct toml_reader *r, struct toml *parent, const char *key, const char *at, enum toml_made made)
{
	struct toml *t = toml_new(r, TOML_TABLE);

	if (!t)
		return NULL;
	t->key = key;
	t->offset = (size_t)(at - r->text);
	t->made = made;
	return toml_append(r, parent, t) < 0 ? NULL : t;
}

/* --- words and lines --- */

void toml_blanks(struct toml_reader *r)
{
	r->p += strspn(r->p, " \t");
}

bool toml_newline(struct toml_reader *r)
{
	if (*r->p == '\r' && r->p[1] == '\n')
		r->p++;
	if (*r->p != '\n')
		return false;
	r->p++;
	r->line++;
	return true;
}

static void skip_comment(struct toml_reader *r)
{
	if (*r->p == '#')
		r->p += strcspn(r->p, "\r\n");
}

void toml_lines(struct toml_reader *r)
{
	do {
		toml_blanks(r);
		skip_comment(r);
	} while (toml_newline(r));
}

int toml_key(struct toml_reader *r, const char **ret)
{
	size_t n = 0;

	if (toml_at_string(r))
		return toml_string(r, true, ret);
	while (isalnum((unsigned char)r->p[n]) || r->p[n] == '-' || r->p[n] == '_')
		n++;
	if (n == 0)
		return toml_fail(r, r->p, "a key is missing; other than A-Z, a-z, 0-9, '-', '_' stand in quotes");
	*ret = arena_strndup(r->arena, r->p, n);
	r->p += n;
	return 0;
}

/* 1: another part of the key follows. */
static int more_key(struct toml_reader *r)
{
	toml_blanks(r);
	if (*r->p != '.')
		return 0;
	r->p++;
	toml_blanks(r);
	return 1;
}

/* --- KEY = VALUE --- */

static int given_twice(struct toml_reader *r, const char *at, const struct toml *before)
{
	return toml_fail(r, at, "'%.80s' is given twice, first in line %u", before->key, before->line);
}

/* The table that holds what follows the dot. */
static struct toml *dotted(struct toml_reader *r, struct toml *table, const char *key, const char *at)
{
	struct toml *t = find(table, key);

	if (!t)
		return add_table(r, table, key, at, TOML_BY_DOTS);
	if (t->kind == TOML_TABLE && (t->made == TOML_BY_DOTS || t->made == TOML_BY_LONGER_HEADER)) {
		t->made = TOML_BY_DOTS;
		return t;
	}
	given_twice(r, at, t);
	return NULL;
}

int toml_pair(struct toml_reader *r, struct toml *table)
{
	struct toml *v, *before;
	const char *at = r->p, *key;
	int depth = 0;

	if (toml_key(r, &key) < 0)
		return -1;
	while (more_key(r)) {
		if (++depth > TOML_DEPTH_MAX)
			return toml_fail(r, at, "more than %d levels", TOML_DEPTH_MAX);
		table = dotted(r, table, key, at);
		at = r->p;
		if (!table || toml_key(r, &key) < 0)
			return -1;
	}
	before = find(table, key);
	if (before)
		return given_twice(r, at, before);
	if (*r->p != '=')
		return toml_fail(r, r->p, "'=' is missing after '%.80s'", key);
	r->p++;
	toml_blanks(r);
	if (toml_value(r, &v) < 0)
		return -1;
	v->key = key;
	v->offset = (size_t)(at - r->text);
	return toml_append(r, table, v);
}

/* --- [TABLE] and [[TABLE]] --- */

/* From a table to the one below that a header names on its way; of an array of tables, the last. */
static struct toml *enter(struct toml_reader *r, struct toml *table, const char *key, const char *at)
{
	struct toml *t = find(table, key);

	if (!t)
		return add_table(r, table, key, at, TOML_BY_LONGER_HEADER);
	if (t->kind == TOML_TABLE && t->made != TOML_WHOLE)
		return t;
	if (t->kind == TOML_ARRAY && t->made != TOML_WHOLE)
		return t->last;
	given_twice(r, at, t);
	return NULL;
}

static struct toml *open_table(struct toml_reader *r, struct toml *parent, const char *key, const char *at)
{
	struct toml *t = find(parent, key);

	if (!t)
		return add_table(r, parent, key, at, TOML_BY_HEADER);
	if (t->kind == TOML_TABLE && t->made == TOML_BY_LONGER_HEADER) {
		t->made = TOML_BY_HEADER;
		t->line = r->line;
		t->offset = (size_t)(at - r->text);
		return t;
	}
	given_twice(r, at, t);
	return NULL;
}

static struct toml *open_item(struct toml_reader *r, struct toml *parent, const char *key, const char *at)
{
	struct toml *list = find(parent, key);

	if (!list) {
		list = toml_new(r, TOML_ARRAY);
		if (!list || toml_append(r, parent, list) < 0)
			return NULL;
		list->key = key;
		list->offset = (size_t)(at - r->text);
		list->made = TOML_BY_HEADER;
	}
	if (list->kind == TOML_ARRAY && list->made != TOML_WHOLE)
		return add_table(r, list, NULL, at, TOML_BY_HEADER);
	given_twice(r, at, list);
	return NULL;
}

/* p stands on '['. */
static int header(struct toml_reader *r, struct toml *root, struct toml **ret)
{
	const bool item = r->p[1] == '[';
	const char *at, *key;
	struct toml *t = root;

	r->p += item ? 2 : 1;
	toml_blanks(r);
	at = r->p;
	if (toml_key(r, &key) < 0)
		return -1;
	for (int depth = 1; more_key(r); depth++) {
		if (depth > TOML_DEPTH_MAX)
			return toml_fail(r, at, "more than %d levels", TOML_DEPTH_MAX);
		t = enter(r, t, key, at);
		at = r->p;
		if (!t || toml_key(r, &key) < 0)
			return -1;
	}
	if (strncmp(r->p, "]]", item ? 2 : 1) != 0)
		return toml_fail(r, r->p, item ? "']]' is missing" : "']' is missing");
	t = item ? open_item(r, t, key, at) : open_table(r, t, key, at);
	r->p += item ? 2 : 1;
	*ret = t;
	return t ? 0 : -1;
}

/* --- the file --- */

/* Only what may stand there: UTF-8, and of control characters tabs and newlines. */
static int check_text(struct toml_reader *r, size_t n)
{
	const char *end = r->text + n;

	for (size_t len; r->p < end; r->p += len) {
		unsigned char c = (unsigned char)*r->p;

		len = str_utf8_len(r->p, (size_t)(end - r->p));
		if (len == 0)
			return toml_fail(r, r->p, "this is not UTF-8");
		if (c != '\t' && c != '\n' && !(c == '\r' && r->p + 1 < end && r->p[1] == '\n') && (c < 0x20 || c == 0x7f))
			return toml_fail(r, r->p, "a control character (%u) cannot stand here", c);
		r->line += c == '\n';
	}
	r->p = r->text;
	r->line = 1;
	return 0;
}

static int read_all(struct toml_reader *r, struct toml *root)
{
	struct toml *table = root;

	if (strncmp(r->p, "\xef\xbb\xbf", 3) == 0)
		r->p += 3;
	for (toml_lines(r); *r->p; toml_lines(r)) {
		if ((*r->p == '[' ? header(r, root, &table) : toml_pair(r, table)) < 0)
			return -1;
		toml_blanks(r);
		skip_comment(r);
		if (*r->p && !strchr("\r\n", *r->p))
			return toml_fail(r, r->p, "a new line must begin here");
	}
	return 0;
}

int toml_parse(struct arena *a, const char *file, const char *text, size_t n, struct toml_doc *ret, struct err *err)
{
	struct toml_reader r = { .arena = a, .line = 1, .err = err };
	struct toml *root;

	r.file = arena_strdup(a, file);
	if (n > TOML_MAX)
		return err_set(err, ERR_INPUT, "%s: it is larger than %d bytes", file, TOML_MAX);
	r.p = r.text = memcpy(arena_alloc(a, n + 1), text, n);
	if (check_text(&r, n) < 0)
		return -1;
	root = toml_new(&r, TOML_TABLE);
	if (read_all(&r, root) < 0)
		return -1;
	*ret = (struct toml_doc){ .file = r.file, .text = r.text, .root = root };
	return 0;
}
