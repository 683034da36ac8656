/* txn_up.c - what `up` needs before there can be a plan, and what a new container is called. */
#include "pre_start.h"
#include "run.h"
#include "txn.h"

#include <string.h>

#include "../../compose/graph.h"
#include "../../compose/project.h"
#include "../state/origin.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"

/* The model becomes the current generation: on disk first. */
void up_note_project(struct txn *t)
{
	struct super *s = t->s;
	json_t *files = json_array();
	auto_json json_t *o = json_object();

	for (size_t i = 0; i < s->model->files.n; i++)
		json_array_append_new(files, json_string(s->model->files.v[i]));
	jx_set_str(o, "name", s->p.name);
	jx_set_str(o, "working_dir", s->model->working_dir);
	json_object_set_new(o, "files", files);
	origin_note(o, jx_obj(t->req, "origin"));
	if (s->generation)
		jx_set_int(o, "generation", s->generation);
	journal_append(s->journal, "project", o, NULL);
	json_decref(s->project_line);
	s->project_line = json_incref(o);
}

int up_parse_model(struct super *s, const char *text, struct project **ret, struct err *err)
{
	struct project *model = NULL;

	if (project_from_wire(text, strlen(text), &model, err) < 0)
		return err_wrap(err, "model");
	if (!STREQ(model->name, s->p.name)) {
		err_set(err, ERR_PROTO, "the model is project '%s', not '%s'", model->name, s->p.name);
		project_free(model);
		return -1;
	}
	*ret = model;
	return 0;
}

int up_accept_model(struct txn *t, struct err *err)
{
	json_t *wire = jx_obj(t->req, "model");
	auto_free char *text = wire ? json_dumps(wire, JSON_COMPACT) : txn_generation_model(t->s, jx_int(t->req, "generation", 0));
	struct project *model = NULL;

	if (!text && !wire && t->s->model)
		return 0;                /* resumed: it is stored already */
	if (!text)
		return err_set(err, ERR_PROTO, "the request has no model");
	if (up_parse_model(t->s, text, &model, err) < 0)
		return -1;
	auto_free char *stored = up_stored_model(t->s);
	/* a comment or a moved line makes another text and no other model */
	t->model_is_stored = str_eq(stored, text) || (stored && t->s->model && project_same(t->s->model, model));
	t->model_text = take(text);
	t->last_model = t->s->model;
	t->s->model = model;
	return 0;
}

char *up_stored_model(const struct super *s)
{
	struct buf b = BUF_INIT;

	if (path_read(s->p.state_fd, "model.json", CTL_MAX, &b, NULL) < 0 || !b.p)
		return NULL;
	return buf_take(&b);
}

static int store_work(void *arg, json_t **ret, struct err *err)
{
	const struct super *s = arg;
	const struct txn *t = s->txn;

	if (path_write(s->p.state_fd, "model.json", t->model_text, strlen(t->model_text), 0600, PATH_SYNC, err) < 0)
		return err_wrap(err, "keep the model in '%s'", s->p.state);
	return 0;
}

void up_model_stored(struct txn *t)
{
	free(take(t->model_text));
	project_free(take(t->last_model));
	if (t->generation)
		txn_generation_in_force(t->s, t->generation, t->new_images);
	else if (!t->model_is_stored)
		json_decref(take(t->s->generation_images));      /* model.json may be another one than the generation's: it has to be read */
	up_note_project(t);
}

bool up_store_model(struct txn *t, network_done_fn *done)
{
	if (!t->model_text)
		return false;
	if (t->model_is_stored) {
		up_model_stored(t);
		return false;
	}
	network_submit(t->s, store_work, done, t);
	return true;
}

void up_force_model(struct txn *t, network_done_fn *done)
{
	network_submit(t->s, store_work, done, t);
}

/* It was not good enough to be tried. */
void up_drop_model(struct txn *t)
{
	if (!t->model_text)
		return;
	free(take(t->model_text));
	project_free(t->s->model);
	t->s->model = take(t->last_model);
}

int txn_load_model(struct super *s, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	struct err why = ERR_INIT;

	if (path_read(s->p.state_fd, "model.json", CTL_MAX, &b, &why) < 0) {
		bool absent = why.kind == ERR_NOT_FOUND;
		if (absent)
			err_done(&why);
		return absent ? 0 : err_move(err, &why);
	}
	return project_from_wire(b.p ? b.p : "", b.len, &s->model, err);
}

/* Which services this request starts: those it names, with what they need. One char for each of the model's; malloc'ed. */
static char *requested(const struct txn *t)
{
	const struct project *m = t->s->model;
	char *chosen = xcalloc(m->n_services + 1, 1);

	for (size_t i = 0; i < m->n_services; i++) {
		chosen[i] = !t->services;
		for (char **v = t->services; v && *v && !chosen[i]; v++)
			chosen[i] = STREQ(*v, m->services[i].name);
	}
	if (t->services && t->verb != PLAN_RUN && !jx_bool(t->req, "no_deps", false))
		graph_closure_needs(graph_new(m), chosen);
	return chosen;
}

/* Those that only its steps of pre_start need. */
static int check_step_images(struct txn *t, const struct service *svc, struct err *err)
{
	for (size_t i = 0; i < svc->n_pre_start; i++) {
		struct image *img = NULL;

		if (!svc->pre_start[i].image)
			continue;
		if (image_find(t->s->images, svc->pre_start[i].image, svc->platform, &img, err) == 0) {
			image_free(img);
			continue;
		}
		t->err_service = xstrdup(svc->name);
		t->err_attr = xasprintf("pre_start[%zu]", i);
		return -1;
	}
	return 0;
}

static int find_image(struct txn *t, const struct service *svc, struct image **ret, struct err *err)
{
	const char *pinned = txn_pinned_image(t, svc->name);

	return image_find(t->s->images, pinned ? pinned : svc->image, pinned ? NULL : svc->platform, ret, err);
}

/* Images of services that are not asked for may be missing. */
int up_check_images(struct txn *t, struct err *err)
{
	const struct project *m = t->s->model;
	auto_free char *chosen = requested(t);

	for (size_t i = 0; i < m->n_services; i++) {
		const struct service *svc = &m->services[i];
		struct err why = ERR_INIT;
		struct image *img = NULL;
		int r;

		if (chosen[i] && (up_check_service(t, svc, err) < 0 || check_step_images(t, svc, err) < 0))
			return -1;
		if (!svc->image)
			r = err_set(&why, ERR_NOT_FOUND, "service '%s' has no image, and building is not available",
				    svc->name);
		else
			r = find_image(t, svc, &img, &why);
		if (r == 0) {
			map_set(&t->images, svc->name, img);
			continue;
		}
		if (chosen[i]) {
			t->err_service = xstrdup(svc->name);
			t->err_attr = xstrdup("image");
			return err_move(err, &why);
		}
		err_done(&why);
	}
	return 0;
}

/* ------------------------------------------------------------------ a new container */

/* What `config --hash` prints, by which scripts compare; davit itself goes by rec.config_hash, which knows more (model.h). */
bool up_label_hash(struct unit *u, const struct service *svc)
{
	static const char key[] = "com.docker.compose.config-hash";
	auto_free char *hash = project_service_digest(u->s->model, svc->name);

	if (!u->rec.labels || str_eq(jx_str(u->rec.labels, key), hash))
		return false;
	jx_set_str(u->rec.labels, key, hash);
	return true;
}

static void compose_labels(struct unit *u, const struct service *svc)
{
	const struct project *m = u->s->model;
	auto_buf struct buf files = BUF_INIT;
	json_t *o = json_object();
	char index[16];

	for (size_t i = 0; i < svc->labels.n; i++)
		jx_set_str(o, svc->labels.v[i].key, svc->labels.v[i].value ? svc->labels.v[i].value : "");
	for (size_t i = 0; i < m->files.n; i++)
		buf_printf(&files, "%s%s", i ? "," : "", m->files.v[i]);
	snprintf(index, sizeof index, "%u", u->rec.index);
	jx_set_str(o, "com.docker.compose.project", m->name);
	jx_set_str(o, "com.docker.compose.project.working_dir", m->working_dir);
	jx_set_str(o, "com.docker.compose.project.config_files", files.p ? files.p : "");
	jx_set_str(o, "com.docker.compose.service", svc->name);
	jx_set_str(o, "com.docker.compose.container-number", index);
	jx_set_str(o, "com.docker.compose.oneoff", "False");
	jx_set_str(o, "com.docker.compose.image", u->rec.image_id);
	json_decref(u->rec.labels);
	u->rec.labels = o;
	up_label_hash(u, svc);
}

/* A successor has the anonymous volumes of what it replaces. */
static void take_over_volumes(struct txn *t, struct unit *u)
{
	const struct unit_rec *old = u->rec.parked;
	bool renew = jx_bool(t->req, "renew_anon_volumes", false);

	if (!old && u->recreate && !renew)
		return;
	strs_done(&u->rec.anon_volumes);
	for (size_t i = 0; old && !renew && i < old->anon_volumes.n; i++)
		strs_add(&u->rec.anon_volumes, old->anon_volumes.v[i]);
}

void up_new_container(struct txn *t, struct unit *u, const struct service *svc)
{
	const struct image *img = map_get(&t->images, svc->name);
	char id[HASH_HEX_LEN + 1];

	hash_random_hex(HASH_HEX_LEN / 2, id);
	u->rec.id = xstrdup(id);
	free(u->rec.name);
	u->rec.name = plan_container_name(t->s->model, svc, u->rec.index);
	free(u->rec.image);
	u->rec.image = xstrdup(svc->image);
	free(u->rec.image_id);
	u->rec.image_id = img ? xstrdup(img->id) : NULL;
	free(u->rec.config_hash);
	u->rec.config_hash = xstrdup(svc->config_hash);
	u->rec.created_ns = clock_wall_ns();
	u->create_due = true;
	unit_cause(u, NULL);
	u->rec.started_ns = u->rec.finished_ns = 0;
	u->rec.exit_code = -1;
	u->rec.restarts = 0;
	u->rec.resume = false;
	take_over_volumes(t, u);
	u->recreate = false;
	u->drop_volumes = false;
	u->rec.back = false;
	u->rec.pinned = t->going_back || jx_bool(t->req, "keep_contents", false);
	u->rec.generation = t->generation && !t->going_back ? t->generation : t->s->generation;
	compose_labels(u, svc);
	if (u->rec.init_of)
		pre_start_new(u, svc);
	if (u->rec.run)
		run_new(u);
}
