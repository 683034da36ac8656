#include <time.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "bundle.h"

struct bundle_opts {
	const char *output;
};

static const struct opt bundle_flags[] = {
	{ 'o', "output", OPT_STRING, offsetof(struct bundle_opts, output), "the file (davit-PROJECT-TIME.tar)", "FILE" },
	{ 0 }
};

static char *usual_name(const struct cli *c)
{
	char when[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(when, sizeof when, "%Y%m%d-%H%M%S", &tm);
	return xasprintf("davit-%s-%s.tar", c->name, when);
}

static int bundle_run(struct cli *c, const void *opts, struct err *err)
{
	const struct bundle_opts *o = opts;
	auto_free char *path = o->output ? xstrdup(o->output) : usual_name(c);
	struct bundle *b = bundle_new(c, path);
	int r = bundle_write(b, "'davit bundle' was called", err);

	bundle_free(b);
	if (r == 0)
		ui_print(&c->ui, "%s\n", path);
	return r;
}

const struct cmd cmd_bundle = {
	.name = "bundle",
	.args = "",
	.summary = "write what helps to find out what is wrong with the project into one file",
	.details = "A tar archive of its configuration, plan, containers, events, health, last lines of logs, and what doctor says; without\n"
		   "secrets, as far as they are known or can be told by their names. Look through it before you pass it on.",
	.needs = NEED_ROOT | NEED_MODEL | FROM_ANYWHERE,
	.opts = bundle_flags,
	.opts_size = sizeof(struct bundle_opts),
	.run = bundle_run,
};
