#include "../../volumes/vol.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "act.h"
#include "down.h"
#include "dry.h"

struct down_opts {
	struct opt_int timeout;
	bool volumes, remove_orphans;
	const char *rmi;
};

static const struct opt down_flags[] = {
	{ 'v', "volumes", OPT_BOOL, offsetof(struct down_opts, volumes),
	  "also remove the project's named and anonymous volumes" },
	{ 't', "timeout", OPT_SECONDS, offsetof(struct down_opts, timeout), "wait this long before SIGKILL" },
	{ 0, "remove-orphans", OPT_BOOL, offsetof(struct down_opts, remove_orphans),
	  "also remove containers of services that the file does not have" },
	{ 0, "rmi", OPT_STRING, offsetof(struct down_opts, rmi),
	  "also remove the images of its services: all, or local, those built without an image name", "WHICH", "all local" },
	{ 0 }
};

/* They outlive everything else of a project. */
static bool has_volumes(const struct cli *c)
{
	auto_json json_t *list = NULL;
	struct vol_store *store;

	if (vol_look(c->dirs.state, &store, NULL) < 0)
		return false;
	list = vol_list(store, c->name);
	vol_close(store);
	return json_array_size(list) > 0;
}

static int nothing_there(struct cli *c)
{
	ui_warn(&c->ui, "No resource found to remove for project \"%s\".", c->name);
	return 0;
}

/* There is nothing of it but images: what was built or pulled, and never brought up. */
static int only_images(struct cli *c, json_t *images, struct err *err)
{
	size_t removed = 0;
	int r = down_remove_images(c, images, &removed, err);

	return r == 0 && removed == 0 ? nothing_there(c) : r;
}

/* Both are taken. */
static int dry_down(struct cli *c, json_t *req, json_t *images, struct err *err)
{
	struct changes changes = { 0 };
	const json_t *name;
	size_t i;
	int r = dry_changes(c, req, NULL, &changes, err);

	json_array_foreach(images, i, name)
		changes_add(&changes, CHANGE_IMAGE, CHANGE_REMOVE, json_string_value(name), NULL, "unless another project needs it");
	json_decref(images);
	json_decref(req);
	return r == 0 ? dry_show(c, &changes) : r;
}

static int down_run(struct cli *c, const void *opts, struct err *err)
{
	const struct down_opts *o = opts;
	bool local = o->rmi && STREQ(o->rmi, "local");
	json_t *req, *images;
	int r;

	if (o->rmi && c->dir && !c->project && (r = cli_load(c, err)) != 0)
		return r;
	images = o->rmi ? down_images(c, local) : json_array();
	/* nothing is started for nothing; which volumes are a service's, the records say that are gone */
	if (!c->g.dry_run && !cli_project_exists(c) && !(o->volumes && !c->args.n && has_volumes(c)))
		return only_images(c, images, err);
	req = act_request(c, "down");
	act_set_timeout(req, o->timeout);
	jx_set_bool(req, "volumes", o->volumes);
	jx_set_bool(req, "remove_orphans", o->remove_orphans || cli_env_true("COMPOSE_REMOVE_ORPHANS"));
	if (c->g.dry_run)
		return dry_down(c, req, images, err);
	if (act_run(c, req, "Running", err) < 0) {
		json_decref(images);
		return -1;
	}
	return down_remove_images(c, images, NULL, err);
}

const struct cmd cmd_down = {
	.name = "down",
	.args = "[SERVICE...]",
	.summary = "stop and remove containers and networks",
	.details = "Named volumes stay unless --volumes is given. With -p NAME no compose file is needed.",
	.needs = NEED_ROOT | NEED_NAME | ARGS_ARE_SERVICES | CAN_DRY_RUN,
	.max_args = -1,
	.opts = down_flags,
	.opts_size = sizeof(struct down_opts),
	.run = down_run,
};
