/* How it works: libyaml's events drive a recursive descent (depth is bounded first). An anchor remembers the
 * node it named with its size and height, so that an alias is accounted for before it is copied: nine levels
 * of nine aliases stop at the limit instead of filling the memory. `<<` values are kept aside and applied
 * when their map ends (load_merge.c), because keys written out win wherever they stand.
 *
 * Where the text breaks off, all maps and lists that are open end as they are and are marked as wrong. What
 * was read last before that is left out: often the mistake begins there (a quote that ends in another line).
 */
#include "load_tree.h"

#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/str.h"
#include "load.h"
#include "load_merge.h"
#include "load_tag.h"

struct anchor {
	struct node *node; /* NULL: still being read */
	size_t nodes, height, bytes;
	bool marked;
};

/* What one node took: filled by the parse functions. */
struct extent {
	size_t nodes, height;
	size_t bytes; /* of texts and keys */
	bool marked;  /* see struct node */
};

static struct node *parse_node(struct loader *l, yaml_event_t *ev, unsigned depth, struct extent *ret);

static bool next_event(struct loader *l, yaml_event_t *ev)
{
	if (l->stop)
		return false;
	if (yaml_parser_parse(&l->parser, ev))
		return true;
	load_report(l);
	return false;
}

/* ------------------------------------------------------------------ gaps */

/* Stands for a value that was reported. */
static struct node *gap(struct loader *l, struct pos pos)
{
	struct node *n = node_new(l->a, NODE_NULL, pos);

	n->wrong = true;
	return n;
}

/* Leaves out what stands last in the text of a node. Aliases are copies, so nobody else has it. */
static void drop_last(struct node *n)
{
	for (;;) {
		struct node *last;

		n->wrong = true;
		if (n->n == 0)
			return;
		last = n->kind == NODE_MAP ? n->pairs[n->n - 1].value : n->items[n->n - 1];
		if (last->n == 0) {
			node_truncate(n, n->n - 1);
			return;
		}
		n = last;
	}
}

/* The end of a list or map whose text broke off. */
static struct node *cut_off(struct loader *l, struct node *n)
{
	if (!l->cut)
		drop_last(n);
	l->cut = n->wrong = true;
	return n;
}

/* ------------------------------------------------------------------ limits */

static bool count_nodes(struct loader *l, size_t n, struct pos pos)
{
	if (n > LOAD_MAX_NODES - l->nodes) {
		STOP(l, pos, "the file holds more than %d nodes, with its aliases expanded", LOAD_MAX_NODES);
		return false;
	}
	l->nodes += n;
	return true;
}

/* Texts are shared between the copies of a node, but what is made of them is not. */
static bool count_repeated(struct loader *l, size_t bytes, struct pos pos)
{
	if (bytes > LOAD_MAX_REPEATED - l->repeated) {
		STOP(l, pos, "aliases repeat more than %d MiB of text", LOAD_MAX_REPEATED >> 20);
		return false;
	}
	l->repeated += bytes;
	return true;
}

static bool check_depth(struct loader *l, size_t depth, struct pos pos)
{
	if (depth <= LOAD_MAX_DEPTH)
		return true;
	STOP(l, pos, "nested more than %d levels deep", LOAD_MAX_DEPTH);
	return false;
}

/* ------------------------------------------------------------------ scalars, anchors */

/* The span when the scalar stands on one line. */
static unsigned span_of(const yaml_event_t *ev)
{
	if (ev->start_mark.line != ev->end_mark.line)
		return 0;
	return (unsigned)(ev->end_mark.column - ev->start_mark.column);
}

static void note_quote(struct loader *l, const yaml_event_t *ev)
{
	yaml_scalar_style_t style = ev->data.scalar.style;

	if (style != YAML_DOUBLE_QUOTED_SCALAR_STYLE && style != YAML_SINGLE_QUOTED_SCALAR_STYLE)
		return;
	l->quote = style == YAML_DOUBLE_QUOTED_SCALAR_STYLE ? '"' : '\'';
	l->quote_start = load_pos(l, ev->start_mark);
	l->quote_end = load_pos(l, ev->end_mark);
}

/* The reference's scanner takes a '?' inside of brackets for the sign of a key, wherever it stands. */
static void check_flow_text(struct loader *l, struct node *n)
{
	const char *sign = memchr(n->text, '?', n->len);
	struct pos pos = n->pos;

	if (sign && n->span)
		pos.col += (unsigned)str_utf8_count(n->text, (size_t)(sign - n->text));
	if (sign) {
		FAIL(l, pos, "a text with a '?' must be in quotes inside of brackets and braces");
	} else if (n->len > 1 && n->text[n->len - 1] == ':') {
		diag_warn(l->d, pos, "the ':' is a part of '%s'", n->text);
		diag_where(l->d, NULL, NULL, n->span);
		diag_hint(l->d, "a ':' ends a key when a blank follows");
	}
}

static struct node *parse_scalar(struct loader *l, const yaml_event_t *ev)
{
	struct pos pos = load_pos(l, ev->start_mark);
	char *text = (char *)ev->data.scalar.value;
	size_t len = load_unmark(l, text, ev->data.scalar.length);
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct node *n;

	if (len > LOAD_MAX_SCALAR) {
		STOP(l, pos, "a text of %zu bytes is longer than the limit of %d", len, LOAD_MAX_SCALAR);
		return NULL;
	}
	if (memchr(text, '\0', len)) {
		FAIL(l, pos, "a NUL character is not allowed");
		len = strlen(text);
	}
	n = node_new(l->a, NODE_STR, pos);
	n->text = arena_strndup(l->a, text, len);
	n->len = len;
	n->span = span_of(ev);
	note_quote(l, ev);
	if (plain && l->flow)
		check_flow_text(l, n);
	load_tag_scalar(l, n, (const char *)ev->data.scalar.tag, plain);
	return n;
}

static void anchor_open(struct loader *l, const yaml_char_t *name)
{
	struct anchor *an;

	if (!name)
		return;
	an = arena_alloc(l->a, sizeof *an);
	map_set(&l->anchors, (const char *)name, an);
}

static struct anchor *anchor_find(struct loader *l, const yaml_char_t *name)
{
	return name ? map_get(&l->anchors, (const char *)name) : NULL;
}

static void anchor_close(struct anchor *an, struct node *node, const struct extent *x)
{
	if (an)
		*an = (struct anchor){ node, x->nodes, x->height, x->bytes, x->marked };
}

static struct node *parse_alias(struct loader *l, const yaml_event_t *ev, unsigned depth, struct extent *ret)
{
	struct pos pos = load_pos(l, ev->start_mark);
	const char *name = (const char *)ev->data.alias.anchor;
	const struct anchor *an = anchor_find(l, ev->data.alias.anchor);
	struct node *n;

	if (!an) {
		FAIL(l, pos, "the anchor '%s' is not known", name);
		diag_where(l->d, NULL, NULL, span_of(ev));
		diag_hint(l->d,
			"it must be given as '&%s' above; a text that starts with '*' must be in quotes",
			name);
		return gap(l, pos);
	}
	if (!an->node) {
		FAIL(l, pos, "the anchor '%s' holds itself", name);
		return gap(l, pos);
	}
	if (!check_depth(l, depth + an->height - 1, pos) || !count_nodes(l, an->nodes, pos) ||
		!count_repeated(l, an->bytes, pos))
		return NULL;
	n = node_copy(l->a, an->node);
	if (an->marked)
		load_drop_resets(l, n);
	*ret = (struct extent){ an->nodes, an->height, an->bytes, an->marked };
	return n;
}

/* ------------------------------------------------------------------ lists and maps */

static void extent_add(struct extent *x, const struct extent *child)
{
	x->nodes += child->nodes;
	x->bytes += child->bytes;
	x->marked |= child->marked;
	if (child->height + 1 > x->height)
		x->height = child->height + 1;
}

static struct node *parse_seq(struct loader *l, const yaml_event_t *start, unsigned depth, struct extent *ret)
{
	struct node *seq = node_new(l->a, NODE_SEQ, load_pos(l, start->start_mark));
	yaml_event_t ev;

	load_tag_collection(l, seq, (const char *)start->data.sequence_start.tag);
	while (next_event(l, &ev)) {
		bool end = ev.type == YAML_SEQUENCE_END_EVENT;

		if (!end) {
			struct extent x = { 0 };
			struct node *item = parse_node(l, &ev, depth + 1, &x);

			if (item)
				node_push(l->a, seq, item);
			extent_add(ret, &x);
		}
		yaml_event_delete(&ev);
		if (end)
			return seq;
	}
	return cut_off(l, seq);
}

static const char *shared_key(struct loader *l, const char *text)
{
	char *copy = map_get(&l->keys, text);

	if (!copy) {
		copy = arena_strdup(l->a, text);
		map_set(&l->keys, text, copy);
	}
	return copy;
}

/* The key of a pair, or NULL after reporting why it cannot be one. */
static const char *parse_key(struct loader *l, const struct node *key)
{
	if (key->kind == NODE_SEQ || key->kind == NODE_MAP) {
		FAIL(l, key->pos, "a key must be a string, not a %s", node_kind_str(key->kind));
		if (key->kind == NODE_MAP)
			diag_hint(l->d, "a text with braces, such as '{{ name }}', must be in quotes");
		return NULL;
	}
	if (key->kind != NODE_STR || load_is_timestamp(key)) {
		FAIL(l, key->pos, "the key '%s' is a %s, but keys must be strings", key->text,
			key->kind == NODE_STR ? "date" : node_kind_str(key->kind));
		diag_where(l->d, NULL, NULL, key->span);
		diag_hint(l->d, "write \"%s\" in quotes", key->text);
		return NULL;
	}
	return shared_key(l, key->text);
}

static bool is_merge_key(const struct node *key)
{
	return key->kind == NODE_STR && !key->quoted && STREQ(key->text, "<<");
}

static void add_pair(
	struct loader *l, struct node *map, const struct node *key_node, const char *key, struct node *value)
{
	const struct node_pair *old = node_pair_get(map, key);

	if (old) {
		FAIL(l, key_node->pos, "the key '%s' is there twice", key);
		diag_where(l->d, NULL, NULL, key_node->span);
		diag_note(l->d, old->key_pos, "'%s' is first given here", key);
		return;
	}
	node_add(l->a, map, key, key_node->pos, value);
}

/* Reads key and value into the map; *ret_merge keeps the value of `<<`. */
static void parse_pair(struct loader *l, struct node *map, yaml_event_t *key_ev, unsigned depth,
	struct extent *ret, struct node **ret_merge)
{
	struct extent kx = { 0 }, vx = { 0 };
	struct node *key = parse_node(l, key_ev, depth + 1, &kx), *value;
	const char *text = key && !l->stop ? parse_key(l, key) : NULL;
	yaml_event_t ev;

	if (!next_event(l, &ev))
		return;
	value = parse_node(l, &ev, depth + 1, &vx);
	yaml_event_delete(&ev);
	extent_add(ret, &kx);
	extent_add(ret, &vx);
	if (!text)
		map->wrong = true;
	if (!text || !value)
		return;
	if (!is_merge_key(key))
		add_pair(l, map, key, text, value);
	else if (*ret_merge)
		FAIL(l, key->pos, "the key '<<' is there twice; give it a list of aliases");
	else
		*ret_merge = value;
}

static struct node *parse_map(struct loader *l, const yaml_event_t *start, unsigned depth, struct extent *ret)
{
	struct node *map = node_new(l->a, NODE_MAP, load_pos(l, start->start_mark)), *merge = NULL;
	yaml_event_t ev;

	load_tag_collection(l, map, (const char *)start->data.mapping_start.tag);
	while (next_event(l, &ev)) {
		bool end = ev.type == YAML_MAPPING_END_EVENT;

		if (!end)
			parse_pair(l, map, &ev, depth, ret, &merge);
		yaml_event_delete(&ev);
		if (end) {
			if (merge)
				load_merge(l, map, merge);
			return map;
		}
	}
	return cut_off(l, map);
}

static struct node *parse_node(struct loader *l, yaml_event_t *ev, unsigned depth, struct extent *ret)
{
	struct pos pos = load_pos(l, ev->start_mark);
	struct anchor *an;
	struct node *n;
	unsigned flow;

	if (ev->type == YAML_ALIAS_EVENT)
		return parse_alias(l, ev, depth, ret);
	if (!check_depth(l, depth, pos) || !count_nodes(l, 1, pos))
		return NULL;
	*ret = (struct extent){ .nodes = 1, .height = 1 };
	/* anchor is the first member of all three kinds of event data */
	anchor_open(l, ev->data.scalar.anchor);
	an = anchor_find(l, ev->data.scalar.anchor);
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		n = parse_scalar(l, ev);
		ret->bytes = ev->data.scalar.length;
		break;
	case YAML_SEQUENCE_START_EVENT:
		flow = ev->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
		l->flow += flow;
		n = parse_seq(l, ev, depth, ret);
		l->flow -= flow;
		break;
	case YAML_MAPPING_START_EVENT:
		flow = ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
		l->flow += flow;
		n = parse_map(l, ev, depth, ret);
		l->flow -= flow;
		break;
	default:
		STOP(l, pos, "unexpected end of the document");
		return NULL;
	}
	if (n && (n->tag != NODE_PLAIN || (n->kind == NODE_STR && memchr(n->text, '$', n->len))))
		ret->marked = true;
	if (n)
		n->marked = ret->marked;
	anchor_close(an, n, ret);
	return n;
}

/* ------------------------------------------------------------------ documents */

static struct node *parse_document(struct loader *l, const yaml_event_t *start)
{
	const yaml_version_directive_t *v = start->data.document_start.version_directive;
	struct extent x = { 0 };
	struct node *root = NULL;
	yaml_event_t ev;

	if (v && (v->major != 1 || v->minor != 1)) {
		STOP(l, load_pos(l, start->start_mark), "the directive '%%YAML %d.%d' is not supported",
			v->major, v->minor);
		diag_hint(l->d, "leave the line out");
		return NULL;
	}
	if (!next_event(l, &ev))
		return NULL;
	root = parse_node(l, &ev, 1, &x);
	yaml_event_delete(&ev);
	if (next_event(l, &ev))
		yaml_event_delete(&ev); /* the document's end */
	return root;
}

void load_stream(struct loader *l, struct node *docs)
{
	yaml_event_t ev;
	bool end = false;

	while (!end && next_event(l, &ev)) {
		end = ev.type == YAML_STREAM_END_EVENT;
		if (ev.type == YAML_DOCUMENT_START_EVENT) {
			struct node *root = parse_document(l, &ev);

			if (docs->n == LOAD_MAX_DOCS)
				STOP(l, load_pos(l, ev.start_mark), "the file holds more than %d documents",
					LOAD_MAX_DOCS);
			else if (root && root->kind == NODE_NULL && !root->wrong)
				FAIL(l, load_pos(l, ev.start_mark),
					"nothing is behind this '---': a compose file is a mapping");
			else if (root)
				node_push(l->a, docs, root);
		}
		yaml_event_delete(&ev);
	}
}
