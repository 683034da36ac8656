#include <string.h>

#include "../image/filter.h"
#include "../image/image.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "df.h"
#include "list.h"
#include "system_cmds.h"
#include "view.h"

struct df_opts {
	bool verbose;
	const char *format;
};

static const struct opt df_flags[] = {
	{ 0, "format", OPT_STRING, offsetof(struct df_opts, format), LIST_FORMAT_HELP, "FORMAT", LIST_FORMATS },
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

static const struct list_column columns[] = {
	{ "Type", "TYPE" }, { "TotalCount", "TOTAL" }, { "Active", "ACTIVE" }, { "Size", "SIZE" }, { "Reclaimable", "RECLAIMABLE" }, { NULL },
};

static int summary(struct cli *c, const struct kind *kinds, const char *format, struct err *err)
{
	struct list l = { .columns = columns, .min_width = 10 };
	int r;

	for (size_t i = 0; i < KINDS; i++) {
		char size[24], reclaimable[40];
		json_t *row = list_row(&l);

		str_human_size((double)kinds[i].k->bytes, size);
		reclaimable_text(kinds[i].k, i + 1 < KINDS, reclaimable);
		list_setf(row, "Active", "%jd", (intmax_t)kinds[i].k->active);
		list_set(row, "Reclaimable", reclaimable);
		list_set(row, "Size", size);
		list_setf(row, "TotalCount", "%jd", (intmax_t)kinds[i].k->total);
		list_set(row, "Type", kinds[i].name);
	}
	r = list_print(c, &l, format, err);
	list_done(&l);
	return r;
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
	table_print(&t, 10, false, &c->ui);
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
	table_print(&t, 10, false, &c->ui);
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
	table_print(&t, 10, false, &c->ui);
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
	const bool as_json = o->format && STREQ(o->format, "json");
	int r;

	if (list_check(o->format, err) < 0)
		return -1;
	if (o->verbose && o->format && !as_json && !STREQ(o->format, "table")) {
		err_set(err, ERR_USAGE, "with '-v' there are the formats table and json");
		return err_hint(err, "use '-v --format json' and jq");
	}
	r = df_gather(c, &d, err);
	if (r == 0 && o->verbose)
		r = details(c, &d, as_json, err);
	else if (r == 0)
		r = summary(c, kinds, o->format, err);
	df_done(&d);
	return r;
}

const struct cmd cmd_system_df = {
	.name = "system df", .args = "", .summary = "what images, containers and volumes take, and what of it can be had back",
	.details = "The size of an image is what it takes on the disk: its archived and its unpacked layers, which are both kept, those that it\n"
		   "shares with others once in the sum. 'davit image ls' says what an image holds unpacked.",
	.needs = NEED_ROOT | ONLY_LOOKS, .opts = df_flags, .opts_size = sizeof(struct df_opts), .run = df_run,
};
