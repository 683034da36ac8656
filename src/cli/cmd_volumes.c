#include <string.h>

#include "../../volumes/vol.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "list.h"

struct volumes_opts {
	bool quiet;
	const char *format;
};

static const struct opt volumes_flags[] = {
	{ 0, "format", OPT_STRING, offsetof(struct volumes_opts, format), LIST_FORMAT_HELP, "FORMAT", LIST_FORMATS },
	{ 'q', "quiet", OPT_BOOL, offsetof(struct volumes_opts, quiet), "print the names only" },
	{ 0 }
};

static const struct list_column columns[] = {
	{ "Driver", "DRIVER" }, { "Name", "VOLUME NAME", .name = true }, { NULL },
};

/* Whether a service named on the command line (or any, when none is) mounts it. */
static bool is_wanted(const struct cli *c, const char *key)
{
	bool used = c->args.n == 0;

	for (size_t i = 0; i < c->args.n && !used; i++) {
		const struct service *s = project_service(c->project, c->args.v[i]);

		for (size_t k = 0; s && key && k < s->n_mounts; k++)
			used |= s->mounts[k].type == MOUNT_VOLUME && str_eq(s->mounts[k].source, key);
	}
	return used;
}

static void add_labels(json_t *row, const json_t *volume, const char *project)
{
	auto_buf struct buf all = BUF_INIT;
	const char *key;
	json_t *value;

	buf_printf(&all, "com.docker.compose.project=%s", project);
	if (jx_str(volume, "key"))
		buf_printf(&all, ",com.docker.compose.volume=%s", jx_str(volume, "key"));
	json_object_foreach(jx_obj(volume, "labels"), key, value)
		buf_printf(&all, ",%s=%s", key, json_is_string(value) ? json_string_value(value) : "");
	list_set(row, "Labels", all.p);
}

static void add_row(struct cli *c, struct list *l, const json_t *volume)
{
	json_t *row = list_row(l);

	/* docker's fields; those of swarms and of sizes that nobody asked to measure have no value there, either */
	list_set(row, "Availability", "N/A");
	list_set(row, "Driver", jx_str(volume, "driver") ? jx_str(volume, "driver") : "local");
	list_set(row, "Group", "N/A");
	add_labels(row, volume, c->name);
	list_set(row, "Links", "N/A");
	list_set(row, "Mountpoint", jx_str(volume, "mountpoint"));
	list_set(row, "Name", jx_str(volume, "name"));
	list_set(row, "Scope", "local");
	list_set(row, "Size", "N/A");
	list_set(row, "Status", "N/A");
}

static int volumes_run(struct cli *c, const void *opts, struct err *err)
{
	struct list rows = { .columns = columns, .min_width = 20 };
	const struct volumes_opts *o = opts;
	auto_json json_t *all = NULL;
	struct vol_store *store = NULL;
	const json_t *volume;
	size_t i;
	int r = 0;

	if (list_check(o->format, err) < 0 || vol_look(c->dirs.state, &store, err) < 0)
		return -1;
	all = vol_list(store, c->name);
	vol_close(store);
	json_array_foreach(all, i, volume) {
		if (!is_wanted(c, jx_str(volume, "key")))
			continue;
		if (o->quiet)
			ui_print(&c->ui, "%s\n", jx_str(volume, "name"));
		else
			add_row(c, &rows, volume);
	}
	if (!o->quiet)
		r = list_print(c, &rows, o->format, err);
	list_done(&rows);
	return r;
}

const struct cmd cmd_volumes = {
	.name = "volumes",
	.args = "[SERVICE...]",
	.summary = "list volumes of the project",
	.needs = NEED_MODEL | ONLY_LOOKS,
	.max_args = -1,
	.opts = volumes_flags,
	.opts_size = sizeof(struct volumes_opts),
	.run = volumes_run,
};
