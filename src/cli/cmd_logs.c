#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "follow.h"
#include "view.h"
#include "watch.h"
#include "when.h"

struct logs_opts {
	bool follow, timestamps, no_color, no_prefix;
	const char *tail, *since, *until;
	struct opt_int index;
};

#define L(field) offsetof(struct logs_opts, field)
static const struct opt logs_flags[] = {
	{ 'f', "follow", OPT_BOOL, L(follow), "go on with what is logged from now on" },
	{ 'n', "tail", OPT_STRING, L(tail), "only the last N lines of each container (all)", "N" },
	{ 't', "timestamps", OPT_BOOL, L(timestamps), "print the time of each line" },
	{ 0, "since", OPT_STRING, L(since),
	  "only lines from then on: 2013-01-02T13:23:37Z, or 42m for 42 minutes ago", "TIME" },
	{ 0, "until", OPT_STRING, L(until), "only lines before then", "TIME" },
	{ 0, "index", OPT_INT, L(index), "only this container of the service", "N" },
	{ 0, "no-log-prefix", OPT_BOOL, L(no_prefix), "leave out the names in front of the lines" },
	{ 0, "no-color", OPT_BOOL, L(no_color), "no colours" },
	{ 0 }
};

/* After the last container has come to rest: a restart or recreation passes through that state, too. */
enum { LINGER_MS = 1000 };

/* A bound of the range: so long ago is counted back by the steady clock, a moment is compared with what lines show. */
static int parse_bound(const char *flag, const char *text, int64_t steady_now, int64_t *ret_ns, bool *ret_steady, struct err *err)
{
	int64_t ago;

	if (!text)
		return 0;
	*ret_steady = when_ago(text, &ago);
	if (!*ret_steady)
		return when_parse(flag, text, clock_wall_ns(), ret_ns, err);
	*ret_ns = steady_now - ago;
	return 0;
}

static int parse_opts(const struct cli *c, const struct logs_opts *o, struct follow_opts *ret, struct err *err)
{
	struct log_range range = { .tail = -1 };
	int64_t now = follow_now(c);

	if (o->tail && !STREQ(o->tail, "all") && str_i64(o->tail, &range.tail) < 0)
		return err_set(err, ERR_USAGE, "flag '--tail' takes a number or 'all', not '%s'", o->tail);
	if (range.tail < 0)
		range.tail = -1;
	if (parse_bound("--since", o->since, now, &range.since_ns, &range.since_steady, err) < 0 ||
	    parse_bound("--until", o->until, now, &range.until_ns, &range.until_steady, err) < 0)
		return -1;
	*ret = (struct follow_opts){
		.timestamps = o->timestamps,
		.no_prefix = o->no_prefix,
		.no_colour = o->no_color,
		.live = o->follow,
		.range = range,
	};
	return 0;
}

/* Lets all selected containers take part. *ret_busy: whether any of them may still say something. */
static int add_all(struct cli *c, struct follow *f, struct opt_int index, bool *ret_busy, struct err *err)
{
	size_t n;
	auto_free struct view *list = view_list(c, &n);

	*ret_busy = false;
	for (size_t i = 0; i < n; i++) {
		if (index.set && (int64_t)list[i].r->index != index.v)
			continue;
		if (follow_add(f, list[i].r, err) < 0)
			return -1;
		*ret_busy |= view_busy(list[i].r);
	}
	return 0;
}

/* Waits for more. 1: the journal changed, 0: it did not, -1. */
static int wait_for_more(struct follow *f, int watch_fd, int timeout_ms, struct err *err)
{
	struct pollfd fds[] = {
		{ .fd = watch_fd, .events = POLLIN }, { .fd = follow_fd(f), .events = POLLIN }
	};

	if (poll(fds, ARRAY_LEN(fds), timeout_ms) < 0 && errno != EINTR)
		return err_sys(err, errno, "wait for logs");
	return fds[0].revents && watch_take(watch_fd);
}

/* How long until nothing that is logged is wanted any more, at most a second: the clock that decides may jump. 0: that is so now. */
static int ms_wanted(const struct cli *c, const struct log_range *range)
{
	int64_t left_ns;

	if (!range->until_ns)
		return 1000;
	left_ns = range->until_ns - (range->until_steady ? follow_now(c) : clock_wall_ns());
	if (left_ns < 0)
		return 0;
	return left_ns < SEC_NS ? (int)(left_ns / MS_NS) + 1 : 1000;
}

/* Until all containers have come to rest, or what is logged is too late to be wanted, or Ctrl-C. */
static int follow_loop(struct cli *c, struct follow *f, const struct logs_opts *o, const struct log_range *range, bool busy,
		       struct err *err)
{
	auto_close int watch_fd = -1;
	int64_t rest_ns = 0;

	if (watch_open(&c->pdirs, &watch_fd, err) < 0)
		return -1;
	/* what happened before the watch began */
	if (cli_reload_world(c, err) < 0 || add_all(c, f, o->index, &busy, err) < 0)
		return -1;
	while (busy || clock_mono_ns() < rest_ns + LINGER_MS * MS_NS) {
		int wanted_ms = ms_wanted(c, range), pause_ms = range->until_ns ? wanted_ms : -1;
		bool was_busy = busy;
		int r;

		if (!wanted_ms)
			break;

		if (follow_pump(f, false, NULL, err) < 0)
			return -1;
		r = wait_for_more(f, watch_fd, busy ? pause_ms : LINGER_MS / 4, err);
		if (r < 0)
			return -1;
		if (r && (cli_reload_world(c, err) < 0 || add_all(c, f, o->index, &busy, err) < 0))
			return -1;
		if (was_busy && !busy)
			rest_ns = clock_mono_ns();
	}
	return 0;
}

static int logs_run(struct cli *c, const void *opts, struct err *err)
{
	const struct logs_opts *o = opts;
	struct follow_opts fo;
	struct follow *f;
	bool busy;
	int r;

	if (parse_opts(c, o, &fo, err) < 0)
		return -1;
	f = follow_new(c, &fo);
	r = add_all(c, f, o->index, &busy, err);
	if (r == 0 && o->follow && busy)
		cli_tell_nobody(c);
	if (r == 0 && o->follow && busy)
		r = follow_loop(c, f, o, &fo.range, busy, err);
	if (r == 0)
		r = follow_pump(f, true, NULL, err);
	follow_free(f);
	return r;
}

const struct cmd cmd_logs = {
	.name = "logs", .args = "[SERVICE...]", .summary = "show what containers have printed",
	.needs = NEED_NAME | ARGS_ARE_SERVICES | ONLY_LOOKS, .max_args = -1,
	.opts = logs_flags, .opts_size = sizeof(struct logs_opts), .run = logs_run,
};
