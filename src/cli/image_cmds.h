/* image_cmds.h - the commands of `davit image`, and what they share. */
#pragma once

#include <jansson.h>

#include "../image/filter.h"
#include "cli.h"

extern const struct cmd cmd_image_import, cmd_image_inspect, cmd_image_load, cmd_image_ls, cmd_image_prune, cmd_image_rm, cmd_image_save,
	cmd_image_tag, cmd_image_pull, cmd_image_push;

/* What the sizes in a list of images are: not those of `system df`. */
#define IMAGE_SIZE_HELP \
	"SIZE is what an image holds unpacked, shared layers included; 'davit system df -v' says what it takes on the disk."

/* image_filter.c: `--filter KEY=VALUE`, given again and again. keys: those that the command knows of before, dangling, label, label!,
 * reference, since, until, NULL-terminated; before and since name images. ERR_USAGE says what is wrong. */
int image_filter_parse(struct cli *c, const struct strs *texts, const char *const *keys, struct image_filter *ret, struct err *err);
