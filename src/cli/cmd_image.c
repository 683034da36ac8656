#include "image_cmds.h"

static const struct cmd *const image_cmds[] = {
	&cmd_image_import,
	&cmd_image_inspect,
	&cmd_image_load,
	&cmd_image_ls,
	&cmd_image_prune,
	&cmd_image_pull,
	&cmd_image_push,
	&cmd_image_rm,
	&cmd_image_save,
	&cmd_image_tag,
	NULL
};

const struct cmd cmd_image = { .name = "image", .args = "COMMAND", .summary = "manage the images in davit's store", .subs = image_cmds };
