#include <stdlib.h>

#include "../super/super.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/version.h"
#include "cli.h"

enum { ASK_MS = 1000 };

struct version_opts {
	const char *format;
	bool brief;
};

static const struct opt version_flags[] = {
	{ 'f', "format", OPT_STRING, offsetof(struct version_opts, format), "pretty or json", "KIND", "pretty json" },
	{ 0, "short", OPT_BOOL, offsetof(struct version_opts, brief), "print the number only" },
	{ 0 }
};

char *cli_version(const char *number)
{
	return number ? xasprintf("v%s", number) : xstrdup("(unknown)");
}

/* Of one project. Says nothing where nothing is supervised; a supervisor that does not answer is a fact, too. */
static void tell_supervisor(struct cli *c, const char *project, struct buf *pretty, struct buf *json)
{
	struct super_about a = { 0 };
	auto_err struct err err = ERR_INIT;

	if (super_about(&c->dirs, project, ASK_MS, &a, &err) == 0)
		buf_printf(pretty, "%s: supervised by davit v%s (process %d)\n", project, a.version ? a.version : "?", a.pid);
	else if (err.kind == ERR_TIMEOUT)
		buf_printf(pretty, "%s: its supervisor does not answer\n", project);
	else
		return;
	buf_str(json, json->len ? ",{\"project\":" : "{\"project\":");
	buf_json(json, project);
	if (a.version)
		buf_printf(json, ",\"version\":\"v%s\",\"pid\":%d", a.version, a.pid);
	buf_char(json, '}');
	super_about_done(&a);
}

static void tell_supervisors(struct cli *c, struct buf *pretty, struct buf *json)
{
	char **names = NULL;

	if (dirs_projects(&c->dirs, &names, NULL) < 0)
		return;
	for (char **p = names; *p; p++) {
		tell_supervisor(c, *p, pretty, json);
		free(*p);
	}
	free(names);
}

static int version_run(struct cli *c, const void *opts, struct err *err)
{
	const struct version_opts *o = opts;
	bool pretty = !o->format || STREQ(o->format, "pretty");
	auto_buf struct buf lines = BUF_INIT, json = BUF_INIT;

	if (o->brief) {
		ui_print(&c->ui, "%s\n", davit_version.number);
		return 0;
	}
	tell_supervisors(c, &lines, &json);
	if (pretty)
		ui_print(&c->ui, "davit version v%s\n%s", davit_version.number, lines.len ? lines.p : "");
	else
		ui_print(&c->ui, "{\"version\":\"v%s\"%s%s%s}\n", davit_version.number, json.len ? ",\"supervisors\":[" : "",
			 json.len ? json.p : "", json.len ? "]" : "");
	return 0;
}

const struct cmd cmd_version = {
	.name = "version", .needs = ONLY_LOOKS, .args = "", .summary = "print the version of davit, and of what supervises each project",
	.opts = version_flags, .opts_size = sizeof(struct version_opts), .run = version_run,
};
