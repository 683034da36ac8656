/* wait: what happens is read from the journal, so that it makes no difference who supervises, or whether anybody does. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "act.h"
#include "view.h"
#include "watch.h"

struct wait_opts {
	bool down_project;
};

static const struct opt wait_flags[] = {
	{ 0, "down-project", OPT_BOOL, offsetof(struct wait_opts, down_project),
	  "take the project down when the first container has stopped" },
	{ 0 }
};

struct waiting {
	struct strs ids;         /* of containers that have not stopped yet */
	int status;              /* of the last one that has */
	bool any;                /* one has stopped */
};

static void list_waiting(const struct cli *c, struct waiting *w)
{
	map_each(&c->world.units, it) {
		const struct unit_rec *r = it->value;

		if (cli_selected(c, r) && r->id)
			strs_add(&w->ids, r->id);
	}
}

static const struct unit_rec *rec_of(const struct cli *c, const char *id)
{
	map_each(&c->world.units, it) {
		const struct unit_rec *r = it->value;

		if (str_eq(r->id, id))
			return r;
	}
	return NULL;
}

/* One that was removed, or made anew, has stopped as well; how is not known any more. */
static void look(struct cli *c, struct waiting *w)
{
	struct strs left = STRS_INIT;

	for (size_t i = 0; i < w->ids.n; i++) {
		const struct unit_rec *r = rec_of(c, w->ids.v[i]);
		struct view v;

		if (r && view_busy(r)) {
			strs_add(&left, w->ids.v[i]);
			continue;
		}
		w->any = true;
		if (!r)
			continue;
		view_init(&v, r, c->pdirs.run_fd);
		w->status = v.exit_code < 0 ? 255 : v.exit_code;
		ui_print(&c->ui, "container \"%s\" exited with status code %d\n", r->name, w->status);
	}
	strs_done(&w->ids);
	w->ids = left;
}

static int wait_for_all(struct cli *c, struct waiting *w, bool first_only, struct err *err)
{
	auto_close int watch_fd = -1;

	if (watch_open(&c->pdirs, &watch_fd, err) < 0)
		return -1;
	for (;;) {
		struct pollfd p = { .fd = watch_fd, .events = POLLIN };

		if (cli_reload_world(c, err) < 0)
			return -1;
		look(c, w);
		if (ui_flush(&c->ui, err) < 0)
			return -1;
		if (w->ids.n == 0 || (first_only && w->any))
			return 0;
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return err_sys(err, errno, "wait for the journal");
		watch_take(watch_fd);
	}
}

static int take_down(struct cli *c, struct err *err)
{
	json_t *req = json_pack("{s:s, s:b}", "op", "down", "remove_orphans", 1);

	return act_run(c, req, "Running", err);
}

static int wait_run(struct cli *c, const void *opts, struct err *err)
{
	const struct wait_opts *o = opts;
	struct waiting w = { 0 };
	int r;

	list_waiting(c, &w);
	if (w.ids.n == 0)
		return err_set(err, ERR_NOT_FOUND, "project '%s' has no container of what is named", c->name);
	r = wait_for_all(c, &w, o->down_project, err);
	strs_done(&w.ids);
	if (r == 0 && o->down_project)
		r = take_down(c, err);
	return r < 0 ? -1 : w.status;
}

const struct cmd cmd_wait = {
	.name = "wait",
	.args = "SERVICE...",
	.summary = "wait until containers have stopped",
	.details = "One that its restart policy brings back has not stopped. The exit status is that of the last one.",
	.needs = NEED_NAME | ARGS_ARE_SERVICES,
	.min_args = 1,
	.max_args = -1,
	.opts = wait_flags,
	.opts_size = sizeof(struct wait_opts),
	.run = wait_run,
};
