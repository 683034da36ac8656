/* transfer.c - see transfer.h.
 *
 * davit-image tells of each image and of each of its layers; what is on the screen is drawn anew when that is some time ago. The bytes of an
 * image are the sum of its layers' that were not there before. */
#include "transfer.h"

#include <stdlib.h>
#include <string.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "imager.h"
#include "rate.h"
#include "view.h"

enum { DRAW_MS = 80 };

struct layer {
	uint64_t bytes, size;            /* 0 of one that was there */
	uint64_t resumed;                /* of bytes: they came with an earlier pull */
};

struct one {                             /* an image */
	struct transfer_item *item;
	char *ref;                       /* normalised; owned */
	char *title;                     /* owned */
	struct map layers;               /* digest → struct layer, owned */
	struct rate rate;
	bool ended;
};

struct run {
	struct cli *c;
	struct transfer *t;
	struct one *v;                   /* t->n of them */
	int64_t drawn_ns;
};

/* What davit-image says, in docker's words; which are progress' way to know what is at work, too. */
static const struct word { const char *state, *status; } layer_words[] = {
	{ "waiting", "Waiting" }, { "downloading", "Downloading" }, { "unpacking", "Extracting" }, { "done", "Pull complete" },
	{ "present", "Already exists" }, { "uploading", "Pushing" }, { "pushed", "Pushed" }, { "mounted", "Mounted" },
}, image_words[] = {
	{ "resolving", "Pulling" }, { "pulling", "Pulling" }, { "pulled", "Pulled" }, { "present", "Pulled" },
	{ "pushing", "Pushing" }, { "pushed", "Pushed" },
};

static const char *word_for(const struct word *words, size_t n, const char *state)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(words[i].state, state))
			return words[i].status;
	return NULL;
}

/* --- what is on the screen --- */

static void note_bytes(struct run *r, struct one *o, int64_t now_ns)
{
	auto_buf struct buf b = BUF_INIT;
	uint64_t bytes = 0, size = 0, resumed = 0;

	map_each(&o->layers, it) {
		const struct layer *l = it->value;

		bytes += l->bytes;
		size += l->size;
		resumed += l->resumed;
	}
	rate_add(&o->rate, now_ns, bytes - resumed);
	if (!size)
		return;
	rate_format(&o->rate, now_ns, bytes, size, &b);
	progress_note(r->t->progress, "image", o->title, b.p);
}

static void draw(struct run *r, int64_t now_ns)
{
	r->drawn_ns = now_ns;
	for (size_t i = 0; i < r->t->n; i++)
		if (!r->v[i].ended)
			note_bytes(r, &r->v[i], now_ns);
	progress_draw(r->t->progress);
}

static int tick_ms(void *arg)
{
	const struct run *r = arg;

	return r->t->progress ? progress_timeout_ms(r->t->progress) : -1;
}

static void on_tick(void *arg)
{
	draw(arg, clock_mono_ns());
}

static void warn(struct run *r, const char *msg)
{
	if (r->t->progress)
		progress_hide(r->t->progress);
	ui_warn(&r->c->ui, "%s", msg);
}

/* --- what davit-image says --- */

static struct one *find(struct run *r, const char *ref, const char *platform)
{
	struct image_ref parsed = { 0 };
	auto_free char *whole = NULL;

	if (!ref)
		return NULL;
	if (ref_parse(ref, &parsed, NULL) == 0)
		whole = ref_format(&parsed);
	ref_done(&parsed);
	for (size_t i = 0; i < r->t->n; i++) {
		const struct transfer_item *it = r->v[i].item;

		if (str_eq(whole ? whole : ref, r->v[i].ref) && (!platform || str_eq(platform, it->platform ? it->platform : "")))
			return &r->v[i];
	}
	return NULL;
}

static void on_failed(struct run *r, struct one *o, const json_t *ev)
{
	const char *msg = jx_str(ev, "msg"), *hint = jx_str(ev, "hint"), *kind = jx_str(ev, "kind");

	err_done(&o->item->err);
	err_set(&o->item->err, err_kind_parse(kind ? kind : ""), "%s", msg ? msg : "it failed");
	if (hint)
		err_hint(&o->item->err, "%s", hint);
	o->item->absent = jx_bool(ev, "absent", false);
	if (r->t->progress)
		progress_step(r->t->progress, "image", o->title, o->item->optional ? "Warning" : "Error",
			      o->item->optional ? err_msg(&o->item->err) : NULL);
}

static void on_image(struct run *r, const json_t *ev)
{
	struct one *o = find(r, jx_str(ev, "ref"), jx_str(ev, "platform"));
	const char *state = jx_str(ev, "state"), *status = word_for(image_words, ARRAY_LEN(image_words), state);

	if (!o)
		return;
	o->ended = str_eq(state, "pulled") || str_eq(state, "present") || str_eq(state, "pushed") || str_eq(state, "failed");
	if (str_eq(state, "failed"))
		on_failed(r, o, ev);
	else if (status && r->t->progress)
		progress_step(r->t->progress, "image", o->title, status, NULL);
}

static void measure(struct one *o, const char *digest, const char *state, int64_t bytes, int64_t size, int64_t resumed)
{
	struct layer *l = map_get(&o->layers, digest);

	if (!l)
		map_set(&o->layers, digest, l = xcalloc(1, sizeof *l));
	if (str_eq(state, "present") || str_eq(state, "mounted") || size < 0 || bytes < 0)
		*l = (struct layer){ 0 };
	else
		*l = (struct layer){ (uint64_t)bytes, (uint64_t)size, resumed > 0 && resumed <= bytes ? (uint64_t)resumed : 0 };
}

static void on_layer(struct run *r, const json_t *ev)
{
	struct one *o = find(r, jx_str(ev, "image"), jx_str(ev, "platform"));
	const char *digest = jx_str(ev, "digest"), *state = jx_str(ev, "state");
	const char *status = word_for(layer_words, ARRAY_LEN(layer_words), state);
	int64_t bytes = jx_int(ev, "bytes", 0), size = jx_int(ev, "size", 0), unpacked = jx_int(ev, "unpacked", 0);
	struct progress_part part = { .status = status };
	char id[16], text[24];

	if (!o || !digest || !status || !r->t->progress)
		return;
	if (str_eq(state, "done") || str_eq(state, "unpacking"))
		bytes = size;
	measure(o, digest, state, bytes, size, jx_int(ev, "resumed", 0));
	part.name = view_short_id(digest, id);
	if (str_eq(state, "unpacking")) {
		str_human_size((double)unpacked, text);
		part.text = unpacked > 0 ? text : NULL;
	} else if (size > 0 && bytes >= 0 && !str_eq(state, "present") && !str_eq(state, "mounted")) {
		part.bytes = (uint64_t)bytes;
		part.size = (uint64_t)size;
	}
	progress_part(r->t->progress, "image", o->title, &part);
}

static int on_event(void *arg, const json_t *ev, struct err *err)
{
	struct run *r = arg;
	const char *kind = jx_str(ev, "ev");
	int64_t now = clock_mono_ns();

	if (str_eq(kind, "image"))
		on_image(r, ev);
	else if (str_eq(kind, "layer"))
		on_layer(r, ev);
	else if (str_eq(kind, "warn") && jx_str(ev, "msg"))
		warn(r, jx_str(ev, "msg"));
	if (r->t->progress && now - r->drawn_ns >= DRAW_MS * MS_NS)
		draw(r, now);
	return 0;
}

/* --- what it is asked for --- */

static json_t *request(const struct transfer *t, int64_t at_once)
{
	json_t *images = json_array(), *req = json_object();

	for (size_t i = 0; i < t->n; i++) {
		json_t *o = json_object();

		jx_set_str(o, "ref", t->items[i].ref);
		jx_set_str(o, "platform", t->items[i].platform);
		jx_set_str(o, "policy", t->items[i].policy);
		if (t->items[i].optional)
			jx_set_bool(o, "optional", true);
		json_array_append_new(images, o);
	}
	json_object_set_new(req, "images", images);
	jx_set_bool(req, "tls_verify", !t->no_verify);
	jx_set_bool(req, "quiet", !t->progress);
	if (at_once > 0)
		jx_set_int(req, "images_at_once", at_once);
	return req;
}

static bool asked_twice(const struct transfer *t, size_t which)
{
	for (size_t i = 0; i < t->n; i++)
		if (i != which && STREQ(t->items[i].ref, t->items[which].ref))
			return true;
	return false;
}

static void begin(struct run *r)
{
	const struct transfer *t = r->t;

	for (size_t i = 0; i < t->n; i++) {
		struct one *o = &r->v[i];
		struct image_ref ref = { 0 };

		o->item = &t->items[i];
		o->ref = ref_parse(o->item->ref, &ref, NULL) == 0 ? ref_format(&ref) : xstrdup(o->item->ref);
		ref_done(&ref);
		o->title = asked_twice(t, i) ? xasprintf("%s (%s)", o->item->ref, o->item->platform ? o->item->platform : "this machine's")
					     : xstrdup(o->item->ref);
		if (t->progress)
			progress_step(t->progress, "image", o->title, STREQ(t->verb, "push") ? "Pushing" : "Pulling", NULL);
	}
}

/* Nothing is at work any more: what has no end of its own has not come to a good one. */
static void end(struct run *r, bool failed)
{
	for (size_t i = 0; i < r->t->n; i++) {
		struct one *o = &r->v[i];

		if (!o->ended && failed && r->t->progress)
			progress_step(r->t->progress, "image", o->title, "Error", NULL);
		map_done(&o->layers, free);
		free(o->ref);
		free(o->title);
	}
	if (r->t->progress)
		progress_draw(r->t->progress);
	free(r->v);
}

static bool all_ended(const struct run *r)
{
	for (size_t i = 0; i < r->t->n; i++)
		if (!r->v[i].ended)
			return false;
	return true;
}

int transfer_run(struct cli *c, struct transfer *t, struct err *err)
{
	struct run r = { .c = c, .t = t, .v = xcalloc(t->n, sizeof *r.v) };
	const struct imager what = {
		.verb = t->verb, .request = request(t, cli_parallel(c)), .input_fd = -1, .output_fd = -1,
		.on_event = on_event, .tick_ms = tick_ms, .on_tick = on_tick, .arg = &r,
	};
	struct err why = ERR_INIT;
	int ret;

	begin(&r);
	ret = imager_run(c, &what, &why);
	if (all_ended(&r)) {             /* what else it says at its end is about them */
		err_done(&why);
		ret = 0;
	} else if (ret == 0) {
		ret = err_set(&why, ERR_PROTO, "davit-image left its work undone");
	}
	end(&r, ret < 0);
	return ret < 0 ? err_move(err, &why) : 0;
}

void transfer_done(struct transfer *t)
{
	for (size_t i = 0; i < t->n; i++)
		err_done(&t->items[i].err);
	free(t->items);
	*t = (struct transfer){ 0 };
}
