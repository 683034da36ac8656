/* canon_text.c - commands become lists of words, lines of NAME=value become maps. */
#include <ctype.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "canon.h"
#include "load.h"
#include "val.h"

/* ------------------------------------------------------------------ commands */

static struct node *command_words(struct canon *c, struct node *n)
{
	struct strv words;
	const char *rest = NULL;
	char *why;
	struct node *seq;

	if (c->s->no_interpolate)
		return n;
	if (val_words(c->a, n->text, &words, &rest, &why) < 0) {
		canon_error(c, n, "%s", why);
		canon_hint(c, "write it as a list: [\"sh\", \"-c\", \"…\"]");
		return n;
	}
	if (rest) {
		canon_warn(c, n,
			"no shell reads this: '%s' and what follows is dropped, as docker compose does",
			arena_strndup(c->a, rest, 1));
		canon_hint(c, "quote it, or write [\"sh\", \"-c\", \"…\"]");
	}
	seq = canon_like(c, n, NODE_SEQ);
	for (size_t i = 0; i < words.n; i++)
		node_push(c->a, seq, canon_str(c, n, words.v[i]));
	return seq;
}

struct node *canon_command(struct canon *c, const struct attr *row, struct node *n)
{
	if (n->kind == NODE_STR && !load_is_timestamp(n))
		return command_words(c, n);
	if (n->kind != NODE_SEQ) {
		canon_wrong(c, row, n, "a string or a list of strings");
		return n;
	}
	for (size_t i = 0; i < n->n; i++) {
		size_t mark = canon_push_index(c, i);

		if (n->items[i]->kind != NODE_STR || load_is_timestamp(n->items[i])) {
			canon_error(c, n->items[i], "an item of '%s' must be a string, not a %s", row->key,
				canon_kind(n->items[i]));
			if (canon_is_scalar(n->items[i]))
				canon_hint(c, "put it in quotes: \"%s\"", n->items[i]->text);
			else
				canon_hint_pair(c, n->items[i]);
		}
		canon_pop(c, mark);
	}
	return n;
}

/* ------------------------------------------------------------------ NAME=value */

static struct node *kv_value(struct canon *c, const struct attr *row, struct node *n)
{
	if (n->kind == NODE_NULL && c->s->no_interpolate)
		return n;
	if (n->kind == NODE_NULL)
		return row->flags & AF_UNSET ? n : canon_str(c, n, "");
	if (!canon_is_scalar(n) || load_is_timestamp(n)) {
		canon_error(c, n, "a value of '%s' must be a string, number, boolean or nothing, not a %s",
			row->key, canon_kind(n));
		if (load_is_timestamp(n))
			canon_hint(c, "put it in quotes: \"%s\"", n->text);
		return n;
	}
	return n->kind == NODE_STR || c->s->no_interpolate ? n : canon_str(c, n, val_scalar_text(c->a, n));
}

/* What a line says, NULL after it was reported. A name that ends in a blank is a slip the reference refuses
 * where variables are set. */
static struct node *line_value(struct canon *c, const struct attr *row, struct node *item, size_t name_len)
{
	const char *text = item->text;
	struct node *unset;

	if ((row->flags & AF_UNSET) && name_len && isspace((unsigned char)text[name_len - 1]) &&
		(text[name_len] || !(row->flags & AF_SET)))
		return canon_error(c, item, "there is a blank after the name in '%s'", text);
	if (text[name_len] == '=')
		return canon_str(c, item, text + name_len + 1);
	if (row->flags & AF_CTX)
		return canon_error(c, item, "'%s' is not of the form NAME=CONTEXT", text);
	if (!(row->flags & AF_UNSET))
		return canon_str(c, item, "");
	unset = canon_like(c, item, NODE_NULL);
	unset->listed = true;
	return unset;
}

static bool is_line(struct canon *c, const struct attr *row, const struct node *item)
{
	if (item->kind == NODE_STR && !load_is_timestamp(item))
		return true;
	canon_error(
		c, item, "an item of '%s' must be a string NAME=value, not a %s", row->key, canon_kind(item));
	if (canon_is_scalar(item))
		canon_hint(c, "put it in quotes: \"%s\"", item->text);
	else if (!canon_hint_pair(c, item) && item->kind == NODE_MAP && item->n == 1)
		canon_hint(c, "write '- %s=…', or leave all the '-' out", item->pairs[0].key);
	return false;
}

static void kv_line(struct canon *c, const struct attr *row, struct node *map, struct node *item)
{
	struct node *value;
	size_t len;

	if (!is_line(c, row, item))
		return;
	len = strcspn(item->text, "=");
	value = line_value(c, row, item, len);
	if (value)
		canon_set(c, map, arena_strndup(c->a, item->text, len), item, value);
}

/* While variables are left alone lines stay lines, but for contexts when each of them has its value. */
static bool stays_lines(struct canon *c, const struct attr *row, const struct node *n)
{
	if (!c->s->no_interpolate)
		return false;
	for (size_t i = 0; (row->flags & AF_CTX) && i < n->n; i++)
		if (n->items[i]->kind == NODE_STR && !strchr(n->items[i]->text, '='))
			return true;
	return !(row->flags & AF_CTX);
}

static struct node *kv_lines(struct canon *c, const struct attr *row, struct node *n)
{
	for (size_t i = 0; i < n->n; i++) {
		size_t mark = canon_push_index(c, i);

		is_line(c, row, n->items[i]);
		canon_pop(c, mark);
	}
	if (!(row->flags & AF_ONCE))
		attr_unique(c->a, row, n);
	return n;
}

static struct node *kv_map(struct canon *c, const struct attr *row, struct node *n)
{
	for (size_t i = 0; i < n->n; i++) {
		size_t mark = canon_push(c, n->pairs[i].key);

		/* for the reference's pattern a name of newlines has no characters either */
		if (!n->pairs[i].key[strspn(n->pairs[i].key, "\n")])
			canon_error(c, n->pairs[i].value, "a name in '%s' is empty", row->key);
		n->pairs[i].value = kv_value(c, row, n->pairs[i].value);
		canon_pop(c, mark);
	}
	return n;
}

struct node *canon_kv(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *map;

	if (n->kind == NODE_MAP)
		return kv_map(c, row, n);
	if (n->kind != NODE_SEQ) {
		canon_wrong(c, row, n, "a mapping or a list of NAME=value");
		return n;
	}
	if (row->flags & AF_ONCE)
		canon_equal_items(c, row, n);
	if (stays_lines(c, row, n))
		return kv_lines(c, row, n);
	map = canon_like(c, n, NODE_MAP);
	for (size_t i = 0; i < n->n; i++) {
		size_t mark = canon_push_index(c, i);

		kv_line(c, row, map, n->items[i]);
		canon_pop(c, mark);
	}
	return map;
}
