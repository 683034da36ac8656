/* origin.c - whether the project of this name is the caller's: before a command acts on it (state/origin.h). */
#include "cli.h"

#include <string.h>

#include "../state/origin.h"
#include "../util/auto.h"
#include "../util/json.h"

static char *files_of(const json_t *line)
{
	struct buf b = BUF_INIT;
	const json_t *file;
	size_t i;

	json_array_foreach(jx_arr(line, "files"), i, file)
		buf_printf(&b, "%s%s", i ? ", " : "", json_is_string(file) ? json_string_value(file) : "");
	return buf_take(&b);
}

static int refuse(const struct cli *c, unsigned needs, struct err *err)
{
	const char *before = jx_str(c->world.project, "working_dir");
	auto_free char *files = files_of(c->world.project);

	err_set(err, ERR_EXISTS, "project '%s' came from '%s'%s%s%s, and this is '%s'", c->name, before, *files ? " (" : "", files,
		*files ? ")" : "", c->dir);
	if (needs & NEED_MODEL)
		return err_hint(err, "give this one another name with -p NAME; 'davit up --adopt' makes project '%s' this directory's", c->name);
	return err_hint(err, "'davit -p %s %s' acts on it by its name, from anywhere; 'davit up --adopt' makes it this directory's", c->name,
			c->cmd->name);
}

/* Who says -p NAME to a command that needs no file means that project, wherever it is from. */
static bool by_name(const struct cli *c, unsigned needs)
{
	return !c->dir || (c->g.project_name && !c->g.files.n && !(needs & NEED_MODEL));
}

int cli_check_origin(struct cli *c, unsigned needs, struct err *err)
{
	enum origin_is is;

	if (by_name(c, needs))
		return 0;
	is = origin_compare(c->world.project, c->dir);
	if (is == ORIGIN_OTHER && !c->adopt && (needs & (NEED_ROOT | AS_IF_ACTING)) && !(needs & FROM_ANYWHERE))
		return refuse(c, needs, err);
	if (is != ORIGIN_SAME)
		ui_warn(&c->ui, "project '%s' came from '%s'%s", c->name, jx_str(c->world.project, "working_dir"),
			is == ORIGIN_GONE ? ", which is no more" : "");
	c->origin = origin_of(c->dir, c->world.project);
	return 0;
}
