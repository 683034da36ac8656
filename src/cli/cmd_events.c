#include <errno.h>
#include <poll.h>
#include <string.h>

#include "../state/events.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "cli.h"
#include "event_text.h"
#include "when.h"

struct events_opts {
	bool json;
	const char *since, *until;
};

#define E(field) offsetof(struct events_opts, field)
static const struct opt events_flags[] = {
	{ 0, "json", OPT_BOOL, E(json), "one JSON object a line" },
	{ 0, "since", OPT_STRING, E(since), "begin with what happened then: 2013-01-02T13:23:37Z, or 42m for 42 minutes ago", "TIME" },
	{ 0, "until", OPT_STRING, E(until), "end there; a point in the past only shows what is on record", "TIME" },
	{ 0 }
};

enum { LOOK_MS = 1000 }; /* when nobody can tell that something has come */

struct range {
	int64_t since_ns, until_ns; /* 0: none */
};

static bool wanted(const struct cli *c, const struct range *range, const json_t *event)
{
	const char *service = jx_str(event, "service");
	int64_t t = jx_int(event, "t", 0);

	if ((range->since_ns && t < range->since_ns) || (range->until_ns && t > range->until_ns))
		return false;
	for (size_t i = 0; i < c->args.n; i++)
		if (str_eq(c->args.v[i], service))
			return true;
	return c->args.n == 0;
}

static int print_all(struct cli *c, struct evr *r, const struct range *range, bool json, struct err *err)
{
	json_t *event;

	while (evr_next(r, &event) == 1) {
		if (wanted(c, range, event))
			(json ? event_json : event_text)(event, &c->ui.out);
		json_decref(event);
	}
	return ui_flush(&c->ui, err);
}

static int timeout_ms(const struct evr *r, const struct range *range)
{
	int64_t left = range->until_ns ? (range->until_ns - clock_wall_ns()) / MS_NS + 1 : -1;

	if (evr_fd(r) < 0 && (left < 0 || left > LOOK_MS))
		return LOOK_MS;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

static int follow(struct cli *c, struct evr *r, const struct range *range, bool json, struct err *err)
{
	for (;;) {
		struct pollfd p = { .fd = evr_fd(r), .events = POLLIN };

		if (print_all(c, r, range, json, err) < 0)
			return -1;
		if (range->until_ns && clock_wall_ns() >= range->until_ns)
			return 0;
		if (poll(&p, 1, timeout_ms(r, range)) < 0 && errno != EINTR)
			return err_sys(err, errno, "wait for events");
	}
}

static int events_run(struct cli *c, const void *opts, struct err *err)
{
	const struct events_opts *o = opts;
	auto_free char *projects = xasprintf("%s/projects", c->dirs.state);
	struct range range = { 0 };
	int64_t now = clock_wall_ns();
	struct evr *r;
	int ret;

	if (o->since && when_parse("--since", o->since, now, &range.since_ns, err) < 0)
		return -1;
	if (o->until && when_parse("--until", o->until, now, &range.until_ns, err) < 0)
		return -1;
	r = evr_new(projects, c->name, !o->until || range.until_ns > now);
	if (!o->since && !o->until)
		evr_skip(r);
	ret = follow(c, r, &range, o->json, err);
	evr_free(r);
	return ret;
}

static void events_help(struct ui *ui)
{
	const char *type = "";

	ui_print(ui, "\nEvents:\n");
	for (int i = 0; i < EV_NKINDS; i++) {
		const struct event_row *row = &event_rows[i];

		ui_print(ui, "  %-11s %-14s %s\n", STREQ(type, row->type) ? "" : row->type, row->action, row->help);
		type = row->type;
	}
}

const struct cmd cmd_events = {
	.name = "events", .args = "[SERVICE...]", .summary = "show what happens to the containers",
	.details = "What comes from now on, until Ctrl-C; with --since or --until also what is on record: the last 1 to 2 MiB since the\n"
		   "project's first 'davit up'. It reads files: no supervisor is asked, and 'down' and the next 'up' are seen.",
	.needs = NEED_NAME | ARGS_ARE_SERVICES | ONLY_LOOKS, .max_args = -1,
	.opts = events_flags, .opts_size = sizeof(struct events_opts), .run = events_run, .more_help = events_help,
};
