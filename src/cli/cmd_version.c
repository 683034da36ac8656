#include "cli.h"

struct version_opts {
	const char *format;
	bool brief;
};

static const struct opt version_flags[] = {
	{ 'f', "format", OPT_STRING, offsetof(struct version_opts, format), "pretty or json", "KIND" },
	{ 0, "short", OPT_BOOL, offsetof(struct version_opts, brief), "print the number only" },
	{ 0 }
};

static int version_run(struct cli *c, const void *opts, struct err *err)
{
	const struct version_opts *o = opts;

	if (o->brief)
		ui_print(&c->ui, "%s\n", DAVIT_VERSION);
	else if (!o->format || STREQ(o->format, "pretty"))
		ui_print(&c->ui, "davit version v%s\n", DAVIT_VERSION);
	else if (STREQ(o->format, "json"))
		ui_print(&c->ui, "{\"version\":\"v%s\"}\n", DAVIT_VERSION);
	else
		return err_set(err, ERR_USAGE, "unsupported format '%s': there are pretty and json",
			       o->format);
	return 0;
}

const struct cmd cmd_version = {
	.name = "version", .args = "", .summary = "print the version of davit",
	.opts = version_flags, .opts_size = sizeof(struct version_opts), .run = version_run,
};
