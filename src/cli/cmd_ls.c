#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "list.h"
#include "view.h"

struct ls_opts {
	bool all, quiet;
	const char *format;
	struct strs filters;
};

static const struct opt ls_flags[] = {
	{ 'a', "all", OPT_BOOL, offsetof(struct ls_opts, all),
	  "also show projects without a running container" },
	{ 'q', "quiet", OPT_BOOL, offsetof(struct ls_opts, quiet), "print the names only" },
	{ 0, "format", OPT_STRING, offsetof(struct ls_opts, format), LIST_FORMAT_HELP, "FORMAT", LIST_FORMATS },
	{ 0, "filter", OPT_STRS, offsetof(struct ls_opts, filters), "name=REGEX: only projects of such a name", "FILTER", "name= …" },
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

static const struct {
	const char *state;
	bool up;
} states[] = {
	{ "created", false }, { "exited", false }, { "paused", true }, { "removing", false }, { "restarting", true }, { "running", true },
};

/* "exited(1), running(2)" as docker compose sums up; without `all` of what is up only. */
static char *sum_up(const struct world *w, int run_fd, bool all, bool *ret_up)
{
	size_t counts[ARRAY_LEN(states)] = { 0 };
	struct buf b = BUF_INIT;

	map_each(&w->units, it) {
		struct view v;

		if (((const struct unit_rec *)it->value)->init_of)
			continue;
		view_init(&v, it->value, run_fd);
		for (size_t i = 0; i < ARRAY_LEN(states); i++)
			counts[i] += STREQ(states[i].state, v.state);
	}
	*ret_up = false;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		*ret_up |= counts[i] && states[i].up;
		if (counts[i] && (all || states[i].up))
			buf_printf(&b, "%s%s(%zu)", b.len ? ", " : "", states[i].state, counts[i]);
	}
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
static int look(const struct dirs *d, const char *name, bool all, struct row *ret, struct err *err)
{
	struct pdirs p = { .state_fd = -1, .run_fd = -1 };
	struct world w = { 0 };
	int r = pdirs_open(d, name, false, &p, err);

	if (r == 0 && p.state_fd >= 0)
		r = world_load(p.state_fd, &w, err);
	if (r == 0 && w.units.n) {
		ret->name = strdup(name);
		ret->status = sum_up(&w, p.run_fd, all, &ret->running);
		ret->files = config_files(&w);
		r = 1;
	}
	world_done(&w);
	pdirs_done(&p);
	return r;
}

/* As docker: a name is meant that is the text or that the expression finds something in; one of several filters is enough. */
static int is_wanted(const struct ls_opts *o, const char *name, struct err *err)
{
	bool wanted = !o->filters.n;

	for (size_t i = 0; i < o->filters.n; i++) {
		const char *expression = o->filters.v[i] + strlen("name=");
		regex_t re;

		if (!str_starts(o->filters.v[i], "name="))
			return err_set(err, ERR_USAGE, "unknown filter '%s' (there is only name=…)", o->filters.v[i]);
		if (regcomp(&re, expression, REG_EXTENDED | REG_NOSUB) != 0)
			return err_set(err, ERR_USAGE, "flag '--filter': '%s' is no regular expression", expression);
		wanted |= STREQ(expression, name) || regexec(&re, name, 0, NULL, 0) == 0;
		regfree(&re);
	}
	return wanted;
}

static const struct list_column columns[] = {
	{ "Name", "NAME", .name = true }, { "Status", "STATUS" }, { "ConfigFiles", "CONFIG FILES" }, { NULL },
};

static void add_row(struct cli *c, const struct ls_opts *o, const struct row *r, struct list *l)
{
	json_t *row;

	if (!r->running && !o->all)
		return;
	if (o->quiet)
		ui_print(&c->ui, "%s\n", r->name);
	row = list_row(l);
	list_set(row, "Name", r->name);
	list_set(row, "Status", r->status);
	list_set(row, "ConfigFiles", r->files);
}

static int ls_run(struct cli *c, const void *opts, struct err *err)
{
	struct list rows = { .columns = columns, .json = LIST_ARRAY, .min_width = 20 };
	const struct ls_opts *o = opts;
	char **names = NULL;
	int r;

	if (list_check(o->format, err) < 0 || is_wanted(o, "", err) < 0)
		return -1;
	r = dirs_projects(&c->dirs, &names, err);
	for (char **p = names; p && *p; p++) {
		struct row row = { 0 };

		if (r >= 0)
			r = is_wanted(o, *p, err);
		if (r > 0)
			r = look(&c->dirs, *p, o->all, &row, err);
		if (r == 1)
			add_row(c, o, &row, &rows);
		row_done(&row);
		free(*p);
	}
	free(names);
	if (r >= 0 && !o->quiet)
		r = list_print(c, &rows, o->format, err);
	list_done(&rows);
	return r < 0 ? -1 : 0;
}

const struct cmd cmd_ls = {
	.name = "ls", .needs = ONLY_LOOKS, .args = "", .summary = "list projects",
	.opts = ls_flags, .opts_size = sizeof(struct ls_opts), .run = ls_run,
};
