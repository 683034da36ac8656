/* warn.c - what of `build:` and of the command line the builder that is used cannot do, and does without: a row each, none is passed over in
 * silence. What it must not do without is an error (spec.c). */
#include "warn.h"

#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "argv.h"

struct telling {
	const struct build_spec *b;
	void (*fn)(void *arg, const char *where, const char *text);
	void *arg;
};

static void tell(const struct telling *t, const char *where, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void tell(const struct telling *t, const char *where, const char *fmt, ...)
{
	auto_buf struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	t->fn(t->arg, where, text.p);
}

static const char *builder(const struct telling *t)
{
	return t->b->opts->tool == BUILD_BUILDKIT ? "BuildKit" : "buildah";
}

/* ------------------------------------------------------------------ the rows */

static void say_caches(const struct telling *t, const char *name, const struct strv *items)
{
	for (size_t i = 0; i < items->n; i++) {
		auto_free char *ref = argv_cache_ref(items->v[i]), *where = xasprintf("build/%s/%zu", name, i);

		if (!ref)
			tell(t, where, "'%s' has no effect with buildah, whose cache is in registries only (type=registry,ref=REPOSITORY)",
			     items->v[i]);
	}
}

static void say_cache_from(const struct telling *t)
{
	say_caches(t, "cache_from", &t->b->service->build.cache_from);
}

static void say_cache_to(const struct telling *t)
{
	say_caches(t, "cache_to", &t->b->service->build.cache_to);
}

static void say_no_cache_filter(const struct telling *t)
{
	const struct build *build = &t->b->service->build;

	if (build->no_cache_filter.n && !build->no_cache && !t->b->opts->no_cache)
		tell(t, "build/no_cache_filter", "buildah builds all stages without cache, not only those that no_cache_filter names");
}

static bool is_asked(const char *value)
{
	return value && *value && !STREQ(value, "false");
}

static void say_provenance(const struct telling *t)
{
	if (is_asked(t->b->service->build.provenance))
		tell(t, "build/provenance", "no provenance is made with %s: davit's store keeps no attestations", builder(t));
}

static void say_sbom(const struct telling *t)
{
	if (is_asked(t->b->service->build.sbom))
		tell(t, "build/sbom", "no SBOM is made with %s: davit's store keeps no attestations", builder(t));
}

static void say_isolation(const struct telling *t)
{
	const char *asked = t->b->service->build.isolation;

	if (asked && *asked && !STREQ(asked, "default") && (t->b->opts->tool == BUILD_BUILDKIT || !argv_isolation(asked)))
		tell(t, "build/isolation", "isolation '%s' has no effect with %s on Linux", asked, builder(t));
}

static void say_secrets(const struct telling *t)
{
	const struct build *build = &t->b->service->build;

	for (size_t i = 0; i < build->n_secrets; i++) {
		const struct file_ref *r = &build->secrets[i];
		auto_free char *where = xasprintf("build/secrets/%zu", i);

		if (r->uid || r->gid || r->mode >= 0)
			tell(t, where, "secret '%s': uid, gid and mode have no effect with %s: write them in RUN --mount=type=secret", r->source,
			     builder(t));
	}
}

static void say_memory(const struct telling *t)
{
	if (t->b->opts->memory)
		tell(t, "build", "--memory has no effect with BuildKit, whose daemon has the limits");
}

static const struct {
	void (*say)(const struct telling *t);
	bool with[2];                    /* by enum build_tool */
} rows[] = {
	{ say_cache_from, { [BUILD_BUILDAH] = true } },
	{ say_cache_to, { [BUILD_BUILDAH] = true } },
	{ say_no_cache_filter, { [BUILD_BUILDAH] = true } },
	{ say_provenance, { true, true } },
	{ say_sbom, { true, true } },
	{ say_isolation, { true, true } },
	{ say_secrets, { true, true } },
	{ say_memory, { [BUILD_BUILDKIT] = true } },
};

void build_warnings(const struct build_spec *b, void (*fn)(void *arg, const char *where, const char *text), void *arg)
{
	const struct telling t = { b, fn, arg };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].with[b->opts->tool])
			rows[i].say(&t);
}
