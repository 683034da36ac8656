/* wire.c - the model as JSON, complete: the canonical tree with its places, and back.
 *
 *	{"davit": 1, "name": …, "working_dir": …, "files": […], "raw": false,
 *	 "tree": NODE, "disabled": NODE, "sources": ["compose.yaml", …]}
 *
 * A NODE is an array [KIND, [SOURCE, LINE, COLUMN, SPAN], VALUE, ORIGIN], ORIGIN may be absent. KIND is a
 *letter: n null, b boolean, i number (u: above 2^63), f fraction, s string, t string that was not quoted, q
 *list of NODEs, m list of [KEY, PLACE, NODE]. SOURCE is an index into "sources", -1 for none. Fractions
 *travel as text, so that they come back as they were. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/json.h"
#include "../src/util/map.h"
#include "node.h"
#include "project.h"
#include "stages.h"

enum { WIRE_VERSION = 1, WIRE_MAX_DEPTH = 400 };

/* ------------------------------------------------------------------ out */

struct writer {
	struct buf *out;
	struct map sources; /* file → number + 1 */
};

static void put_pos(struct writer *w, struct pos pos, unsigned span)
{
	size_t number = 0;

	if (pos.file) {
		number = (size_t)map_get(&w->sources, pos.file);
		if (!number) {
			number = w->sources.n + 1;
			map_set(&w->sources, pos.file, (void *)number);
		}
	}
	buf_printf(w->out, "[%d,%u,%u,%u]", (int)number - 1, pos.line, pos.col, span);
}

static char kind_letter(const struct node *n)
{
	switch (n->kind) {
	case NODE_NULL:
		return 'n';
	case NODE_BOOL:
		return 'b';
	case NODE_INT:
		return n->is_u64 ? 'u' : 'i';
	case NODE_FLOAT:
		return 'f';
	case NODE_STR:
		return n->quoted ? 's' : 't';
	case NODE_SEQ:
		return 'q';
	default:
		return 'm';
	}
}

static void put_node(struct writer *w, const struct node *n);

static void put_value(struct writer *w, const struct node *n)
{
	bool map = n->kind == NODE_MAP;

	switch (n->kind) {
	case NODE_NULL:
		buf_str(w->out, "null");
		return;
	case NODE_BOOL:
		buf_str(w->out, n->b ? "true" : "false");
		return;
	case NODE_INT:
		buf_printf(w->out, "%lld", n->i);
		return;
	case NODE_FLOAT:
		buf_printf(w->out, "\"%.17g\"", n->f);
		return;
	case NODE_STR:
		buf_json(w->out, n->text);
		return;
	default:
		break;
	}
	buf_char(w->out, '[');
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			buf_char(w->out, ',');
		if (map) {
			buf_char(w->out, '[');
			buf_json(w->out, n->pairs[i].key);
			buf_char(w->out, ',');
			put_pos(w, n->pairs[i].key_pos, 0);
			buf_char(w->out, ',');
		}
		put_node(w, map ? n->pairs[i].value : n->items[i]);
		if (map)
			buf_char(w->out, ']');
	}
	buf_char(w->out, ']');
}

static void put_node(struct writer *w, const struct node *n)
{
	buf_printf(w->out, "[\"%c\",", kind_letter(n));
	put_pos(w, n->pos, n->span);
	buf_char(w->out, ',');
	put_value(w, n);
	if (n->origin) {
		buf_char(w->out, ',');
		buf_json(w->out, n->origin);
	}
	buf_char(w->out, ']');
}

static void put_strings(struct buf *out, const char *key, char *const *v, size_t n)
{
	buf_printf(out, ",\"%s\":[", key);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(out, ',');
		buf_json(out, v[i]);
	}
	buf_char(out, ']');
}

void project_to_wire(const struct project *p, struct buf *out)
{
	struct writer w = { .out = out };

	buf_printf(out, "{\"davit\":%d,\"name\":", WIRE_VERSION);
	buf_json(out, p->name);
	buf_str(out, ",\"working_dir\":");
	buf_json(out, p->working_dir);
	put_strings(out, "files", p->files.v, p->files.n);
	buf_printf(out, ",\"raw\":%s,\"tree\":", p->raw ? "true" : "false");
	put_node(&w, p->root);
	if (p->disabled_root) {
		buf_str(out, ",\"disabled\":");
		put_node(&w, p->disabled_root);
	}
	/* last, because it is only known now */
	buf_str(out, ",\"sources\":[");
	map_each(&w.sources, it) {
		if (it != w.sources.items)
			buf_char(out, ',');
		buf_json(out, it->key);
	}
	buf_str(out, "]}");
	map_done(&w.sources, NULL);
}

/* ------------------------------------------------------------------ in */

struct reader {
	struct arena *a;
	struct strv sources;
	struct err *err;
	unsigned depth;
};

static int bad(struct reader *r, const char *what)
{
	return err_set(r->err, ERR_PROTO, "the model is damaged: %s", what);
}

static int get_pos(struct reader *r, const json_t *j, struct pos *ret, unsigned *ret_span)
{
	json_int_t file = json_integer_value(json_array_get(j, 0));

	if (!json_is_array(j) || json_array_size(j) != 4)
		return bad(r, "a place is no list of four numbers");
	for (size_t i = 0; i < 4; i++)
		if (!json_is_integer(json_array_get(j, i)))
			return bad(r, "a place is no list of four numbers");
	if (file < -1 || file >= (json_int_t)r->sources.n)
		return bad(r, "a place is in no known file");
	*ret = (struct pos){ file < 0 ? NULL : r->sources.v[file],
		(unsigned)json_integer_value(json_array_get(j, 1)),
		(unsigned)json_integer_value(json_array_get(j, 2)) };
	*ret_span = (unsigned)json_integer_value(json_array_get(j, 3));
	return 0;
}

static struct node *get_node(struct reader *r, const json_t *j);

static int get_pairs(struct reader *r, const json_t *value, struct node *map)
{
	const json_t *item;
	size_t i;

	json_array_foreach(value, i, item) {
		const char *key = json_string_value(json_array_get(item, 0));
		struct pos pos;
		unsigned span;
		struct node *child;

		if (!key)
			return bad(r, "a key is no string");
		if (get_pos(r, json_array_get(item, 1), &pos, &span) < 0)
			return -1;
		child = get_node(r, json_array_get(item, 2));
		if (!child)
			return -1;
		node_set(r->a, map, key, pos, child);
	}
	return 0;
}

static int get_items(struct reader *r, const json_t *value, struct node *seq)
{
	const json_t *item;
	size_t i;

	json_array_foreach(value, i, item) {
		struct node *child = get_node(r, item);

		if (!child)
			return -1;
		node_push(r->a, seq, child);
	}
	return 0;
}

static struct node *get_scalar(struct reader *r, char kind, const json_t *value, struct pos pos)
{
	struct node *n = NULL;

	if (kind == 'n')
		n = node_new(r->a, NODE_NULL, pos);
	else if (kind == 'b' && json_is_boolean(value))
		n = node_bool(r->a, json_is_true(value), pos);
	else if ((kind == 'i' || kind == 'u') && json_is_integer(value))
		n = node_int(r->a, json_integer_value(value), pos);
	else if (kind == 'f' && json_is_string(value))
		n = node_float(r->a, strtod(json_string_value(value), NULL), pos);
	else if ((kind == 's' || kind == 't') && json_is_string(value))
		n = node_str(r->a, json_string_value(value), pos);
	if (!n) {
		bad(r, "a value is of another kind than it says");
		return NULL;
	}
	n->quoted = kind == 's';
	n->is_u64 = kind == 'u';
	return n;
}

static struct node *get_node(struct reader *r, const json_t *j)
{
	const char *kind = json_string_value(json_array_get(j, 0)),
		   *origin = json_string_value(json_array_get(j, 3));
	const json_t *value = json_array_get(j, 2);
	struct pos pos;
	struct node *n;
	unsigned span;

	if (!kind || strlen(kind) != 1 || r->depth >= WIRE_MAX_DEPTH) {
		bad(r, kind ? "it is nested too deeply" : "a node has no kind");
		return NULL;
	}
	if (get_pos(r, json_array_get(j, 1), &pos, &span) < 0)
		return NULL;
	if (*kind == 'm' || *kind == 'q') {
		n = node_new(r->a, *kind == 'm' ? NODE_MAP : NODE_SEQ, pos);
		r->depth++;
		if ((*kind == 'm' ? get_pairs(r, value, n) : get_items(r, value, n)) < 0)
			return NULL;
		r->depth--;
	} else {
		n = get_scalar(r, *kind, value, pos);
		if (!n)
			return NULL;
	}
	n->span = span;
	n->origin = arena_strdup(r->a, origin);
	return n;
}

static struct strv get_strings(struct arena *a, const json_t *list)
{
	struct strv out = { .set = true, .v = arena_array(a, json_array_size(list) + 1, sizeof *out.v) };
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (json_is_string(item))
			out.v[out.n++] = arena_strdup(a, json_string_value(item));
	return out;
}

static int get_project(struct reader *r, const json_t *j, struct project **ret)
{
	const json_t *disabled = json_object_get(j, "disabled");
	struct strv files = get_strings(r->a, jx_arr(j, "files"));
	struct node *root, *off = NULL;
	struct diag d = DIAG_INIT;
	struct stage_ctx s = { .a = r->a, .d = &d, .no_interpolate = jx_bool(j, "raw", false) };
	int64_t version;

	if (jx_need_int(j, "davit", 0, INT32_MAX, &version, r->err) < 0 ||
		jx_need_str(j, "name", &s.project_name, r->err) < 0 ||
		jx_need_str(j, "working_dir", &s.working_dir, r->err) < 0)
		return err_wrap(r->err, "the model is damaged");
	if (version != WIRE_VERSION)
		return err_set(r->err, ERR_PROTO, "the model is of version %lld, this program reads %d",
			(long long)version, WIRE_VERSION);
	r->sources = get_strings(r->a, jx_arr(j, "sources"));
	root = get_node(r, json_object_get(j, "tree"));
	if (root && disabled)
		off = get_node(r, disabled);
	if (!root || (disabled && !off))
		return -1;
	if (root->kind != NODE_MAP)
		return bad(r, "its tree is no mapping");
	/* what lower() has to warn of was said when the files were read */
	*ret = lower(&s, root, off, &files);
	project_hash(*ret);
	diag_done(&d);
	return 0;
}

int project_from_wire(const char *json, size_t len, struct project **ret_project, struct err *err)
{
	auto_json json_t *j = NULL;
	struct reader r = { .err = err };

	if (jx_parse(json, len, &j, err) < 0)
		return err_wrap(err, "the model is damaged");
	r.a = arena_new();
	if (get_project(&r, j, ret_project) < 0) {
		arena_free(r.a);
		return -1;
	}
	return 0;
}
