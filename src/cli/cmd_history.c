/* history: what the project was to be, each time that changed. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../state/generation.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "list.h"
#include "view.h"

struct history_opts {
	bool quiet;
	const char *format;
};

static const struct opt history_flags[] = {
	{ 0, "format", OPT_STRING, offsetof(struct history_opts, format), LIST_FORMAT_HELP, "FORMAT", LIST_FORMATS },
	{ 'q', "quiet", OPT_BOOL, offsetof(struct history_opts, quiet), "print the numbers only" },
	{ 0 }
};

static const struct list_column columns[] = {
	{ "Generation", "GENERATION" }, { "CreatedSince", "CREATED" },	      { "Command", "COMMAND" },
	{ "Outcome", "OUTCOME" },	{ "InForce", "IN FORCE" },	      { "Services", "SERVICES" },
	{ "Why", "WHY" },		{ "CreatedAt", "CREATED AT", true },  { NULL },
};

/* Those that it was about, else all that had an image. */
static void list_services(const struct generation *g, json_t *row)
{
	auto_buf struct buf b = BUF_INIT;
	const char *name;
	const json_t *v;
	json_t *svc;
	size_t i;

	json_array_foreach(g->services, i, v)
		buf_printf(&b, "%s%s", b.len ? "," : "", json_string_value(v));
	if (!g->services)
		json_object_foreach(g->images, name, svc)
			buf_printf(&b, "%s%s", b.len ? "," : "", name);
	list_set(row, "Services", b.p);
}

static void add_row(struct list *l, const struct generation *g, int64_t in_force)
{
	auto_buf struct buf since = BUF_INIT;
	json_t *row = list_row(l);
	const time_t at = (time_t)(g->at_ns / SEC_NS);
	struct tm tm;
	char text[64];

	view_ago(g->at_ns, clock_wall_ns(), &since);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z", localtime_r(&at, &tm));
	list_setf(row, "Generation", "%lld", (long long)g->n);
	list_set(row, "CreatedSince", since.p);
	list_set(row, "CreatedAt", text);
	list_set(row, "Command", g->command);
	list_set(row, "Outcome", generation_outcome_str(g->outcome));
	list_set(row, "InForce", g->n == in_force ? "*" : "");
	list_services(g, row);
	list_set(row, "Why", g->why);
}

/* A first `up` leaves what it made to be looked at when a health check or a job fails; so does an update that is not to be taken back. */
static void tell_failed(struct cli *c, const struct generations *all, int64_t in_force)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].n == in_force && all->v[i].outcome == GENERATION_FAILED)
			ui_warn(&c->ui, "generation %lld failed, and what there is of it was left as it is: 'davit ps -a' shows it, 'davit up' tries again",
				(long long)in_force);
}

static int history_run(struct cli *c, const void *opts, struct err *err)
{
	struct list rows = { .columns = columns };
	const struct history_opts *o = opts;
	int64_t in_force = jx_int(c->world.project, "generation", 0);
	struct generations all;
	int r = 0;

	if (list_check(o->format, err) < 0)
		return -1;
	generations_list(c->pdirs.state_fd, &all);
	for (size_t i = all.n; i-- > 0;) {
		if (o->quiet)
			ui_print(&c->ui, "%lld\n", (long long)all.v[i].n);
		else
			add_row(&rows, &all.v[i], in_force);
	}
	if (!o->quiet)
		r = list_print(c, &rows, o->format, err);
	if (!o->quiet && !o->format)
		tell_failed(c, &all, in_force);
	list_done(&rows);
	generations_done(&all);
	return r;
}

const struct cmd cmd_history = {
	.name = "history",
	.args = "",
	.summary = "list what the project was to be, each time that changed",
	.details = "Each 'up' that changes the definition or the images of a service makes a generation; 'davit rollback' goes back to one.\n"
		   "IN FORCE is the one whose definition holds: containers that are there are brought back and watched by it. It may have\n"
		   "failed, when what it made was left to be looked at; then it is good as soon as an 'up' of the same succeeds.",
	.needs = NEED_NAME | ONLY_LOOKS,
	.opts = history_flags,
	.opts_size = sizeof(struct history_opts),
	.run = history_run,
};
