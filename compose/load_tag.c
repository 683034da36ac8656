/* What a tag makes of a value. The reference resolves YAML's own scalar tags, whether the text is quoted or
 * not, takes a scalar with any other tag as the text it is, and ignores the tags of lists and mappings. So do
 * we, with a warning for tags that nobody knows; only what is nearly "!reset" or "!override" is a mistake. */
#include "load_tag.h"

#include <ctype.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/str.h"
#include "load.h"
#include "load_scalar.h"

enum tag_does {
	DOES_NOTHING,
	DOES_TEXT,
	DOES_TYPE,
	DOES_DATE,
	DOES_BINARY,
	DOES_MERGE,
	DOES_RESET,
	DOES_OVERRIDE,
	DOES_UNKNOWN
};

#define YAML_TAG(name) "tag:yaml.org,2002:" name

static const struct tag {
	const char *name;
	enum tag_does does;
	enum node_kind kind; /* DOES_TYPE */
} tags[] = {
	{ "!", DOES_NOTHING },
	{ YAML_TAG("str"), DOES_TEXT },
	{ YAML_TAG("int"), DOES_TYPE, NODE_INT },
	{ YAML_TAG("float"), DOES_TYPE, NODE_FLOAT },
	{ YAML_TAG("bool"), DOES_TYPE, NODE_BOOL },
	{ YAML_TAG("null"), DOES_TYPE, NODE_NULL },
	{ YAML_TAG("timestamp"), DOES_DATE },
	{ YAML_TAG("binary"), DOES_BINARY },
	{ YAML_TAG("merge"), DOES_MERGE },
	{ YAML_TAG("map"), DOES_TEXT },
	{ YAML_TAG("seq"), DOES_TEXT },
	{ YAML_TAG("set"), DOES_TEXT },
	{ YAML_TAG("omap"), DOES_TEXT },
	{ YAML_TAG("pairs"), DOES_TEXT },
	{ "!reset", DOES_RESET },
	{ "!override", DOES_OVERRIDE },
};

static const struct tag *find_tag(const char *name)
{
	static const struct tag none = { "", DOES_NOTHING }, unknown = { "", DOES_UNKNOWN };

	if (!name)
		return &none;
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (STREQ(tags[i].name, name))
			return &tags[i];
	}
	return &unknown;
}

/* ------------------------------------------------------------------ tags that nobody knows */

/* The tag that was meant: it differs by the case of letters, or by a letter or two. */
static const char *near_tag(const char *name)
{
	static const struct {
		const char *tag;
		unsigned distance;
	} ours[] = { { "!reset", 1 }, { "!override", 2 } };
	char lower[16];
	size_t n = strlen(name);

	if (n >= sizeof lower)
		return NULL;
	for (size_t i = 0; i <= n; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		if (str_distance(lower, ours[i].tag) <= ours[i].distance)
			return ours[i].tag;
	}
	return NULL;
}

static void report_unknown(struct loader *l, const struct node *n, const char *name)
{
	const char *near = near_tag(name);

	if (near) {
		FAIL(l, n->pos, "the tag '%s' is not known", name);
		diag_hint(l->d, "did you mean '%s'?", near);
		return;
	}
	if (l->d->n >= DIAG_MAX)
		return;
	diag_warn(l->d, n->pos, "the tag '%s' is not known: the value is taken %s", name,
		n->kind == NODE_STR ? "as a text" : "as it is");
	if (n->kind == NODE_STR)
		diag_hint(l->d, "a text that starts with '!' must be in quotes");
}

/* ------------------------------------------------------------------ scalars */

static void check_type(struct loader *l, struct node *n, const struct tag *tag)
{
	load_scalar_resolve(n);
	if (tag->does == DOES_DATE ? load_is_timestamp(n) : n->kind == tag->kind)
		return;
	if (tag->kind == NODE_FLOAT && n->kind == NODE_INT && !n->is_u64) {
		n->kind = NODE_FLOAT;
		n->f = (double)n->i;
		return;
	}
	FAIL(l, n->pos, "'%s' is no value of the type '!!%s'", n->text, tag->name + strlen(YAML_TAG("")));
	diag_where(l->d, NULL, NULL, n->span);
}

static int base64_digit(char c)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(set, c) : NULL;

	return p ? (int)(p - set) : -1;
}

/* The bytes in `out`, which has room for them; -1 when it is no base64. Line ends do not count. */
static int base64_decode(const char *s, char *out, size_t *ret_len)
{
	unsigned bits = 0, n = 0, pads = 0;
	size_t len = 0;

	for (; *s; s++) {
		int digit = base64_digit(*s);

		if (*s == '\n' || *s == '\r')
			continue;
		if (*s == '=' ? n % 4 < 2 : digit < 0 || pads)
			return -1;
		pads += *s == '=';
		bits = bits << 6 | (unsigned)(digit < 0 ? 0 : digit);
		if (++n % 4)
			continue;
		if (pads > 2)
			return -1;
		for (unsigned i = 0; i < 3 - pads; i++)
			out[len++] = (char)(bits >> (16 - 8 * i));
	}
	*ret_len = len;
	return n % 4 || pads > 2 ? -1 : 0;
}

static void decode_binary(struct loader *l, struct node *n)
{
	char *out = arena_alloc(l->a, n->len / 4 * 3 + 4);
	size_t len;

	n->quoted = true;
	if (base64_decode(n->text, out, &len) < 0) {
		FAIL(l, n->pos, "a value of the type '!!binary' must be in base64");
		return;
	}
	if (memchr(out, '\0', len) || !str_is_utf8(out, len)) {
		FAIL(l, n->pos, "this '!!binary' is no text: only texts can stand in a compose file");
		return;
	}
	n->text = out;
	n->len = len;
}

void load_tag_scalar(struct loader *l, struct node *n, const char *name, bool plain)
{
	const struct tag *tag = find_tag(name);

	n->quoted = !plain;
	switch (tag->does) {
	case DOES_NOTHING:
		if (plain)
			load_scalar_resolve(n);
		return;
	case DOES_TYPE:
	case DOES_DATE:
		n->quoted = false;
		check_type(l, n, tag);
		return;
	case DOES_BINARY:
		decode_binary(l, n);
		return;
	case DOES_MERGE:
		n->quoted = !STREQ(n->text, "<<");
		return;
	case DOES_RESET:
		n->tag = NODE_RESET;
		break;
	case DOES_OVERRIDE:
		n->tag = NODE_OVERRIDE;
		break;
	case DOES_UNKNOWN:
		report_unknown(l, n, name);
		break;
	case DOES_TEXT:
		break;
	}
	n->quoted = true;
}

/* ------------------------------------------------------------------ lists and mappings */

void load_tag_collection(struct loader *l, struct node *n, const char *name)
{
	const struct tag *tag = find_tag(name);

	if (tag->does == DOES_RESET)
		n->tag = NODE_RESET;
	else if (tag->does == DOES_OVERRIDE)
		n->tag = NODE_OVERRIDE;
	else if (tag->does == DOES_UNKNOWN)
		report_unknown(l, n, name);
}
