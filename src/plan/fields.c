#include "fields.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"

enum { ID_KEYS = 3 };

/* Lists whose order says nothing, by the last key of their path. Items that are maps are the same item when `id` is the same in both. */
static const struct set {
	const char *key;
	const char *id[ID_KEYS];
} sets[] = {
	{ "ports", { "target", "protocol", "host_ip" } },
	{ "volumes", { "target" } },
	{ "configs", { "source", "target" } },
	{ "secrets", { "source", "target" } },
	{ "devices", { "target" } },
	{ "cap_add" }, { "cap_drop" }, { "expose" }, { "security_opt" }, { "group_add" }, { "tmpfs" }, { "links" }, { "external_links" },
	{ "volumes_from" }, { "device_cgroup_rules" }, { "extra_hosts" }, { "aliases" }, { "link_local_ips" },
};

static const struct set *set_find(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < ARRAY_LEN(sets); i++)
		if (STREQ(dot + 1, sets[i].key))
			return &sets[i];
	return NULL;
}

/* ------------------------------------------------------------------ adding */

static char *json_text(const json_t *j)
{
	return j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
}

static struct field *add(struct fields *f, const char *path)
{
	struct field *it = XGROW(f->v, f->n, f->cap);

	it->path = xstrdup(path);
	return it;
}

static void add_values(struct fields *f, const char *path, const json_t *from, const json_t *to)
{
	struct field *it = add(f, path);

	it->from = json_text(from);
	it->to = json_text(to);
}

void fields_add_text(struct fields *f, const char *path, const char *from, const char *to)
{
	auto_json json_t *a = from ? json_string(from) : NULL;
	auto_json json_t *b = to ? json_string(to) : NULL;

	add_values(f, path, a, b);
}

void fields_add_note(struct fields *f, const char *path, const char *note)
{
	add(f, path)->note = xstrdup(note);
}

void fields_done(struct fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].path);
		free(f->v[i].from);
		free(f->v[i].to);
		free(f->v[i].note);
	}
	free(f->v);
	*f = (struct fields){ 0 };
}

/* ------------------------------------------------------------------ paths */

static bool is_plain(const char *key)
{
	for (const char *p = key; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
			return false;
	return *key;
}

static char *path_of_key(const char *path, const char *key)
{
	auto_buf struct buf b = BUF_INIT;

	if (is_plain(key))
		return xasprintf("%s.%s", path, key);
	buf_str(&b, path);
	buf_char(&b, '[');
	buf_json(&b, key);
	buf_char(&b, ']');
	return buf_take(&b);
}

/* ------------------------------------------------------------------ maps */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of both, sorted, each once. malloc'ed, *ret_n of them; the texts are borrowed. */
static const char **keys_of(const json_t *a, const json_t *b, size_t *ret_n)
{
	const char **keys = xcalloc(json_object_size(a) + json_object_size(b) + 1, sizeof *keys);
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)a, key, value)
		keys[n++] = key;
	json_object_foreach((json_t *)b, key, value)
		if (!json_object_get(a, key))
			keys[n++] = key;
	qsort(keys, n, sizeof *keys, by_text);
	*ret_n = n;
	return keys;
}

static void compare_maps(struct fields *f, const char *path, const json_t *from, const json_t *to)
{
	size_t n;
	auto_free const char **keys = keys_of(from, to, &n);

	for (size_t i = 0; i < n; i++) {
		auto_free char *at = path_of_key(path, keys[i]);

		fields_compare(f, at, json_object_get(from, keys[i]), json_object_get(to, keys[i]));
	}
}

/* ------------------------------------------------------------------ sets */

static bool same_item(const struct set *set, const json_t *a, const json_t *b)
{
	if (!set->id[0] || !json_is_object(a) || !json_is_object(b))
		return json_equal(a, b);
	for (size_t i = 0; i < ID_KEYS && set->id[i]; i++) {
		const json_t *x = json_object_get(a, set->id[i]), *y = json_object_get(b, set->id[i]);

		if (x != y && !(x && y && json_equal(x, y)))
			return false;
	}
	return true;
}

/* The first item of `list` that is not taken yet and is equal to `item`, or (exact false) the same one changed; SIZE_MAX: none. */
static size_t partner(const struct set *set, const json_t *list, const bool *taken, const json_t *item, bool exact)
{
	const json_t *other;
	size_t i;

	json_array_foreach((json_t *)list, i, other)
		if (!taken[i] && (exact ? json_equal(item, other) : same_item(set, item, other)))
			return i;
	return SIZE_MAX;
}

/* pair[i]: which of `from` the i-th of `to` was. Equal ones find each other first: a port may be published twice. */
static void pair_up(const struct set *set, const json_t *from, const json_t *to, size_t *pair, bool *taken)
{
	json_t *item;
	size_t i;

	for (int exact = 1; exact >= 0; exact--)
		json_array_foreach((json_t *)to, i, item) {
			if (exact || pair[i] == SIZE_MAX)
				pair[i] = partner(set, from, taken, item, exact);
			if (pair[i] != SIZE_MAX)
				taken[pair[i]] = true;
		}
}

static void compare_sets(struct fields *f, const char *path, const struct set *set, const json_t *from, const json_t *to)
{
	auto_free size_t *pair = xcalloc(json_array_size(to) + 1, sizeof *pair);
	auto_free bool *taken = xcalloc(json_array_size(from) + 1, sizeof *taken);
	size_t before = f->n, i;
	json_t *item;

	pair_up(set, from, to, pair, taken);
	json_array_foreach((json_t *)to, i, item) {
		auto_free char *at = xasprintf("%s[%zu]", path, i);

		if (pair[i] == SIZE_MAX)
			add_values(f, at, NULL, item);
		else
			fields_compare(f, at, json_array_get(from, pair[i]), item);
	}
	json_array_foreach((json_t *)from, i, item) {
		auto_free char *at = xasprintf("%s[%zu]", path, i);

		if (!taken[i])
			add_values(f, at, item, NULL);
	}
	if (f->n == before)
		fields_add_note(f, path, "order changed");
}

/* ------------------------------------------------------------------ any value */

void fields_compare(struct fields *f, const char *path, const json_t *from, const json_t *to)
{
	const struct set *set = set_find(path);
	bool maps = (!from || json_is_object(from)) && (!to || json_is_object(to));
	bool lists = (!from || json_is_array(from)) && (!to || json_is_array(to));

	if (from == to || (from && to && json_equal(from, to)))
		return;
	if (maps && json_object_size(from) + json_object_size(to))
		compare_maps(f, path, from, to);
	else if (set && lists && json_array_size(from) + json_array_size(to))
		compare_sets(f, path, set, from, to);
	else
		add_values(f, path, from, to);
}
