/* canon_hint.c - what was meant by a key or value that is wrong: near-misses, the wrong level, the wrong sort of quotes. */
#include <ctype.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/str.h"
#include "canon.h"
#include "tree.h"

/* ------------------------------------------------------------------ keys */

/* Equal but for case, '_', '-' and blanks: containerName, container-name. */
static bool same_letters(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a && !isalnum((unsigned char)*a))
			a++;
		while (*b && !isalnum((unsigned char)*b))
			b++;
		if (!*a || tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return !*a && !*b;
	}
}

/* What other tools, or people in a hurry, call it. */
static const char *synonym(const struct attr *row, const char *key)
{
	static const struct {
		const char *said, *meant;
	} words[] = {
		{ "env", "environment" }, { "envs", "environment" }, { "vars", "environment" },
		{ "variables", "environment" }, { "cmd", "command" }, { "cmd", "test" }, { "command", "test" },
		{ "depends", "depends_on" }, { "requires", "depends_on" }, { "name", "container_name" },
		{ "memory", "mem_limit" }, { "mem", "mem_limit" }, { "mem", "memory" }, { "cpu", "cpus" },
		{ "host", "hostname" }, { "img", "image" }, { "health", "healthcheck" }, { "workdir", "working_dir" },
		{ "cwd", "working_dir" }, { "mounts", "volumes" }, { "binds", "volumes" }, { "groups", "group_add" },
		{ "caps", "cap_add" }, { "restart", "restart_policy" }, { "publish", "ports" },
		{ "log", "logging" }, { "logs", "logging" }, { "hosts", "extra_hosts" }, { "dockerfile_path", "dockerfile" },
		{ "path", "context" }, { "dir", "context" }, { "path", "file" },
		{ "src", "source" }, { "dst", "target" }, { "dest", "target" }, { "destination", "target" }, { "opts", "driver_opts" },
		{ "options", "driver_opts" },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (STREQ(words[i].said, key) && attr_find(row, words[i].meant))
			return words[i].meant;
	return NULL;
}

static const char *near_key(struct canon *c, const struct attr *row, const char *key)
{
	const char **keys;
	size_t n = 0;

	while (row->kids[n].key)
		n++;
	keys = arena_array(c->a, n + 1, sizeof *keys);
	for (size_t i = 0; i < n; i++)
		keys[i] = row->kids[i].key;
	return str_nearest(key, keys);
}

static bool has_key(const struct attr *obj, const char *key)
{
	return obj && obj->type == A_OBJ && attr_find(obj, key);
}

/* The object among the row's that the key belongs to. */
static const char *deeper(const struct attr *row, const char *key)
{
	for (const struct attr *kid = row->kids; kid->key; kid++)
		if (has_key(kid, key))
			return kid->key;
	return NULL;
}

static bool is_like_service(const struct node *n)
{
	static const char *const keys[] = { "image", "build", "extends", "container_name", "ports", "command" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (node_get(n, keys[i]))
			return true;
	return false;
}

/* The last key but one of the path: what the object is called that a key stands in. */
static const char *holder(struct canon *c)
{
	char *path = arena_strdup(c->a, c->path.len ? c->path.p : ""), *dot = strrchr(path, '.');

	if (!dot)
		return "";
	*dot = '\0';
	dot = strrchr(path, '.');
	return dot ? dot + 1 : path;
}

/* The key is right, but not here. */
static bool wrong_level(struct canon *c, const struct attr *row, const struct node_pair *p)
{
	const char *under = deeper(row, p->key), *in = holder(c);

	if (row == &attr_root && is_like_service(p->value))
		canon_hint(c, "a service? then indent it below 'services:'");
	else if (row == &attr_root && attr_find(&attr_service, p->key))
		canon_hint(c, "'%s' belongs to a service: indent it below the service's name", p->key);
	else if (row == &attr_service && is_like_service(p->value))
		canon_hint(c, "a service? then indent it as much as '%s'", in);
	else if (row == &attr_service && has_key(&attr_root, p->key))
		canon_hint(c, "'%s' is a key of the top level: indent it less", p->key);
	else if (row == &attr_service && (has_key(&attr_service, in) || has_key(&attr_root, in)))
		canon_hint(c, "'%s' is read as the name of a service; as a key it must be indented differently", in);
	else if (under)
		canon_hint(c, "'%s' belongs below '%s:'", p->key, under);
	else if (has_key(c->outer, p->key))
		canon_hint(c, "'%s' belongs one level up: indent it less", p->key);
	else if (row != &attr_root && has_key(attr_find(&attr_service, "healthcheck"), p->key))
		canon_hint(c, "'%s' belongs to the service's 'healthcheck:'", p->key);
	else
		return false;
	return true;
}

/* "- ./data: /data": a short form that a blank has made a mapping of. */
static bool is_split_mount(const struct attr *row, const struct node_pair *p)
{
	return attr_find(row, "target") && p->value->kind == NODE_STR &&
	       (p->value->text[0] == '/' || strchr(p->key, '/'));
}

const char *canon_hint_key(struct canon *c, const struct attr *row, const struct node_pair *p)
{
	const char *near;

	if (c->s->d->dropping)
		return NULL; /* what is not shown needs no hint; the search takes its time */
	if (strstr(p->key, "\xc2\xa0")) {
		canon_hint(c, "it holds no-break spaces (U+00A0); write plain ones");
		return NULL;
	}
	if (is_split_mount(row, p)) {
		canon_hint(c, "the short form has no blank after the ':': write '%s:%s'", p->key, p->value->text);
		return NULL;
	}
	for (const struct attr *kid = row->kids; kid->key; kid++) {
		if (!same_letters(p->key, kid->key))
			continue;
		canon_hint(c, "did you mean '%s'?", kid->key);
		return kid->key;
	}
	near = near_key(c, row, p->key);
	if (synonym(row, p->key))
		near = synonym(row, p->key);
	else if (!(near && str_distance(near, p->key) == 1) && wrong_level(c, row, p))
		return NULL;
	if (near)
		canon_hint(c, "did you mean '%s'?", near);
	else if (p->key[0] == '_' || p->key[0] == '.' || str_starts(p->key, "x_"))
		canon_hint(c, "a key of your own starts with 'x-'");
	return near;
}

/* ------------------------------------------------------------------ values */

void canon_hint_text(struct canon *c, const struct node *n)
{
	static const char *const quotes[] = { "\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x98", "\xe2\x80\x99" };

	if (n->kind != NODE_STR)
		return;
	for (size_t i = 0; i < ARRAY_LEN(quotes); i++) {
		if (!strstr(n->text, quotes[i]))
			continue;
		canon_hint(c, "typographic quotes do not quote; write \" or '");
		return;
	}
	if (strstr(n->text, "\xc2\xa0"))
		canon_hint(c, "it holds a no-break space (U+00A0); write a plain one");
}

bool canon_hint_pair(struct canon *c, const struct node *n)
{
	const char *key = n->kind == NODE_MAP && n->n == 1 ? n->pairs[0].key : "";

	if (!key[strcspn(key, " =/\"'$%`")])
		return false;
	canon_hint(c, "the ': ' in it makes a mapping of it: put the whole item in quotes");
	return true;
}

bool canon_takes_list(const struct attr *row)
{
	return row->type == A_SEQ || row->type == A_KV || row->canon == canon_depends_on ||
		row->canon == canon_networks || row->canon == canon_models;
}

/* "image:nginx" where a mapping is wanted. */
static bool lacks_blank(const struct attr *row, const struct node *n)
{
	const char *colon = n->kind == NODE_STR ? strchr(n->text, ':') : NULL;
	char key[64];

	if (!colon || colon == n->text || (size_t)(colon - n->text) >= sizeof key)
		return false;
	memcpy(key, n->text, (size_t)(colon - n->text));
	key[colon - n->text] = '\0';
	return has_key(row, key);
}

void canon_hint_wrong(struct canon *c, const struct attr *row, const struct node *n)
{
	const char *name = c->path.len ? c->path.p : "";
	const char *last = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;

	if (row == &attr_service && attr_find(&attr_service, last))
		canon_hint(c, "'%s' belongs to a service: indent it below the service's name", last);
	else if (row == &attr_service && n->kind == NODE_NULL)
		canon_hint(c, "a service needs 'image' or 'build', indented below its name");
	else if (n->kind == NODE_NULL)
		canon_hint(c, "give it a value, or remove the line");
	else if (n->kind == NODE_STR && n->text[0] == '-' && n->text[1] && canon_takes_list(row))
		canon_hint(c, "a blank is missing after the '-'");
	else if (lacks_blank(row, n))
		canon_hint(c, "a blank is missing after the ':'");
	else if (has_key(row, "condition") && canon_is_scalar(n))
		canon_hint(c, "write '%s: {condition: %s}'", last, n->text);
	else if (row->type == A_KV && n->kind == NODE_STR && !n->span && strchr(n->text, '='))
		canon_hint(c, "write each line as 'NAME: value', or as '- NAME=value'");
	else if (n->kind == NODE_STR && canon_takes_list(row) && !n->span && strstr(n->text, " - "))
		canon_hint(c, "a '- ' is missing before the first item");
	else if (canon_is_scalar(n) && canon_takes_list(row) && *n->text)
		canon_hint(c, "write it as a list: [\"%s\"]", n->text);
	else if (n->kind == NODE_MAP && row->type == A_SEQ)
		canon_hint(c, "each item of a list starts with '- '");
	else if (n->kind == NODE_SEQ && (row->type == A_OBJ || row->type == A_MAP))
		canon_hint(c, "leave the '-' out: its keys follow below, each once");
}
