/* cmd_image_pull.c - images by their names, from and to registries, without a compose file. */
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "image_cmds.h"
#include "image_need.h"
#include "transfer.h"

struct transfer_opts {
	bool quiet, tls_verify;
	const char *platform;
};

static const struct transfer_opts defaults = { .tls_verify = true };

#define O(field) offsetof(struct transfer_opts, field)
static const struct opt flags[] = {
	{ 0, "platform", OPT_STRING, O(platform), "which one of an image that is there for several: linux/arm64", "OS/ARCH" },
	{ 'q', "quiet", OPT_BOOL, O(quiet), "do not show how far it is" },
	{ 0, "tls-verify", OPT_BOOL, O(tls_verify), "=false: take any certificate, and plain http" },
	{ 0 }
};

/* Each name once, however often it was said. */
static void add_items(const struct cli *c, const char *platform, struct transfer *t)
{
	t->items = xcalloc(c->args.n, sizeof *t->items);
	for (size_t i = 0; i < c->args.n; i++) {
		bool known = false;

		for (size_t k = 0; k < t->n; k++)
			known |= image_same(t->items[k].ref, c->args.v[i]);
		if (!known)
			t->items[t->n++] = (struct transfer_item){ .ref = c->args.v[i], .platform = platform, .policy = "always" };
	}
}

static int run(struct cli *c, const struct transfer_opts *o, const char *verb, const char *head, const char *platform, struct err *err)
{
	struct transfer t = { .verb = verb, .no_verify = !o->tls_verify };
	bool failed = false;
	int r;

	add_items(c, platform, &t);
	if (!o->quiet)
		t.progress = progress_new(&c->ui, head);
	r = transfer_run(c, &t, err);
	progress_free(t.progress);
	for (size_t i = 0; i < t.n; i++) {
		failed |= t.items[i].err.kind != ERR_NONE;
		if (t.items[i].err.kind != ERR_NONE)
			ui_err(&c->ui, &t.items[i].err);
	}
	transfer_done(&t);
	return r < 0 ? -1 : failed ? CLI_PRINTED : 0;
}

static int pull_run(struct cli *c, const void *opts, struct err *err)
{
	const struct transfer_opts *o = opts;
	const char *usual = getenv("DOCKER_DEFAULT_PLATFORM");

	return run(c, o, "pull", "Pulling", o->platform || !usual || !*usual ? o->platform : usual, err);
}

static int push_run(struct cli *c, const void *opts, struct err *err)
{
	const struct transfer_opts *o = opts;

	return run(c, o, "push", "Pushing", o->platform, err);
}

#define BY_NAME                                                                                                                    \
	.args = "NAME...", .needs = NEED_ROOT, .min_args = 1, .max_args = -1, .opts = flags, .opts_size = sizeof(struct transfer_opts), \
	.defaults = &defaults

const struct cmd cmd_image_pull = { .name = "image pull", .summary = "fetch images from their registries", .run = pull_run, BY_NAME };
const struct cmd cmd_image_push = { .name = "image push", .summary = "send images to their registries", .run = push_run, BY_NAME };
