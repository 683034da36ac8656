/* dump_yaml.c - a tree as YAML, byte for byte as the reference's library writes it.
 *
 * A text is plain when that is safe, in double quotes when plain it would be read as something else, a
 * literal block when it has lines; each falls back to stronger quotes when it cannot hold the text. Lines are
 * never folded. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/str.h"
#include "dump.h"
#include "load.h"
#include "load_scalar.h"
#include "node.h"
#include "val.h"

enum { SIMPLE_KEY_MAX = 128 }; /* longer keys are announced with a question mark */

enum style { STYLE_PLAIN, STYLE_SINGLE, STYLE_DOUBLE, STYLE_BLOCK };

/* ------------------------------------------------------------------ which quotes */

/* 190:20:30, which YAML 1.1 reads as a number. */
static bool is_base60(const char *s)
{
	size_t n;

	s += *s == '+' || *s == '-';
	if (*s < '0' || *s > '9')
		return false;
	s += strspn(s, "0123456789_");
	if (*s != ':')
		return false;
	while (*s == ':') {
		n = strspn(s + 1, "0123456789");
		if (n < 1 || n > 2 || (n == 2 && s[1] > '5'))
			return false;
		s += 1 + n;
	}
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789_");
	return *s == '\0';
}

/* Whether a reader of YAML, of this version or an older one, would take the plain text for something other
 * than a string. */
static bool is_ambiguous(const char *s)
{
	static const char *const old_bools[] = { "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N",
		"no", "No", "NO", "off", "Off", "OFF" };
	struct node n = { .text = s, .len = strlen(s) };

	if (n.len > 3 && !strchr("+-.0123456789~ntfNTF", *s))
		return false;
	for (size_t i = 0; n.len <= 3 && i < ARRAY_LEN(old_bools); i++)
		if (STREQ(old_bools[i], s))
			return true;
	load_scalar_resolve(&n);
	return n.kind != NODE_STR || load_is_timestamp(&n) || is_base60(s);
}

/* The bytes of a character that only an escape can show: control characters, U+0080 to U+009F, the byte order
 * mark, U+FFFE, U+FFFF and all beyond the basic plane; and the line separators U+2028 and U+2029. Zero: it
 * can stand for itself. */
static size_t odd_char(const char *s)
{
	unsigned char c = (unsigned char)*s;

	if (c < 0x80)
		return c < ' ' || c == 0x7f;
	if (c == 0xc2)
		return (unsigned char)s[1] < 0xa0 ? 2 : 0;
	if (c >= 0xf0)
		return 4;
	if (str_starts(s, "\xef\xbb\xbf") || str_starts(s, "\xef\xbf\xbe") || str_starts(s, "\xef\xbf\xbf") ||
		str_starts(s, "\xe2\x80\xa8") || str_starts(s, "\xe2\x80\xa9"))
		return 3;
	return 0;
}

struct looks {
	bool sign;	/* something in it means something to YAML */
	bool edge;	/* a blank or newline at its beginning or end */
	bool blank_end; /* a blank at its end */
	bool lines, tab, odd;
	bool blank_break; /* a blank before a newline */
	bool break_blank; /* a newline before a blank */
};

static bool is_sign(const char *s, const char *p)
{
	bool blank_next = !p[1] || p[1] == ' ' || p[1] == '\t';

	if (*p == ':')
		return blank_next;
	if (p == s)
		return strchr("#,[]{}&*!|>'\"%@`", *p) || (strchr("?-", *p) && blank_next);
	return *p == '#' && strchr(" \t\n\r", p[-1]);
}

static struct looks look(const char *s)
{
	struct looks l = { .sign = str_starts(s, "---") || str_starts(s, "...") };
	const char *p = s;

	for (; *p; p++) {
		if (is_sign(s, p))
			l.sign = true;
		if (*p == '\t')
			l.tab = true;
		else if (*p == '\n')
			l.lines = true;
		else if (odd_char(p))
			l.odd = true;
		if (p > s && p[-1] == ' ' && *p == '\n')
			l.blank_break = true;
		if (p > s && p[-1] == '\n' && *p == ' ')
			l.break_blank = true;
	}
	l.blank_end = p > s && p[-1] == ' ';
	l.edge = l.blank_end || *s == ' ' || *s == '\n' || (p > s && p[-1] == '\n');
	return l;
}

static enum style style_of(const char *s)
{
	struct looks l;

	if (!*s)
		return STYLE_DOUBLE;
	l = look(s);
	if (l.lines)
		return l.blank_end || l.blank_break || l.odd ? STYLE_DOUBLE : STYLE_BLOCK;
	if (l.tab || l.odd || is_ambiguous(s))
		return STYLE_DOUBLE;
	return l.sign || l.edge ? STYLE_SINGLE : STYLE_PLAIN;
}

/* ------------------------------------------------------------------ texts */

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

static void escape(struct buf *out, const char *s, size_t n)
{
	static const char special[] = "\a\b\t\n\v\f\r\x1b\"\\", letter[] = "abtnvfre\"\\";
	const unsigned char *u = (const unsigned char *)s;
	const char *at = n == 1 ? strchr(special, *s) : NULL;
	unsigned c;

	if (at) {
		buf_printf(out, "\\%c", letter[at - special]);
		return;
	}
	c = n == 1   ? u[0]
	    : n == 2 ? (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu)
	    : n == 3 ? (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu)
		     : (u[0] & 0x07u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
	if (c == 0x85 || c == 0x2028 || c == 0x2029)
		buf_str(out, c == 0x85 ? "\\N" : c == 0x2028 ? "\\L" : "\\P");
	else
		buf_printf(out, c <= 0xff ? "\\x%02X" : c <= 0xffff ? "\\u%04X" : "\\U%08X", c);
}

static void yaml_double(struct buf *out, const char *s)
{
	struct buf clean = BUF_INIT;

	buf_utf8(&clean, s);
	buf_char(out, '"');
	for (const char *p = clean.p; *p; p++) {
		size_t n = *p == '"' || *p == '\\' ? 1 : odd_char(p);

		if (!n) {
			buf_char(out, *p);
			continue;
		}
		escape(out, p, n);
		p += n - 1;
	}
	buf_char(out, '"');
	buf_done(&clean);
}

/* A literal block: a digit when its indentation cannot be seen from the first line, then a sign that says how
 * many newlines the text ends with. */
static void yaml_block(struct buf *out, const char *s, int indent)
{
	size_t n = strlen(s);

	buf_char(out, '|');
	if (*s == ' ' || *s == '\n')
		buf_char(out, '2');
	if (s[n - 1] != '\n')
		buf_char(out, '-');
	else if (n == 1 || s[n - 2] == '\n')
		buf_char(out, '+');
	while (*s) {
		size_t line = strcspn(s, "\n");

		buf_char(out, '\n');
		if (line)
			dump_spaces(out, indent);
		buf_add(out, s, line);
		s += line;
		s += *s == '\n';
	}
}

static void yaml_text(struct buf *out, const char *s, int indent)
{
	switch (style_of(s)) {
	case STYLE_PLAIN:
		buf_str(out, s);
		break;
	case STYLE_SINGLE:
		yaml_single(out, s);
		break;
	case STYLE_BLOCK:
		yaml_block(out, s, indent);
		break;
	case STYLE_DOUBLE:
		yaml_double(out, s);
		break;
	}
}

/* ------------------------------------------------------------------ the tree */

static void yaml_node(struct buf *out, struct arena *a, const struct node *n, int indent);

static bool is_long(const struct node *n)
{
	return (n->kind == NODE_MAP || n->kind == NODE_SEQ) && n->n;
}

/* One line, and not too long. */
static bool is_simple_key(const char *key)
{
	size_t n = 0;

	for (; key[n] && n <= SIMPLE_KEY_MAX; n++)
		if (key[n] == '\n' || key[n] == '\r' || str_starts(key + n, "\xc2\x85") ||
			str_starts(key + n, "\xe2\x80\xa8") || str_starts(key + n, "\xe2\x80\xa9"))
			return false;
	return n <= SIMPLE_KEY_MAX;
}

static void yaml_pair(struct buf *out, struct arena *a, const struct node_pair *p, int indent)
{
	bool simple = is_simple_key(p->key);

	if (!simple)
		buf_str(out, "? ");
	yaml_text(out, p->key, indent + 2);
	if (!simple) {
		buf_char(out, '\n');
		dump_spaces(out, indent);
	}
	buf_char(out, ':');
	if (simple && is_long(p->value)) {
		buf_char(out, '\n');
		dump_spaces(out, indent + 2);
	} else {
		buf_char(out, ' ');
	}
	yaml_node(out, a, p->value, indent + 2);
	if (!is_long(p->value))
		buf_char(out, '\n');
}

static void yaml_scalar(struct buf *out, struct arena *a, const struct node *n, int indent)
{
	const char *text;

	if (n->kind == NODE_NULL) {
		buf_str(out, "null");
	} else if (n->kind == NODE_STR && n->tag == NODE_TIME) {
		buf_str(out, n->text);
	} else if (n->kind == NODE_STR) {
		yaml_text(out, n->text, indent);
	} else {
		text = val_scalar_text(a, n);
		buf_str(out, STREQ(text, "+Inf")   ? ".inf"
			     : STREQ(text, "-Inf") ? "-.inf"
			     : STREQ(text, "NaN")  ? ".nan"
						   : text);
	}
}

/* The cursor stands where the node begins; long ones end with a newline, short ones do not. */
static void yaml_node(struct buf *out, struct arena *a, const struct node *n, int indent)
{
	if (n->kind != NODE_MAP && n->kind != NODE_SEQ) {
		yaml_scalar(out, a, n, indent);
		return;
	}
	if (!n->n)
		buf_str(out, n->kind == NODE_MAP ? "{}" : "[]");
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			dump_spaces(out, indent);
		if (n->kind == NODE_MAP) {
			yaml_pair(out, a, &n->pairs[i], indent);
			continue;
		}
		buf_str(out, "- ");
		yaml_node(out, a, n->items[i], indent + 2);
		if (!is_long(n->items[i]))
			buf_char(out, '\n');
	}
}

void dump_yaml(struct buf *out, struct arena *a, const struct node *n)
{
	yaml_node(out, a, n, 0);
	if (!is_long(n))
		buf_char(out, '\n');
}
