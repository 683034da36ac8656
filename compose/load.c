/* How it works: libyaml's events drive a recursive descent (depth is bounded first). An anchor remembers the node it named with its
 * size and height, so that an alias is accounted for before it is copied: nine levels of nine aliases stop at the limit instead
 * of filling the memory. `<<` values are kept aside and applied when their map ends, because keys written out win wherever they
 * stand. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/map.h"
#include "../src/util/mem.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "diag.h"
#include "load_scalar.h"

struct anchor {
	struct node *node;              /* NULL: still being read */
	size_t nodes, height;
};

struct loader {
	struct arena *a;
	struct diag *d;
	const char *file, *text;
	size_t text_len;
	yaml_parser_t parser;
	struct map anchors;             /* name → struct anchor, of one document */
	size_t nodes;
	bool failed, stop;              /* stop: nothing sensible can follow */
};

/* What one node took: filled by the parse functions. */
struct extent {
	size_t nodes, height;
};

static struct node *parse_node(struct loader *l, yaml_event_t *ev, unsigned depth, struct extent *ret);

static struct pos pos_of(const struct loader *l, yaml_mark_t mark)
{
	return (struct pos){ l->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

/* The first reports and goes on, the second ends the reading of this file. */
#define FAIL(l, ...) ((void)((l)->failed = true, diag_error((l)->d, __VA_ARGS__)))
#define STOP(l, ...) ((l)->stop = true, FAIL(l, __VA_ARGS__))

/* ------------------------------------------------------------------ libyaml's own complaints */

/* libyaml speaks of its own rules; these words speak of the file. A text of NULL stays as it is. */
static const struct complaint {
	const char *starts, *text, *hint;
} complaints[] = {
	{ "did not find expected key", "this line does not go on with what is above it", "check the indentation" },
	{ "did not find expected '-' indicator", "a list item, '- …', is expected here", "check the indentation" },
	{ "mapping values are not allowed", "a ':' is not expected here",
	  "check the indentation; a text that holds ': ' must be in quotes" },
	{ "could not find expected ':'", "a ':' is missing after a key", NULL },
	{ "block sequence entries are not allowed", "a list item is not expected here", "check the indentation" },
	{ "found unexpected end of stream", "the file ends inside of a quoted text", NULL },
	{ "found character that cannot start any token", "no text can start with this character", "put the text in quotes" },
	{ "did not find expected alphabetic or numeric", "a name is missing here", "a text that starts with '*' or '&' must be in quotes" },
	{ "found incompatible YAML document", "this YAML version is not supported", "leave the %YAML line out" },
	{ "found duplicate %YAML directive", "%YAML is there twice", "leave the lines out" },
	{ "found undefined tag handle", "the tag is not known", NULL },
};

static const struct complaint *find_complaint(const char *problem)
{
	for (size_t i = 0; i < ARRAY_LEN(complaints); i++) {
		if (str_starts(problem, complaints[i].starts))
			return &complaints[i];
	}
	return NULL;
}

/* Whether the line is indented by a tab, up to the column. */
static bool is_tab_indent(struct loader *l, struct pos pos)
{
	size_t len = 0;
	const char *line = diag_line(l->d, l->file, pos.line, &len);

	return line && pos.col <= len && line[pos.col - 1] == '\t';
}

static void report_parser(struct loader *l)
{
	const yaml_parser_t *p = &l->parser;
	const char *problem = p->problem ? p->problem : "this is no YAML";
	const struct complaint *c = find_complaint(problem);
	struct pos pos = pos_of(l, p->problem_mark);

	l->stop = true;
	if (p->error == YAML_MEMORY_ERROR) {
		FAIL(l, (struct pos){ l->file, 0, 0 }, "the YAML parser ran out of memory");
		return;
	}
	if (is_tab_indent(l, pos)) {
		FAIL(l, pos, "a tab is used for indentation in line %u", pos.line);
		diag_hint(l->d, "YAML is indented with spaces");
		return;
	}
	FAIL(l, pos, "%s", c ? c->text : problem);
	if (p->context && *p->context && p->context_mark.index < p->problem_mark.index)
		diag_note(l->d, pos_of(l, p->context_mark), "%s that starts here", p->context);
	if (c && c->hint)
		diag_hint(l->d, "%s", c->hint);
}

static bool next_event(struct loader *l, yaml_event_t *ev)
{
	if (l->stop)
		return false;
	if (yaml_parser_parse(&l->parser, ev))
		return true;
	report_parser(l);
	return false;
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

static bool check_depth(struct loader *l, size_t depth, struct pos pos)
{
	if (depth <= LOAD_MAX_DEPTH)
		return true;
	STOP(l, pos, "nested more than %d levels deep", LOAD_MAX_DEPTH);
	return false;
}

/* ------------------------------------------------------------------ scalars, tags, anchors */

/* The span when the scalar stands on one line. */
static unsigned span_of(const yaml_event_t *ev)
{
	if (ev->start_mark.line != ev->end_mark.line)
		return 0;
	return (unsigned)(ev->end_mark.column - ev->start_mark.column);
}

enum tag_kind { TAG_NONE, TAG_STR, TAG_PLAIN, TAG_RESET, TAG_OVERRIDE, TAG_COLLECTION, TAG_UNKNOWN };

static enum tag_kind tag_kind(const yaml_char_t *tag)
{
	static const struct {
		const char *tag;
		enum tag_kind kind;
	} tags[] = {
		{ "!", TAG_STR },
		{ YAML_STR_TAG, TAG_STR },
		{ YAML_NULL_TAG, TAG_PLAIN },
		{ YAML_BOOL_TAG, TAG_PLAIN },
		{ YAML_INT_TAG, TAG_PLAIN },
		{ YAML_FLOAT_TAG, TAG_PLAIN },
		{ YAML_TIMESTAMP_TAG, TAG_PLAIN },
		{ YAML_MAP_TAG, TAG_COLLECTION },
		{ YAML_SEQ_TAG, TAG_COLLECTION },
		{ "!reset", TAG_RESET },
		{ "!override", TAG_OVERRIDE },
	};

	if (!tag)
		return TAG_NONE;
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (STREQ(tags[i].tag, (const char *)tag))
			return tags[i].kind;
	}
	return TAG_UNKNOWN;
}

static void apply_tag(struct loader *l, struct node *n, const yaml_char_t *tag)
{
	static const char *const known[] = { "!reset", "!override", NULL };
	enum tag_kind kind = tag_kind(tag);
	const char *near;

	if (kind == TAG_RESET)
		n->tag = NODE_RESET;
	else if (kind == TAG_OVERRIDE)
		n->tag = NODE_OVERRIDE;
	if (kind != TAG_UNKNOWN)
		return;
	FAIL(l, n->pos, "the tag '%s' is not known", (const char *)tag);
	near = str_nearest((const char *)tag, known);
	if (near)
		diag_hint(l->d, "did you mean '%s'?", near);
}

static struct node *parse_scalar(struct loader *l, const yaml_event_t *ev)
{
	struct pos pos = pos_of(l, ev->start_mark);
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	enum tag_kind tag = tag_kind(ev->data.scalar.tag);
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
	n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || tag == TAG_STR;
	if (!n->quoted || tag == TAG_PLAIN)
		load_scalar_resolve(n);
	apply_tag(l, n, ev->data.scalar.tag);
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
		*an = (struct anchor){ node, x->nodes, x->height };
}

static struct node *parse_alias(struct loader *l, const yaml_event_t *ev, unsigned depth, struct extent *ret)
{
	struct pos pos = pos_of(l, ev->start_mark);
	const char *name = (const char *)ev->data.alias.anchor;
	const struct anchor *an = anchor_find(l, ev->data.alias.anchor);
	struct node *n;

	if (!an) {
		FAIL(l, pos, "the anchor '%s' is not known", name);
		diag_where(l->d, NULL, NULL, span_of(ev));
		diag_hint(l->d, "it must be given as '&%s' above; a text that starts with '*' must be in quotes", name);
		return NULL;
	}
	if (!an->node) {
		FAIL(l, pos, "the anchor '%s' holds itself", name);
		return NULL;
	}
	if (!check_depth(l, depth + an->height - 1, pos) || !count_nodes(l, an->nodes, pos))
		return NULL;
	n = node_copy(l->a, an->node);
	*ret = (struct extent){ an->nodes, an->height };
	return n;
}

/* ------------------------------------------------------------------ lists and maps */

static void extent_add(struct extent *x, const struct extent *child)
{
	x->nodes += child->nodes;
	if (child->height + 1 > x->height)
		x->height = child->height + 1;
}

static struct node *parse_seq(struct loader *l, const yaml_event_t *start, unsigned depth, struct extent *ret)
{
	struct node *seq = node_new(l->a, NODE_SEQ, pos_of(l, start->start_mark));
	yaml_event_t ev;

	apply_tag(l, seq, start->data.sequence_start.tag);
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
	return NULL;
}

/* The key of a pair, or NULL after reporting why it cannot be one. */
static const char *parse_key(struct loader *l, const struct node *key)
{
	if (key->kind == NODE_SEQ || key->kind == NODE_MAP) {
		FAIL(l, key->pos, "a key must be a string, not a %s", node_kind_str(key->kind));
		return NULL;
	}
	if (key->kind != NODE_STR || load_is_timestamp(key)) {
		FAIL(l, key->pos, "the key '%s' is a %s, but keys must be strings", key->text,
			key->kind == NODE_STR ? "date" : node_kind_str(key->kind));
		diag_where(l->d, NULL, NULL, key->span);
		diag_hint(l->d, "write \"%s\" in quotes", key->text);
		return NULL;
	}
	return key->text;
}

static bool is_merge_key(const struct node *key)
{
	return key->kind == NODE_STR && !key->quoted && STREQ(key->text, "<<");
}

static bool merge_ok(struct loader *l, const struct node *v)
{
	if (v->kind == NODE_MAP)
		return true;
	FAIL(l, v->pos, "'<<' takes a mapping or a list of mappings, not a %s", node_kind_str(v->kind));
	return false;
}

static void merge_map(struct loader *l, struct node *map, const struct node *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct node_pair *p = &from->pairs[i];

		if (!node_pair_get(map, p->key))
			node_set(l->a, map, p->key, p->key_pos, p->value);
	}
}

static void merge_value(struct loader *l, struct node *map, const struct node *v)
{
	if (v->kind != NODE_SEQ) {
		if (merge_ok(l, v))
			merge_map(l, map, v);
		return;
	}
	for (size_t i = 0; i < v->n; i++) {
		if (merge_ok(l, v->items[i]))
			merge_map(l, map, v->items[i]);
	}
}

static void add_pair(struct loader *l, struct node *map, const struct node *key_node, const char *key, struct node *value)
{
	const struct node_pair *old = node_pair_get(map, key);

	if (old) {
		FAIL(l, key_node->pos, "the key '%s' is there twice", key);
		diag_where(l->d, NULL, NULL, key_node->span);
		diag_note(l->d, old->key_pos, "'%s' is first given here", key);
		return;
	}
	node_set(l->a, map, key, key_node->pos, value);
}

/* Reads key and value into the map; *ret_merge keeps the value of `<<`. */
static void parse_pair(struct loader *l, struct node *map, yaml_event_t *key_ev, unsigned depth, struct extent *ret,
	struct node **ret_merge)
{
	struct extent kx = { 0 }, vx = { 0 };
	struct node *key = parse_node(l, key_ev, depth + 1, &kx), *value;
	const char *text = key ? parse_key(l, key) : NULL;
	yaml_event_t ev;

	if (!next_event(l, &ev))
		return;
	value = parse_node(l, &ev, depth + 1, &vx);
	yaml_event_delete(&ev);
	extent_add(ret, &kx);
	extent_add(ret, &vx);
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
	struct node *map = node_new(l->a, NODE_MAP, pos_of(l, start->start_mark)), *merge = NULL;
	yaml_event_t ev;

	apply_tag(l, map, start->data.mapping_start.tag);
	while (next_event(l, &ev)) {
		bool end = ev.type == YAML_MAPPING_END_EVENT;

		if (!end)
			parse_pair(l, map, &ev, depth, ret, &merge);
		yaml_event_delete(&ev);
		if (end) {
			if (merge)
				merge_value(l, map, merge);
			return map;
		}
	}
	return NULL;
}

static struct node *parse_node(struct loader *l, yaml_event_t *ev, unsigned depth, struct extent *ret)
{
	struct pos pos = pos_of(l, ev->start_mark);
	struct anchor *an;
	struct node *n;

	if (ev->type == YAML_ALIAS_EVENT)
		return parse_alias(l, ev, depth, ret);
	if (!check_depth(l, depth, pos) || !count_nodes(l, 1, pos))
		return NULL;
	*ret = (struct extent){ 1, 1 };
	/* anchor is the first member of all three kinds of event data */
	anchor_open(l, ev->data.scalar.anchor);
	an = anchor_find(l, ev->data.scalar.anchor);
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		n = parse_scalar(l, ev);
		break;
	case YAML_SEQUENCE_START_EVENT:
		n = parse_seq(l, ev, depth, ret);
		break;
	case YAML_MAPPING_START_EVENT:
		n = parse_map(l, ev, depth, ret);
		break;
	default:
		STOP(l, pos, "unexpected end of the document");
		return NULL;
	}
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
		STOP(l, pos_of(l, start->start_mark), "the directive '%%YAML %d.%d' is not supported", v->major, v->minor);
		diag_hint(l->d, "leave the line out");
		return NULL;
	}
	if (!next_event(l, &ev))
		return NULL;
	root = parse_node(l, &ev, 1, &x);
	yaml_event_delete(&ev);
	if (next_event(l, &ev))
		yaml_event_delete(&ev);  /* the document's end */
	map_done(&l->anchors, NULL);
	l->anchors = MAP_INIT;
	return root;
}

static void parse_stream(struct loader *l, struct node *docs)
{
	yaml_event_t ev;
	bool end = false;

	while (!end && next_event(l, &ev)) {
		end = ev.type == YAML_STREAM_END_EVENT;
		if (ev.type == YAML_DOCUMENT_START_EVENT) {
			struct node *root = parse_document(l, &ev);

			if (root && root->kind != NODE_NULL)
				node_push(l->a, docs, root);
		}
		yaml_event_delete(&ev);
	}
}

/* ------------------------------------------------------------------ text and files */

/* Length of the UTF-8 sequence at p, 0 when it is not one. */
static size_t utf8_len(const unsigned char *p, const unsigned char *end)
{
	size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

	if (n == 0 || (size_t)(end - p) < n)
		return 0;
	return str_is_utf8((const char *)p, n) ? n : 0;
}

/* What libyaml would refuse without a place, or read as something else: with its place. */
static int check_bytes(struct loader *l)
{
	const unsigned char *p = (const unsigned char *)l->text, *end = p + l->text_len;
	struct pos pos = { l->file, 1, 1 };

	while (p < end) {
		size_t n = utf8_len(p, end);

		if (n == 0)
			return diag_error(l->d, pos, "the byte 0x%02x is not valid UTF-8", *p);
		if (*p == 0)
			return diag_error(l->d, pos, "a NUL character is not allowed");
		if ((*p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r') || *p == 0x7f)
			return diag_error(l->d, pos, "the control character 0x%02x is not allowed", *p);
		if (*p == '\n') {
			pos.line++;
			pos.col = 0;
		}
		pos.col++;
		p += n;
	}
	return 0;
}

int load_text(struct arena *a, struct diag *d, const char *file, const char *text, size_t len, struct node ***ret_docs,
	size_t *ret_n)
{
	struct loader l = { .a = a, .d = d, .file = file, .text = text, .text_len = len };
	struct node *docs = node_new(a, NODE_SEQ, (struct pos){ file, 1, 1 });

	if (len > LOAD_MAX_BYTES)
		return diag_error(d, (struct pos){ file, 0, 0 }, "the file is larger than %d MiB", LOAD_MAX_BYTES >> 20);
	diag_add_source(d, file, text, len);
	if (check_bytes(&l) < 0)
		return -1;
	if (!yaml_parser_initialize(&l.parser))
		return diag_error(d, (struct pos){ file, 0, 0 }, "the YAML parser ran out of memory");
	yaml_parser_set_input_string(&l.parser, (const unsigned char *)text, len);
	yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
	parse_stream(&l, docs);
	yaml_parser_delete(&l.parser);
	map_done(&l.anchors, NULL);
	if (l.failed)
		return -1;
	*ret_docs = docs->items;
	*ret_n = docs->n;
	return 0;
}

static int open_regular(const char *path, const char *shown, struct diag *d, struct pos pos)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return diag_error(d, pos, "cannot open '%s': %s", shown, strerror(errno));
	if (fstat(fd, &st) < 0)
		return diag_error(d, pos, "cannot look at '%s': %s", shown, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return diag_error(d, pos, "'%s' is a directory, not a file", shown);
	if (fcntl(fd, F_SETFL, O_RDONLY) < 0)   /* a pipe is read to its end */
		return diag_error(d, pos, "cannot read '%s': %s", shown, strerror(errno));
	return take_fd(&fd);
}

int load_file(struct arena *a, struct diag *d, const char *path, const char *shown, struct node ***ret_docs, size_t *ret_n)
{
	struct pos pos = { shown, 0, 0 };
	auto_close int fd = STREQ(path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open_regular(path, shown, d, pos);
	auto_err struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	int r;

	if (fd < 0)
		return STREQ(path, "-") ? diag_error(d, pos, "standard input is closed") : -1;
	if (path_read_fd(fd, LOAD_MAX_BYTES, &text, &err) < 0) {
		buf_done(&text);
		return diag_error(d, pos, "cannot read '%s': %s", shown, err_msg(&err));
	}
	r = load_text(a, d, shown, text.p ? text.p : "", text.len, ret_docs, ret_n);
	buf_done(&text);
	return r;
}
