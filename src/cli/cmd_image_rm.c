/* cmd_image_rm.c - rm and prune: one takes what is named, the other what nobody uses. */
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "image_cmds.h"
#include "imager.h"
#include "prompt.h"

struct removing {
	struct cli *c;
	bool prune;
	bool head;               /* "Deleted Images:" was printed */
	bool refused;
};

static void say(struct removing *r, const char *word, const char *what)
{
	if (r->prune && !r->head)
		ui_print(&r->c->ui, "Deleted Images:\n");
	r->head = true;
	ui_print(&r->c->ui, "%c%s: %s\n", r->prune ? *word : *word - ('a' - 'A'), word + 1, what);
}

static void on_refused(struct removing *r, const json_t *ev)
{
	auto_err struct err why = ERR_INIT;

	err_set(&why, err_kind_parse(jx_str(ev, "kind")), "%s", jx_str(ev, "msg"));
	if (jx_str(ev, "hint"))
		err_hint(&why, "%s", jx_str(ev, "hint"));
	ui_err(&r->c->ui, &why);
	r->refused = true;
}

static int on_event(void *arg, const json_t *ev, struct err *err)
{
	struct removing *r = arg;
	const char *kind = jx_str(ev, "ev");
	char size[24];

	if (str_eq(kind, "untagged"))
		say(r, "untagged", jx_str(ev, "name"));
	else if (str_eq(kind, "deleted"))
		say(r, "deleted", jx_str(ev, "digest"));
	else if (str_eq(kind, "refused"))
		on_refused(r, ev);
	else if (str_eq(kind, "reclaimed") && r->prune) {
		str_human_size((double)jx_int(ev, "bytes", 0), size);
		ui_print(&r->c->ui, "%sTotal reclaimed space: %s\n", r->head ? "\n" : "", size);
	}
	return 0;
}

static int ask(struct removing *r, json_t *request, struct err *err)
{
	const struct imager what = {
		.verb = "remove", .request = request, .input_fd = -1, .output_fd = -1, .on_event = on_event, .arg = r,
	};

	if (imager_run(r->c, &what, err) < 0)
		return -1;
	return r->refused ? 1 : 0;
}

static json_t *list_of(const struct strs *l)
{
	return jx_texts(l->v, l->n);
}

/* ------------------------------------------------------------------ rm */

struct rm_opts {
	bool force;
};

static const struct opt rm_flags[] = {
	{ 'f', "force", OPT_BOOL, offsetof(struct rm_opts, force),
	  "take the names of images in use, too; by its id, take an image with several names" },
	{ 0, "no-prune", OPT_REFUSED, 0, "images have no parents here: nothing else is removed" },
	{ 0, "platform", OPT_REFUSED, 0, "remove the platform by its id: 'davit images --all' lists them" },
	{ 0 }
};

static int rm_run(struct cli *c, const void *opts, struct err *err)
{
	const struct rm_opts *o = opts;
	struct removing r = { .c = c };

	return ask(&r, json_pack("{s:o, s:b}", "names", jx_texts(c->args.v, c->args.n), "force", o->force), err);
}

const struct cmd cmd_image_rm = {
	.name = "image rm", .alias = "remove", .args = "IMAGE...", .summary = "remove names, and images that have none left",
	.details = "An image that a project uses, running or stopped, stays.",
	.needs = NEED_ROOT, .min_args = 1, .max_args = -1, .opts = rm_flags, .opts_size = sizeof(struct rm_opts), .run = rm_run,
};

/* ------------------------------------------------------------------ prune */

struct prune_opts {
	bool all, force;
	struct strs filters;
};

static const struct opt prune_flags[] = {
	{ 'a', "all", OPT_BOOL, offsetof(struct prune_opts, all), "also images with names that no project uses" },
	{ 0, "filter", OPT_STRS, offsetof(struct prune_opts, filters), "only images with label=, label!= or until=", "KEY=VALUE" },
	{ 'f', "force", OPT_BOOL, offsetof(struct prune_opts, force), "do not ask" },
	{ 0 }
};

static bool confirmed(bool all)
{
	return prompt_sure(all ? "This removes all images that have no name, or that no project uses" : "This removes all images that have no name");
}

static int prune_run(struct cli *c, const void *opts, struct err *err)
{
	static const char *const keys[] = { "dangling", "label", "label!", "until", NULL };
	const struct prune_opts *o = opts;
	struct removing r = { .c = c, .prune = true };
	struct image_filter f;
	bool all;
	int result;

	if (image_filter_parse(c, &o->filters, keys, &f, err) < 0) {
		image_filter_done(&f);
		return -1;
	}
	all = f.names == FILTER_ANY ? o->all : f.names == FILTER_NAMED;
	result = !o->force && !confirmed(all) ? 0 :
		 ask(&r, json_pack("{s:b, s:o, s:o, s:I}", "all", all, "labels", list_of(&f.labels), "not_labels",
				   list_of(&f.not_labels), "before_ns", (json_int_t)f.before_ns), err);
	image_filter_done(&f);
	return result;
}

const struct cmd cmd_image_prune = {
	.name = "image prune", .args = "", .summary = "remove images that nobody uses, and what is left of loads that were killed",
	.details = "Without --all only images that have lost their names to others.",
	.needs = NEED_ROOT, .opts = prune_flags, .opts_size = sizeof(struct prune_opts), .run = prune_run,
};
