#include "cli.h"

#include <jansson.h>
#include <string.h>

#include "../doctor/doctor.h"
#include "../util/auto.h"
#include "../util/json.h"

struct doctor_opts {
	bool all, json;
	const char *format;
};

static const struct opt doctor_flags[] = {
	{ 'a', "all", OPT_BOOL, offsetof(struct doctor_opts, all), "examine every project, and what belongs to none" },
	{ 0, "format", OPT_STRING, offsetof(struct doctor_opts, format), "text or json", "KIND", "text json" },
	{ 0, "json", OPT_BOOL, offsetof(struct doctor_opts, json), "the same as --format json" },
	{ 0 }
};

static void print_json(struct ui *ui, const struct findings *f)
{
	auto_json json_t *list = json_array();
	auto_free char *text = NULL;

	for (size_t i = 0; i < f->n; i++) {
		json_t *o = json_object();
		jx_set_str(o, "check", f->v[i].check);
		jx_set_str(o, "what", f->v[i].what);
		jx_set_str(o, "where", f->v[i].where);
		jx_set_str(o, "why", f->v[i].why);
		jx_set_str(o, "todo", f->v[i].todo);
		json_array_append_new(list, o);
	}
	text = json_dumps(list, JSON_COMPACT);
	ui_print(ui, "%s\n", text ? text : "[]");
}

static void print_text(struct ui *ui, const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		ui_print(ui, "%s: %s (%s): %s; to do: %s\n", f->v[i].check, f->v[i].what, f->v[i].where, f->v[i].why, f->v[i].todo);
	if (!f->n)
		ui_print(ui, "nothing amiss\n");
}

/* Who has mistyped a name is not to think that all is well with what he meant. A project that has a file may be yet to come. */
static void tell_unknown(struct cli *c)
{
	if (!cli_project_exists(c) && !c->dir)
		ui_warn(&c->ui, "there is no project '%s': it has no containers, and no compose file is here; 'davit ls -a' lists those there are", c->name);
}

static int doctor_run(struct cli *c, const void *opts, struct err *err)
{
	const struct doctor_opts *o = opts;
	bool json = o->json || (o->format && STREQ(o->format, "json"));
	struct findings found = { 0 };
	int r;

	r = o->all ? 0 : cli_need(c, NEED_NAME, err);
	if (r)
		return r;
	if (!o->all)
		tell_unknown(c);
	r = doctor_examine(&c->dirs, o->all ? NULL : c->name, &found, err);
	if (r == 0 && json)
		print_json(&c->ui, &found);
	else if (r == 0)
		print_text(&c->ui, &found);
	r = r < 0 ? -1 : found.n > 0;
	findings_done(&found);
	return r;
}

const struct cmd cmd_doctor = {
	.name = "doctor", .args = "", .summary = "look for what is amiss, and change nothing",
	.details = "\nCompares the records with the kernel: processes, control groups, namespaces, mounts, interfaces, rules, files.\n"
		   "Prints a line for each finding: what, where, why it matters, what to do. Exit status 1: something was found.",
	.needs = NEED_ROOT | ONLY_LOOKS, .opts = doctor_flags, .opts_size = sizeof(struct doctor_opts), .run = doctor_run,
};
