#include <string.h>

#include "../image/filter.h"
#include "../image/image.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "df.h"
#include "image_cmds.h"
#include "system_cmds.h"
#include "view.h"

struct df_opts {
	bool verbose;
	const char *format;
};

static const struct opt df_flags[] = {
	{ 0, "format", OPT_STRING, offsetof(struct df_opts, format), "table or json, an object a line", "KIND" },
	{ 'v', "verbose", OPT_BOOL, offsetof(struct df_opts, verbose), "one line for each image, container and volume" },
	{ 0 }
};

enum { KINDS = 4 };

struct kind {
	const char *name;
	const struct df_kind *k;
};

/* "11.63MB (70%)" */
static void reclaimable_text(const struct df_kind *k, bool percent, char ret[static 40])
{
	char size[24];

	str_human_size((double)k->reclaimable, size);
	if (percent && k->bytes > 0)
		snprintf(ret, 40, "%s (%d%%)", size, (int)((double)k->reclaimable * 100 / (double)k->bytes));
	else
		snprintf(ret, 40, "%s", size);
}

static void summary_json(struct cli *c, const struct kind *kind, const char *size, const char *reclaimable)
{
	ui_print(&c->ui, "{\"Active\":\"%jd\",\"Reclaimable\":\"%s\",\"Size\":\"%s\",\"TotalCount\":\"%jd\",\"Type\":\"%s\"}\n",
		 (intmax_t)kind->k->active, reclaimable, size, (intmax_t)kind->k->total, kind->name);
}

static void summary(struct cli *c, const struct kind *kinds, bool as_json)
{
	static const char *const heads[] = { "TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE", NULL };
	struct table t;

	table_init(&t, heads);
	for (size_t i = 0; i < KINDS; i++) {
		char size[24], reclaimable[40];

		str_human_size((double)kinds[i].k->bytes, size);
		reclaimable_text(kinds[i].k, i + 1 < KINDS, reclaimable);
		if (as_json)
			summary_json(c, &kinds[i], size, reclaimable);
		table_add(&t, kinds[i].name);
		table_addf(&t, "%jd", (intmax_t)kinds[i].k->total);
		table_addf(&t, "%jd", (intmax_t)kinds[i].k->active);
		table_add(&t, size);
		table_add(&t, reclaimable);
	}
	if (!as_json)
		table_format(&t, 10, &c->ui.out);
	table_done(&t);
}

/* ------------------------------------------------------------------ -v */

static void add_size(struct table *t, int64_t bytes)
{
	char size[24];

	str_human_size((double)bytes, size);
	table_add(t, size);
}

static void add_age(struct table *t, int64_t then_ns)
{
	auto_buf struct buf age = BUF_INIT;

	if (then_ns)
		view_ago(then_ns, clock_wall_ns(), &age);
	table_add(t, age.p ? age.p : "N/A");
}

static const json_t *row_of(const json_t *rows, const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (str_eq(jx_str(row, "id"), id))
			return row;
	return NULL;
}

static int list_images(struct cli *c, const struct df_kind *k, struct err *err)
{
	static const char *const heads[] = { "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS", NULL };
	struct image_store *store = NULL;
	auto_json json_t *list = NULL;
	const json_t *item, *row;
	struct table t;
	size_t i;

	if (image_store_open(c->dirs.state, &store, err) < 0)
		return -1;
	list = image_list(store, err);
	image_store_close(store);
	if (!list)
		return -1;
	table_init(&t, heads);
	json_array_foreach(list, i, item) {
		auto_free char *repository = NULL, *tag = NULL;
		char id[16];

		row = row_of(k->rows, jx_str(item, "id"));
		image_name_split(jx_str(item, "ref"), &repository, &tag);
		table_add(&t, repository);
		table_add(&t, tag);
		table_add(&t, view_short_id(jx_str(item, "id"), id));
		add_age(&t, clock_parse(jx_str(item, "created")));
		add_size(&t, jx_int(row, "bytes", 0));
		add_size(&t, jx_int(row, "bytes", 0) - jx_int(row, "unique", 0));
		add_size(&t, jx_int(row, "unique", 0));
		table_addf(&t, "%jd", (intmax_t)jx_int(row, "containers", 0));
	}
	ui_print(&c->ui, "Images space usage:\n\n");
	table_format(&t, 10, &c->ui.out);
	table_done(&t);
	return 0;
}

static void list_containers(struct cli *c, const struct df_kind *k)
{
	static const char *const heads[] = { "CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES", NULL };
	const json_t *row;
	struct table t;
	size_t i;

	table_init(&t, heads);
	json_array_foreach(k->rows, i, row) {
		auto_free char *command = ui_ellipsis(jx_str(row, "command") ? jx_str(row, "command") : "", 18);
		char id[16];

		table_add(&t, view_short_id(jx_str(row, "id"), id));
		table_add(&t, jx_str(row, "image"));
		table_addf(&t, "\"%s\"", command);
		table_addf(&t, "%jd", (intmax_t)jx_int(row, "volumes", 0));
		add_size(&t, jx_int(row, "bytes", 0));
		add_age(&t, jx_int(row, "created_ns", 0));
		table_add(&t, jx_str(row, "status"));
		table_add(&t, jx_str(row, "name"));
	}
	ui_print(&c->ui, "\nContainers space usage:\n\n");
	table_format(&t, 10, &c->ui.out);
	table_done(&t);
}

static void list_volumes(struct cli *c, const struct df_kind *k)
{
	static const char *const heads[] = { "VOLUME NAME", "LINKS", "SIZE", NULL };
	const json_t *row;
	struct table t;
	size_t i;

	table_init(&t, heads);
	json_array_foreach(k->rows, i, row) {
		table_add(&t, jx_str(row, "name"));
		table_addf(&t, "%jd", (intmax_t)jx_int(row, "links", 0));
		add_size(&t, jx_int(row, "bytes", 0));
	}
	ui_print(&c->ui, "\nLocal Volumes space usage:\n\n");
	table_format(&t, 10, &c->ui.out);
	table_done(&t);
}

static void details_json(struct cli *c, const struct df *d)
{
	auto_json json_t *o = json_pack("{s:O, s:O, s:O, s:[]}", "Images", d->images.rows, "Containers", d->containers.rows, "Volumes",
					d->volumes.rows, "BuildCache");
	auto_free char *text = json_dumps(o, JSON_COMPACT);

	ui_print(&c->ui, "%s\n", text ? text : "{}");
}

static int details(struct cli *c, const struct df *d, bool as_json, struct err *err)
{
	char size[24];

	if (as_json) {
		details_json(c, d);
		return 0;
	}
	if (list_images(c, &d->images, err) < 0)
		return -1;
	list_containers(c, &d->containers);
	list_volumes(c, &d->volumes);
	str_human_size((double)d->cache.bytes, size);
	ui_print(&c->ui, "\nBuild cache usage: %s\n", size);
	return 0;
}

static int df_run(struct cli *c, const void *opts, struct err *err)
{
	const struct df_opts *o = opts;
	struct df d;
	const struct kind kinds[KINDS] = {
		{ "Images", &d.images }, { "Containers", &d.containers }, { "Local Volumes", &d.volumes }, { "Build Cache", &d.cache },
	};
	bool as_json;
	int r;

	if (image_format(o->format, &as_json, err) < 0)
		return -1;
	r = df_gather(c, &d, err);
	if (r == 0 && o->verbose)
		r = details(c, &d, as_json, err);
	else if (r == 0)
		summary(c, kinds, as_json);
	df_done(&d);
	return r;
}

const struct cmd cmd_system_df = {
	.name = "system df", .args = "", .summary = "what images, containers and volumes take, and what of it can be had back",
	.details = "The size of an image is that of its archived and of its unpacked layers, which are both kept.",
	.needs = NEED_ROOT, .opts = df_flags, .opts_size = sizeof(struct df_opts), .run = df_run,
};
