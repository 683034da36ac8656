#include <stdlib.h>
#include <string.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "image_cmds.h"
#include "list.h"
#include "view.h"

struct ls_opts {
	bool quiet, digests, no_trunc;
	struct strs filters;
	const char *format;
};

#define O(field) offsetof(struct ls_opts, field)
static const struct opt ls_flags[] = {
	{ 'a', "all", OPT_IGNORED, 0, NULL },
	{ 0, "digests", OPT_BOOL, O(digests), "show the digests of manifests" },
	{ 'f', "filter", OPT_STRS, O(filters), "only images with dangling=, label=, reference=, before=, since= or until=", "KEY=VALUE" },
	{ 0, "format", OPT_STRING, O(format), LIST_FORMAT_HELP, "FORMAT", LIST_FORMATS },
	{ 0, "no-trunc", OPT_BOOL, O(no_trunc), "whole ids" },
	{ 'q', "quiet", OPT_BOOL, O(quiet), "print the ids only" },
	{ 0, "tree", OPT_REFUSED, 0, "the column PLATFORM of 'davit images --all' shows platforms" },
	{ 0 }
};

static const char *const filter_keys[] = { "before", "dangling", "label", "reference", "since", "until", NULL };

static void human_age(const char *created, struct buf *out)
{
	int64_t ns = clock_parse(created);

	if (ns)
		view_ago(ns, clock_wall_ns(), out);
	else
		buf_str(out, "N/A");
}

static const char *shown_id(const struct ls_opts *o, const char *id, char buf[static 16])
{
	return o->no_trunc ? id : view_short_id(id, buf);
}

enum { DIGEST = 2 };

/* docker's fields; those that it does not fill in either are "N/A" */
static const struct list_column columns[] = {
	{ "Repository", "REPOSITORY" },
	{ "Tag", "TAG" },
	[DIGEST] = { "Digest", "DIGEST" },       /* with --digests */
	{ "ID", "IMAGE ID" },
	{ "CreatedSince", "CREATED" },
	{ "Size", "SIZE" },
	{ "Containers", "CONTAINERS", .hidden = true },
	{ "CreatedAt", "CREATED AT", .hidden = true },
	{ "Platform", "PLATFORM", .hidden = true },
	{ "SharedSize", "SHARED SIZE", .hidden = true },
	{ "UniqueSize", "UNIQUE SIZE", .hidden = true },
	{ NULL },
};

/* As in docker a template that names it asks for it. */
static bool wants_digests(const struct ls_opts *o)
{
	return o->digests || (o->format && strstr(o->format, ".Digest"));
}

static void add_row(struct list *l, const struct ls_opts *o, const json_t *item, const char *repository, const char *tag)
{
	auto_buf struct buf age = BUF_INIT;
	json_t *row = list_row(l);
	char size[24], id[16];

	str_human_size((double)jx_int(item, "size", 0), size);
	human_age(jx_str(item, "created"), &age);
	list_set(row, "Containers", "N/A");
	list_set(row, "CreatedAt", jx_str(item, "created"));
	list_set(row, "CreatedSince", age.p);
	list_set(row, "Digest", wants_digests(o) ? jx_str(item, "digest") : "<none>");
	list_set(row, "ID", shown_id(o, jx_str(item, "id"), id));
	list_set(row, "Platform", jx_str(item, "platform"));
	list_set(row, "Repository", repository);
	list_set(row, "SharedSize", "N/A");
	list_set(row, "Size", size);
	list_set(row, "Tag", tag);
	list_set(row, "UniqueSize", "N/A");
}

struct listing {
	struct cli *c;
	const struct ls_opts *o;
	struct image_filter filter;
	struct image_store *store;
	struct list rows;
	struct strs seen;                /* ids that -q has printed */
};

static void show(struct listing *l, const json_t *item)
{
	auto_free char *repository = NULL, *tag = NULL;
	const char *id = jx_str(item, "id");
	char buf[16];

	image_name_split(jx_str(item, "ref"), &repository, &tag);
	if (l->o->quiet) {
		if (!strs_has(&l->seen, id))
			ui_print(&l->c->ui, "%s\n", shown_id(l->o, id, buf));
		strs_add(&l->seen, id);
	} else {
		add_row(&l->rows, l->o, item, repository, tag);
	}
}

static int by_age(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int64_t older = clock_parse(jx_str(x, "created")), newer = clock_parse(jx_str(y, "created"));

	return older != newer ? (older < newer ? 1 : -1) : strcmp(jx_str(x, "ref"), jx_str(y, "ref"));
}

static int list(struct listing *l, struct err *err)
{
	auto_json json_t *items = image_list(l->store, err);
	size_t n = json_array_size(items);
	auto_free json_t **v = xcalloc(n + 1, sizeof *v);

	if (!items)
		return -1;
	for (size_t i = 0; i < n; i++)
		v[i] = json_array_get(items, i);
	qsort(v, n, sizeof *v, by_age);
	for (size_t i = 0; i < n; i++) {
		struct image *img = NULL;

		if (image_look(l->store, jx_str(v[i], "id"), NULL, &img, NULL) < 0)
			continue;
		if (image_filter_takes(&l->filter, img, jx_str(v[i], "ref")))
			show(l, v[i]);
		image_free(img);
	}
	return l->o->quiet ? 0 : list_print(l->c, &l->rows, l->o->format, err);
}

static int ls_run(struct cli *c, const void *opts, struct err *err)
{
	struct list_column shown[ARRAY_LEN(columns)];
	struct listing l = { .c = c, .o = opts, .rows = { .columns = shown, .min_width = 10, .whole = ((const struct ls_opts *)opts)->no_trunc } };
	int r;

	if (list_check(l.o->format, err) < 0)
		return -1;
	memcpy(shown, columns, sizeof shown);
	shown[DIGEST].hidden = !l.o->digests;
	r = image_filter_parse(c, &l.o->filters, filter_keys, &l.filter, err);
	if (c->args.n)
		strs_add(&l.filter.references, c->args.v[0]);
	if (r == 0)
		r = image_store_open(c->dirs.state, &l.store, err);
	if (r == 0)
		r = list(&l, err);
	image_store_close(l.store);
	image_filter_done(&l.filter);
	strs_done(&l.seen);
	list_done(&l.rows);
	return r;
}

const struct cmd cmd_image_ls = {
	.name = "image ls", .needs = ONLY_LOOKS, .alias = "list", .args = "[REPOSITORY[:TAG]]", .summary = "list the images in the store, newest first",
	.details = IMAGE_SIZE_HELP,
	.max_args = 1, .opts = ls_flags, .opts_size = sizeof(struct ls_opts), .run = ls_run,
};
