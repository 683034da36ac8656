#include <string.h>

#include "../util/json.h"
#include "image_cmds.h"
#include "imager.h"
#include "outfile.h"

struct save_opts {
	const char *output, *platform;
};

static const struct opt save_flags[] = {
	{ 'o', "output", OPT_STRING, offsetof(struct save_opts, output), "file to write instead of standard output", "FILE" },
	{ 0, "platform", OPT_STRING, offsetof(struct save_opts, platform), "of an image that is there for several: this one", "OS/ARCH" },
	{ 0 }
};

struct save {
	struct cli *c;
	const struct save_opts *o;
};

static int save_to(void *arg, int fd, struct err *err)
{
	struct cli *c = ((struct save *)arg)->c;
	const struct save_opts *o = ((struct save *)arg)->o;
	struct imager what = { .verb = "save", .request = json_pack("{s:o}", "names", jx_texts(c->args.v, c->args.n)), .input_fd = -1, .output_fd = fd };

	jx_set_str(what.request, "platform", o->platform);
	return imager_run(c, &what, err);
}

static int save_run(struct cli *c, const void *opts, struct err *err)
{
	const struct save_opts *o = opts;
	struct save save = { c, o };

	return outfile_write(o->output, save_to, &save, err);
}

const struct cmd cmd_image_save = {
	.name = "image save", .args = "IMAGE...", .summary = "write images to an archive that davit, docker, podman and skopeo load",
	.needs = NEED_ROOT, .min_args = 1, .max_args = -1, .opts = save_flags, .opts_size = sizeof(struct save_opts), .run = save_run,
};
