#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "imager.h"
#include "system_cmds.h"
#include "view.h"

struct check_opts {
	bool repair, quick;
	const char *format;
};

#define O(field) offsetof(struct check_opts, field)
static const struct opt check_flags[] = {
	{ 0, "format", OPT_STRING, O(format), "text or json, an object a line", "KIND", "text json" },
	{ 0, "quick", OPT_BOOL, O(quick), "do not compare unpacked layers with what they were unpacked from" },
	{ 0, "repair", OPT_BOOL, O(repair), "remove what is damaged or left over, unpack anew what differs" },
	{ 0 }
};

struct checking {
	struct cli *c;
	const struct check_opts *o;
	bool json;
	struct progress *progress;       /* NULL: nothing of it is shown */
	int64_t problems;
};

static void on_checked(struct checking *k, const json_t *ev)
{
	char id[16], size[24];

	if (!k->progress)
		return;
	str_human_size((double)jx_int(ev, "bytes", 0), size);
	progress_step(k->progress, jx_str(ev, "what"), view_short_id(jx_str(ev, "digest"), id), "Checked", size);
	progress_draw(k->progress);
}

static void on_problem(struct checking *k, const json_t *ev)
{
	const char *hint = jx_str(ev, "hint");
	bool repaired = jx_bool(ev, "repaired", false);

	if (k->progress)
		progress_hide(k->progress);
	ui_print(&k->c->ui, "%s%s\n", repaired ? "repaired: " : "", jx_str(ev, "msg"));
	if (hint && !repaired)
		ui_print(&k->c->ui, "  hint: %s\n", hint);
}

static void count(struct checking *k, int64_t n, const char *what, const char *after)
{
	ui_print(&k->c->ui, "%jd %s%s%s", (intmax_t)n, what, n == 1 ? "" : "s", after);
}

static void on_summary(struct checking *k, const json_t *ev)
{
	int64_t repaired = jx_int(ev, "repaired", 0);
	char size[24];

	if (k->progress)
		progress_hide(k->progress);
	str_human_size((double)jx_int(ev, "bytes", 0), size);
	count(k, jx_int(ev, "images", 0), "image", ", ");
	count(k, jx_int(ev, "blobs", 0), "blob", "");
	ui_print(&k->c->ui, " (%s), ", size);
	count(k, jx_int(ev, "layers", 0), "unpacked layer", ": ");
	if (!k->problems)
		ui_print(&k->c->ui, "all is well\n");
	else
		ui_print(&k->c->ui, "%jd problem%s, %jd repaired\n", (intmax_t)k->problems, k->problems == 1 ? "" : "s", (intmax_t)repaired);
	if (repaired < k->problems && !k->o->repair)
		ui_print(&k->c->ui, "  hint: 'davit system check --repair' repairs what can be repaired\n");
}

static int on_event(void *arg, const json_t *ev, struct err *err)
{
	struct checking *k = arg;
	const char *kind = jx_str(ev, "ev");

	if (str_eq(kind, "summary"))
		k->problems = jx_int(ev, "problems", 0);
	if (k->json) {
		auto_free char *text = json_dumps(ev, JSON_COMPACT);

		if (!str_eq(kind, "checked"))
			ui_print(&k->c->ui, "%s\n", text ? text : "{}");
	} else if (str_eq(kind, "checked")) {
		on_checked(k, ev);
	} else if (str_eq(kind, "problem")) {
		on_problem(k, ev);
	} else if (str_eq(kind, "warn")) {
		ui_warn(&k->c->ui, "%s", jx_str(ev, "msg"));
	} else if (str_eq(kind, "summary")) {
		on_summary(k, ev);
	}
	return 0;
}

static int check_run(struct cli *c, const void *opts, struct err *err)
{
	const struct check_opts *o = opts;
	struct checking k = { .c = c, .o = o, .json = o->format && STREQ(o->format, "json") };
	const struct imager what = {
		.verb = "check", .request = json_pack("{s:b, s:b}", "repair", o->repair, "quick", o->quick),
		.input_fd = -1, .output_fd = -1, .on_event = on_event, .arg = &k,
	};
	int r;

	if (!k.json && c->ui.progress == PROGRESS_TTY)
		k.progress = progress_new(&c->ui, "Checking");
	r = imager_run(c, &what, err);
	progress_free(k.progress);
	return r < 0 ? -1 : k.problems ? 1 : 0;
}

const struct cmd cmd_system_check = {
	.name = "system check", .args = "", .summary = "verify the store of images: digests, what is listed, unpacked layers",
	.details = "Exit status 1 says that something was wrong, also when it is repaired now.",
	.needs = NEED_ROOT, .opts = check_flags, .opts_size = sizeof(struct check_opts), .run = check_run,
};
