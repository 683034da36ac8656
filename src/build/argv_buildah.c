/* argv_buildah.c - see argv.h; options of buildah 1.28 to 1.39 (buildah-build(1)). */
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "argv.h"

enum { LIMIT_MAX = 1048576 };            /* docker's, for files and processes */

void argv_buildah(const struct argv_places *at, struct strs *ret)
{
	strs_add(ret, "buildah");
	strs_printf(ret, "--root=%s", at->storage);
	if (at->driver)
		strs_printf(ret, "--storage-driver=%s", at->driver);
	strs_printf(ret, "--runroot=%s/storage", at->run);
	strs_add(ret, "--cgroup-manager=cgroupfs");
}

static void each(struct strs *ret, const char *option, const struct strs *values)
{
	for (size_t i = 0; i < values->n; i++)
		strs_printf(ret, "%s=%s", option, values->v[i]);
}

/* --- how RUN runs --- */

const char *argv_isolation(const char *asked)
{
	static const char *const known[] = { "oci", "chroot", "rootless" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq(asked, known[i]))
			return known[i];
	return NULL;
}

static void isolation(const struct build_spec *b, const struct argv_places *at, struct strs *ret)
{
	const char *asked = argv_isolation(b->service->build.isolation), *use = asked ? asked : at->runtime ? "oci" : "chroot";

	if (!asked && at->isolation && *at->isolation)
		use = at->isolation;     /* buildah reads the variable */
	else
		strs_printf(ret, "--isolation=%s", use);
	if (STREQ(use, "chroot") || !at->runtime)
		return;
	strs_printf(ret, "--runtime=%s", at->runtime);
	strs_printf(ret, "--runtime-flag=root=%s/runtime", at->run);
	strs_printf(ret, "--cgroup-parent=%s", at->cgroup);
}

static bool limited(const struct build *build, const char *name)
{
	for (size_t i = 0; i < build->n_ulimits; i++)
		if (STREQ(build->ulimits[i].name, name))
			return true;
	return false;
}

static void own_limit(const struct build *build, const char *name, uint64_t ours, struct strs *ret)
{
	unsigned long long n = ours < LIMIT_MAX ? ours : LIMIT_MAX;

	if (!limited(build, name))
		strs_printf(ret, "--ulimit=%s=%llu:%llu", name, n, n);
}

static void limits(const struct build_spec *b, const struct argv_places *at, struct strs *ret)
{
	const struct build *build = &b->service->build;

	own_limit(build, "nofile", at->max_files, ret);
	own_limit(build, "nproc", at->max_processes, ret);
	for (size_t i = 0; i < build->n_ulimits; i++)
		strs_printf(ret, "--ulimit=%s=%lld:%lld", build->ulimits[i].name, (long long)build->ulimits[i].soft,
			    (long long)build->ulimits[i].hard);
	if (build->shm_bytes > 0)
		strs_printf(ret, "--shm-size=%lld", (long long)build->shm_bytes);
	if (b->opts->memory)
		strs_printf(ret, "--memory=%s", b->opts->memory);
	if (!argv_privileged(b))
		return;
	strs_add(ret, "--cap-add=ALL");
	strs_add(ret, "--security-opt=seccomp=unconfined");
}

/* --- caches: buildah has them in repositories only, and names what is in there itself --- */

static void cache(const struct strv *items, const char *option, struct strs *ret)
{
	for (size_t i = 0; i < items->n; i++) {
		auto_free char *ref = argv_cache_ref(items->v[i]);
		char *tag;

		if (!ref)
			continue;
		ref[strcspn(ref, "@")] = '\0';
		tag = strrchr(ref, ':');
		if (tag && !strchr(tag, '/'))
			*tag = '\0';
		strs_printf(ret, "%s=%s", option, ref);
	}
}

/* --- what is built --- */

static void what(const struct build_spec *b, const struct argv_places *at, struct strs *ret)
{
	const struct build *build = &b->service->build;
	auto_strs struct strs known = STRS_INIT;

	spec_platform_args(b, at->platform, &known);
	each(ret, "--tag", &b->refs);
	if (b->dockerfile)
		strs_printf(ret, "--file=%s", b->dockerfile);
	else if (build->dockerfile && *build->dockerfile)
		strs_printf(ret, "--file=%s", build->dockerfile);
	if (b->ignorefile)
		strs_printf(ret, "--ignorefile=%s", b->ignorefile);
	if (b->target)
		strs_printf(ret, "--target=%s", b->target);
	if (at->platform)
		strs_printf(ret, "--platform=%s", at->platform);
	each(ret, "--build-arg", &known);
	each(ret, "--build-arg", &b->args);
	each(ret, "--label", &b->labels);
	each(ret, "--ssh", &b->ssh);
	for (size_t i = 0; i < b->secrets.n; i++) {
		const char *eq = strchr(b->secrets.v[i], '=');

		strs_printf(ret, "--secret=id=%.*s,src=%s", (int)(eq - b->secrets.v[i]), b->secrets.v[i], eq + 1);
	}
	for (size_t i = 0; i < b->n_contexts; i++)
		strs_printf(ret, "--build-context=%s=%s%s", b->contexts[i].name,
			    b->contexts[i].kind == CONTEXT_IMAGE ? "container-image://" : "", b->contexts[i].value);
	for (size_t i = 0; at->contexts && i < at->contexts->n; i++) {
		const char *eq = strchr(at->contexts->v[i], '=');

		strs_printf(ret, "--build-context=%.*s=container-image://%s", (int)(eq - at->contexts->v[i]), at->contexts->v[i], eq + 1);
	}
	for (size_t i = 0; i < build->n_extra_hosts; i++)
		strs_printf(ret, "--add-host=%s:%s", build->extra_hosts[i].host, argv_host_ip(b, build->extra_hosts[i].ip));
}

void argv_buildah_build(const struct build_spec *b, const struct argv_places *at, struct strs *ret)
{
	const struct build *build = &b->service->build;

	argv_buildah(at, ret);
	strs_add(ret, "build");
	strs_add(ret, "--format=docker");
	strs_add(ret, "--layers");
	strs_add(ret, "--force-rm");
	strs_printf(ret, "--iidfile=%s", at->iid);
	/* what the Dockerfile at hand names is pulled before; false: what is missing then */
	strs_printf(ret, "--pull=%s", (build->pull || b->opts->pull) && !b->text.p ? "always" : "false");
	if (build->no_cache || b->opts->no_cache || build->no_cache_filter.n)
		strs_add(ret, "--no-cache");
	isolation(b, at, ret);
	strs_printf(ret, "--network=%s", argv_network(b));
	limits(b, at, ret);
	cache(&build->cache_from, "--cache-from", ret);
	cache(&build->cache_to, "--cache-to", ret);
	what(b, at, ret);
	strs_add(ret, "--");
	strs_add(ret, b->context);
}
