/* canon_forms.c - the other long forms of a service and of the top level. */
#include <ctype.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "canon.h"
#include "load.h"
#include "val.h"

/* ------------------------------------------------------------------ build */

struct node *canon_build(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *map;

	if (n->kind != NODE_STR)
		return n;
	map = canon_like(c, n, NODE_MAP);
	canon_set(c, map, "context", n, n);
	return map;
}

/* Attestations: a boolean becomes a text. */
struct node *canon_attest(struct canon *c, const struct attr *row, struct node *n)
{
	if (n->kind != NODE_STR && n->kind != NODE_BOOL)
		return canon_wrong(c, row, n, "a string or a boolean");
	return n->kind == NODE_STR ? n : canon_str(c, n, val_scalar_text(c->a, n));
}

static bool is_ssh_line(struct canon *c, const struct node *item)
{
	if (item->kind != NODE_STR || STREQ(item->text, "default") || strchr(item->text, '='))
		return true;
	canon_error(c, item, "'%s' is neither 'default' nor of the form ID=PATH", item->text);
	return false;
}

static bool is_ssh_pair(struct canon *c, const struct node_pair *p)
{
	if ((p->value->kind == NODE_NULL || canon_is_scalar(p->value)) && !load_is_timestamp(p->value) &&
		*p->key)
		return true;
	canon_error(c, p->value, "an SSH key needs a name, and a path or nothing");
	return false;
}

static struct node *ssh_text(struct canon *c, const struct node_pair *p)
{
	const char *text = val_scalar_text(c->a, p->value);

	return canon_str(c, p->value, *text ? arena_printf(c->a, "%s=%s", p->key, text) : p->key);
}

/* The form of a project that is printed with its variables. */
static void ssh_into_map(struct canon *c, struct node *map, const struct node *item)
{
	const char *path = item->kind == NODE_STR ? strchr(item->text, '=') : NULL;

	if (item->kind != NODE_STR)
		canon_error(c, item, "an SSH key must be a string, not a %s", canon_kind(item));
	else if (path)
		canon_set(c, map, arena_strndup(c->a, item->text, (size_t)(path - item->text)), item,
			canon_str(c, item, path + 1));
	else
		canon_set(c, map, item->text, item, canon_like(c, item, NODE_NULL));
}

static void ssh_item(struct canon *c, struct node *to, struct node *item)
{
	if (!is_ssh_line(c, item))
		return;
	if (to->kind == NODE_MAP)
		ssh_into_map(c, to, item);
	else
		node_push(c->a, to, item);
}

struct node *canon_ssh(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *to = canon_like(c, n, c->s->no_interpolate ? NODE_MAP : NODE_SEQ);

	if (n->kind != NODE_SEQ && n->kind != NODE_MAP)
		return canon_wrong(c, row, n, "a list or a mapping");
	if (n->kind == NODE_SEQ)
		canon_equal_items(c, row, n);
	for (size_t i = 0; i < n->n; i++) {
		size_t mark = n->kind == NODE_MAP ? canon_push(c, n->pairs[i].key) : canon_push_index(c, i);

		if (n->kind == NODE_SEQ)
			ssh_item(c, to, n->items[i]);
		else if (is_ssh_pair(c, &n->pairs[i]) && to->kind == NODE_SEQ)
			node_push(c->a, to, ssh_text(c, &n->pairs[i]));
		canon_pop(c, mark);
	}
	return n->kind == NODE_MAP && to->kind == NODE_MAP ? n : to;
}

/* ------------------------------------------------------------------ lists of names that are maps */

void canon_name_wrong(struct canon *c, const struct node *item, const char *key)
{
	canon_error(c, item, "an item of '%s' must be a string, not a %s", key, node_kind_str(item->kind));
	if (item->kind == NODE_MAP && item->n)
		canon_hint(c, "where one has more than its name, all are keys: '%s:' without the '-'",
			item->pairs[0].key);
}

static struct node *names_to_map(struct canon *c, const struct attr *row, struct node *n,
	struct node *(*value)(struct canon *c, const struct node *name))
{
	struct node *map;

	if (n->kind != NODE_SEQ)
		return n;
	map = canon_like(c, n, NODE_MAP);
	for (size_t i = 0; i < n->n; i++) {
		struct node *item = n->items[i];
		size_t mark = canon_push_index(c, i);

		if (item->kind != NODE_STR)
			canon_name_wrong(c, item, row->key);
		else if (node_pair_get(map, item->text))
			canon_error(c, item, "'%s' is in '%s' twice", item->text, row->key);
		else
			canon_set(c, map, item->text, item, value(c, item));
		canon_pop(c, mark);
	}
	return map;
}

static struct node *plain_dependency(struct canon *c, const struct node *name)
{
	struct node *map = canon_like(c, name, NODE_MAP);

	canon_set_str(c, map, "condition", name, "service_started");
	canon_set(c, map, "required", name, node_bool(c->a, true, name->pos));
	return map;
}

struct node *canon_depends_on(struct canon *c, const struct attr *row, struct node *n)
{
	return names_to_map(c, row, n, plain_dependency);
}

static struct node *nothing(struct canon *c, const struct node *name)
{
	return canon_like(c, name, NODE_NULL);
}

struct node *canon_models(struct canon *c, const struct attr *row, struct node *n)
{
	return names_to_map(c, row, n, nothing);
}

/* ------------------------------------------------------------------ files */

static struct node *env_file_of(struct canon *c, struct node *n)
{
	struct node *map = n;

	if (n->kind == NODE_STR) {
		map = canon_like(c, n, NODE_MAP);
		canon_set(c, map, "path", n, n);
	}
	if (map->kind == NODE_MAP && !node_get(map, "required"))
		canon_set(c, map, "required", n, node_bool(c->a, true, n->pos));
	return map;
}

struct node *canon_env_file(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *seq;

	if (n->kind != NODE_SEQ && n->kind != NODE_STR)
		return canon_wrong(c, row, n, "a string or a list");
	seq = canon_like(c, n, NODE_SEQ);
	if (n->kind == NODE_STR)
		node_push(c->a, seq, env_file_of(c, n));
	else
		for (size_t i = 0; i < n->n; i++)
			node_push(c->a, seq, env_file_of(c, n->items[i]));
	return seq;
}

const char *key_path(struct arena *a, const struct node *item)
{
	const struct node *path = node_get(item, "path");

	return path && path->kind == NODE_STR ? path->text : NULL;
}

struct node *canon_extends(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *map;

	if (n->kind != NODE_STR)
		return n;
	map = canon_like(c, n, NODE_MAP);
	canon_set(c, map, "service", n, n);
	return map;
}

struct node *canon_include_item(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *map;

	if (n->kind != NODE_STR)
		return n;
	map = canon_like(c, n, NODE_MAP);
	canon_set(c, map, "path", n, n);
	return map;
}

/* ------------------------------------------------------------------ devices to reserve */

struct node *canon_count(struct canon *c, const struct attr *row, struct node *n)
{
	if (n->kind == NODE_FLOAT)
		return canon_wrong(c, row, n, "a whole number or 'all'");
	if (n->kind != NODE_STR || strcasecmp(n->text, "all") != 0 || c->s->no_interpolate)
		return n;
	return canon_place(node_int(c->a, -1, n->pos), n);
}

struct node *canon_device_request(struct canon *c, const struct attr *row, struct node *n)
{
	if (n->kind == NODE_MAP && !node_get(n, "count") && !node_get(n, "device_ids"))
		canon_set(c, n, "count", n,
			c->s->no_interpolate ? canon_str(c, n, "all") : node_int(c->a, -1, n->pos));
	return n;
}

struct node *canon_reservation(struct canon *c, const struct attr *row, struct node *n)
{
	if (n->kind == NODE_MAP && !node_get(n, "capabilities")) {
		canon_error(c, n, "'capabilities' is missing: what the device must be able to do");
		canon_hint(c, "capabilities: [gpu]");
	}
	return canon_device_request(c, row, n);
}

struct node *canon_gpus(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *seq;

	if (n->kind == NODE_SEQ)
		return n;
	if (n->kind != NODE_STR || !STREQ(n->text, "all"))
		return canon_error(c, n, "'gpus' must be 'all' or a list");
	seq = canon_like(c, n, NODE_SEQ);
	node_push(c->a, seq, canon_like(c, n, NODE_MAP));
	return seq;
}

/* ------------------------------------------------------------------ values with a grammar of their own */

struct node *canon_test(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *seq;

	if (n->kind != NODE_STR)
		return n->kind == NODE_SEQ ? n : canon_wrong(c, row, n, "a string or a list of strings");
	if (c->s->no_interpolate)
		return n;
	seq = canon_like(c, n, NODE_SEQ);
	node_push(c->a, seq, canon_str(c, n, "CMD-SHELL"));
	node_push(c->a, seq, n);
	return seq;
}

/* A single number stays a number; the row's kids are for the pair. Variables in its place have to be filled
 * in. */
struct node *canon_ulimit(struct canon *c, const struct attr *row, struct node *n)
{
	const struct attr number = { "", A_INT, M_REPLACE, row->flags & AF_BARE };

	if (n->kind == NODE_MAP)
		return n;
	if (n->kind == NODE_FLOAT || (n->kind == NODE_STR && c->s->no_interpolate))
		return canon_wrong(c, row, n, "a whole number");
	return canon_value(c, &number, n);
}

struct node *canon_provider_option(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *seq;

	if (n->kind == NODE_SEQ || (c->s->no_interpolate && canon_is_scalar(n) && !load_is_timestamp(n)))
		return n;
	seq = canon_like(c, n, NODE_SEQ);
	node_push(c->a, seq, n);
	return seq;
}

/* one or more of "12h", at p */
static bool has_period(const char *p)
{
	size_t digits = strspn(p, "0123456789");

	return digits && p[digits] && strchr("wdhms", p[digits]);
}

static bool is_every(const char *text)
{
	if (!str_starts(text, "every_") || !has_period(text + strlen("every_")))
		return false;
	for (text += strlen("every_"); has_period(text); text += strspn(text, "0123456789") + 1)
		;
	return !*text;
}

static const char *const policies[] = { "always", "never", "build", "if_not_present", "missing", "refresh",
	"daily", "weekly", NULL };

/* The reference looks for a policy anywhere in the text, and takes what is none for `missing`. */
static bool holds_policy(const char *text)
{
	for (size_t i = 0; policies[i]; i++)
		if (strstr(text, policies[i]))
			return true;
	for (const char *p = text; (p = strstr(p, "every_")); p++)
		if (has_period(p + strlen("every_")))
			return true;
	return false;
}

struct node *canon_pull_policy(struct canon *c, const struct attr *row, struct node *n)
{
	const char *near;

	if (n->kind != NODE_STR || is_every(n->text) || (c->s->no_interpolate && holds_policy(n->text)))
		return n;
	for (size_t i = 0; policies[i]; i++)
		if (STREQ(policies[i], n->text))
			return n;
	near = str_nearest(n->text, policies);
	if (holds_policy(n->text))
		canon_warn(c, n,
			"'%s' is no value of 'pull_policy': it means 'missing', as for docker compose",
			n->text);
	else
		canon_error(c, n,
			"'%s' is no value of 'pull_policy' (always, missing, never, build, daily, weekly, "
			"every_…)",
			n->text);
	if (near)
		canon_hint(c, "did you mean '%s'?", near);
	return c->wrong ? NULL : n;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.-", c));
}

/* The reference is content with two good characters side by side; the whole name matters to who makes the
 * container. */
struct node *canon_name(struct canon *c, const struct attr *row, struct node *n)
{
	const char *p;

	if (n->kind != NODE_STR || str_is_container_name(n->text))
		return n;
	for (p = n->text; *p && !(isalnum((unsigned char)*p) && is_name_char(p[1])); p++)
		;
	if (!*p)
		return canon_error(c, n,
			"'%s' is no name for a container (a letter or digit, then at least one more, or '_', "
			"'.', '-')",
			n->text);
	if (c->s->no_interpolate)
		return n;
	canon_warn(c, n, "no container can have the name '%s' (letters, digits, then also '_', '.', '-')",
		n->text);
	return n;
}

/* A path that would be the project's own directory by accident. */
struct node *canon_filled(struct canon *c, const struct attr *row, struct node *n)
{
	if (n->kind == NODE_STR && !*n->text)
		return canon_error(c, n, "'%s' must not be empty", row->key);
	return n;
}

/* Files have room for other keys in `external`, nobody knows why. */
static void external_keys(struct canon *c, const struct attr *row, const struct node *external)
{
	if (attr_find(row, "file"))
		return;
	for (size_t i = 0; i < external->n; i++)
		if (!STREQ(external->pairs[i].key, "name") && !attr_is_extension(external->pairs[i].key))
			canon_error(c, external->pairs[i].value, "unknown key '%s'", external->pairs[i].key);
}

/* external: {name: x} is the old way to say external: true, name: x. */
struct node *canon_external(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *external = n->kind == NODE_MAP ? node_get(n, "external") : NULL, *name, *given;
	size_t mark;

	if (!external || external->kind != NODE_MAP)
		return n;
	mark = canon_push(c, "external");
	name = node_get(external, "name");
	given = node_get(n, "name");
	external_keys(c, row, external);
	if (name && given && !node_equal(name, given))
		canon_error(c, name, "'external.name' and 'name' differ");
	else if (name)
		canon_warn(
			c, external, "'external.name' is deprecated, please set 'name' and 'external: true'");
	canon_pop(c, mark);
	canon_set(c, n, "external", external, node_bool(c->a, true, external->pos));
	if (name)
		canon_set(c, n, "name", name, name);
	return n;
}
