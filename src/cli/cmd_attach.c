/* attach: our standard streams joined to those of a container that runs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "../state/lograw.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "act.h"
#include "joined.h"
#include "view.h"

struct attach_opts {
	bool no_stdin, sig_proxy;
	const char *detach_keys;
	struct opt_int index;
};

#define A(field) offsetof(struct attach_opts, field)
static const struct opt attach_flags[] = {
	{ 0, "detach-keys", OPT_STRING, A(detach_keys), "the keys that leave the container's terminal (ctrl-p,ctrl-q)", "KEYS" },
	{ 0, "index", OPT_INT, A(index), "to this container of the service", "N" },
	{ 0, "no-stdin", OPT_BOOL, A(no_stdin), "do not pass standard input on" },
	{ 0, "sig-proxy", OPT_BOOL, A(sig_proxy), "pass signals on (the default; --sig-proxy=false does not)" },
	{ 0 }
};

/* The FIFO of its standard input, of which the container holds both ends; -1: it has none, or a terminal. */
static int open_input(struct cli *c, const char *slot)
{
	auto_free char *name = xasprintf("fifo/%s.in", slot);

	return openat(c->pdirs.run_fd, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
}

static int ask(struct cli *c, const char *slot, struct ctl **ret, struct err *err)
{
	auto_json json_t *req = json_pack("{s:s,s:s}", "op", "attach", "slot", slot);

	if (act_connect(c, ret, err) < 0)
		return -1;
	return ctl_send(*ret, req, err);
}

static int open_log(struct cli *c, const char *slot, struct lograw **ret, struct err *err)
{
	auto_close int logs_fd = openat(c->pdirs.state_fd, "logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (logs_fd < 0)
		return err_sys(err, errno, "open the logs of project '%s'", c->name);
	return lograw_open(logs_fd, slot, 1, ret, err);
}

static int attach_to(struct cli *c, const struct attach_opts *o, const struct unit_rec *r, struct err *err)
{
	const char *slot = r->slot;
	struct joined j = { .c = c, .slot = slot, .in_fd = o->no_stdin ? -1 : open_input(c, slot), .pass_input = !o->no_stdin,
			    .pass_signals = o->sig_proxy, .detach_keys = o->detach_keys, .greeting_for = r->name, .signal_fd = -1 };
	bool detached = false;
	sigset_t old;
	int status = -1;

	j.signal_fd = joined_signals(&old, err);
	if (j.signal_fd >= 0 && open_log(c, slot, &j.log, err) == 0 && ask(c, slot, &j.ctl, err) == 0)
		status = joined_run(&j, NULL, &detached, err);
	ctl_close(j.ctl);
	lograw_close(j.log);
	if (j.in_fd >= 0)
		close(j.in_fd);
	if (j.signal_fd >= 0)
		close(j.signal_fd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}

static int attach_run_cmd(struct cli *c, const void *opts, struct err *err)
{
	const struct attach_opts *o = opts;
	const struct unit_rec *r = NULL;

	if (joined_check_keys(o->detach_keys, err) < 0)
		return -1;
	if (view_running(c, c->args.v[0], o->index.set ? o->index.v : 0, &r, err) < 0)
		return -1;
	return attach_to(c, o, r, err);
}

const struct cmd cmd_attach = {
	.name = "attach",
	.args = "SERVICE",
	.summary = "join standard input, output and error to those of a running container",
	.details = "What it prints from now on is shown; 'davit logs' shows the rest. Standard input is passed on to a service with\n"
		   "stdin_open or tty. The exit status is the container's.",
	.needs = NEED_ROOT | NEED_NAME | ARGS_ARE_SERVICES,
	.min_args = 1,
	.max_args = 1,
	.opts = attach_flags,
	.opts_size = sizeof(struct attach_opts),
	.defaults = &(const struct attach_opts){ .sig_proxy = true },
	.run = attach_run_cmd,
};
