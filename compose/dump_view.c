/* dump_view.c - which parts of the canonical tree `config` prints.
 *
 * The reference prints structures of Go, where what is empty or zero is left out unless its type is a
 * pointer; the rows know which (AF_KEEP). Keys that no row knows, such as nested x- keys, are left out, but
 * for the top level. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/buf.h"
#include "../src/util/str.h"
#include "attr.h"
#include "dump.h"
#include "load.h"
#include "node.h"
#include "tree.h"

struct view {
	struct arena *a;
	bool raw;
	bool dollars; /* a '$' is printed as two: the text is one that can be read again */
};

/* ------------------------------------------------------------------ dollars */

static const char *doubled(struct arena *a, const char *text)
{
	struct buf b = BUF_INIT;
	const char *out;

	for (; *text; text++) {
		if (*text == '$')
			buf_char(&b, '$');
		buf_char(&b, *text);
	}
	out = arena_strdup(a, b.p);
	buf_done(&b);
	return out;
}

static void double_dollars(struct arena *a, struct node *n)
{
	if (n->kind == NODE_STR && strchr(n->text, '$')) {
		n->text = doubled(a, n->text);
		n->len = strlen(n->text);
	}
	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++)
		double_dollars(a, n->items[i]);
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++) {
		if (strchr(n->pairs[i].key, '$'))
			n->pairs[i].key = doubled(a, n->pairs[i].key);
		double_dollars(a, n->pairs[i].value);
	}
}

static bool has_dollar(const struct node *n)
{
	if (n->kind == NODE_STR)
		return memchr(n->text, '$', n->len);
	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++)
		if (has_dollar(n->items[i]))
			return true;
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
		if (strchr(n->pairs[i].key, '$') || has_dollar(n->pairs[i].value))
			return true;
	return false;
}

/* A part that is printed as it is; most are shared with the tree, as printing only reads. */
static struct node *as_it_is(struct view *v, const struct node *n)
{
	struct node *copy;

	if (!v->dollars || !has_dollar(n))
		return (struct node *)n;
	copy = node_copy(v->a, n);
	double_dollars(v->a, copy);
	return copy;
}

static const char *shown_key(struct view *v, const char *key)
{
	return v->dollars && strchr(key, '$') ? doubled(v->a, key) : key;
}

/* ------------------------------------------------------------------ by the rows */

static bool is_empty(const struct attr *row, const struct node *n)
{
	switch (n->kind) {
	case NODE_NULL: return true;
	case NODE_BOOL: return !n->b;
	case NODE_INT: return n->i == 0;
	case NODE_FLOAT: return n->f == 0;
	case NODE_STR:
		return !*n->text || (row->type == A_SIZE && STREQ(n->text, "0")) ||
		       (row->type == A_DUR && STREQ(n->text, "0s"));
	default: return n->n == 0;
	}
}

static int by_text(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;

	return strcmp(x->kind == NODE_STR ? x->text : "", y->kind == NODE_STR ? y->text : "");
}

static struct node *view_value(struct view *v, const struct attr *row, const struct node *n);

static struct node *view_seq(struct view *v, const struct attr *row, const struct node *n)
{
	struct node *out = node_new(v->a, NODE_SEQ, n->pos);

	for (size_t i = 0; i < n->n; i++)
		node_push(v->a, out,
			row->kids ? view_value(v, row->kids, n->items[i]) : as_it_is(v, n->items[i]));
	if ((row->flags & AF_SORT) && out->n)
		qsort(out->items, out->n, sizeof *out->items, by_text);
	return out;
}

static struct node *view_map(struct view *v, const struct attr *row, const struct node *n)
{
	struct node *out = node_new(v->a, NODE_MAP, n->pos);

	for (size_t i = 0; i < n->n; i++) {
		const struct node_pair *p = &n->pairs[i];

		if (p->value->kind == NODE_NULL && (row->flags & AF_SET))
			continue;
		node_add(v->a, out, shown_key(v, p->key), p->key_pos,
			row->type == A_KV || !row->kids ? as_it_is(v, p->value)
							: view_value(v, row->kids, p->value));
	}
	node_sort_keys(out);
	return out;
}

/* The values in the order of the rows; NULL: none. Fewer steps than to look every row's key up, as most rows have none. */
static const struct node **by_row(struct view *v, const struct attr *row, const struct node *n)
{
	const struct node **values;
	size_t rows = 0;

	while (row->kids[rows].key)
		rows++;
	values = arena_array(v->a, rows, sizeof *values);
	for (size_t i = 0; i < n->n; i++) {
		const struct attr *kid = attr_find(row, n->pairs[i].key);

		if (kid)
			values[kid - row->kids] = n->pairs[i].value;
	}
	return values;
}

/* What an absent value is printed as. */
static struct node *absent(struct view *v, const struct attr *row, struct pos pos)
{
	switch (row->type) {
	case A_STR:
		return node_str(v->a, "", pos);
	case A_INT:
		return node_int(v->a, 0, pos);
	case A_SIZE:
		return node_str(v->a, "0", pos);
	default:
		return node_new(v->a, NODE_NULL, pos);
	}
}

static struct node *view_obj(struct view *v, const struct attr *row, const struct node *n)
{
	struct node *out = node_new(v->a, NODE_MAP, n->pos);
	const struct node **values = by_row(v, row, n);

	for (const struct attr *kid = row->kids; kid->key; kid++) {
		const struct node *value = values[kid - row->kids];
		struct node *shown;

		if (kid->flags & AF_HIDE)
			continue;
		if (!value || value->kind == NODE_NULL) {
			if (((kid->flags & AF_ALWAYS) && !v->raw) || (value && kid->type == A_CMD))
				node_add(v->a, out, kid->print ? kid->print : kid->key, n->pos,
					absent(v, kid, n->pos));
			continue;
		}
		shown = view_value(v, kid, value);
		if ((kid->flags & AF_KEEP) || !is_empty(kid, shown))
			node_add(v->a, out, kid->print ? kid->print : kid->key, n->pos, shown);
	}
	return out;
}

static struct node *view_value(struct view *v, const struct attr *row, const struct node *n)
{
	if ((row->flags & AF_ZERO) && n->kind == NODE_INT && n->i == 0)
		return node_new(v->a, NODE_MAP, n->pos);
	if (n->kind == NODE_NULL && (row->type == A_TEXT || row->type == A_SCALAR))
		return node_str(v->a, "", n->pos);
	if (n->kind == NODE_SEQ && row->type == A_SEQ)
		return view_seq(v, row, n);
	if (n->kind == NODE_MAP && (row->type == A_MAP || row->type == A_KV))
		return view_map(v, row, n);
	if (n->kind == NODE_MAP && row->type == A_OBJ)
		return view_obj(v, row, n);
	return as_it_is(v, n);
}

struct node *dump_value(struct arena *a, const struct attr *row, const struct node *n, bool raw)
{
	struct view v = { a, raw, false };

	return view_value(&v, row, n);
}

/* ------------------------------------------------------------------ dates */

/* Values of x- keys were read by YAML's rules, where a plain date is a point in time and the order of keys
 * says nothing. */
static void settle_extension(struct arena *a, struct node *n)
{
	if (load_is_timestamp(n)) {
		n->text = load_timestamp_text(a, n);
		n->len = strlen(n->text);
	}
	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++)
		settle_extension(a, n->items[i]);
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
		settle_extension(a, n->pairs[i].value);
	if (n->kind == NODE_MAP)
		node_sort_keys(n);
}

/* ------------------------------------------------------------------ the whole */

struct node *dump_view(struct arena *a, const struct project *p)
{
	static const char *const order[] = { "name", "services", "networks", "volumes", "secrets",
		"configs" };
	struct view v = { a, p->raw, !p->raw };
	struct node *all = view_value(&v, &attr_root, p->root), *out = node_new(a, NODE_MAP, p->root->pos);

	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		struct node *value = node_get(all, order[i]);

		if (value)
			node_set(a, out, order[i], value->pos, value);
	}
	if (!node_get(out, "services"))
		node_set(a, out, "services", out->pos, node_new(a, NODE_MAP, out->pos));
	tree_each(p->root, x)
		if (attr_is_extension(x->key)) {
			struct node *value = node_copy(a, x->value);

			settle_extension(a, value);
			node_set(a, out, shown_key(&v, x->key), x->key_pos, as_it_is(&v, value));
		}
	return out;
}
