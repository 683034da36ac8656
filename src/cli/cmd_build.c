#include <stdlib.h>
#include <string.h>

#include "../../compose/graph.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "build_services.h"
#include "dry.h"
#include "push_services.h"

struct build_cmd_opts {
	struct strs args, ssh;
	const char *builder, *memory, *progress;
	bool no_cache, pull, push, quiet, with_deps;
};

#define B(field) offsetof(struct build_cmd_opts, field)
static const struct opt build_flags[] = {
	{ 0, "build-arg", OPT_STRS, B(args), "set a build argument, for all services", "NAME=VALUE" },
	{ 0, "builder", OPT_STRING, B(builder), "buildah, which is the default, or buildkit; else DAVIT_BUILDER says it", "NAME", "buildah buildkit" },
	{ 'm', "memory", OPT_STRING, B(memory), "limit the memory of what RUN starts", "BYTES" },
	{ 0, "no-cache", OPT_BOOL, B(no_cache), "build everything anew" },
	{ 0, "pull", OPT_BOOL, B(pull), "ask the registries for newer base images" },
	{ 0, "push", OPT_BOOL, B(push), "send what was built to its registries, where the service names an image" },
	{ 'q', "quiet", OPT_BOOL, B(quiet), "print the images' ids only" },
	{ 0, "ssh", OPT_STRS, B(ssh), "hand a key or an agent to the build", "default|ID=PATH" },
	{ 0, "with-dependencies", OPT_BOOL, B(with_deps), "build what the named services depend on, too" },
	{ 0, "progress", OPT_STRING, B(progress), NULL },
	{ 0, "compress", OPT_IGNORED, 0, NULL },
	{ 0, "force-rm", OPT_IGNORED, 0, NULL },
	{ 0, "no-rm", OPT_IGNORED, 0, NULL },
	{ 0, "parallel", OPT_IGNORED, 0, NULL },
	{ 0, "check", OPT_REFUSED, 0, "'davit config -q' checks the file; the builder checks the Dockerfile" },
	{ 0, "print", OPT_REFUSED, 0, "there is no bake file: davit asks the builder itself" },
	{ 0, "provenance", OPT_REFUSED, 0, "davit makes no attestations" },
	{ 0, "sbom", OPT_REFUSED, 0, "davit makes no attestations" },
	{ 0 }
};

static bool *wanted_services(const struct cli *c, bool with_deps)
{
	const struct project *p = c->project;
	bool *wanted = xcalloc(p->n_services + 1, sizeof *wanted);
	auto_free char *closure = xcalloc(p->n_services + 1, 1);

	for (size_t i = 0; i < p->n_services; i++)
		closure[i] = c->args.n == 0;
	for (size_t i = 0; i < c->args.n; i++)
		closure[project_service(p, c->args.v[i]) - p->services] = 1;
	if (with_deps)
		graph_closure_needs(graph_new(p), closure);
	for (size_t i = 0; i < p->n_services; i++)
		wanted[i] = closure[i] && p->services[i].build.given;
	return wanted;
}

static void print_ids(struct cli *c, char *const *ids)
{
	for (size_t i = 0; i < c->project->n_services; i++)
		if (ids[i])
			ui_print(&c->ui, "%s\n", ids[i]);
}

static int dry_build(struct cli *c, const bool *wanted, bool push)
{
	struct changes changes = { 0 };

	for (size_t i = 0; i < c->project->n_services; i++) {
		const struct service *s = &c->project->services[i];

		if (wanted[i])
			changes_add(&changes, CHANGE_IMAGE, CHANGE_BUILD, s->image, s->name, NULL);
		if (wanted[i] && push && !s->build.names_image)
			changes_add(&changes, CHANGE_IMAGE, CHANGE_PUSH, s->image, s->name, NULL);
	}
	return dry_show(c, &changes);
}

static int build_run_cmd(struct cli *c, const void *opts, struct err *err)
{
	const struct build_cmd_opts *o = opts;
	auto_free char **ids = xcalloc(c->project->n_services + 1, sizeof *ids);
	auto_free bool *wanted = wanted_services(c, o->with_deps);
	struct building what = {
		.wanted = wanted,
		.opts = { .no_cache = o->no_cache, .pull = o->pull, .args = &o->args, .ssh = &o->ssh, .memory = o->memory },
		.quiet = o->quiet || str_eq(o->progress, "quiet"),
		.ids = ids,
	};
	const struct pushing sending = { .wanted = wanted, .quiet = what.quiet };
	bool some = false;
	int r = build_tool_parse(o->builder ? o->builder : getenv("DAVIT_BUILDER"), &what.opts.tool, err);

	for (size_t i = 0; i < c->project->n_services; i++)
		some |= wanted[i];
	if (r == 0 && !some)
		ui_warn(&c->ui, "no services to build");
	if (r == 0 && c->g.dry_run)
		return dry_build(c, wanted, o->push);
	if (r == 0)
		r = build_services(c, &what, err);
	if (r == 0 && o->push)
		r = push_services(c, &sending, err);
	if (r == 0 && o->quiet)
		print_ids(c, ids);
	for (size_t i = 0; i < c->project->n_services; i++)
		free(ids[i]);
	return r;
}

const struct cmd cmd_build = {
	.name = "build",
	.args = "[SERVICE...]",
	.summary = "build the images of services",
	.details = "Services that do not build upon each other are built side by side; what the builder prints has the service's\n"
		   "name in front.",
	.needs = NEED_ROOT | NEED_MODEL | FROM_ANYWHERE | ARGS_ARE_SERVICES | CAN_DRY_RUN,
	.max_args = -1,
	.opts = build_flags,
	.opts_size = sizeof(struct build_cmd_opts),
	.run = build_run_cmd,
};
