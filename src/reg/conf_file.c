/* conf_file.c - from TOML to tables: version 2 ([[registry]]) and what version 1 ([registries.…]) comes to. */
#include <string.h>
#include <strings.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/visible.h"
#include "conf.h"
#include "toml.h"

struct reading {
	struct reg_conf *conf;
	struct toml_doc doc;
	struct reg_tables *tables;
	struct err *err;
};

/* --- keys of a table, by rows --- */

struct row {
	const char *key;
	enum toml_kind kind;
	bool ignored;	/* of a known key that has no meaning here */
	size_t offset;	/* of a const char * or a bool */
};

static const struct row *find_row(const struct row *rows, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (STREQ(rows[i].key, key))
			return &rows[i];
	return NULL;
}

static void warn_unknown(struct reading *r, const struct toml *it, const struct row *rows, size_t n)
{
	auto_free char *where = toml_where(&r->doc, it), *shown = visible_copy(it->key);
	auto_free const char **words = xcalloc(n + 1, sizeof *words);
	const char *near;

	for (size_t i = 0; i < n; i++)
		words[i] = rows[i].key;
	near = str_nearest(it->key, words);
	if (r->conf->warnings.n < 100)
		strs_printf(&r->conf->warnings, "%s: unknown key '%s' has no effect%s%s%s", where, shown,
			near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* Fills `out`; unknown keys become warnings. */
static int read_rows(struct reading *r, const struct toml *table, const struct row *rows, size_t n, void *out)
{
	toml_each(table, it) {
		const struct row *row = find_row(rows, n, it->key);

		if (!row) {
			warn_unknown(r, it, rows, n);
			continue;
		}
		if (row->ignored)
			continue;
		if (it->kind != row->kind)
			return toml_bad(&r->doc, it, r->err, "'%s' must be %s, not %s", it->key, toml_kind_str(row->kind),
				toml_kind_str(it->kind));
		if (it->kind == TOML_STRING)
			memcpy((char *)out + row->offset, &it->text, sizeof it->text);
		if (it->kind == TOML_BOOLEAN)
			memcpy((char *)out + row->offset, &it->truth, sizeof it->truth);
	}
	return 0;
}

/* --- locations --- */

/* Without slashes at its end; at: what is to blame. */
static int clean_location(struct reading *r, const struct toml *at, const char *what, const char **location)
{
	size_t n = *location ? strlen(*location) : 0;

	while (n && (*location)[n - 1] == '/')
		n--;
	if (n == 0)
		return toml_bad(&r->doc, at, r->err, "%s is missing", what);
	if (strncasecmp(*location, "http://", 7) == 0 || strncasecmp(*location, "https://", 8) == 0)
		return toml_bad(&r->doc, at, r->err,
			"%s '%.200s' is not HOST[:PORT][/PATH]: leave the scheme away; 'insecure = true' allows plain http", what,
			*location);
	*location = arena_strndup(r->conf->arena, *location, n);
	return 0;
}

/* "*.DOMAIN" and nothing else. */
static int check_wildcard(struct reading *r, const struct toml *at, const char *prefix)
{
	if (!strchr(prefix, '*') || (strncmp(prefix, "*.", 2) == 0 && prefix[2] && !strpbrk(prefix + 1, "*/:@")))
		return 0;
	return toml_bad(&r->doc, at, r->err, "prefix '%.200s': a wildcard stands as in '*.example.com', with nothing behind", prefix);
}

/* --- [[registry.mirror]] --- */

struct mirror_keys {
	const char *location, *use;
	bool insecure;
};
static const struct row mirror_rows[] = {
	{ "location", TOML_STRING, false, offsetof(struct mirror_keys, location) },
	{ "insecure", TOML_BOOLEAN, false, offsetof(struct mirror_keys, insecure) },
	{ "pull-from-mirror", TOML_STRING, false, offsetof(struct mirror_keys, use) },
};

static int read_use(struct reading *r, const struct toml *m, const char *word, bool digests_only, enum mirror_use *ret)
{
	static const char *const words[] = { "all", "digest-only", "tag-only" };

	*ret = digests_only ? MIRROR_DIGEST_ONLY : MIRROR_ALL;
	if (!word || !*word)
		return 0;
	if (digests_only)
		return toml_bad(&r->doc, toml_get(m, "pull-from-mirror"), r->err,
			"'pull-from-mirror' cannot stand where the registry says 'mirror-by-digest-only'");
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (STREQ(word, words[i])) {
			*ret = (enum mirror_use)i;
			return 0;
		}
	return toml_bad(&r->doc, toml_get(m, "pull-from-mirror"), r->err,
		"'pull-from-mirror' is one of all, digest-only, tag-only, not '%.80s'", word);
}

static int read_mirror(struct reading *r, const struct toml *m, bool digests_only, struct reg_mirror *ret)
{
	struct mirror_keys k = { 0 };

	if (m->kind != TOML_TABLE)
		return toml_bad(&r->doc, m, r->err, "a mirror must be a table, not %s", toml_kind_str(m->kind));
	if (read_rows(r, m, mirror_rows, ARRAY_LEN(mirror_rows), &k) < 0 ||
		clean_location(r, m, "the mirror's location", &k.location) < 0 ||
		read_use(r, m, k.use, digests_only, &ret->use) < 0)
		return -1;
	ret->location = k.location;
	ret->insecure = k.insecure;
	ret->at = (struct reg_at){ r->doc.file, m->line };
	return 0;
}

static int read_mirrors(struct reading *r, const struct toml *list, bool digests_only, struct reg_table *t)
{
	if (!list)
		return 0;
	if (list->n > CONF_MIRRORS_MAX)
		return toml_bad(&r->doc, list, r->err, "more than %d mirrors of a registry", CONF_MIRRORS_MAX);
	t->mirrors = arena_array(r->conf->arena, list->n, sizeof *t->mirrors);
	toml_each(list, it)
		if (read_mirror(r, it, digests_only, &t->mirrors[t->n_mirrors++]) < 0)
			return -1;
	return 0;
}

/* --- [[registry]] --- */

struct registry_keys {
	const char *prefix, *location;
	bool insecure, blocked, digests_only;
};
static const struct row registry_rows[] = {
	{ "prefix", TOML_STRING, false, offsetof(struct registry_keys, prefix) },
	{ "location", TOML_STRING, false, offsetof(struct registry_keys, location) },
	{ "insecure", TOML_BOOLEAN, false, offsetof(struct registry_keys, insecure) },
	{ "blocked", TOML_BOOLEAN, false, offsetof(struct registry_keys, blocked) },
	{ "mirror-by-digest-only", TOML_BOOLEAN, false, offsetof(struct registry_keys, digests_only) },
	{ "mirror", TOML_ARRAY },
};

static int read_names(struct reading *r, const struct toml *t, const struct registry_keys *k, struct reg_table *ret)
{
	ret->prefix = k->prefix;
	ret->location = k->location;
	if (k->prefix && *k->prefix && clean_location(r, t, "the registry's prefix", &ret->prefix) < 0)
		return -1;
	if (ret->prefix && check_wildcard(r, toml_get(t, "prefix"), ret->prefix) < 0)
		return -1;
	if (ret->prefix && *ret->prefix == '*' && (!k->location || !*k->location)) {
		ret->location = "";
		return 0;
	}
	if (clean_location(r, t, "the registry's location", &ret->location) < 0)
		return -1;
	if (!ret->prefix || !*ret->prefix)
		ret->prefix = ret->location;
	return strchr(ret->location, '*') ? toml_bad(&r->doc, t, r->err, "a location has no wildcard") : 0;
}

/* The same place twice in a file must not be safe in one and unsafe in the other. */
static int check_conflict(struct reading *r, const struct toml *at, const struct reg_table *t)
{
	for (size_t i = 0; i < r->tables->n; i++) {
		const struct reg_table *old = &r->tables->v[i];

		if (!*t->location || !str_same(old->location, t->location))
			continue;
		if (old->insecure != t->insecure || old->blocked != t->blocked)
			return toml_bad(&r->doc, at, r->err, "location '%.200s' stands here and in line %u, with another '%s'",
				t->location, old->at.line, old->insecure != t->insecure ? "insecure" : "blocked");
	}
	return 0;
}

static int add_table(struct reading *r, const struct toml *at, const struct reg_table *t)
{
	if (r->tables->n >= CONF_TABLES_MAX)
		return toml_bad(&r->doc, at, r->err, "more than %d registries", CONF_TABLES_MAX);
	if (check_conflict(r, at, t) < 0)
		return -1;
	for (size_t i = 0; i < r->tables->n; i++)
		if (str_same(r->tables->v[i].prefix, t->prefix))
			return 0; /* the first one counts */
	*XGROW(r->tables->v, r->tables->n, r->tables->cap) = *t;
	return 0;
}

static int read_registry(struct reading *r, const struct toml *it)
{
	struct registry_keys k = { 0 };
	struct reg_table t = { .at = { r->doc.file, it->line } };

	if (it->kind != TOML_TABLE)
		return toml_bad(&r->doc, it, r->err, "a registry must be a table, not %s", toml_kind_str(it->kind));
	if (read_rows(r, it, registry_rows, ARRAY_LEN(registry_rows), &k) < 0 || read_names(r, it, &k, &t) < 0 ||
		read_mirrors(r, toml_get(it, "mirror"), k.digests_only, &t) < 0)
		return -1;
	t.insecure = k.insecure;
	t.blocked = k.blocked;
	return add_table(r, it, &t);
}

/* --- version 1 --- */

static const struct row old_rows[] = {
	{ "search", TOML_TABLE },
	{ "insecure", TOML_TABLE },
	{ "block", TOML_TABLE },
};
static const struct row old_list_rows[] = { { "registries", TOML_ARRAY } };

static struct reg_table *old_table(struct reading *r, const struct toml *at, const char *location)
{
	struct reg_table *t;

	for (size_t i = 0; i < r->tables->n; i++)
		if (str_same(r->tables->v[i].prefix, location))
			return &r->tables->v[i];
	t = XGROW(r->tables->v, r->tables->n, r->tables->cap);
	t->prefix = t->location = location;
	t->at = (struct reg_at){ r->doc.file, at->line };
	return t;
}

static int read_old_list(struct reading *r, const struct toml *table, bool insecure)
{
	const struct toml *list;

	if (!table)
		return 0;
	if (read_rows(r, table, old_list_rows, ARRAY_LEN(old_list_rows), NULL) < 0)
		return -1;
	list = toml_get(table, "registries");
	if (!list || list->n > CONF_TABLES_MAX)
		return list ? toml_bad(&r->doc, list, r->err, "more than %d registries", CONF_TABLES_MAX) : 0;
	toml_each(list, it) {
		const char *location = it->text;
		struct reg_table *t;

		if (it->kind != TOML_STRING)
			return toml_bad(&r->doc, it, r->err, "a registry must be a string, not %s", toml_kind_str(it->kind));
		if (clean_location(r, it, "the registry", &location) < 0)
			return -1;
		t = old_table(r, it, location);
		if (insecure)
			t->insecure = true;
		else
			t->blocked = true;
	}
	return 0;
}

/* search is for short names. */
static int read_old(struct reading *r, const struct toml *old)
{
	if (read_rows(r, old, old_rows, ARRAY_LEN(old_rows), NULL) < 0 ||
		read_old_list(r, toml_get(old, "block"), false) < 0)
		return -1;
	return read_old_list(r, toml_get(old, "insecure"), true);
}

/* --- the file --- */

/* "containers-auth.json" stands for the files that are read anyway. */
static void warn_helpers(struct reading *r, const struct toml *list)
{
	if (!list || list->kind != TOML_ARRAY)
		return;
	toml_each(list, it) {
		auto_free char *where = toml_where(&r->doc, it);

		if (it->kind != TOML_STRING || STREQ(it->text, "containers-auth.json"))
			continue;
		strs_printf(&r->conf->warnings, "%s: 'credential-helpers' has no effect; name them as 'credsStore' in docker's config.json", where);
		return;
	}
}

static const struct row file_rows[] = {
	{ "registry", TOML_ARRAY },
	{ "registries", TOML_TABLE },
	{ "unqualified-search-registries", .ignored = true },
	{ "short-name-mode", .ignored = true },
	{ "aliases", .ignored = true },
	{ "credential-helpers", .ignored = true },
	{ "additional-layer-store-auth-helper", .ignored = true },
};

int conf_file(struct reg_conf *c, const char *file, const char *text, size_t n, bool drop_in, struct reg_tables *ret, struct err *err)
{
	struct reading r = { .conf = c, .tables = ret, .err = err };
	const struct toml *list, *old;

	if (toml_parse(c->arena, file, text, n, &r.doc, err) < 0 ||
		read_rows(&r, r.doc.root, file_rows, ARRAY_LEN(file_rows), NULL) < 0)
		return -1;
	warn_helpers(&r, toml_get(r.doc.root, "credential-helpers"));
	list = toml_get(r.doc.root, "registry");
	old = toml_get(r.doc.root, "registries");
	if (old && (list || drop_in))
		return toml_bad(&r.doc, old, err, "[registries] is of version 1, %s",
			drop_in ? "which drop-in files cannot have" : "[[registry]] of version 2: a file is of one of them");
	if (old)
		return read_old(&r, old);
	if (list)
		toml_each(list, it)
			if (read_registry(&r, it) < 0)
				return -1;
	return 0;
}
