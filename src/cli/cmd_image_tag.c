#include "../util/json.h"
#include "image_cmds.h"
#include "imager.h"

static const struct opt tag_flags[] = { { 0 } };

static int tag_run(struct cli *c, const void *opts, struct err *err)
{
	const struct imager what = {
		.verb = "tag", .request = json_pack("{s:s, s:s}", "source", c->args.v[0], "target", c->args.v[1]),
		.input_fd = -1, .output_fd = -1,
	};

	return imager_run(c, &what, err);
}

const struct cmd cmd_image_tag = {
	.name = "image tag", .args = "SOURCE TARGET", .summary = "give an image another name",
	.needs = NEED_ROOT, .min_args = 2, .max_args = 2, .opts = tag_flags, .run = tag_run,
};
