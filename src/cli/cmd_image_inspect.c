#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "image_cmds.h"

struct inspect_opts {
	const char *format;
};

static const struct opt inspect_flags[] = {
	{ 'f', "format", OPT_STRING, offsetof(struct inspect_opts, format), "json, which is the default", "KIND", "json …" },
	{ 0 }
};

/* What is there is printed, also when something else is missing. */
static int inspect_run(struct cli *c, const void *opts, struct err *err)
{
	const struct inspect_opts *o = opts;
	auto_json json_t *found = json_array();
	auto_free char *text = NULL;
	struct image_store *store = NULL;
	int r = 0;

	if (o->format && !STREQ(o->format, "json")) {
		err_set(err, ERR_USAGE, "unsupported format '%s': there is json", o->format);
		return err_hint(err, "templates are not there: pipe the output through jq");
	}
	if (image_store_open(c->dirs.state, &store, err) < 0)
		return -1;
	for (size_t i = 0; i < c->args.n; i++) {
		json_t *one = NULL;

		if (image_inspect(store, c->args.v[i], &one, r < 0 ? NULL : err) < 0)
			r = -1;
		else
			json_array_append_new(found, one);
	}
	image_store_close(store);
	text = json_dumps(found, JSON_INDENT(4));
	ui_print(&c->ui, "%s\n", text ? text : "[]");
	return r;
}

const struct cmd cmd_image_inspect = {
	.name = "image inspect", .needs = ONLY_LOOKS, .args = "IMAGE...", .summary = "print what is known of images, as JSON",
	.min_args = 1, .max_args = -1, .opts = inspect_flags, .opts_size = sizeof(struct inspect_opts), .run = inspect_run,
};
