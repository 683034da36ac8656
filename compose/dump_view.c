/* dump_view.c - which parts of the canonical tree `config` prints.
 *
 * The reference prints structures of Go, where what is empty or zero is left out unless its type is a
 * pointer; the rows know which (AF_KEEP). Keys that no row knows are left out, but for x- keys in YAML and
 * at the top level. A project whose variables were left alone is no structure yet: all of it is printed. */
#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/mem.h"
#include "../src/util/str.h"
#include "attr.h"
#include "dump.h"
#include "load.h"
#include "node.h"
#include "tree.h"

struct view {
	struct arena *a;
	enum dump_form form;
};

static void sort_keys(const struct view *v, struct node *map)
{
	if (v->form == DUMP_YAML)
		dump_sort_naturally(map);
	else
		node_sort_keys(map);
}

/* ------------------------------------------------------------------ what YAML's types are, where no row says
 * more */

/* Lists of which the reference takes repeated items out; it makes new ones, which are not nothing when they
 * are empty. Those of variables and arguments it makes once more, when it looks for their values. */
static bool is_renewed(const struct attr *row)
{
	if (!row)
		return false;
	if (row->type == A_KV)
		return !(row->flags & (AF_ONCE | AF_UNSET));
	return (row->merge == M_UNIQUE && row->item_key) || row->merge == M_BY_KEY;
}

/* A date is a point in time, the order of keys says nothing, and an empty list is nothing to JSON. row: NULL
 * for x- keys and their like. */
static void settle(const struct view *v, const struct attr *row, struct node *n)
{
	if (v->form == DUMP_JSON && n->kind == NODE_SEQ && !n->n && !is_renewed(row))
		n->kind = NODE_NULL;
	if (load_is_timestamp(n)) {
		n->text = load_timestamp_text(v->a, n);
		n->len = strlen(n->text);
		n->tag = NODE_TIME;
	}
	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++)
		settle(v, row && row->type == A_SEQ ? row->kids : NULL, n->items[i]);
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
		settle(v, attr_find(row, n->pairs[i].key), n->pairs[i].value);
	sort_keys(v, n);
}

/* What later stages note down in the tree, beside the user's keys. */
static void drop_notes(struct node *root)
{
	static const char *const sections[] = { "configs", "secrets" };

	node_remove(root, "$volumes");
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		tree_each(tree_map(root, sections[i]), p) {
			node_remove(p->value, "$value");
			node_remove(p->value, "$digest");
		}
	tree_each(tree_map(root, "services"), p) {
		node_remove(p->value, "$davit");
		tree_each(tree_map(p->value, "depends_on"), dep)
			node_remove(dep->value, "$from");
	}
}

static struct node *settled_copy(const struct view *v, const struct attr *row, const struct node *n)
{
	struct node *out = node_copy(v->a, n);

	settle(v, row, out);
	return out;
}

/* A part that is printed as it is; printing only reads. */
static struct node *as_it_is(const struct node *n)
{
	return (struct node *)n;
}

/* ------------------------------------------------------------------ structures */

static bool is_empty(const struct attr *row, const struct node *n)
{
	switch (n->kind) {
	case NODE_NULL:
		return true;
	case NODE_BOOL:
		return !n->b;
	case NODE_INT:
		return n->i == 0;
	case NODE_FLOAT:
		return n->f == 0;
	case NODE_STR:
		return !*n->text || (row->type == A_SIZE && STREQ(n->text, "0")) ||
		       (row->type == A_DUR && STREQ(n->text, "0s"));
	default:
		return n->n == 0;
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
		node_push(
			v->a, out, row->kids ? view_value(v, row->kids, n->items[i]) : as_it_is(n->items[i]));
	if ((row->flags & AF_SORT) && out->n)
		qsort(out->items, out->n, sizeof *out->items, by_text);
	return out;
}

static struct node *view_map(struct view *v, const struct attr *row, const struct node *n)
{
	struct node *out = node_new(v->a, NODE_MAP, n->pos);

	for (size_t i = 0; i < n->n; i++) {
		const struct node_pair *p = &n->pairs[i];

		node_add(v->a, out, p->key, p->key_pos,
			row->type == A_KV || !row->kids ? as_it_is(p->value)
							: view_value(v, row->kids, p->value));
	}
	sort_keys(v, out);
	return out;
}

/* The x- keys follow those of the structure. */
static void view_extensions(struct view *v, struct node *out, const struct node *n)
{
	struct node *own = node_new(v->a, NODE_MAP, n->pos);

	tree_each(n, p)
		if (attr_is_extension(p->key))
			node_add(v->a, own, p->key, p->key_pos, settled_copy(v, NULL, p->value));
	sort_keys(v, own);
	for (size_t i = 0; i < own->n; i++)
		node_add(v->a, out, own->pairs[i].key, own->pairs[i].key_pos, own->pairs[i].value);
}

/* What an absent value (or null) is printed as; NULL: not at all. */
static struct node *absent(
	const struct view *v, const struct attr *row, const struct node *value, struct pos pos)
{
	if (!(row->flags & AF_ALWAYS) && !(value && row->type == A_CMD))
		return NULL;
	switch (row->type) {
	case A_STR:
		return node_str(v->a, "", pos);
	case A_INT:
		return node_int(v->a, 0, pos);
	case A_SIZE:
		return node_str(v->a, "0", pos);
	default:
		return v->form == DUMP_JSON ? node_new(v->a, NODE_NULL, pos) : NULL;
	}
}

static bool is_shown(const struct view *v, const struct attr *row, const struct node *shown)
{
	if (v->form == DUMP_YAML && (row->flags & AF_VALUE) && !shown->n)
		return false;
	return (row->flags & AF_KEEP) || !is_empty(row, shown);
}

static const char *shown_key(const struct view *v, const struct attr *row)
{
	return v->form == DUMP_JSON && row->print ? row->print : row->key;
}

/* The values in the order of the rows; NULL: none. Fewer steps than to look every row's key up, as most rows
 * have none. Malloc'ed. */
static const struct node **by_row(const struct attr *row, const struct node *n)
{
	const struct node **values;
	size_t rows = 0;

	while (row->kids[rows].key)
		rows++;
	values = xcalloc(rows, sizeof *values);
	for (size_t i = 0; i < n->n; i++) {
		const struct attr *kid = attr_find(row, n->pairs[i].key);

		if (kid)
			values[kid - row->kids] = n->pairs[i].value;
	}
	return values;
}

static struct node *view_obj(struct view *v, const struct attr *row, const struct node *n)
{
	struct node *out = node_new(v->a, NODE_MAP, n->pos);
	const struct node **values = by_row(row, n);

	for (const struct attr *kid = row->kids; kid->key; kid++) {
		const struct node *value = values[kid - row->kids];
		struct node *shown;

		if ((kid->flags & AF_HIDE) || (v->form == DUMP_JSON && (kid->flags & AF_YAML)))
			continue;
		if (!value || value->kind == NODE_NULL)
			shown = absent(v, kid, value, n->pos);
		else
			shown = view_value(v, kid, value);
		if (shown && (!value || value->kind == NODE_NULL || is_shown(v, kid, shown)))
			node_add(v->a, out, shown_key(v, kid), n->pos, shown);
	}
	free(values);
	if (v->form == DUMP_YAML && !(row->flags & AF_XLESS))
		view_extensions(v, out, n);
	return out;
}

/* Soft and hard limit, both in YAML, in JSON only those that limit something. */
static struct node *view_ulimit(struct view *v, const struct node *n)
{
	static const char *const keys[] = { "soft", "hard" };
	struct node *out = node_new(v->a, NODE_MAP, n->pos);

	if (n->kind == NODE_INT && n->i)
		return as_it_is(n);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct node *value = node_get(n, keys[i]);
		long long limit = value && value->kind == NODE_INT ? value->i : 0;

		if (limit || v->form == DUMP_YAML)
			node_add(v->a, out, keys[i], n->pos, node_int(v->a, limit, n->pos));
	}
	return out;
}

static struct node *view_value(struct view *v, const struct attr *row, const struct node *n)
{
	if (row->flags & AF_ZERO)
		return view_ulimit(v, n);
	if (n->kind == NODE_NULL && (row->type == A_TEXT || row->type == A_SCALAR))
		return node_str(v->a, "", n->pos);
	if (n->kind == NODE_SEQ && row->type == A_SEQ)
		return view_seq(v, row, n);
	if (n->kind == NODE_MAP && (row->type == A_MAP || row->type == A_KV))
		return view_map(v, row, n);
	if (n->kind == NODE_MAP && row->type == A_OBJ)
		return view_obj(v, row, n);
	return as_it_is(n);
}

struct node *dump_value(struct arena *a, const struct attr *row, const struct node *n)
{
	struct view v = { a, DUMP_JSON };

	return view_value(&v, row, n);
}

/* ------------------------------------------------------------------ the whole */

/* What YAML begins with; the x- keys follow. JSON sorts all of them. */
static struct node *view_project(struct view *v, const struct node *root)
{
	static const char *const order[] = { "name", "services", "networks", "volumes", "secrets", "configs",
		"models" };
	struct node *all = view_value(v, &attr_root, root), *out = node_new(v->a, NODE_MAP, root->pos);

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		struct node *value = node_get(all, order[i]);

		if (value)
			node_add(v->a, out, order[i], value->pos, value);
	}
	if (v->form == DUMP_JSON && !node_get(out, "name"))
		node_add(v->a, out, "name", out->pos, node_str(v->a, "", out->pos));
	if (!node_get(out, "services"))
		node_add(v->a, out, "services", out->pos, node_new(v->a, NODE_MAP, out->pos));
	view_extensions(v, out, root);
	if (v->form == DUMP_JSON)
		node_sort_keys(out);
	return out;
}

struct node *dump_view(struct arena *a, const struct project *p, enum dump_form form)
{
	struct view v = { a, form };
	struct node *whole;

	if (!p->raw)
		return view_project(&v, p->root);
	whole = settled_copy(&v, &attr_root, p->root);
	drop_notes(whole);
	return whole;
}
