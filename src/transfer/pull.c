/* pull.c - see pull.h. */
#include "../image/image.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "parts.h"

enum { TICK_MS = 100 };

void run_release(struct run *run)
{
	for (size_t i = 0; i < run->n_layers; i++)
		run->layers[i]->wanted = false;
	for (size_t i = 0; i < run->n_fetches; i++)
		run->fetches[i]->wanted = false;
	for (size_t i = 0; i < run->n_items; i++) {
		struct item *it = &run->items[i];
		for (size_t k = 0; item_lives(it) && k < it->n_layers; k++) {
			struct layer *l = it->layers[k];
			l->wanted = l->fetch->wanted = true;
			if (l->other)
				l->other->wanted = l->other->fetch->wanted = true;
		}
	}
	for (size_t i = 0; i < run->n_layers; i++) {
		struct layer *l = run->layers[i];
		if (l->wanted || l->gone)
			continue;
		l->gone = true;
		layer_stop(l);
	}
	for (size_t i = 0; i < run->n_fetches; i++) {
		struct fetch *f = run->fetches[i];
		if (f->wanted || f->gone)
			continue;
		f->gone = true;
		fetch_stop(f);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	report_layers(arg);
}

static int make_loop(struct run *run, struct err *err)
{
	const struct timeval tick = { .tv_usec = TICK_MS * 1000 };
	const struct reg_opts opts = { .base = run->base = event_base_new(), .told = report_registry, .arg = run };

	if (!run->base || !(run->tick = event_new(run->base, -1, EV_PERSIST, on_tick, run)) || event_add(run->tick, &tick) < 0)
		return err_set(err, ERR_FAIL, "the event loop cannot be made");
	return reg_new(&opts, &run->reg, err);
}

static int set_up(struct run *run, struct err *err)
{
	const struct pull *what = run->what;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	run->n_cpus = cpus > 0 ? (unsigned)cpus : 1;
	reg_env_read(&run->env);
	if (reg_conf_load(&run->env, &run->conf, err) < 0 || make_loop(run, err) < 0 || stage_open(what->state_dir, &run->stage, err) < 0 ||
		image_store_open(what->state_dir, &run->store, err) < 0)
		return -1;
	for (size_t i = 0; i < reg_conf_warnings(run->conf)->n; i++)
		report_warn(run, reg_conf_warnings(run->conf)->v[i]);
	run->items = xcalloc(what->n_images + 1, sizeof *run->items);
	run->n_items = what->n_images;
	for (size_t i = 0; i < run->n_items; i++)
		item_init(&run->items[i], run, &what->images[i]);
	return 0;
}

static void tear_down(struct run *run)
{
	finish_stop(run);
	for (size_t i = 0; i < run->n_layers; i++) {
		layer_done(run->layers[i]);
		free(run->layers[i]);
	}
	for (size_t i = 0; i < run->n_fetches; i++) {
		fetch_stop(run->fetches[i]);
		free(run->fetches[i]->blob.file);
		free(run->fetches[i]->digest);
		free(run->fetches[i]);
	}
	free(run->layers);
	free(run->fetches);
	for (size_t i = 0; i < run->n_items; i++)
		item_done(&run->items[i]);
	free(run->items);
	reg_free(run->reg);
	if (run->tick)
		event_free(run->tick);
	if (run->base)
		event_base_free(run->base);
	image_store_close(run->store);
	stage_close(&run->stage);
	reg_conf_free(run->conf);
	reg_env_done(&run->env);
	map_done(&run->told, free);
}

static int pull_all(struct run *run, struct err *err)
{
	bool any = false;

	for (size_t i = 0; i < run->n_items; i++)
		item_begin(&run->items[i]);
	run->started = true;
	items_start_some(run);
	for (size_t i = 0; i < run->n_items; i++)
		any |= item_lives(&run->items[i]);
	if (any && event_base_dispatch(run->base) < 0)
		return err_set(err, ERR_FAIL, "the event loop failed");
	for (size_t i = 0; i < run->n_items; i++)
		if (run->items[i].state == ITEM_FAILED)
			return err_copy(err, &run->items[i].err);
	return 0;
}

int pull_run(const struct pull *what, struct err *err)
{
	struct run run = { .what = what, .stage = { .images_fd = -1, .fd = -1 } };
	int r = set_up(&run, err);

	if (r == 0)
		r = pull_all(&run, err);
	tear_down(&run);
	return r;
}
