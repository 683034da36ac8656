/* rollback: `up` of a generation that there was, with the images that it had. */
#include <stdlib.h>
#include <string.h>

#include "../../compose/project.h"
#include "../image/image.h"
#include "../state/contents.h"
#include "../state/generation.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "act.h"
#include "enable.h"

struct rollback_opts {
	struct opt_int timeout, wait_timeout;
	bool wait;
};

#define R(field) offsetof(struct rollback_opts, field)
static const struct opt rollback_flags[] = {
	{ 't', "timeout", OPT_SECONDS, R(timeout), "wait this long before SIGKILL when containers are stopped" },
	{ 0, "wait", OPT_BOOL, R(wait), "come back when all services run, or are healthy" },
	{ 0, "wait-timeout", OPT_SECONDS, R(wait_timeout), "wait no longer than this" },
	{ 'd', "detach", OPT_IGNORED, 0, NULL },
	{ 'y', "yes", OPT_IGNORED, 0, NULL },
	{ 0 }
};

static int nothing_before(struct cli *c, const struct generations *all, int64_t in_force, struct err *err)
{
	err_set(err, ERR_NOT_FOUND, "project '%s' has no generation to go back to", c->name);
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].n == in_force && all->v[i].outcome == GENERATION_FAILED)
			err_hint(err, "generation %lld, which is in force, failed, and no good one was before it: 'davit up' tries again, 'davit down' "
				      "takes it away", (long long)in_force);
	return -1;
}

/* The one that is named, or the last good one before that in force. */
static int choose(struct cli *c, struct generation *ret, struct err *err)
{
	int64_t in_force = jx_int(c->world.project, "generation", 0);
	const struct generation *last;
	struct generations all;
	uint64_t n = 0;
	int r;

	if (c->args.n && (str_u64(c->args.v[0], &n) < 0 || !n || n > INT64_MAX)) {
		err_set(err, ERR_USAGE, "'%s' is not the number of a generation", c->args.v[0]);
		return err_hint(err, "'davit history' lists them");
	}
	if (c->args.n)
		return generation_read(c->pdirs.state_fd, (int64_t)n, ret, err);
	generations_list(c->pdirs.state_fd, &all);
	last = generations_good_before(&all, in_force);
	if (last)
		r = generation_read(c->pdirs.state_fd, last->n, ret, err);
	else
		r = nothing_before(c, &all, in_force, err);
	generations_done(&all);
	return r;
}

/* All of its images have to be there still, by what they are; their names may stand for others by now. */
static int check_images(struct cli *c, const struct generation *g, struct err *err)
{
	struct image_store *store = NULL;
	const char *service;
	json_t *image;
	int r = image_store_open(c->dirs.state, &store, err);

	json_object_foreach(g->images, service, image) {
		auto_err struct err why = ERR_INIT;
		struct image *img = NULL;
		const char *id = jx_str(image, "id"), *ref = jx_str(image, "ref");
		if (r < 0 || !id || image_find(store, id, NULL, &img, &why) == 0) {
			image_free(img);
			continue;
		}
		err_set(err, ERR_NOT_FOUND, "image '%s' of service '%s', as generation %lld had it (%.19s), is gone", ref ? ref : "?",
			service, (long long)g->n, id);
		err_hint(err, "pull or load it again by its digest, or bring up a file with another image");
		r = -1;
	}
	image_store_close(store);
	return r;
}

static json_t *pins_of(const json_t *images)
{
	json_t *o = json_object(), *image;
	const char *service;

	json_object_foreach((json_t *)images, service, image)
		json_object_set(o, service, image);
	return o;
}

static void tell_contents(struct cli *c, const struct generation *g, const char *what, const struct file_object *then, const struct file_object *now, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (then[i].digest && !str_eq(then[i].digest, now[i].digest))
			ui_warn(&c->ui, "%s '%s': '%s' is not what it was in generation %lld, and stays as it is now", what, now[i].key, now[i].file,
				(long long)g->n);
}

static bool is_kept(void *arg, const char *digest)
{
	const struct cli *c = arg;

	return contents_are_kept(c->pdirs.state_fd, digest);
}

/* What was in the files of configs and secrets is kept as far as it is not too large (contents.h). Of the others the model has to say what they
 * are now, or a later `up` would take a container that has this for one that has what was there then. */
static json_t *model_of_today(struct cli *c, const struct generation *g)
{
	auto_free char *text = json_dumps(g->model, JSON_COMPACT);
	struct project *then = NULL, *now = NULL;
	auto_buf struct buf wire = BUF_INIT;
	json_t *model = NULL;

	if (text && project_from_wire(text, strlen(text), &then, NULL) == 0 && project_from_wire(text, strlen(text), &now, NULL) == 0) {
		project_digest_others(now, is_kept, c);
		tell_contents(c, g, "config", then->configs, now->configs, now->n_configs);
		tell_contents(c, g, "secret", then->secrets, now->secrets, now->n_secrets);
		project_to_wire(now, &wire);
		jx_parse(wire.p, wire.len, &model, NULL);
	}
	project_free(then);
	project_free(now);
	return model ? model : json_incref(g->model);
}

static json_t *make_request(struct cli *c, const struct rollback_opts *o, const struct generation *g)
{
	struct opt_args none = c->args;
	auto_free char *command = xasprintf("rollback %lld", (long long)g->n);
	json_t *req;

	c->args = (struct opt_args){ 0 };        /* they are no services */
	req = act_request(c, "up");
	c->args = none;
	json_object_set_new(req, "model", model_of_today(c, g));
	jx_set_bool(req, "keep_contents", true);
	json_object_set(req, "services", g->services);
	json_object_set_new(req, "images", pins_of(g->images));
	jx_set_str(req, "command", command);
	jx_set_bool(req, "wait", o->wait);
	if (o->wait_timeout.set)
		jx_set_int(req, "wait_timeout_s", o->wait_timeout.v);
	act_set_timeout(req, o->timeout);
	return req;
}

static int rollback_run(struct cli *c, const void *opts, struct err *err)
{
	const struct rollback_opts *o = opts;
	struct generation g = { 0 };
	int r = -1;

	if (choose(c, &g, err) == 0 && check_images(c, &g, err) == 0) {
		r = act_run(c, make_request(c, o, &g), "Rolling back", err);
		if (r == 0 && !c->g.dry_run)
			r = enable_refresh(c, err);
	}
	generation_done(&g);
	return r;
}

const struct cmd cmd_rollback = {
	.name = "rollback",
	.args = "[GENERATION]",
	.summary = "bring back an earlier generation of the project",
	.details = "Without a number it is the last good one before that in force. Services run the images that they had\n"
		   "then, even when their names stand for others by now. Going back is a new generation, so that it can be taken back, too.",
	.needs = NEED_ROOT | NEED_NAME | CAN_DRY_RUN,
	.max_args = 1,
	.opts = rollback_flags,
	.opts_size = sizeof(struct rollback_opts),
	.run = rollback_run,
};
