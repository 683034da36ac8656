#include <string.h>

#include "../../compose/graph.h"
#include "../../compose/node.h"
#include "../oci/oci.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "act.h"
#include "bundle.h"
#include "dry.h"
#include "enable.h"
#include "image_need.h"
#include "up.h"

#define U(field) offsetof(struct up_opts, field)
static const struct opt up_flags[] = {
	{ 'd', "detach", OPT_BOOL, U(detach), "leave the containers running in the background" },
	{ 0, "wait", OPT_BOOL, U(wait), "come back when all services run, or are healthy; implies --detach" },
	{ 0, "wait-timeout", OPT_SECONDS, U(wait_timeout), "wait no longer than this" },
	{ 0, "no-start", OPT_BOOL, U(no_start), "create the containers and do not start them" },
	{ 0, "force-recreate", OPT_BOOL, U(force_recreate),
	  "recreate containers that have not changed, too" },
	{ 0, "no-recreate", OPT_BOOL, U(no_recreate), "keep containers even if they have changed" },
	{ 0, "always-recreate-deps", OPT_BOOL, U(always_recreate_deps),
	  "recreate what the named services depend on, too" },
	{ 'V', "renew-anon-volumes", OPT_BOOL, U(renew_anon_volumes), "start with fresh anonymous volumes" },
	{ 0, "no-deps", OPT_BOOL, U(no_deps), "do not start what the named services depend on" },
	{ 0, "remove-orphans", OPT_BOOL, U(remove_orphans),
	  "remove containers of services that the file does not have" },
	{ 0, "scale", OPT_STRS, U(scale), "run this many containers of a service", "SERVICE=N" },
	{ 't', "timeout", OPT_SECONDS, U(timeout),
	  "wait this long before SIGKILL when containers are stopped" },
	{ 0, "pull", OPT_STRING, U(pull),
	  "pull images: always, missing, never, or policy, which is what the file says", "POLICY", "always missing never policy …" },
	{ 0, "quiet-pull", OPT_BOOL, U(quiet_pull), "pull without showing how far it is" },
	{ 0, "attach", OPT_STRS, U(attach), "show the logs of these services only", "SERVICE" },
	{ 0, "no-attach", OPT_STRS, U(no_attach), "do not show the logs of these services", "SERVICE" },
	{ 0, "attach-dependencies", OPT_BOOL, U(attach_deps),
	  "show the logs of what the named services depend on, too" },
	{ 0, "abort-on-container-exit", OPT_BOOL, U(abort_on_exit),
	  "stop all containers when one has stopped" },
	{ 0, "abort-on-container-failure", OPT_BOOL, U(abort_on_failure),
	  "stop all containers when one has failed" },
	{ 0, "exit-code-from", OPT_STRING, U(exit_code_from),
	  "wait for this service, stop all containers then, and exit with its status", "SERVICE" },
	{ 0, "timestamps", OPT_BOOL, U(timestamps), "print the time of each line" },
	{ 0, "no-log-prefix", OPT_BOOL, U(no_prefix), "leave out the names in front of the lines" },
	{ 0, "no-color", OPT_BOOL, U(no_color), "no colours" },
	{ 0, "bundle", OPT_STRING, U(bundle), "when it fails, leave in this file what helps to find out why", "FILE" },
	{ 0, "adopt", OPT_BOOL, U(adopt), "a project of this name that came from another directory becomes this one's" },
	{ 0, "strict", OPT_BOOL, U(strict), "refuse files with attributes that have no effect here" },
	{ 0, "build", OPT_BOOL, U(build), "build images first, also those that are there" },
	{ 0, "no-build", OPT_BOOL, U(no_build), "do not build images, not even those that are missing" },
	{ 0, "quiet-build", OPT_BOOL, U(quiet_build), "do not show what builders print" },
	{ 'y', "yes", OPT_IGNORED, 0, "ask nothing, which is so without it, too" },
	{ 0, "menu", OPT_BOOL, U(menu), "keys on a terminal: d leaves the containers running, w turns watching on or off" },
	{ 'w', "watch", OPT_BOOL, U(watch), "bring what changes in the sources into the containers, as 'watch' does" },
	{ 0 }
};

/* --- what goes together --- */

static int incompatible(const char *a, const char *b, struct err *err)
{
	return err_set(err, ERR_USAGE, "%s and %s are incompatible", a, b);
}

static int check_opts(const struct up_opts *o, bool detached, struct err *err)
{
	if (o->force_recreate && o->no_recreate)
		return incompatible("--force-recreate", "--no-recreate", err);
	if (o->always_recreate_deps && o->no_recreate)
		return incompatible("--always-recreate-deps", "--no-recreate", err);
	if (o->renew_anon_volumes && o->no_recreate)
		return incompatible("--renew-anon-volumes", "--no-recreate", err);
	if (o->attach.n && o->attach_deps)
		return incompatible("--attach", "--attach-dependencies", err);
	if (o->remove_orphans && cli_env_true("COMPOSE_IGNORE_ORPHANS"))
		return incompatible("--remove-orphans", "COMPOSE_IGNORE_ORPHANS", err);
	if (o->build && o->no_build)
		return incompatible("--build", "--no-build", err);
	if (o->no_start && o->wait)
		return incompatible("--no-start", "--wait", err);
	if (detached && (o->abort_on_exit || o->exit_code_from))
		return incompatible(o->detach ? "--detach" : "--wait", "--abort-on-container-exit", err);
	if (detached && o->abort_on_failure)
		return incompatible(o->detach ? "--detach" : "--wait", "--abort-on-container-failure", err);
	if (detached && (o->attach.n || o->attach_deps))
		return incompatible(o->detach ? "--detach" : "--wait", "--attach", err);
	if (detached && o->watch)
		return incompatible(o->detach ? "--detach" : "--wait", "--watch", err);
	if (o->no_start && o->watch)
		return incompatible("--no-start", "--watch", err);
	if (o->abort_on_exit && o->abort_on_failure)
		return incompatible("--abort-on-container-exit", "--abort-on-container-failure", err);
	return 0;
}

static int check_names(struct cli *c, const struct strs *names, struct err *err)
{
	for (size_t i = 0; i < names->n; i++)
		if (!project_service(c->project, names->v[i]))
			return cli_no_service(c, names->v[i], err);
	return 0;
}

static int check_service_flags(struct cli *c, const struct up_opts *o, struct err *err)
{
	if (check_names(c, &o->attach, err) < 0)
		return err_wrap(err, "flag '--attach'");
	if (check_names(c, &o->no_attach, err) < 0)
		return err_wrap(err, "flag '--no-attach'");
	if (o->exit_code_from && !project_service(c->project, o->exit_code_from)) {
		cli_no_service(c, o->exit_code_from, err);
		return err_wrap(err, "flag '--exit-code-from'");
	}
	return 0;
}

/* --- what it is about --- */

bool *up_scope(const struct cli *c, const struct up_opts *o)
{
	const struct project *p = c->project;
	bool *scope = xcalloc(p->n_services + 1, sizeof *scope);
	auto_free char *closure = xcalloc(p->n_services + 1, 1);

	for (size_t i = 0; i < p->n_services; i++)
		closure[i] = c->args.n == 0;
	for (size_t i = 0; i < c->args.n; i++) {
		const struct service *s = project_service(p, c->args.v[i]);

		if (s)
			closure[s - p->services] = 1;
	}
	if (c->args.n && !o->no_deps)
		graph_closure_needs(graph_new(p), closure);
	for (size_t i = 0; i < p->n_services; i++)
		scope[i] = closure[i];
	return scope;
}

bool up_in_scope(const struct cli *c, const bool *scope, const char *service)
{
	const struct service *s = service ? project_service(c->project, service) : NULL;

	return s && scope[s - c->project->services];
}

/* --- the request --- */

/* Sets the number of containers in the tree that is sent, as if the file said so. */
static int scale_one(struct cli *c, const char *text, struct err *err)
{
	struct arena *a = c->project->arena;
	struct node *services = node_get(c->project->root, "services"), *service, *deploy;
	const char *eq = strchr(text, '=');
	auto_strs struct strs name = STRS_INIT;
	unsigned n;

	if (!eq || str_uint(eq + 1, 0, 1000, &n) < 0)
		return err_set(err, ERR_USAGE, "'scale' takes SERVICE=N (0-1000), not '%s'", text);
	strs_addn(&name, text, (size_t)(eq - text));
	service = services ? node_get(services, name.v[0]) : NULL;
	if (!service || service->kind != NODE_MAP)
		return cli_no_service(c, name.v[0], err);
	node_set(a, service, "scale", service->pos, node_int(a, n, service->pos));
	deploy = node_get(service, "deploy");
	if (deploy && deploy->kind == NODE_MAP)
		node_set(a, deploy, "replicas", deploy->pos, node_int(a, n, deploy->pos));
	return 0;
}

static int add_model(struct cli *c, const struct up_opts *o, json_t *req, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	json_t *model = NULL;

	for (size_t i = 0; i < o->scale.n; i++)
		if (scale_one(c, o->scale.v[i], err) < 0)
			return -1;
	project_digest_contents(c->project);
	project_to_wire(c->project, &text);
	if (jx_parse(text.p, text.len, &model, err) < 0)
		return err_wrap(err, "wire form of the model");
	json_object_set_new(req, "model", model);
	return 0;
}

static void add_flags(json_t *req, const struct up_opts *o)
{
	jx_set_bool(req, "no_start", o->no_start);
	jx_set_bool(req, "force_recreate", o->force_recreate);
	jx_set_bool(req, "no_recreate", o->no_recreate);
	jx_set_bool(req, "always_recreate_deps", o->always_recreate_deps);
	jx_set_bool(req, "remove_orphans", o->remove_orphans || cli_env_true("COMPOSE_REMOVE_ORPHANS"));
	jx_set_bool(req, "ignore_orphans", cli_env_true("COMPOSE_IGNORE_ORPHANS"));
	jx_set_bool(req, "no_deps", o->no_deps);
	jx_set_bool(req, "renew_anon_volumes", o->renew_anon_volumes);
	jx_set_bool(req, "bundle", o->bundle);
	jx_set_bool(req, "wait", o->wait);
	if (o->wait_timeout.set)
		jx_set_int(req, "wait_timeout_s", o->wait_timeout.v);
	act_set_timeout(req, o->timeout);
}

json_t *up_request(struct cli *c, const struct up_opts *o, struct err *err)
{
	json_t *req = act_request(c, "up");

	jx_set_str(req, "command", c->cmd->name);
	add_flags(req, o);
	if (add_model(c, o, req, err) == 0)
		return req;
	json_decref(req);
	return NULL;
}

static int run_request(struct cli *c, const struct up_opts *o, const bool *scope, struct err *err)
{
	bool detached = o->detach || o->wait || o->no_start;
	json_t *req = up_request(c, o, err);

	if (!req)
		return -1;
	if (!detached)
		return attach_run(c, o, scope, req, err);
	return act_run(c, req, "Running", err) < 0 ? -1 : enable_refresh(c, err);
}

static void up_prepare(struct cli *c, void *opts)
{
	const struct up_opts *o = opts;

	c->compose.effects = o->strict ? EFFECTS_REFUSED : EFFECTS_WARNED;
	c->adopt = o->adopt;
}

static struct image_wish up_wish(const struct up_opts *o)
{
	return (struct image_wish){ o->pull, o->quiet_pull, o->build, o->no_build, o->quiet_build };
}

/* What can fail early does: before anything is fetched, and that before anything is touched. */
static int find_needs(struct cli *c, const struct up_opts *o, const bool *scope, struct image_needs *needs, struct err *err)
{
	const struct image_wish wish = up_wish(o);
	int r = image_wish_check(&wish, err);

	if (r == 0)
		r = image_needs_find(c, scope, !o->no_build, needs, err);
	image_needs_decide(needs, &wish);
	return r == 0 ? precheck(c, scope, needs) : r;
}

int up_get_ready(struct cli *c, const struct up_opts *o, const bool *scope, struct err *err)
{
	const struct image_wish wish = up_wish(o);
	struct image_needs needs = { 0 };
	int r = find_needs(c, o, scope, &needs, err);

	if (r == 0)
		r = image_needs_get(c, &needs, &wish, err);
	image_needs_done(&needs);
	return r;
}

static int check_all(struct cli *c, const struct up_opts *o, struct err *err)
{
	if (check_opts(o, o->detach || o->wait, err) < 0 || check_service_flags(c, o, err) < 0)
		return -1;
	return c->project->n_services ? 0 : err_set(err, ERR_INPUT, "no service selected");
}

int up_changes(struct cli *c, const struct up_opts *o, struct changes *ret, struct err *err)
{
	auto_free bool *scope = NULL;
	struct image_needs needs = { 0 };
	json_t *req = NULL;
	int r = check_all(c, o, err);

	if (r < 0)
		return r;
	scope = up_scope(c, o);
	r = find_needs(c, o, scope, &needs, err);
	if (r == 0 && !(req = up_request(c, o, err)))
		r = -1;
	if (r == 0)
		r = dry_changes(c, req, &needs, ret, err);
	json_decref(req);
	image_needs_done(&needs);
	return r;
}

static int up_really(struct cli *c, const struct up_opts *o, struct err *err)
{
	struct oci_runtime runtime = { 0 };
	auto_free bool *scope = NULL;
	int r;

	if (check_all(c, o, err) < 0)
		return -1;
	if (oci_runtime_find(c->g.runtime, &runtime, err) < 0)
		return -1;
	oci_runtime_done(&runtime);
	scope = up_scope(c, o);
	if (o->watch && up_watch_check(c, scope, err) < 0)
		return -1;
	r = up_get_ready(c, o, scope, err);
	return r ? r : run_request(c, o, scope, err);
}

/* Of a bundle that cannot be written is told, and the failure stays what it was. */
static void leave_bundle(struct cli *c, int r, const struct err *err)
{
	auto_free char *how = r < 0 ? xstrdup(err_msg(err)) : xasprintf("exit status %d", r);
	auto_buf struct buf said = BUF_INIT;
	auto_err struct err why = ERR_INIT;

	buf_printf(&said, "davit: what helps to find out why is in '%s'\n", bundle_path(c->bundle));
	if (bundle_write(c->bundle, how, &why) < 0)
		ui_warn(&c->ui, "%s", err_msg(&why));
	else
		ui_stderr(&said);
}

int up_run(struct cli *c, const void *opts, struct err *err)
{
	const struct up_opts *o = opts;
	int r;

	if (c->g.dry_run)
		return up_dry_run(c, o, err);
	if (o->bundle && bundle_check(o->bundle, err) < 0)
		return -1;
	c->bundle = o->bundle ? bundle_new(c, o->bundle) : NULL;
	r = up_really(c, o, err);
	if (c->bundle && r && r != EXIT_INTERRUPTED)
		leave_bundle(c, r, err);
	bundle_free(take(c->bundle));
	return r;
}

const struct cmd cmd_up = {
	.name = "up",
	.args = "[SERVICE...]",
	.summary = "create and start containers",
	.details = "Without --detach it stays, shows what the containers print, and stops them at Ctrl-C; a "
		   "second Ctrl-C kills them.",
	.needs = NEED_ROOT | NEED_MODEL | CAN_DRY_RUN,
	.max_args = -1,
	.opts = up_flags,
	.opts_size = sizeof(struct up_opts),
	.prepare = up_prepare,
	.run = up_run,
};
