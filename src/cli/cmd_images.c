#include <stdlib.h>
#include <string.h>

#include "../image/filter.h"
#include "../image/image.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "image_cmds.h"
#include "list.h"
#include "view.h"

struct images_opts {
	bool quiet, all;
	const char *format;
};

static const struct opt images_flags[] = {
	{ 'a', "all", OPT_BOOL, offsetof(struct images_opts, all),
	  "all images in davit's store, not only those of containers" },
	{ 'q', "quiet", OPT_BOOL, offsetof(struct images_opts, quiet), "print the ids only" },
	{ 0, "format", OPT_STRING, offsetof(struct images_opts, format), LIST_FORMAT_HELP, "FORMAT", LIST_FORMATS },
	{ 0 }
};

struct row {
	const char *container;           /* NULL in a list of the store */
	char *repository, *tag, *platform, *created;   /* owned */
	char *id;                        /* owned; "sha256:…" */
	int64_t bytes;
};

struct rows {
	struct row *v;
	size_t n, cap;
};

static void rows_done(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		free(rows->v[i].repository);
		free(rows->v[i].tag);
		free(rows->v[i].platform);
		free(rows->v[i].created);
		free(rows->v[i].id);
	}
	free(rows->v);
}

static int store_rows(struct image_store *store, struct rows *rows, struct err *err)
{
	auto_json json_t *list = image_list(store, err);
	json_t *item;
	size_t i;

	if (!list)
		return -1;
	json_array_foreach(list, i, item) {
		struct row *r = XGROW(rows->v, rows->n, rows->cap);

		image_name_split(jx_str(item, "ref"), &r->repository, &r->tag);
		r->platform = xstrdup(jx_str(item, "platform"));
		r->created = xstrdup(jx_str(item, "created"));
		r->id = xstrdup(jx_str(item, "id"));
		r->bytes = jx_int(item, "size", 0);
	}
	return 0;
}

static void container_rows(const struct cli *c, struct image_store *store, struct rows *rows)
{
	size_t n;
	auto_free struct view *list = view_list(c, &n);

	for (size_t i = 0; i < n; i++) {
		const struct unit_rec *u = list[i].r;
		struct row *r = XGROW(rows->v, rows->n, rows->cap);
		struct image *img = NULL;

		r->container = u->name;
		r->id = xstrdup(u->image_id);
		image_name_split(u->image, &r->repository, &r->tag);
		if (image_find(store, u->image_id ? u->image_id : u->image, NULL, &img, NULL) < 0)
			continue;        /* removed from the store since: what the journal knows is shown */
		r->platform = image_platform(img);
		r->created = xstrdup(img->created);
		r->bytes = img->size_bytes;
		image_free(img);
	}
}

static void print_json(struct cli *c, const struct rows *rows)
{
	struct buf *out = &c->ui.out;

	buf_char(out, '[');
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->v[i];

		buf_str(out, i ? ",{\"ID\":" : "{\"ID\":");
		buf_json(out, r->id ? r->id : "");
		if (r->container) {
			buf_str(out, ",\"ContainerName\":");
			buf_json(out, r->container);
		}
		buf_str(out, ",\"Repository\":");
		buf_json(out, r->repository);
		buf_str(out, ",\"Tag\":");
		buf_json(out, r->tag);
		buf_str(out, ",\"Platform\":");
		buf_json(out, r->platform ? r->platform : "");
		buf_printf(out, ",\"Size\":%jd", (intmax_t)r->bytes);
		if (r->created) {
			buf_str(out, ",\"Created\":");
			buf_json(out, r->created);
		}
		buf_char(out, '}');
	}
	buf_str(out, "]\n");
}

static const struct list_column columns[] = {
	{ "ContainerName", "CONTAINER", .name = true },        /* left out where the store is shown */
	{ "Repository", "REPOSITORY", .name = true },
	{ "Tag", "TAG" },
	{ "Platform", "PLATFORM" },
	{ "ID", "IMAGE ID" },
	{ "Size", "SIZE" },
	{ "CreatedSince", "CREATED" },
	{ "CreatedAt", "CREATED AT", .hidden = true },
	{ NULL },
};

/* For people: ids are short, sizes and times in words. */
static int print_rows(struct cli *c, const struct rows *rows, const char *format, bool containers, struct err *err)
{
	struct list l = { .columns = containers ? columns : columns + 1, .min_width = 20 };
	int64_t now = clock_wall_ns();
	int ret;

	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->v[i];
		auto_buf struct buf age = BUF_INIT;
		int64_t created_ns = clock_parse(r->created);
		json_t *row = list_row(&l);
		char size[24], id[16];

		if (created_ns)
			view_ago(created_ns, now, &age);
		str_human_size((double)r->bytes, size);
		if (containers)
			list_set(row, "ContainerName", r->container);
		list_set(row, "Repository", r->repository);
		list_set(row, "Tag", r->tag);
		list_set(row, "Platform", r->platform);
		list_set(row, "ID", view_short_id(r->id, id));
		list_set(row, "Size", size);
		list_set(row, "CreatedSince", age.p ? age.p : "N/A");
		list_set(row, "CreatedAt", r->created);
	}
	ret = list_print(c, &l, format, err);
	list_done(&l);
	return ret;
}

static void print_ids(struct cli *c, const struct rows *rows)
{
	auto_strs struct strs seen = STRS_INIT;

	for (size_t i = 0; i < rows->n; i++) {
		const char *id = rows->v[i].id;

		if (!id || strs_has(&seen, id))
			continue;
		strs_add(&seen, id);
		ui_print(&c->ui, "%s\n", str_starts(id, "sha256:") ? id + strlen("sha256:") : id);
	}
}

/* Without a compose file and without -p there is no project to speak of: then the store is what can be
 * shown. */
static bool has_project(struct cli *c)
{
	struct diag quiet = DIAG_INIT;
	char *name = NULL, *dir = NULL;
	bool found = compose_find(&c->compose, &quiet, &name, &dir) == 0 && (dir || c->compose.project_name);

	diag_done(&quiet);
	free(name);
	free(dir);
	return found || c->compose.files.n;
}

static int images_run(struct cli *c, const void *opts, struct err *err)
{
	const struct images_opts *o = opts;
	bool as_json = o->format && STREQ(o->format, "json"), containers = !o->all && has_project(c);
	struct image_store *store = NULL;
	struct rows rows = { 0 };
	int r;

	if (list_check(o->format, err) < 0)
		return -1;
	r = containers ? cli_need(c, NEED_NAME | ARGS_ARE_SERVICES, err) : 0;
	if (r)
		return r;
	if (image_store_open(c->dirs.state, &store, err) < 0)
		return -1;
	if (containers)
		container_rows(c, store, &rows);
	else
		r = store_rows(store, &rows, err);
	if (r == 0 && as_json)
		print_json(c, &rows);
	else if (r == 0 && o->quiet)
		print_ids(c, &rows);
	else if (r == 0)
		r = print_rows(c, &rows, o->format, containers, err);
	rows_done(&rows);
	image_store_close(store);
	return r;
}

const struct cmd cmd_images = {
	.name = "images",
	.needs = ONLY_LOOKS,
	.args = "[SERVICE...]",
	.summary = "list the images of the project's containers, or of the store",
	.details = "Without a compose file, or with --all, it lists every image in davit's store.\n" IMAGE_SIZE_HELP,
	.max_args = -1,
	.opts = images_flags,
	.opts_size = sizeof(struct images_opts),
	.run = images_run,
};
