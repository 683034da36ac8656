#include "df.h"

#include "../build/build.h"

#include "../../volumes/vol.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "imager.h"
#include "view.h"

enum { LAUNCH_MAX = 1 << 20 };

struct gathering {
	struct cli *c;
	struct df *df;
	struct map links;        /* volume → how many containers have it, as a number in the pointer's place */
};

static int on_images(void *arg, const json_t *ev, struct err *err)
{
	struct df_kind *k = &((struct df *)arg)->images;

	if (str_eq(jx_str(ev, "ev"), "image"))
		json_array_append(k->rows, (json_t *)ev);
	if (!str_eq(jx_str(ev, "ev"), "images"))
		return 0;
	k->total = jx_int(ev, "count", 0);
	k->active = jx_int(ev, "active", 0);
	k->bytes = jx_int(ev, "bytes", 0);
	k->reclaimable = jx_int(ev, "reclaimable", 0);
	return 0;
}

static int gather_images(struct cli *c, struct df *df, struct err *err)
{
	const struct imager what = {
		.verb = "usage", .request = json_object(), .input_fd = -1, .output_fd = -1, .on_event = on_images, .arg = df,
	};
	auto_free char *store = xasprintf("%s/images", c->dirs.state);

	if (access(store, F_OK) < 0) {   /* who only looks makes none */
		json_decref(what.request);
		return 0;
	}
	return imager_run(c, &what, err);
}

/* ------------------------------------------------------------------ containers */

static size_t count_volumes(struct gathering *g, const struct pdirs *p, const char *id)
{
	auto_free char *name = xasprintf("containers/%s/launch.json", id);
	auto_json json_t *launch = NULL;
	const json_t *list, *volume;
	size_t i;

	if (jx_load(p->state_fd, name, LAUNCH_MAX, &launch, NULL) < 0)
		return 0;
	list = jx_arr(launch, "volumes");
	json_array_foreach(list, i, volume) {
		const char *v = json_string_value(volume);

		if (v)
			map_set(&g->links, v, (void *)((uintptr_t)map_get(&g->links, v) + 1));
	}
	return json_array_size(list);
}

static void add_container(struct gathering *g, const struct pdirs *p, const struct unit_rec *u)
{
	struct df_kind *k = &g->df->containers;
	auto_free char *upper = xasprintf("%s/containers/%s/upper", p->state, u->id);
	auto_free char *copy = xasprintf("%s/containers/%s/copy", p->state, u->id);
	int64_t bytes = path_tree_bytes(upper) + path_tree_bytes(copy);
	auto_buf struct buf status = BUF_INIT;
	json_t *row = json_object();
	struct view v;
	bool runs;

	view_init(&v, u, p->run_fd);
	view_status(&v, clock_wall_ns(), &status);
	runs = view_up(&v) || STREQ(v.state, "restarting");
	jx_set_str(row, "id", u->id);
	jx_set_str(row, "image", u->image);
	jx_set_str(row, "command", u->command);
	jx_set_int(row, "volumes", (int64_t)count_volumes(g, p, u->id));
	jx_set_int(row, "bytes", bytes);
	jx_set_int(row, "created_ns", u->created_ns);
	jx_set_str(row, "status", status.p);
	jx_set_str(row, "name", u->name);
	json_array_append_new(k->rows, row);
	k->total++;
	k->active += runs;
	k->bytes += bytes;
	k->reclaimable += runs ? 0 : bytes;
}

static int gather_project(struct gathering *g, const char *name, struct err *err)
{
	struct pdirs p = { .state_fd = -1, .run_fd = -1 };
	struct world w = { 0 };
	int r = pdirs_open(&g->c->dirs, name, false, &p, err);

	if (r == 0 && p.state_fd >= 0)
		r = world_load(p.state_fd, &w, err);
	map_each(&w.units, it) {
		const struct unit_rec *u = it->value;

		if (u->id)
			add_container(g, &p, u);
	}
	world_done(&w);
	pdirs_done(&p);
	return r < 0 ? err_wrap(err, "project '%s'", name) : 0;
}

static int gather_containers(struct gathering *g, struct err *err)
{
	char **names = NULL;
	int r = dirs_projects(&g->c->dirs, &names, err);

	for (char **p = names; p && *p; p++) {
		if (r >= 0)
			r = gather_project(g, *p, err);
		free(*p);
	}
	free(names);
	return r < 0 ? -1 : 0;
}

/* ------------------------------------------------------------------ volumes */

static int gather_volumes(struct gathering *g, struct err *err)
{
	struct df_kind *k = &g->df->volumes;
	auto_json json_t *list = NULL;
	struct vol_store *store = NULL;
	const json_t *v;
	size_t i;

	if (vol_look(g->c->dirs.state, &store, err) < 0)
		return -1;
	list = vol_list(store, NULL);
	json_array_foreach(list, i, v) {
		const char *name = jx_str(v, "name"), *path = jx_str(v, "mountpoint");
		int64_t bytes = path ? path_tree_bytes(path) : 0, links = (int64_t)(uintptr_t)map_get(&g->links, name);

		json_array_append_new(k->rows,
				      json_pack("{s:s, s:I, s:I}", "name", name, "links", (json_int_t)links, "bytes", (json_int_t)bytes));
		k->total++;
		k->active += links > 0;
		k->bytes += bytes;
		k->reclaimable += links ? 0 : bytes;
	}
	vol_close(store);
	return 0;
}

int df_gather(struct cli *c, struct df *ret, struct err *err)
{
	struct gathering g = { .c = c, .df = ret };
	int r;

	*ret = (struct df){ { .rows = json_array() }, { .rows = json_array() }, { .rows = json_array() } };
	r = gather_images(c, ret, err) < 0 || gather_containers(&g, err) < 0 || gather_volumes(&g, err) < 0 ? -1 : 0;
	map_done(&g.links, NULL);
	ret->cache.bytes = ret->cache.reclaimable = build_cache_bytes(c->dirs.state);
	ret->cache.total = ret->cache.bytes > 0;
	return r;
}

void df_done(struct df *d)
{
	json_decref(d->images.rows);
	json_decref(d->containers.rows);
	json_decref(d->volumes.rows);
}
