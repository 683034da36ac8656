#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "view.h"

struct ls_opts {
	bool all, quiet;
	const char *format;
};

static const struct opt ls_flags[] = {
	{ 'a', "all", OPT_BOOL, offsetof(struct ls_opts, all),
	  "also show projects without a running container" },
	{ 'q', "quiet", OPT_BOOL, offsetof(struct ls_opts, quiet), "print the names only" },
	{ 0, "format", OPT_STRING, offsetof(struct ls_opts, format), "table or json", "KIND" },
	{ 0, "filter", OPT_REFUSED, 0, "pipe the output through grep" },
	{ 0 }
};

struct row {
	char *name, *status, *files;     /* owned */
	bool running;
};

static void row_done(struct row *r)
{
	free(r->name);
	free(r->status);
	free(r->files);
}

/* "exited(1), running(2)" as docker compose sums up. */
static char *sum_up(const struct world *w, int run_fd, bool *ret_running)
{
	static const char *const states[] = { "created", "exited", "removing", "restarting", "running" };
	size_t counts[ARRAY_LEN(states)] = { 0 };
	struct buf b = BUF_INIT;

	map_each(&w->units, it) {
		struct view v;

		if (((const struct unit_rec *)it->value)->init_of)
			continue;
		view_init(&v, it->value, run_fd);
		for (size_t i = 0; i < ARRAY_LEN(states); i++)
			counts[i] += STREQ(states[i], v.state);
	}
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (counts[i])
			buf_printf(&b, "%s%s(%zu)", b.len ? ", " : "", states[i], counts[i]);
	*ret_running = counts[3] + counts[4] > 0;
	return buf_take(&b);
}

static char *config_files(const struct world *w)
{
	json_t *files = w->project ? jx_arr(w->project, "files") : NULL, *file;
	struct buf b = BUF_INIT;
	size_t i;

	json_array_foreach(files, i, file)
		buf_printf(&b, "%s%s", i ? "," : "", json_is_string(file) ? json_string_value(file) : "");
	return buf_take(&b);
}

/* 1: there is something to show. */
static int look(const struct dirs *d, const char *name, struct row *ret, struct err *err)
{
	struct pdirs p = { .state_fd = -1, .run_fd = -1 };
	struct world w = { 0 };
	int r = pdirs_open(d, name, false, &p, err);

	if (r == 0 && p.state_fd >= 0)
		r = world_load(p.state_fd, &w, err);
	if (r == 0 && w.units.n) {
		ret->name = strdup(name);
		ret->status = sum_up(&w, p.run_fd, &ret->running);
		ret->files = config_files(&w);
		r = 1;
	}
	world_done(&w);
	pdirs_done(&p);
	return r;
}

static void json_row(struct buf *out, const struct row *r, bool first)
{
	buf_str(out, first ? "{\"Name\":" : ",{\"Name\":");
	buf_json(out, r->name);
	buf_str(out, ",\"Status\":");
	buf_json(out, r->status);
	buf_str(out, ",\"ConfigFiles\":");
	buf_json(out, r->files);
	buf_char(out, '}');
}

static void add_row(struct cli *c, const struct ls_opts *o, const struct row *r, struct table *t,
		    struct buf *json)
{
	if (!r->running && !o->all)
		return;
	if (o->quiet)
		ui_print(&c->ui, "%s\n", r->name);
	json_row(json, r, json->len == 0);
	table_add(t, r->name);
	table_add(t, r->status);
	table_add(t, r->files);
}

static int ls_run(struct cli *c, const void *opts, struct err *err)
{
	static const char *const heads[] = { "NAME", "STATUS", "CONFIG FILES", NULL };
	const struct ls_opts *o = opts;
	bool as_json = o->format && STREQ(o->format, "json");
	auto_buf struct buf json = BUF_INIT;
	char **names = NULL;
	struct table t;
	int r;

	if (o->format && !as_json && !STREQ(o->format, "table") && !STREQ(o->format, "pretty"))
		return err_set(err, ERR_USAGE, "unsupported format '%s': there are table and json",
			       o->format);
	r = dirs_projects(&c->dirs, &names, err);
	table_init(&t, heads);
	for (char **p = names; p && *p; p++) {
		struct row row = { 0 };

		if (r >= 0)
			r = look(&c->dirs, *p, &row, err);
		if (r == 1)
			add_row(c, o, &row, &t, &json);
		row_done(&row);
		free(*p);
	}
	free(names);
	if (r >= 0 && as_json)
		ui_print(&c->ui, "[%s]\n", json.p ? json.p : "");
	else if (r >= 0 && !o->quiet)
		table_format(&t, 20, &c->ui.out);
	table_done(&t);
	return r < 0 ? -1 : 0;
}

const struct cmd cmd_ls = {
	.name = "ls", .args = "", .summary = "list projects",
	.opts = ls_flags, .opts_size = sizeof(struct ls_opts), .run = ls_run,
};
