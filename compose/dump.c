/* dump.c - the canonical model as JSON and as YAML. */
#include "dump.h"

#include <math.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/buf.h"
#include "../src/util/str.h"
#include "node.h"
#include "project.h"
#include "val.h"

void dump_spaces(struct buf *out, int n)
{
	memset(buf_room(out, (size_t)n), ' ', (size_t)n);
	out->len += (size_t)n;
	out->p[out->len] = '\0';
}

/* How many bytes from s on are ASCII that Go's encoder shows as they are. */
static size_t plain_run(const char *s)
{
	const char *p = s;

	while ((unsigned char)*p >= ' ' && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\' && *p != '<' &&
		*p != '>' && *p != '&')
		p++;
	return (size_t)(p - s);
}

/* One character that is not plain. Returns its bytes. */
static size_t json_special(struct buf *out, const char *s)
{
	static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *at = strchr(special, *s);

	if (at)
		buf_printf(out, "\\%c", letter[at - special]);
	else if ((unsigned char)*s < 0x80)
		buf_printf(out, "\\u%04x", (unsigned char)*s);
	else if (str_starts(s, "\xe2\x80\xa8") || str_starts(s, "\xe2\x80\xa9"))
		buf_str(out, s[2] == '\xa8' ? "\\u2028" : "\\u2029");
	else
		return buf_utf8_char(out, s);
	return at || (unsigned char)*s < 0x80 ? 1 : 3;
}

static void json_text(struct buf *out, const char *text)
{
	buf_char(out, '"');
	while (*text) {
		size_t run = plain_run(text);

		buf_add(out, text, run);
		text += run;
		if (*text)
			text += json_special(out, text);
	}
	buf_char(out, '"');
}

static void json_scalar(struct buf *out, struct arena *a, const struct node *n)
{
	switch (n->kind) {
	case NODE_STR:
		json_text(out, n->text);
		break;
	case NODE_FLOAT:
		buf_str(out, val_float_json(a, n->f));
		break;
	case NODE_NULL:
		buf_str(out, "null");
		break;
	default:
		buf_str(out, val_scalar_text(a, n));
	}
}

static void new_line(struct buf *out, int indent)
{
	if (indent < 0)
		return;
	buf_char(out, '\n');
	dump_spaces(out, indent);
}

void dump_json(struct buf *out, struct arena *a, const struct node *n, int indent)
{
	bool map = n->kind == NODE_MAP;
	int deeper = indent < 0 ? indent : indent + 2;

	if (!map && n->kind != NODE_SEQ) {
		json_scalar(out, a, n);
		return;
	}
	buf_char(out, map ? '{' : '[');
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			buf_char(out, ',');
		new_line(out, deeper);
		if (map) {
			json_text(out, n->pairs[i].key);
			buf_str(out, indent < 0 ? ":" : ": ");
		}
		dump_json(out, a, map ? n->pairs[i].value : n->items[i], deeper);
	}
	if (n->n)
		new_line(out, indent);
	buf_char(out, map ? '}' : ']');
}

/* Every dollar after `from` becomes two, so that the text can be read again. */
static void double_dollars(struct buf *out, size_t from)
{
	struct buf text = *out;

	if (text.len == from || !memchr(text.p + from, '$', text.len - from))
		return;
	*out = BUF_INIT;
	buf_add(out, text.p, from);
	for (const char *p = text.p + from, *end = text.p + text.len; p < end;) {
		const char *dollar = memchr(p, '$', (size_t)(end - p));
		const char *stop = dollar ? dollar + 1 : end;

		buf_add(out, p, (size_t)(stop - p));
		if (dollar)
			buf_char(out, '$');
		p = stop;
	}
	buf_done(&text);
}

/* A number that JSON has no word for: .inf or .nan. NULL: there is none. */
static const struct node *no_json(const struct node *n)
{
	const struct node *found = n->kind == NODE_FLOAT && !isfinite(n->f) ? n : NULL;

	for (size_t i = 0; !found && n->kind == NODE_SEQ && i < n->n; i++)
		found = no_json(n->items[i]);
	for (size_t i = 0; !found && n->kind == NODE_MAP && i < n->n; i++)
		found = no_json(n->pairs[i].value);
	return found;
}

static int dump(const struct project *p, struct buf *out, enum dump_form form, struct pos *ret_bad)
{
	struct arena *a = arena_new();
	struct node *view = dump_view(a, p, form);
	const struct node *bad = form == DUMP_JSON ? no_json(view) : NULL;
	size_t from = out->len;

	if (bad && ret_bad)
		*ret_bad = bad->pos;
	else if (form == DUMP_YAML)
		dump_yaml(out, a, view);
	else
		dump_json(out, a, view, 0);
	if (!p->raw)
		double_dollars(out, from);
	arena_free(a);
	return bad ? -1 : 0;
}

int project_dump_json(const struct project *p, struct buf *out, struct pos *ret_bad)
{
	return dump(p, out, DUMP_JSON, ret_bad);
}

void project_dump_yaml(const struct project *p, struct buf *out)
{
	dump(p, out, DUMP_YAML, NULL);
}
