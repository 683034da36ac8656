/* cmd_boot.c - what the unit of `enable` calls (or a line of cron): the project comes up with the host, and goes down with it. */
#include <unistd.h>

#include "../super/super.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "act.h"
#include "notify.h"

/* systemd is told at least this often that it goes on; half of what it then waits at most. */
enum { TELL_MS = 10000, EXTEND_MS = 2 * TELL_MS + 10000 };

static void tell_progress(struct cli *c)
{
	struct err ignored = ERR_INIT;
	size_t n = 0, up = 0;

	if (!notify_wanted() || cli_reload_world(c, &ignored) < 0) {
		err_done(&ignored);
		return;
	}
	map_each(&c->world.units, it) {
		n++;
		up += unit_rec_alive(it->value);
	}
	notify("EXTEND_TIMEOUT_USEC=%lld\nSTATUS=coming up: %zu of %zu containers run", EXTEND_MS * 1000LL, up, n);
}

static int bring_up(struct cli *c, struct progress *p, struct err *err)
{
	json_t *req = act_request(c, "boot");
	struct ctl *ctl = NULL;
	int r = act_connect(c, &ctl, err);

	if (r == 0 && ctl_send(ctl, req, err) < 0)
		r = ACT_LOST;
	while (r == ACT_MORE) {
		tell_progress(c);
		r = act_take(c, ctl, p, TELL_MS, err);
		progress_draw(p);
	}
	ctl_close(ctl);
	json_decref(req);
	return r;
}

/* What could not be brought up does not take down what was: to systemd, the start is done either way, and the status says what is
 * missing. */
static int boot_run(struct cli *c, const void *opts, struct err *err)
{
	struct act_tries tries = { 0 };
	struct progress *p;
	int r;

	if (c->pdirs.state_fd < 0 || faccessat(c->pdirs.state_fd, "model.json", F_OK, 0) < 0) {
		notify("READY=1\nSTATUS=project '%s' is not up: nothing to bring up", c->name);
		ui_warn(&c->ui, "project '%s' is not up: nothing to bring up", c->name);
		return 0;
	}
	if (super_mark_boot(&c->dirs, c->name, err) < 0)
		return -1;
	p = progress_new(&c->ui, "Running");
	while ((r = bring_up(c, p, err)) == ACT_LOST && act_again(&tries, clock_mono_ns()))
		err_done(err);
	progress_free(p);
	if (r == ACT_DONE)
		notify("READY=1\nSTATUS=up");
	else
		notify("READY=1\nSTATUS=not all is up: %s", err_msg(err));
	if (r == ACT_DONE || !notify_wanted())
		return r == ACT_DONE ? 0 : -1;
	ui_err(&c->ui, err);             /* a failed start would have systemd end the rest */
	err_done(err);
	return 0;
}

const struct cmd cmd_boot = {
	.name = "boot",
	.args = "",
	.summary = "bring up what ran when the host went down",
	.details = "In the order of dependencies, with their conditions; what was stopped by hand stays so.\n"
		   "'davit enable' has systemd call it; without systemd, a line of cron does: '@reboot davit -p NAME boot'.",
	.needs = NEED_ROOT | NEED_NAME | NOT_IN_LIST,
	.max_args = 0,
	.run = boot_run,
};

static bool anything_runs(const struct cli *c)
{
	map_each(&c->world.units, it)
		if (unit_rec_alive(it->value))
			return true;
	return false;
}

static bool has_supervisor(const struct cli *c)
{
	struct ctl *ctl = NULL;
	struct err ignored = ERR_INIT;
	bool has = c->pdirs.run_fd >= 0 && ctl_connect(c->pdirs.run_fd, &ctl, &ignored) == 0;

	ctl_close(ctl);
	err_done(&ignored);
	return has;
}

static int shutdown_run(struct cli *c, const void *opts, struct err *err)
{
	json_t *req;

	if (!has_supervisor(c) && !anything_runs(c))
		return 0;
	req = act_request(c, "stop");
	jx_set_bool(req, "shutdown", true);
	return act_run(c, req, "Stopping", err);
}

const struct cmd cmd_shutdown = {
	.name = "shutdown",
	.args = "",
	.summary = "stop everything until the next 'davit boot', as for the host's end",
	.details = "Unlike 'davit stop', nothing counts as stopped by hand, and the supervisor ends, too.",
	.needs = NEED_ROOT | NEED_NAME | NOT_IN_LIST,
	.max_args = 0,
	.run = shutdown_run,
};
