#include <stdlib.h>
#include <unistd.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "image_cmds.h"
#include "imager.h"
#include "view.h"

struct load_opts {
	const char *input, *platform;
	bool quiet;
};

static const struct opt load_flags[] = {
	{ 'i', "input", OPT_STRING, offsetof(struct load_opts, input),
	  "archive to read instead of standard input", "FILE" },
	{ 'q', "quiet", OPT_BOOL, offsetof(struct load_opts, quiet), "do not show the layers" },
	{ 0, "platform", OPT_STRING, offsetof(struct load_opts, platform),
	  "take this of the platforms an image is there for, instead of this machine's", "OS/ARCH[/VARIANT]" },
	{ 0 }
};

struct loading {
	struct cli *c;
	struct progress *progress;       /* NULL: nothing of it is shown */
};

static void on_loaded(struct cli *c, const json_t *ev)
{
	const char *name = jx_str(ev, "ref"), *id = jx_str(ev, "id");
	struct image_ref ref = { 0 };

	if (!name) {
		ui_print(&c->ui, "Loaded image ID: %s\n", id ? id : "");
		return;
	}
	if (ref_parse(name, &ref, NULL) == 0) {
		auto_free char *familiar = ref_familiar(&ref);

		ui_print(&c->ui, "Loaded image: %s\n", familiar);
		ref_done(&ref);
		return;
	}
	ui_print(&c->ui, "Loaded image: %s\n", name);
}

static int on_event(void *arg, const json_t *ev, struct err *err)
{
	const struct loading *l = arg;
	const char *kind = jx_str(ev, "ev");
	char id[16];

	if (str_eq(kind, "layer") && l->progress) {
		progress_step(l->progress, "layer", view_short_id(jx_str(ev, "digest"), id),
			      str_eq(jx_str(ev, "state"), "present") ? "Exists" : "Unpacked", NULL);
		progress_draw(l->progress);
	} else if (str_eq(kind, "warn")) {
		if (l->progress)
			progress_hide(l->progress);
		ui_warn(&l->c->ui, "%s", jx_str(ev, "msg") ? jx_str(ev, "msg") : "");
	} else if (str_eq(kind, "loaded")) {
		on_loaded(l->c, ev);
	}
	return 0;
}

static int load_run(struct cli *c, const void *opts, struct err *err)
{
	const struct load_opts *o = opts;
	struct loading l = { .c = c };
	const struct imager what = {
		.verb = "load",
		.request = json_pack("{s:s, s:s*}", "file", o->input ? o->input : "-", "platform", o->platform),
		.input_fd = STDIN_FILENO,
		.output_fd = -1,
		.on_event = on_event,
		.arg = &l,
	};
	int r;

	if (!o->quiet && c->ui.progress == PROGRESS_TTY)
		l.progress = progress_new(&c->ui, "Loading");
	r = imager_run(c, &what, err);
	progress_free(l.progress);
	return r;
}

/* Two names for one thing, as docker has them. */
#define LOAD_CMD(word)                                                                                     \
	{                                                                                                  \
		.name = word, .args = "", .summary = "take images from an archive made by docker, podman, skopeo or buildah", \
		.needs = NEED_ROOT, .opts = load_flags, .opts_size = sizeof(struct load_opts), .run = load_run, \
	}

const struct cmd cmd_load = LOAD_CMD("load");
const struct cmd cmd_image_load = LOAD_CMD("image load");
