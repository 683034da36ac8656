/* How it works: base, override and the attribute rows are walked together; what has no row (x- keys) follows
 * the general rule: maps key by key, lists appended, anything else replaced. */
#include "merge.h"

#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/map.h"
#include "../src/util/str.h"
#include "attr.h"
#include "diag.h"
#include "merge_lines.h"
#include "stages.h"
#include "tree.h"

struct merge {
	struct arena *a;
	struct diag *d;
	bool raw; /* variables are left alone: lists of lines stay lists */
	struct buf path;
};

static struct node *merge_value(
	struct merge *m, const struct attr *row, struct node *base, struct node *over);

/* ------------------------------------------------------------------ tags */

struct tag_walk {
	struct arena *a;
	struct merge_tags *tags;
	const char *keys[256]; /* the loader's depth limit is 200 */
	size_t depth, lists;
};

static void note_tag(struct tag_walk *w)
{
	struct merge_tags *t = w->tags;

	if (t->n == t->cap) {
		struct merge_tag *v = arena_array(w->a, t->cap ? t->cap * 2 : 8, sizeof *v);

		if (t->n)
			memcpy(v, t->v, t->n * sizeof *v);
		t->cap = t->cap ? t->cap * 2 : 8;
		t->v = v;
	}
	t->v[t->n].keys = arena_array(w->a, w->depth + 1, sizeof *t->v[t->n].keys);
	memcpy(t->v[t->n].keys, w->keys, w->depth * sizeof *w->keys);
	t->v[t->n++].n = w->depth;
}

/* True: the node is to go. */
static bool take_tags(struct tag_walk *w, struct node *n);

static void take_from_map(struct tag_walk *w, struct node *map)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->n; i++) {
		bool gone;

		w->keys[w->depth++] = map->pairs[i].key;
		gone = take_tags(w, map->pairs[i].value);
		w->depth--;
		if (!gone)
			map->pairs[kept++] = map->pairs[i];
	}
	node_truncate(map, kept);
}

/* Items have no place that could be found again in another list: a tag in one of them only acts there. */
static void take_from_seq(struct tag_walk *w, struct node *seq)
{
	size_t kept = 0;

	w->lists++;
	for (size_t i = 0; i < seq->n; i++) {
		if (!take_tags(w, seq->items[i]))
			seq->items[kept++] = seq->items[i];
	}
	w->lists--;
	node_truncate(seq, kept);
}

/* Below an !override the reference does not look for tags: what has one is a text (the loader made it one).
 */
static void forget_tags(struct node *n)
{
	if (!n->marked)
		return;
	n->tag = NODE_PLAIN;
	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++)
		forget_tags(n->items[i]);
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
		forget_tags(n->pairs[i].value);
}

static bool take_tags(struct tag_walk *w, struct node *n)
{
	if (!n->marked)
		return false;
	if (n->tag != NODE_PLAIN && w->depth > 0 && w->lists == 0)
		note_tag(w);
	if (n->tag == NODE_RESET)
		return true;
	if (n->tag == NODE_OVERRIDE)
		forget_tags(n);
	else if (n->kind == NODE_MAP)
		take_from_map(w, n);
	else if (n->kind == NODE_SEQ)
		take_from_seq(w, n);
	return false;
}

void merge_take_tags(struct arena *a, struct node *doc, struct merge_tags *ret)
{
	struct tag_walk w = { .a = a, .tags = ret };

	if (doc->tag == NODE_RESET)
		doc->tag = NODE_PLAIN;
	take_tags(&w, doc);
}

/* Pairs without a value are taken out. */
static void close_gaps(struct node *map)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->n; i++)
		if (map->pairs[i].value)
			map->pairs[kept++] = map->pairs[i];
	if (kept < map->n)
		node_truncate(map, kept);
}

/* The tags from `from` on whose places are below n, `depth` keys below the root: their keys up to there are
 * the same. Each map is gone through once, however many of its pairs go. Returns the first tag that is
 * elsewhere. */
static size_t apply_below(struct node *n, const struct merge_tags *tags, size_t from, size_t depth)
{
	const char **first = tags->v[from].keys;
	size_t i = from;

	while (i < tags->n && tags->v[i].n > depth &&
		memcmp(tags->v[i].keys, first, depth * sizeof *first) == 0) {
		const struct merge_tag *t = &tags->v[i];
		struct node_pair *p = node_pair_get(n, t->keys[depth]);

		if (t->n > depth + 1) {
			i = apply_below(p ? p->value : NULL, tags, i, depth + 1);
			continue;
		}
		if (p)
			p->value = NULL;
		i++;
	}
	if (n && n->kind == NODE_MAP)
		close_gaps(n);
	return i;
}

void merge_apply_tags(struct node *base, const struct merge_tags *tags, size_t skip)
{
	for (size_t i = 0; base && i < tags->n;)
		i = tags->v[i].n > skip ? apply_below(base, tags, i, skip) : i + 1;
}

/* ------------------------------------------------------------------ merging */

static size_t push(struct merge *m, const char *key)
{
	size_t mark = m->path.len;

	buf_printf(&m->path, "%s%s", mark ? "." : "", key);
	return mark;
}

static void pop(struct merge *m, size_t mark)
{
	m->path.len = mark;
	if (m->path.p)
		m->path.p[mark] = '\0';
}

static struct node *cannot(struct merge *m, struct node *base, struct node *over)
{
	base->wrong = true;
	diag_error(m->d, over->pos, "cannot override '%s', which is a %s, with a %s",
		m->path.p ? m->path.p : "the file", node_kind_str(base->kind), node_kind_str(over->kind));
	diag_where(m->d, m->path.p, over->origin, over->span);
	diag_note(m->d, base->pos, "it is a %s here", node_kind_str(base->kind));
	return base;
}

/* NAME=value: name by name. As the reference makes lists of both, names without value are as if they came of
 * a list. */
static struct node *merge_names(struct merge *m, struct node *base, struct node *over)
{
	tree_each(over, p)
		node_set(m->a, base, p->key, p->key_pos, p->value);
	tree_each(base, p)
		if (p->value->kind == NODE_NULL)
			p->value->listed = true;
	return base;
}

static struct node *merge_maps(struct merge *m, const struct attr *row, struct node *base, struct node *over)
{
	if (row && row->type == A_KV)
		return merge_names(m, base, over);
	for (size_t i = 0; i < over->n; i++) {
		struct node_pair *p = &over->pairs[i], *old = node_pair_get(base, p->key);
		size_t mark;

		if (!old) {
			node_set(m->a, base, p->key, p->key_pos, p->value);
			continue;
		}
		mark = push(m, p->key);
		old->value = merge_value(m, attr_find(row, p->key), old->value, p->value);
		pop(m, mark);
	}
	return base;
}

static void append(struct merge *m, struct node *base, const struct node *over)
{
	for (size_t i = 0; i < over->n; i++)
		node_push(m->a, base, over->items[i]);
}

/* The reference checks the merged list for equal items and refuses it. */
static void refuse_equal(struct merge *m, const struct node *base, const struct node *over)
{
	struct map seen = MAP_INIT;

	for (size_t i = 0; i < base->n; i++) {
		if (base->items[i]->kind == NODE_STR)
			map_set(&seen, base->items[i]->text, base->items[i]);
	}
	for (size_t i = 0; i < over->n; i++) {
		const struct node *item = over->items[i], *old;

		old = item->kind == NODE_STR ? map_get(&seen, item->text) : NULL;
		if (!old)
			continue;
		diag_error(m->d, item->pos, "'%s' is in '%s' already, and its items must differ", item->text,
			m->path.p);
		diag_where(m->d, m->path.p, item->origin, item->span);
		diag_note(m->d, old->pos, "it is first given here");
	}
	map_done(&seen, NULL);
}

/* ------------------------------------------------------------------ subnets */

static bool same_subnet(const struct node *a, const struct node *b)
{
	const struct node *x = node_get(a, "subnet"), *y = node_get(b, "subnet");

	return x && y ? node_equal(x, y) : x == y;
}

static struct node **find_subnet(const struct node *seq, const struct node *like)
{
	tree_items(seq, it)
		if (same_subnet(*it, like))
			return it;
	return NULL;
}

/* What comes out has each subnet once. */
static void put_subnet(struct merge *m, struct node *seq, struct node *subnet)
{
	struct node **old = find_subnet(seq, subnet);

	if (old)
		*old = subnet;
	else
		node_push(m->a, seq, subnet);
}

/* The later list wins, and keeps of an earlier subnet what it does not say itself: the reference compares
 * each with each, and what it does with a subnet that is only in the earlier list, or in the later one when
 * that has several, follows from the order in which it does so. */
static struct node *merge_subnets(
	struct merge *m, const struct attr *row, struct node *base, const struct node *over)
{
	enum { SUBNETS_MAX = 50 };
	struct node *out = node_new(m->a, NODE_SEQ, over->pos);

	if (base->n > SUBNETS_MAX || over->n > SUBNETS_MAX) {
		diag_error(m->d, over->pos, "lists of more than %d subnets cannot be merged", SUBNETS_MAX);
		diag_where(m->d, m->path.p, NULL, 0);
		return base;
	}
	tree_items(base, b) {
		tree_items(over, o) {
			if (!same_subnet(*b, *o) && !find_subnet(out, *o)) {
				node_push(m->a, out, *o);
				continue;
			}
			merge_maps(m, row->kids, *b, *o);
			put_subnet(m, out, *b);
		}
	}
	return out;
}

static struct node *merge_seqs(struct merge *m, const struct attr *row, struct node *base, struct node *over)
{
	enum attr_merge rule = row ? row->merge : M_APPEND;

	if (rule == M_SUBNETS)
		return merge_subnets(m, row, base, over);
	if (rule == M_REFUSE)
		refuse_equal(m, base, over);
	append(m, base, over);
	if (rule == M_UNIQUE || rule == M_BY_KEY)
		attr_unique(m->a, row, base);
	return base;
}

static bool has_lines(const struct attr *row)
{
	return row &&
	       (row->type == A_KV || (row->type == A_SEQ && row->merge == M_UNIQUE && (row->flags & AF_RAW)));
}

/* Contexts of two maps come to a map, whatever is between. */
static bool is_two_maps(const struct attr *row, const struct node *base, const struct node *over)
{
	return (row->flags & AF_CTX) && base->kind == NODE_MAP && over->kind == NODE_MAP;
}

/* Lists, maps or a single line: both become lists as soon as there are two of them, be one of them nothing.
 */
static struct node *merge_lines(struct merge *m, const struct attr *row, struct node *base, struct node *over)
{
	struct node *lines = lines_of(m->a, base), *more = lines_of(m->a, over);

	if (row->flags & AF_ONCE)
		refuse_equal(m, lines, more);
	append(m, lines, more);
	lines->wrong |= more->wrong;
	if (!(row->flags & AF_ONCE))
		attr_unique(m->a, row, lines);
	return lines;
}

static bool same_driver(const struct node *base, const struct node *over)
{
	const struct node *b = node_get(base, "driver"), *o = node_get(over, "driver");

	return !b || !o || node_equal(b, o);
}

static bool replaces(const struct attr *row, const struct node *base, const struct node *over)
{
	if (base->kind == NODE_NULL)
		return true;
	if (!row)
		return false;
	if (over->kind == NODE_NULL)
		return row->type == A_CMD; /* which makes it the image's again */
	return row->merge == M_REPLACE ||
	       (row->merge == M_LOGGING && over->kind == NODE_MAP && !same_driver(base, over));
}

static struct node *merge_value(struct merge *m, const struct attr *row, struct node *base, struct node *over)
{
	if (m->raw && has_lines(row) && !is_two_maps(row, base, over))
		return merge_lines(m, row, base, over);
	if (replaces(row, base, over))
		return over;
	if (over->wrong)
		base->wrong = true;
	if (over->kind == NODE_NULL)
		return base;
	if (base->kind == NODE_MAP && over->kind == NODE_MAP)
		return merge_maps(m, row, base, over);
	if (base->kind == NODE_SEQ && over->kind == NODE_SEQ)
		return merge_seqs(m, row, base, over);
	if (base->kind == NODE_MAP || base->kind == NODE_SEQ)
		return cannot(m, base, over);
	return over;
}

static struct node *merge_at(const struct stage_ctx *s, const char *path, const struct attr *row,
	struct node *base, struct node *over)
{
	struct merge m = { .a = s->a, .d = s->d, .raw = s->no_interpolate };
	struct node *merged;

	buf_str(&m.path, path);
	merged = merge_value(&m, row, base, over);
	buf_done(&m.path);
	return merged;
}

struct node *merge_trees(const struct stage_ctx *s, struct node *base, struct node *over)
{
	return base ? merge_at(s, "", &attr_root, base, over) : over;
}

struct node *merge_services(const struct stage_ctx *s, const char *name, struct node *base, struct node *over)
{
	auto_buf struct buf path = BUF_INIT;

	buf_printf(&path, "services.%s", name);
	return merge_at(s, path.p, &attr_service, base, over);
}
