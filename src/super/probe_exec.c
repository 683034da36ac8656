/* probe_exec.c - a probe that is a command in the container (exec_in.h).
 *
 * What it has forked goes with it when it has to go: when it is overdue, or in flight as the container stops or a supervisor is killed.
 * What it leaves behind after an end of its own is left alone, as Docker does.
 *
 * Its output comes through a pipe. The first OUTPUT_MAX bytes are kept until its end, the rest is poured away, no faster than FLOOD_BYTES
 * every FLOOD_MS: a probe that floods is slowed down by the full pipe, and costs next to nothing. */
#include "exec_in.h"
#include "health.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/mem.h"

#define TAG "probe"
#define PROCESS "health.json"

enum { OUTPUT_MAX = 4096, FLOOD_BYTES = 65536, FLOOD_MS = 10 };

struct exec_run {
	struct child call;
	struct event *call_ev, *out_ev, *pour;
	int out_fd;
	size_t len;
	char text[OUTPUT_MAX + 1];
};

/* ------------------------------------------------------------------ its output */

/* What is there: into the text while it has room, else away. 1: something, 0: nothing yet, -1: nobody writes any more. */
static int take_output(struct exec_run *r)
{
	static char nowhere[FLOOD_BYTES];
	size_t room = OUTPUT_MAX - r->len;
	ssize_t n = read(r->out_fd, room ? r->text + r->len : nowhere, room ? room : sizeof nowhere);

	if (n > 0 && room)
		r->len += (size_t)n;
	return n > 0 ? 1 : n < 0 && errno == EAGAIN ? 0 : -1;
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct exec_run *r = arg;

	if (take_output(r) < 0)
		return;
	if (r->len < OUTPUT_MAX)
		event_add(r->out_ev, NULL);
	else
		timer_arm(r->pour, FLOOD_MS);
}

static void on_pour(evutil_socket_t fd, short what, void *arg)
{
	struct exec_run *r = arg;
	int n = take_output(r);

	if (n > 0)
		timer_arm(r->pour, FLOOD_MS);
	else if (n == 0)
		event_add(r->out_ev, NULL);
}

/* ------------------------------------------------------------------ a run */

/* What it printed, else what the runtime has to say: there may be no such command. */
static void report(struct health *h, int status)
{
	struct exec_run *r = h->run;
	auto_err struct err err = ERR_INIT;
	auto_free char *said = NULL;

	while (r->len < OUTPUT_MAX && take_output(r) > 0)
		;
	exec_in_forget(h->u, TAG);
	if (status && exec_in_complaint(h->u, TAG, PROCESS, status, &err) == 0)
		said = r->len ? xstrdup(r->text) : xasprintf("exit status %d", status);
	health_probed(h, status == 0, err.kind ? err_msg(&err) : said);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct health *h = arg;
	struct exec_run *r = h->run;
	int status, n = proc_reap(&r->call, &status);

	if (n == 0) {
		event_add(r->call_ev, NULL);
		return;
	}
	close(take_fd(&r->call.pidfd));
	report(h, n < 0 ? -1 : status);
}

static int run_begin(struct exec_run *r, struct unit *u, struct err *err)
{
	auto_close int out = -1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	r->out_fd = ends[0];
	out = ends[1];
	fd_nonblock(r->out_fd);
	return exec_in_start(u, TAG, PROCESS, (const int[3]){ -1, out, out }, &r->call, err);
}

static int begin(struct health *h, struct err *err)
{
	struct event_base *base = h->u->s->base;
	struct exec_run *r = h->run = xcalloc(1, sizeof *r);

	r->out_fd = r->call.pidfd = -1;
	if (run_begin(r, h->u, err) < 0)
		return -1;
	r->call_ev = event_new(base, r->call.pidfd, EV_READ, on_end, h);
	r->out_ev = event_new(base, r->out_fd, EV_READ, on_output, r);
	r->pour = evtimer_new(base, on_pour, r);
	event_add(r->call_ev, NULL);
	event_add(r->out_ev, NULL);
	return 0;
}

static void overdue(struct health *h)
{
	auto_free char *said = xasprintf("it took more than %lld ms", (long long)h->u->launch.health_timeout_ms);

	health_probed(h, false, said);
}

static void drop(struct health *h)
{
	struct exec_run *r = h->run;

	if (!r)
		return;
	struct event **evs[] = { &r->call_ev, &r->out_ev, &r->pour };
	h->run = NULL;
	for (size_t i = 0; i < ARRAY_LEN(evs); i++)
		if (*evs[i])
			event_free(*evs[i]);
	if (r->call.pidfd >= 0)
		exec_in_abort(h->u, TAG, &r->call);
	if (r->out_fd >= 0)
		close(r->out_fd);
	free(r);
}

const struct probe_ops probe_exec = { .begin = begin, .overdue = overdue, .drop = drop };
