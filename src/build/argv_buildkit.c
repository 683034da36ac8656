/* argv_buildkit.c - see argv.h; `buildctl build` of BuildKit 0.13 and later with the Dockerfile frontend (its README, "dockerfile.v0"). */
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "argv.h"

#define STORE "davit"                    /* what davit's store is called in the session */

static void option(struct strs *ret, const char *name, const char *value)
{
	strs_add(ret, "--opt");
	strs_printf(ret, "%s=%s", name, value);
}

static void pairs(struct strs *ret, const char *prefix, const struct strs *list)
{
	for (size_t i = 0; i < list->n; i++) {
		strs_add(ret, "--opt");
		strs_printf(ret, "%s%s", prefix, list->v[i]);
	}
}

/* One option with all of them, separated by commas. */
static void joined(struct strs *ret, const char *name, const struct strs *list)
{
	auto_buf struct buf all = BUF_INIT;

	for (size_t i = 0; i < list->n; i++)
		buf_printf(&all, "%s%s", i ? "," : "", list->v[i]);
	if (all.len)
		option(ret, name, all.p);
}

static void local(struct strs *ret, const char *name, const char *dir, size_t dir_len)
{
	strs_add(ret, "--local");
	strs_printf(ret, "%s=%.*s", name, (int)dir_len, dir);
}

/* --- files, contexts, base images --- */

static void sources(const struct build_spec *b, struct strs *ret)
{
	const char *name = b->dockerfile ? strrchr(b->dockerfile, '/') : NULL;

	if (b->remote)
		option(ret, "context", b->context);
	else
		local(ret, "context", b->context, strlen(b->context));
	if (name) {
		local(ret, "dockerfile", b->dockerfile, name == b->dockerfile ? 1 : (size_t)(name - b->dockerfile));
		option(ret, "filename", name + 1);
	} else if (b->service->build.dockerfile) {
		option(ret, "filename", b->service->build.dockerfile);
	}
	if (name && b->remote)
		option(ret, "dockerfilekey", "dockerfile");
}

static void contexts(const struct build_spec *b, struct strs *ret)
{
	for (size_t i = 0; i < b->n_contexts; i++) {
		const struct spec_named *c = &b->contexts[i];

		strs_add(ret, "--opt");
		if (c->kind == CONTEXT_IMAGE) {
			strs_printf(ret, "context:%s=docker-image://%s", c->name, c->value);
		} else if (*c->value == '/') {
			strs_printf(ret, "context:%s=local:context-%zu", c->name, i);
			strs_add(ret, "--local");
			strs_printf(ret, "context-%zu=%s", i, c->value);
		} else {
			strs_printf(ret, "context:%s=%s", c->name, c->value);
		}
	}
}

static void base_images(const struct argv_places *at, const struct strs *bases, struct strs *ret)
{
	if (!bases->n)
		return;
	strs_add(ret, "--oci-layout");
	strs_printf(ret, STORE "=%s", at->images);
	for (size_t i = 0; i < bases->n; i++) {
		const char *digest = strrchr(bases->v[i], '=');

		strs_add(ret, "--opt");
		strs_printf(ret, "context:%.*s=oci-layout://" STORE "@%s", (int)(digest - bases->v[i]), bases->v[i], digest + 1);
	}
}

/* --- how RUN runs --- */

static void allow(struct strs *ret, const char *what)
{
	strs_add(ret, "--allow");
	strs_add(ret, what);
}

static void runs(const struct build_spec *b, struct strs *ret)
{
	const struct build *build = &b->service->build;
	const char *network = build->network;
	auto_buf struct buf hosts = BUF_INIT, limits = BUF_INIT;

	if (network && *network && !STREQ(network, "default"))
		option(ret, "force-network-mode", network);
	if (network && STREQ(network, "host"))
		allow(ret, "network.host");
	for (size_t i = 0; i < build->entitlements.n; i++)
		allow(ret, build->entitlements.v[i]);
	if (build->privileged)
		allow(ret, "security.insecure");
	for (size_t i = 0; i < build->n_extra_hosts; i++)
		buf_printf(&hosts, "%s%s=%s", i ? "," : "", build->extra_hosts[i].host,
			   STREQ(build->extra_hosts[i].ip, "host-gateway") ? "127.0.0.1" : build->extra_hosts[i].ip);
	if (hosts.len)
		option(ret, "add-hosts", hosts.p);
	for (size_t i = 0; i < build->n_ulimits; i++)
		buf_printf(&limits, "%s%s=%lld:%lld", i ? "," : "", build->ulimits[i].name, (long long)build->ulimits[i].soft,
			   (long long)build->ulimits[i].hard);
	if (limits.len)
		option(ret, "ulimit", limits.p);
	if (build->shm_bytes > 0) {
		strs_add(ret, "--opt");
		strs_printf(ret, "shm-size=%lld", (long long)build->shm_bytes);
	}
}

/* --- secrets, caches --- */

static void keys(const struct build_spec *b, struct strs *ret)
{
	for (size_t i = 0; i < b->secrets.n; i++) {
		const char *eq = strchr(b->secrets.v[i], '=');

		strs_add(ret, "--secret");
		strs_printf(ret, "id=%.*s,src=%s", (int)(eq - b->secrets.v[i]), b->secrets.v[i], eq + 1);
	}
	for (size_t i = 0; i < b->ssh.n; i++) {
		strs_add(ret, "--ssh");
		strs_add(ret, b->ssh.v[i]);
	}
}

static void caches(const struct strv *items, const char *flag, struct strs *ret)
{
	for (size_t i = 0; i < items->n; i++) {
		strs_add(ret, flag);
		if (strchr(items->v[i], '='))
			strs_add(ret, items->v[i]);
		else
			strs_printf(ret, "type=registry,ref=%s", items->v[i]);
	}
}

static void no_cache(const struct build_spec *b, struct strs *ret)
{
	const struct build *build = &b->service->build;
	auto_buf struct buf stages = BUF_INIT;

	if (build->no_cache || b->opts->no_cache) {
		option(ret, "no-cache", "");
		return;
	}
	for (size_t i = 0; i < build->no_cache_filter.n; i++)
		buf_printf(&stages, "%s%s", i ? "," : "", build->no_cache_filter.v[i]);
	if (stages.len)
		option(ret, "no-cache", stages.p);
}

static void output(const struct build_spec *b, const struct argv_places *at, struct strs *ret)
{
	strs_add(ret, "--output");
	strs_printf(ret, "type=oci,tar=false,dest=%s,name=%s,compression=gzip,compression-level=1", at->out, b->refs.v[0]);
	strs_add(ret, "--metadata-file");
	strs_add(ret, at->iid);
}

void argv_buildkit_build(const struct build_spec *b, const struct argv_places *at, const struct strs *bases, struct strs *ret)
{
	static const char *const first[] = { "buildctl", "build", "--progress", "plain", "--frontend", "dockerfile.v0" };
	const struct build *build = &b->service->build;

	for (size_t i = 0; i < ARRAY_LEN(first); i++)
		strs_add(ret, first[i]);
	sources(b, ret);
	base_images(at, bases, ret);
	contexts(b, ret);
	if (b->target)
		option(ret, "target", b->target);
	joined(ret, "platform", &b->platforms);
	if (build->pull || b->opts->pull)
		option(ret, "image-resolve-mode", "pull");
	no_cache(b, ret);
	pairs(ret, "build-arg:", &b->args);
	pairs(ret, "label:", &b->labels);
	runs(b, ret);
	keys(b, ret);
	caches(&build->cache_from, "--import-cache", ret);
	caches(&build->cache_to, "--export-cache", ret);
	output(b, at, ret);
}
