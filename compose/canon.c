/* canon.c - one document to its canonical form: a walk over the tree and the attribute table side by side.
 *
 * For each value: the row's hook makes the long form of it, then the type is checked and the value cast.
 * Whatever is wrong is reported with its place and taken out, so that nobody after this walk meets a value of
 * another kind than the row says, or reports it again. A null stays: whether it may, or whether a required
 * key is missing, is only known when everything is merged (complete.c). */
#include "canon.h"
#include "load.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/map.h"
#include "../src/util/str.h"
#include "trail.h"

/* ------------------------------------------------------------------ the path, and problems at it */

size_t canon_push(struct canon *c, const char *key)
{
	return trail_key(&c->path, key);
}

size_t canon_push_index(struct canon *c, size_t i)
{
	return trail_index(&c->path, i);
}

void canon_pop(struct canon *c, size_t mark)
{
	trail_back(&c->path, mark);
}

struct node *canon_error(struct canon *c, const struct node *n, const char *fmt, ...)
{
	va_list ap;

	c->wrong = true;
	if (n->wrong) {
		diag_mute(c->s->d);
		return NULL;
	}
	va_start(ap, fmt);
	diag_verror(c->s->d, n->pos, fmt, ap);
	va_end(ap);
	diag_where(c->s->d, trail_text(&c->path), n->origin, n->span);
	canon_hint_text(c, n);
	return NULL;
}

void canon_warn(struct canon *c, const struct node *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_vwarn(c->s->d, n->pos, fmt, ap);
	va_end(ap);
	diag_where(c->s->d, trail_text(&c->path), n->origin, n->span);
}

void canon_hint(struct canon *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_vhint(c->s->d, fmt, ap);
	va_end(ap);
}

/* The last key of the path, which is what the user calls the value. */
const char *canon_subject(const struct canon *c, const struct attr *row)
{
	const char *dot;

	if (row->key && *row->key)
		return row->key;
	if (!c->path.len)
		return "the file";
	dot = strrchr(c->path.p, '.');
	return dot ? dot + 1 : c->path.p;
}

const char *canon_kind(const struct node *n)
{
	return load_is_timestamp(n) ? "date" : node_kind_str(n->kind);
}

struct node *canon_wrong(struct canon *c, const struct attr *row, const struct node *n, const char *want)
{
	if (n->kind == NODE_NULL)
		canon_error(c, n, "'%s' must be %s; there is nothing after it", canon_subject(c, row), want);
	else
		canon_error(c, n, "'%s' must be %s, not a %s", canon_subject(c, row), want, canon_kind(n));
	canon_hint_wrong(c, row, n);
	return NULL;
}

const char *canon_wanted(const struct attr *row)
{
	static const char *const names[] = {
		[A_STR] = "a string",
		[A_TEXT] = "a string or number",
		[A_SCALAR] = "a value",
		[A_BOOL] = "true or false",
		[A_INT] = "a whole number",
		[A_NUM] = "a number",
		[A_SIZE] = "a size",
		[A_DUR] = "a duration",
		[A_CMD] = "a command",
		[A_KV] = "a mapping or a list",
		[A_SEQ] = "a list",
		[A_MAP] = "a mapping",
		[A_OBJ] = "a mapping",
	};

	return row->type == A_MAP && canon_takes_list(row) ? "a list or a mapping" : names[row->type];
}

/* ------------------------------------------------------------------ nodes made of nodes */

struct node *canon_like(struct canon *c, const struct node *from, enum node_kind kind)
{
	struct node *n = node_new(c->a, kind, from->pos);

	n->span = from->span;
	n->origin = from->origin;
	return n;
}

struct node *canon_str(struct canon *c, const struct node *from, const char *text)
{
	struct node *n = node_str(c->a, text, from->pos);

	n->span = from->span;
	n->origin = from->origin;
	n->quoted = true;
	return n;
}

void canon_set(
	struct canon *c, struct node *map, const char *key, const struct node *from, struct node *value)
{
	node_set(c->a, map, key, from->pos, value);
}

void canon_set_str(
	struct canon *c, struct node *map, const char *key, const struct node *from, const char *text)
{
	if (text)
		canon_set(c, map, key, from, canon_str(c, from, text));
}

struct node *canon_place(struct node *n, const struct node *from)
{
	n->span = from->span;
	n->origin = from->origin;
	return n;
}

struct node *canon_gap(struct canon *c, const struct node *n)
{
	struct node *gap = canon_like(c, n, NODE_NULL);

	gap->wrong = true;
	return gap;
}

/* ------------------------------------------------------------------ lists and maps */

void canon_equal_items(struct canon *c, const struct attr *row, const struct node *n)
{
	struct map seen = MAP_INIT; /* text, of numbers with a mark before it → the item that has it */

	for (size_t i = 0; i < n->n; i++) {
		const struct node *item = n->items[i], *first;
		const char *key;

		if (item->kind != NODE_STR && item->kind != NODE_INT)
			continue;
		key = item->kind == NODE_STR ? item->text : arena_printf(c->a, "\n%s", item->text);
		first = map_get(&seen, key);
		if (first) {
			canon_error(c, item, "'%s' is in '%s' twice", item->text, canon_subject(c, row));
			diag_note(c->s->d, first->pos, "it is here first");
		} else {
			map_set(&seen, key, (void *)item);
		}
	}
	map_done(&seen, NULL);
}

static struct node *to_seq(struct canon *c, const struct attr *row, struct node *n)
{
	if ((row->flags & AF_ONE) && n->kind == NODE_STR) {
		struct node *seq = canon_like(c, n, NODE_SEQ);

		node_push(c->a, seq, n);
		n = seq;
	}
	if (n->kind != NODE_SEQ) {
		canon_wrong(c, row, n, row->flags & AF_ONE ? "a string or a list" : "a list");
		return n;
	}
	if (row->merge == M_REFUSE || (row->flags & AF_ONCE))
		canon_equal_items(c, row, n);
	for (size_t i = 0; i < n->n; i++) {
		size_t mark = canon_push_index(c, i);

		n->items[i] = canon_value(c, row->kids, n->items[i]);
		canon_pop(c, mark);
	}
	if (row->merge == M_UNIQUE || row->merge == M_BY_KEY)
		attr_unique(c->a, row, n);
	return n;
}

static bool is_name(const char *key)
{
	if (!*key)
		return false;
	for (; *key; key++)
		if (!isalnum((unsigned char)*key) && !strchr("._-", *key))
			return false;
	return true;
}

/* Only of keys: names in a list may be anything, and are not defined then. */
static void check_names(struct canon *c, const struct attr *row, const struct node *n)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct node_pair *p = &n->pairs[i];
		size_t mark;

		if (is_name(p->key))
			continue;
		mark = canon_push(c, p->key);
		diag_error(c->s->d, p->key_pos, "'%s' is no name for '%s' (letters, digits, '.', '_', '-')",
			p->key, row->key);
		diag_where(c->s->d, trail_text(&c->path), NULL, (unsigned)strlen(p->key));
		c->wrong = true;
		canon_pop(c, mark);
	}
}

static struct node *to_map(struct canon *c, const struct attr *row, struct node *n)
{
	if (n->kind != NODE_MAP) {
		canon_wrong(c, row, n, canon_wanted(row));
		return n;
	}
	for (size_t i = 0; i < n->n; i++) {
		struct node_pair *p = &n->pairs[i];
		size_t mark = canon_push(c, p->key);

		p->value = canon_value(c, row->kids, p->value);
		canon_pop(c, mark);
	}
	return n;
}

/* ------------------------------------------------------------------ objects */

/* A key that was meant is there from now on, without its value; else nobody knows what is missing. */
static void unknown_key(struct canon *c, const struct attr *row, struct node *n, const struct node_pair *p)
{
	const struct pos pos = p->key_pos;
	const char *near;

	if (row->flags & AF_OPEN)
		diag_warn(c->s->d, p->key_pos, "unknown key '%s' is ignored, as docker compose does", p->key);
	else
		diag_error(c->s->d, p->key_pos, "unknown key '%s'", p->key);
	diag_where(c->s->d, trail_text(&c->path), NULL, (unsigned)strlen(p->key));
	near = canon_hint_key(c, row, p);
	if (row->flags & AF_OPEN)
		return;
	if (!near) {
		/* at the top level only a map may have held what others refer to */
		c->wrong |= row != &attr_root || p->value->kind == NODE_MAP;
		return;
	}
	if (!node_get(n, near))
		node_set(c->a, n, near, pos, canon_gap(c, p->value));
}

static struct node *to_obj(struct canon *c, const struct attr *row, struct node *n)
{
	const struct attr *outer = c->outer;

	if (n->kind != NODE_MAP) {
		canon_wrong(c, row, n, canon_wanted(row));
		return n;
	}
	c->outer = c->obj;
	c->obj = row;
	for (size_t i = 0; i < n->n; i++) {
		struct node_pair *p = &n->pairs[i];
		const struct attr *kid = attr_find(row, p->key);
		size_t mark = canon_push(c, p->key);

		if (kid)
			p->value = canon_value(c, kid, p->value);
		else if (!attr_is_extension(p->key) || (row->flags & AF_NOX))
			unknown_key(c, row, n, p);
		canon_pop(c, mark);
	}
	c->obj = c->outer;
	c->outer = outer;
	return n;
}

static struct node *by_type(struct canon *c, const struct attr *row, struct node *n)
{
	switch (row->type) {
	case A_CMD:
		return canon_command(c, row, n);
	case A_KV:
		return canon_kv(c, row, n);
	case A_SEQ:
		return to_seq(c, row, n);
	case A_MAP:
		return to_map(c, row, n);
	case A_OBJ:
		return to_obj(c, row, n);
	default:
		return canon_scalar(c, row, n);
	}
}

static enum node_kind kind_of(const struct attr *row)
{
	switch (row->type) {
	case A_KV:
	case A_MAP:
	case A_OBJ:
		return NODE_MAP;
	case A_SEQ:
	case A_CMD:
		return NODE_SEQ;
	default:
		return NODE_NULL;
	}
}

void canon_spoil(const struct attr *row, struct node *n)
{
	enum node_kind kind = kind_of(row);

	if (kind == NODE_NULL || n->kind != kind)
		node_spoil(n, kind);
	n->wrong = true;
}

/* What a row has no type for, as the variables are not known yet: the hook has looked at it. */
static bool stays_written(const struct canon *c, const struct attr *row, const struct node *n)
{
	if (!c->s->no_interpolate || !(row->flags & AF_RAW))
		return false;
	return row->canon ? n->kind != kind_of(row) : n->kind == NODE_STR && !load_is_timestamp(n);
}

static struct node *checked(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *whole = n;

	if (n->kind == NODE_NULL) {
		c->wrong = n->wrong;
		return n;
	}
	if ((row->flags & AF_DOTTED) && n->kind == NODE_MAP)
		check_names(c, row, n);
	if (row->canon) {
		whole = row->canon(c, row, n);
		if (!whole)
			return n;
	}
	/* what the hook made whole itself */
	if (row->canon && row->flags & AF_ZERO && whole->kind != NODE_MAP)
		return whole;
	if (stays_written(c, row, whole))
		return whole;
	return by_type(c, row, whole);
}

struct node *canon_value(struct canon *c, const struct attr *row, struct node *n)
{
	bool outer = c->wrong;

	c->wrong = false;
	n = checked(c, row, n);
	if (c->wrong)
		canon_spoil(row, n);
	c->wrong = outer;
	return n;
}

/* It is removed before anybody looks for values that are missing, so that is done here. */
static void check_version(struct canon *c, const struct node_pair *version)
{
	size_t mark = canon_push(c, "version");

	diag_warn(c->s->d, version->key_pos, "'version' is obsolete and ignored, please remove it");
	diag_where(c->s->d, "version", NULL, (unsigned)strlen("version"));
	if (version->value->kind == NODE_NULL)
		canon_wrong(c, attr_find(&attr_root, "version"), version->value, "a string");
	canon_pop(c, mark);
}

struct node *canon_tree(const struct stage_ctx *s, struct node *root)
{
	struct canon c = { .s = s, .a = s->a, .path = BUF_INIT };
	const struct node_pair *version;

	version = node_pair_get(root, "version");
	if (version)
		check_version(&c, version);
	root = canon_value(&c, &attr_root, root);
	node_remove(root, "version");
	buf_done(&c.path);
	return root;
}

struct node *canon_service(const struct stage_ctx *s, const char *name, struct node *service)
{
	struct canon c = { .s = s, .a = s->a, .path = BUF_INIT };

	canon_push(&c, "services");
	canon_push(&c, name);
	service = canon_value(&c, &attr_service, service);
	buf_done(&c.path);
	return service;
}
