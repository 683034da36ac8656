/* dump.c - the canonical model as JSON and as YAML. */
#include "dump.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/buf.h"
#include "../src/util/str.h"
#include "attr.h"
#include "load.h"
#include "node.h"
#include "project.h"
#include "tree.h"
#include "val.h"

static void spaces(struct buf *out, int n)
{
	memset(buf_room(out, (size_t)n), ' ', (size_t)n);
	out->len += (size_t)n;
	out->p[out->len] = '\0';
}

/* ------------------------------------------------------------------ JSON */

static void json_scalar(struct buf *out, struct arena *a, const struct node *n)
{
	switch (n->kind) {
	case NODE_STR: buf_json(out, n->text); break;
	case NODE_FLOAT: buf_str(out, val_float_json(a, n->f)); break;
	case NODE_NULL: buf_str(out, "null"); break;
	default: buf_str(out, val_scalar_text(a, n));
	}
}

void dump_json(struct buf *out, struct arena *a, const struct node *n, int indent)
{
	bool map = n->kind == NODE_MAP;

	if (!map && n->kind != NODE_SEQ) {
		json_scalar(out, a, n);
		return;
	}
	if (!n->n) {
		buf_str(out, map ? "{}" : "[]");
		return;
	}
	buf_str(out, map ? "{\n" : "[\n");
	for (size_t i = 0; i < n->n; i++) {
		spaces(out, indent + 2);
		if (map) {
			buf_json(out, n->pairs[i].key);
			buf_str(out, ": ");
		}
		dump_json(out, a, map ? n->pairs[i].value : n->items[i], indent + 2);
		buf_str(out, i + 1 < n->n ? ",\n" : "\n");
	}
	spaces(out, indent);
	buf_str(out, map ? "}" : "]");
}

/* The reference prints the empty lists of extensions as null, in JSON only. */
static void null_empty_lists(struct node *n)
{
	if (n->kind == NODE_SEQ && !n->n)
		n->kind = NODE_NULL;
	tree_items(n->kind == NODE_SEQ ? n : NULL, item)
		null_empty_lists(*item);
	tree_each(n->kind == NODE_MAP ? n : NULL, pair)
		null_empty_lists(pair->value);
}

void project_dump_json(const struct project *p, struct buf *out)
{
	struct arena *a = arena_new();
	struct node *view = dump_view(a, p);

	tree_each(view, pair)
		if (attr_is_extension(pair->key))
			null_empty_lists(pair->value);
	dump_json(out, a, view, 0);
	buf_char(out, '\n');
	arena_free(a);
}

/* ------------------------------------------------------------------ YAML */

enum style { STYLE_PLAIN, STYLE_SINGLE, STYLE_DOUBLE, STYLE_BLOCK };

/* Whether a reader of YAML, of this version or an older one, would take the plain text for something other
 * than a string. */
static bool is_ambiguous(const char *s)
{
	static const char *const words[] = { "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~",
		"", NULL };
	const char *p = s + (*s == '+' || *s == '-');

	for (size_t i = 0; words[i]; i++)
		if (strcasecmp(words[i], s) == 0)
			return true;
	/* numbers, dates, 12:30, .5, .inf, 0x1f: whatever starts like one is quoted, unless a letter shows
	 * that it cannot be */
	if (isdigit((unsigned char)*p) || *p == '.') {
		if (*p == '.' && !isdigit((unsigned char)p[1]))
			return strcasecmp(p, ".inf") == 0 || strcasecmp(p, ".nan") == 0;
		return !p[strspn(p, "0123456789abcdefABCDEFxXoO_.:+-eETZ ")];
	}
	return false;
}

/* Line separators and the byte order mark would change or vanish in a plain text: U+0085, U+2028, U+2029,
 * U+FEFF. */
static size_t odd_char(const char *s)
{
	static const char *const odd[] = { "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf" };

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		if (str_starts(s, odd[i]))
			return strlen(odd[i]);
	return 0;
}

static enum style style_of(const char *s)
{
	bool newline = false;

	for (const char *p = s; *p; p++) {
		if (*p == '\n')
			newline = true;
		else if ((unsigned char)*p < ' ' || *p == 0x7f || odd_char(p))
			return STYLE_DOUBLE;
	}
	if (newline)
		return *s == ' ' || *s == '\n' ? STYLE_DOUBLE : STYLE_BLOCK;
	if (is_ambiguous(s))
		return STYLE_DOUBLE;
	if (strchr("!&*-?:|>'\"%@`#,[]{} ", *s) &&
		!((*s == '-' || *s == '?' || *s == ':') && s[1] && s[1] != ' '))
		return STYLE_SINGLE;
	if (strstr(s, ": ") || strstr(s, " #") || s[strlen(s) - 1] == ':' || s[strlen(s) - 1] == ' ')
		return STYLE_SINGLE;
	return STYLE_PLAIN;
}

static void yaml_single(struct buf *out, const char *s)
{
	buf_char(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_char(out, '\'');
		buf_char(out, *s);
	}
	buf_char(out, '\'');
}

static void yaml_double(struct buf *out, const char *s)
{
	struct buf json = BUF_INIT;

	buf_json(&json, s);
	for (const char *p = json.p; *p; p++) {
		size_t n = odd_char(p);

		if (n == 2)
			buf_str(out, "\\N");
		else if (n)
			buf_str(out, *p == '\xef' ? "\\uFEFF" : p[2] == '\xa8' ? "\\L" : "\\P");
		else if (*p == 0x7f)
			buf_str(out, "\\x7F");
		else
			buf_char(out, *p);
		p += n ? n - 1 : 0;
	}
	buf_done(&json);
}

/* A literal block; the sign after the bar says how many newlines the text ends with. */
static void yaml_block(struct buf *out, const char *s, int indent)
{
	size_t n = strlen(s), end = n;

	while (end && s[end - 1] == '\n')
		end--;
	buf_str(out, end == n ? "|-" : n - end == 1 ? "|" : "|+");
	while (*s) {
		size_t line = strcspn(s, "\n");

		buf_char(out, '\n');
		if (line)
			spaces(out, indent);
		buf_add(out, s, line);
		s += line;
		s += *s == '\n';
	}
}

static void yaml_text(struct buf *out, const char *s, int indent, bool key)
{
	enum style style = style_of(s);

	switch (style) {
	case STYLE_PLAIN: buf_str(out, s); break;
	case STYLE_SINGLE: yaml_single(out, s); break;
	case STYLE_BLOCK:
		if (!key) {
			yaml_block(out, s, indent);
			break;
		}
		yaml_double(out, s);
		break;
	default: yaml_double(out, s);
	}
}

static void yaml_node(struct buf *out, struct arena *a, const struct node *n, int indent);

static bool is_long(const struct node *n)
{
	return (n->kind == NODE_MAP || n->kind == NODE_SEQ) && n->n;
}

static void yaml_map(struct buf *out, struct arena *a, const struct node *n, int indent)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct node *value = n->pairs[i].value;

		if (i)
			spaces(out, indent);
		yaml_text(out, n->pairs[i].key, 0, true);
		buf_char(out, ':');
		if (is_long(value)) {
			buf_char(out, '\n');
			spaces(out, indent + 2);
			yaml_node(out, a, value, indent + 2);
		} else {
			buf_char(out, ' ');
			yaml_node(out, a, value, indent + 2);
			buf_char(out, '\n');
		}
	}
}

static void yaml_seq(struct buf *out, struct arena *a, const struct node *n, int indent)
{
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			spaces(out, indent);
		buf_str(out, "- ");
		yaml_node(out, a, n->items[i], indent + 2);
		if (!is_long(n->items[i]))
			buf_char(out, '\n');
	}
}

/* The cursor stands where the node begins; long ones end with a newline, short ones do not. */
static void yaml_node(struct buf *out, struct arena *a, const struct node *n, int indent)
{
	if (n->kind == NODE_MAP && n->n)
		yaml_map(out, a, n, indent);
	else if (n->kind == NODE_SEQ && n->n)
		yaml_seq(out, a, n, indent);
	else if (n->kind == NODE_MAP)
		buf_str(out, "{}");
	else if (n->kind == NODE_SEQ)
		buf_str(out, "[]");
	else if (load_is_timestamp(n))
		buf_str(out, n->text);
	else if (n->kind == NODE_STR)
		yaml_text(out, n->text, indent, false);
	else if (n->kind == NODE_FLOAT && !isfinite(n->f))
		buf_str(out, isnan(n->f) ? ".nan" : n->f > 0 ? ".inf" : "-.inf");
	else if (n->kind == NODE_NULL)
		buf_str(out, "null");
	else
		buf_str(out, val_scalar_text(a, n));
}

void project_dump_yaml(const struct project *p, struct buf *out)
{
	struct arena *a = arena_new();

	yaml_node(out, a, dump_view(a, p), 0);
	arena_free(a);
}
