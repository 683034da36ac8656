/* report.c - what is told of it; of layers at most as often as the loop's tick comes. */
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "parts.h"

#define SAY_AGAIN_NS (10 * SEC_NS)

static void emit(const struct run *run, json_t *ev)
{
	if (run->what->on_event)
		run->what->on_event(run->what->arg, ev);
	json_decref(ev);
}

static json_t *event_of(const struct item *it, const char *ev, const char *key)
{
	json_t *o = json_object();

	jx_set_str(o, "ev", ev);
	jx_set_str(o, key, it->want->ref);
	jx_set_str(o, "platform", it->want->platform ? it->want->platform : "");
	return o;
}

static void add_ids(json_t *o, const struct item *it)
{
	auto_free char *id = NULL, *digest = NULL;

	if (it->current) {
		jx_set_str(o, "digest", it->have);
		jx_set_str(o, "id", it->have_id);
		return;
	}
	if (!*it->manifest.hex)
		return;
	digest = xasprintf("sha256:%s", it->depth ? it->index.hex : it->manifest.hex);
	id = xasprintf("sha256:%s", it->config.hex);
	jx_set_str(o, "digest", digest);
	jx_set_str(o, "id", id);
}

void report_image(const struct item *it, const char *state)
{
	json_t *o = event_of(it, "image", "ref");

	jx_set_str(o, "state", state);
	if (it->err.kind) {
		jx_set_str(o, "kind", err_kind_str(it->err.kind));
		jx_set_str(o, "msg", err_msg(&it->err));
		jx_set_str(o, "hint", it->err.hint);
	} else {
		add_ids(o, it);
	}
	emit(it->run, o);
}

void report_warn(const struct run *run, const char *text)
{
	emit(run, json_pack("{s:s, s:s}", "ev", "warn", "msg", text));
}

/* Of many layers that are tried again for one reason it is said once. */
void report_registry(void *arg, const char *text)
{
	struct run *run = arg;
	int64_t now = clock_mono_ns(), *last = map_get(&run->told, text);

	if (last && now - *last < SAY_AGAIN_NS)
		return;
	if (!last) {
		last = xmalloc(sizeof *last);
		map_set(&run->told, text, last);
	}
	*last = now;
	report_warn(run, text);
}

/* ------------------------------------------------------------------ layers */

static struct told now(const struct layer *l)
{
	const struct fetch *f = l->fetch;
	uint64_t size = f->blob.size, read;

	if (l->state == LAYER_PRESENT)
		return (struct told){ "present", size, size };
	if (l->state == LAYER_DONE && f->state == FETCH_DONE)
		return (struct told){ "done", size, size };
	if (f->state == FETCH_WAITING || (f->state == FETCH_RUNNING && !f->bytes))
		return (struct told){ "waiting", 0, 0 };
	read = l->state == LAYER_RUNNING ? grow_read(&l->grow) : l->state == LAYER_DONE ? f->bytes : 0;
	return (struct told){ f->state == FETCH_RUNNING ? "downloading" : "unpacking", f->bytes, read < f->bytes ? read : f->bytes };
}

static void report_layer(const struct item *it, const struct layer *l, struct told *told)
{
	struct told t = now(l);
	json_t *o;

	if (told->state && STREQ(t.state, told->state) && t.bytes == told->bytes && t.unpacked == told->unpacked)
		return;
	*told = t;
	o = event_of(it, "layer", "image");
	jx_set_str(o, "digest", l->fetch->digest);
	jx_set_str(o, "state", t.state);
	jx_set_int(o, "bytes", (int64_t)t.bytes);
	jx_set_int(o, "size", (int64_t)l->fetch->blob.size);
	jx_set_int(o, "unpacked", (int64_t)t.unpacked);
	if (l->fetch->had)
		jx_set_int(o, "resumed", (int64_t)l->fetch->had);
	emit(it->run, o);
}

void report_layers(struct run *run)
{
	for (size_t i = 0; !run->what->quiet && i < run->n_items; i++) {
		struct item *it = &run->items[i];
		if (it->state < ITEM_PULLING || !item_lives(it))
			continue;
		for (size_t k = 0; k < it->n_layers; k++)
			report_layer(it, it->layers[k], &it->told[k]);
	}
}
