#include <stdlib.h>

#include "../super/super.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/version.h"
#include "cli.h"

struct upgrade_opts {
	bool all;
	const char *to;
};

static const struct opt upgrade_flags[] = {
	{ 'a', "all", OPT_BOOL, offsetof(struct upgrade_opts, all), "every project that is supervised" },
	{ 0, "to", OPT_STRING, offsetof(struct upgrade_opts, to), "the davit to put in place; this one unless given", "PROGRAM" },
	{ 0 }
};

static int upgrade_one(struct cli *c, const char *project, const char *program, struct err *err)
{
	struct super_about old, new;
	int r = super_upgrade(&c->dirs, project, program, &old, &new, err);
	auto_free char *from = r < 0 ? NULL : cli_version(old.version);
	auto_free char *to = r == 0 ? cli_version(new.version) : NULL;

	if (r == 0)
		ui_print(&c->ui, "%s: davit %s -> %s\n", project, from, to);
	else if (r == SUPER_SAME)
		ui_print(&c->ui, "%s: davit %s already\n", project, from);
	super_about_done(&old);
	super_about_done(&new);
	return r < 0 ? -1 : 0;
}

/* One that fails keeps no other from its turn; the first failure is the command's, the others are warnings. */
static int upgrade_all(struct cli *c, const char *program, struct err *err)
{
	char **names = NULL;
	int r = dirs_projects(&c->dirs, &names, err);
	size_t n = 0;

	for (char **p = names; p && *p; p++) {
		struct err why = ERR_INIT;
		int one = upgrade_one(c, *p, program, &why);
		bool absent = one < 0 && why.kind == ERR_NOT_FOUND;

		n += !absent;
		if (one < 0 && !absent && r == 0)
			r = err_move(err, &why);
		else if (one < 0 && !absent)
			ui_warn(&c->ui, "%s", err_msg(&why));
		err_done(&why);
		free(*p);
	}
	free(names);
	if (r == 0 && n == 0)
		ui_print(&c->ui, "no project is supervised\n");
	return r < 0 ? -1 : 0;
}

static int upgrade_run(struct cli *c, const void *opts, struct err *err)
{
	const struct upgrade_opts *o = opts;
	auto_free char *program = o->to ? realpath(o->to, NULL) : NULL;
	int r;

	if (o->to && !program)
		return err_sys(err, errno, "--to '%s'", o->to);
	if (o->all)
		return upgrade_all(c, program, err);
	r = cli_need(c, NEED_NAME, err);
	if (r)
		return r;
	if (upgrade_one(c, c->name, program, err) == 0)
		return 0;
	if (err->kind == ERR_NOT_FOUND)
		err_hint(err, "there is nothing to upgrade: the next 'davit up' is of this version anyway");
	return err_wrap(err, "project '%s'", c->name);
}

const struct cmd cmd_upgrade = {
	.name = "upgrade",
	.args = "",
	.summary = "let this davit take over what another version of it started",
	.details = "Containers, connections, names, logs and requests in progress do not notice. When the new one does\n"
		   "not come up, the one before goes on. It works in both directions.",
	.needs = NEED_ROOT,
	.opts = upgrade_flags,
	.opts_size = sizeof(struct upgrade_opts),
	.run = upgrade_run,
};
