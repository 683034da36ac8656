/* txn_generation.c - what an `up` makes of generation.h.
 *
 * The order on disk: the generation, unfinished; the request, which names it; the model that is in force. A supervisor that is killed in
 * between leaves a generation that nobody tried, or a request that the next one goes on with. */
#include "txn.h"

#include <string.h>

#include "../state/contents.h"
#include "../state/generation.h"
#include "../../compose/project.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

static void know_in_force(struct super *s)
{
	struct generation g = { 0 };

	if (s->generation_known)
		return;
	s->generation_known = true;
	s->generation = jx_int(s->project_line, "generation", 0);
	if (s->generation && generation_read(s->p.state_fd, s->generation, &g, NULL) == 0)
		s->generation_images = json_incref(g.images);
	s->generation_bad = g.model && g.outcome != GENERATION_GOOD;
	generation_done(&g);
}

void txn_generation_in_force(struct super *s, int64_t n, json_t *images)
{
	struct generation g = { 0 };

	json_incref(images);
	json_decref(s->generation_images);
	if (!images && generation_read(s->p.state_fd, n, &g, NULL) == 0)
		images = json_incref(g.images);
	s->generation_bad = g.model && g.outcome != GENERATION_GOOD;
	generation_done(&g);
	s->generation = n;
	s->generation_images = images;
	s->generation_known = true;
}

char *txn_generation_model(struct super *s, int64_t n)
{
	struct generation g = { 0 };
	char *text = NULL;

	if (n && generation_read(s->p.state_fd, n, &g, NULL) == 0)
		text = json_dumps(g.model, JSON_COMPACT);
	generation_done(&g);
	return text;
}

const char *txn_pinned_image(const struct txn *t, const char *service)
{
	return generation_image(jx_obj(t->req, "images"), service);
}

/* ------------------------------------------------------------------ a new one */

static json_t *images_of_request(const struct txn *t)
{
	json_t *o = json_object();

	for (size_t i = 0; i < t->s->model->n_services; i++) {
		const struct service *svc = &t->s->model->services[i];
		const struct image *img = map_get(&t->images, svc->name);
		if (img)
			json_object_set_new(o, svc->name, json_pack("{s:s?,s:s}", "ref", svc->image, "id", img->id));
	}
	return o;
}

static json_t *images_of_containers(struct super *s)
{
	json_t *o = json_object();

	map_each(&s->units, it) {
		const struct unit_rec *r = &((struct unit *)it->value)->rec;
		if (r->id && r->image_id && !r->init_of)
			json_object_set_new(o, r->service, json_pack("{s:s?,s:s}", "ref", r->image, "id", r->image_id));
	}
	return o;
}

/* What an older davit has brought up becomes the first one. */
static int import_last(struct txn *t, struct err *err)
{
	auto_free char *text = up_stored_model(t->s);
	struct generation g = { .n = 1, .at_ns = clock_wall_ns(), .outcome = GENERATION_GOOD };
	int r;

	if (!text || jx_parse(text, strlen(text), &g.model, NULL) < 0)
		return 0;
	g.command = xstrdup("up");
	g.images = images_of_containers(t->s);
	r = generation_write(t->s->p.state_fd, &g, err);
	if (r == 0)
		txn_generation_in_force(t->s, g.n, g.images);
	generation_done(&g);
	return r;
}

static void add_digests(json_t *a, const struct file_object *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].digest)
			json_array_append_new(a, json_string(v[i].digest));
}

static json_t *contents_of(const struct project *p)
{
	json_t *a = json_array();

	add_digests(a, p->configs, p->n_configs);
	add_digests(a, p->secrets, p->n_secrets);
	return a;
}

static int write_new(struct txn *t, struct err *err)
{
	const char *command = jx_str(t->req, "command");
	struct generation g = {
		.n = generation_last(t->s->p.state_fd) + 1, .at_ns = clock_wall_ns(), .command = xstrdup(command ? command : "up"),
		.images = json_incref(t->new_images), .services = json_incref(jx_arr(t->req, "services")),
		.contents = contents_of(t->s->model),
	};
	int r = jx_parse(t->model_text, strlen(t->model_text), &g.model, err);

	if (r == 0)
		r = generation_write(t->s->p.state_fd, &g, err);
	t->generation = g.n;
	generation_done(&g);
	return r;
}

static const struct service *service_of(const struct project *p, const char *name)
{
	for (size_t i = 0; i < p->n_services; i++)
		if (STREQ(p->services[i].name, name))
			return &p->services[i];
	return NULL;
}

/* `run` of a service whose profile is off has a model with more services in it; what it brings up is what was there all the same. */
static bool has_all_of(const struct txn *t, const struct project *then, const json_t *images)
{
	bool same = true;

	for (size_t i = 0; same && i < then->n_services; i++) {
		const struct service *was = &then->services[i], *svc = service_of(t->s->model, was->name);
		same = svc && STREQ(svc->config_hash, was->config_hash) && svc->replicas == was->replicas &&
		       str_eq(generation_image(images, was->name), generation_image(t->new_images, was->name));
	}
	return same;
}

static bool is_generation(const struct txn *t, const struct generation *g)
{
	auto_free char *text = json_dumps(g->model, JSON_COMPACT);
	struct project *then = NULL;
	bool same = false;

	if (str_eq(text, t->model_text))
		return json_equal(t->new_images, g->images);
	if (up_parse_model(t->s, text, &then, NULL) < 0)
		return false;
	if (project_same(then, t->s->model))
		same = json_equal(t->new_images, g->images);
	else
		same = str_eq(jx_str(t->req, "command"), "run") && has_all_of(t, then, g->images);
	project_free(then);
	return same;
}

/* Whether the generation in force is what this request wants. model.json is not always that one's: `run` may have left its own. */
static bool is_in_force(const struct txn *t)
{
	const struct super *s = t->s;
	struct generation g = { 0 };
	bool same;

	if (t->model_is_stored && s->generation_images)
		return json_equal(t->new_images, s->generation_images);
	same = generation_read(s->p.state_fd, s->generation, &g, NULL) == 0 && is_generation(t, &g);
	generation_done(&g);
	return same;
}

int txn_generation_begin(struct txn *t, struct err *err)
{
	struct super *s = t->s;

	know_in_force(s);
	if (t->verb != PLAN_UP)          /* `run` is about no service of the project's own */
		return 0;
	t->new_images = images_of_request(t);
	t->generation = jx_int(t->req, "generation", 0);
	t->from = jx_int(t->req, "from", s->generation);
	if (t->generation || !t->model_text)
		return 0;                /* gone on with */
	if (s->generation && is_in_force(t))
		return 0;
	if (!s->generation && !generation_last(s->p.state_fd) && import_last(t, err) < 0)
		return err_wrap(err, "keep the last generation in '%s'", s->p.state);
	t->from = s->generation;
	if (write_new(t, err) < 0)
		return err_wrap(err, "keep the request in '%s'", s->p.state);
	jx_set_int(t->req, "generation", t->generation);
	jx_set_int(t->req, "from", t->from);
	return 0;
}

/* ------------------------------------------------------------------ its end */

static bool made_something(void *arg, int64_t n)
{
	const struct super *s = arg;

	map_each(&s->units, it) {
		const struct unit_rec *r = &((struct unit *)it->value)->rec;
		if (r->generation == n || (r->parked && r->parked->generation == n))
			return true;
	}
	return false;
}

/* The first `up` failed and was left to be looked at, and now the same is there as it should be. */
static bool mends_what_is_in_force(const struct txn *t)
{
	struct super *s = t->s;
	struct generation g = { 0 };
	bool same;

	if (t->verb != PLAN_UP || !s->generation_bad || jx_bool(t->req, "no_start", false))
		return false;
	same = generation_read(s->p.state_fd, s->generation, &g, NULL) == 0 &&
	       (!jx_arr(t->req, "services") || json_equal(jx_arr(t->req, "services"), g.services));
	generation_done(&g);
	return same;
}

/* (worker) All of them are read, which takes its time where services are many. One that is killed is made up for after the next request. */
static int prune_work(void *arg, json_t **ret, struct err *err)
{
	struct super *s = arg;

	generations_prune(s->p.state_fd, s->generation, made_something, s);
	contents_prune(s->p.state_fd);
	return 0;
}

void txn_generation_end(struct txn *t, const struct err *why)
{
	auto_err struct err err = ERR_INIT;
	struct super *s = t->s;
	int64_t n = t->generation;

	if (!n && !why && mends_what_is_in_force(t))
		n = s->generation;
	if (!n || t->told_end)
		return;
	t->told_end = true;
	if (generation_end(s->p.state_fd, n, why ? GENERATION_FAILED : GENERATION_GOOD, why ? err_msg(why) : NULL, &err) < 0)
		log_warn("generation %lld: %s", (long long)n, err_msg(&err));
	if (n == s->generation)
		s->generation_bad = why != NULL;
	if (generations_are_many(s->p.state_fd))
		network_submit(s, prune_work, NULL, NULL);
}
