/* txn.c - requests that act: one at a time, in order; the plan is run in parallel by counting unmet prerequisites.
 *
 * The request is on disk (STATE/…/txn.json) from before its first operation until after its last, so that a supervisor that was
 * killed in between finishes it: the plan is made anew from what exists then. `down` and `stop` do not wait behind an `up` that waits for
 * health: they supersede it. */
#include "pre_start.h"
#include "run.h"
#include "txn.h"

#include <string.h>

#include "../util/arena.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"

void txn_free(struct txn *t)
{
	json_decref(t->req);
	for (char **v = t->services; v && *v; v++)
		free(*v);
	free(t->services);
	plan_done(&t->plan);
	free(t->st);
	free(t->began_ns);
	err_done(&t->err);
	free(t->err_service);
	free(t->err_attr);
	strs_done(&t->new_volumes);
	strs_done(&t->new_networks);
	for (size_t i = 0; i < t->images.n; i++)
		image_free(t->images.items[i].value);
	map_done(&t->images, NULL);
	map_done(&t->foreign_names, free);
	json_decref(t->new_images);
	up_drop_model(t);
	if (t->evidence)
		event_free(t->evidence);
	if (t->deadline)
		event_free(t->deadline);
	free(t);
}

/* ------------------------------------------------------------------ the end */

/* up --wait: what this request started, and what it found running, has to be there still, or to have ended well. */
static void judge_wait(struct txn *t, const char *slot)
{
	const struct unit *u = unit_get(t->s, slot);

	if (t->err.kind || !u || u->state != U_STOPPED || u->rec.exit_code == 0 || u->rec.manual_stop)
		return;
	free(t->err_service);
	t->err_service = xstrdup(u->rec.service);
	err_set(&t->err, ERR_FAIL, "container '%s' exited (%d)", u->rec.name, u->rec.exit_code);
}

static void judge_waits(struct txn *t)
{
	if (!jx_bool(t->req, "wait", false))
		return;
	for (size_t i = 0; i < t->plan.n; i++)
		if (t->plan.ops[i].kind == OP_START)
			judge_wait(t, t->plan.ops[i].slot);
	for (size_t i = 0; i < t->plan.kept.n; i++)
		judge_wait(t, t->plan.kept.v[i]);
}

static void warn_orphans(struct txn *t)
{
	auto_buf struct buf b = BUF_INIT;

	if (jx_bool(t->req, "ignore_orphans", false))
		return;
	for (size_t i = 0; i < t->plan.orphans.n; i++) {
		const struct unit *u = unit_get(t->s, t->plan.orphans.v[i]);
		buf_printf(&b, "%s%s", i ? ", " : "", u && u->rec.name ? u->rec.name : t->plan.orphans.v[i]);
	}
	if (!b.len)
		return;
	auto_free char *msg = xasprintf("found orphan containers (%s): services that are not in the file any more; "
					"--remove-orphans removes them", b.p);
	publish_warn(t->s, t->c, NULL, msg);
}

static bool leaves_nothing(const struct txn *t)
{
	return (t->verb == PLAN_DOWN && !t->services) || (t->rollback && t->fresh);
}

/* The host goes down, the project with it; all of it stays on disk. */
static void leave(struct txn *t)
{
	struct super *s = t->s;

	unlinkat(s->p.state_fd, "txn.json", 0);
	ctl_server_deaf(s);
	super_finish(s);
	if (t->c)
		client_outlives_keeper(t->c);
}

void txn_finish(struct txn *t)
{
	struct super *s = t->s;
	bool gone = leaves_nothing(t) && (!t->err.kind || t->rollback), stays;

	if (!t->rollback)
		warn_orphans(t);
	if (!t->err.kind)
		crash_settled(t);
	if (!gone) {
		txn_generation_end(t, t->err.kind ? &t->err : NULL);
		answer_keep(t);
	}
	if (jx_bool(t->req, "shutdown", false)) {
		leave(t);
	} else if (gone && !s->waiting) {
		project_forget(s);
		if (t->c)
			client_outlives_keeper(t->c);
	} else {
		unlinkat(s->p.state_fd, "txn.json", 0);
	}
	s->txn = NULL;
	stays = txn_run_over(t);
	answer_give(t, stays);
	s->trim_due = true;
	txn_free(t);
	gate_look_all(s);
	txn_next(s);
}

/* ------------------------------------------------------------------ making the plan */

static void world_now(struct super *s, struct world *w)
{
	*w = (struct world){ .units = MAP_INIT };
	map_each(&s->units, it) {
		struct unit *u = it->value;
		if (u->rec.id || u->rec.parked)
			map_set(&w->units, u->rec.slot, &u->rec);
	}
}

static const char *image_id_of(void *ctx, const struct service *svc)
{
	const struct txn *t = ctx;
	const struct image *img = map_get(&t->images, svc->name);

	return img ? img->id : NULL;
}

static bool has_health(void *ctx, const struct service *svc)
{
	const struct txn *t = ctx;

	return health_wanted(svc, map_get(&t->images, svc->name));
}

int txn_make_plan(struct txn *t, enum plan_verb verb, struct err *err)
{
	struct plan_request r;
	struct world w;
	int ret;

	plan_request_read(t->req, verb, &r);
	r.services = (const char *const *)t->services;
	r.image_id = image_id_of;
	r.has_health = has_health;
	r.ctx = t;
	r.back = t->going_back;
	r.generation = t->going_back ? t->generation : 0;
	if (t->rollback)
		r = (struct plan_request){ .verb = verb, .volumes = true, .generation = t->generation, .no_start = t->superseded };
	world_now(t->s, &w);
	plan_done(&t->plan);
	free(take(t->st));               /* what runs no more has nothing to say about this one, nor have its tickets */
	free(take(t->began_ns));
	t->plan_no = 0;
	ret = plan_make(t->s->model, &w, &r, &t->plan, err);
	map_done(&w.units, NULL);
	return ret;
}

void txn_plan_over(struct txn *t)
{
	if (!t->rollback)
		judge_waits(t);
	if (txn_rolls_back(t) && evidence_wait(t))
		return;
	if (txn_rolls_back(t))
		txn_undo(t);
	else if (txn_undo_failed_once(t))
		txn_undo_again(t);
	else if (txn_goes_back(t))
		txn_go_back(t);
	else
		txn_finish(t);
}

static void want_ports(struct unit *u, const struct service *svc)
{
	struct arena *a = arena_new();

	network_want_ports(u, txn_service_of(u, svc, a));
	arena_free(a);
}

/* Units and port wishes of everything that will be started. */
void txn_make_units(struct txn *t)
{
	for (size_t i = 0; i < t->plan.n; i++) {
		const struct op *op = &t->plan.ops[i];
		const struct service *svc = op->kind == OP_PREPARE ? project_service(t->s->model, op->service) : NULL;
		struct unit *u = svc ? unit_make(t->s, op->slot, op->service, op->index) : NULL;
		if (!u)
			continue;
		u->planned = true;
		u->recreate |= u->rec.id && plan_has(&t->plan, OP_REMOVE, op->slot);     /* also when it goes before we get there */
		if (t->verb == PLAN_RUN)
			run_note(u, t->req);
		if (op->init_of)
			pre_start_note(u, op);
		else if (plan_has(&t->plan, OP_RESTORE, op->slot) && u->rec.parked)
			network_want_again(u, u->rec.parked);
		else if (plan_makes_anew(&t->plan, op, &u->rec))
			want_ports(u, svc);
	}
}

static bool has_containers(struct super *s)
{
	map_each(&s->units, it)
		if (((struct unit *)it->value)->rec.id || ((struct unit *)it->value)->rec.parked)
			return true;
	return false;
}

int txn_record(struct txn *t, struct err *err)
{
	jx_set_str(t->req, "boot_id", proc_boot_id());
	if (jx_store(t->s->p.state_fd, "txn.json", t->req, 0600, 0, err) < 0)
		return err_wrap(err, "record the request in '%s'", t->s->p.state);
	t->recorded = true;
	return 0;
}

/* What a next supervisor has to know to go on with it as it was. */
static int record_up(struct txn *t, struct err *err)
{
	if (t->generation || t->model_is_stored)
		json_object_del(t->req, "model");        /* the generation has it, or model.json */
	if (t->fresh)
		jx_set_bool(t->req, "fresh", true);
	txn_note_new(t);
	return txn_record(t, err);
}

static int plan_up(struct txn *t, struct err *err)
{
	t->fresh = jx_bool(t->req, "fresh", !has_containers(t->s));
	t->committed = jx_bool(t->req, "committed", false);
	t->rolling = jx_bool(t->req, "rolling", false);
	if (t->committed && !t->rolling)         /* it is done but for what is left over */
		json_object_del(t->req, "force_recreate");
	if (up_accept_model(t, err) < 0 || up_check_images(t, err) < 0 || txn_generation_begin(t, err) < 0)
		return -1;
	return record_up(t, err);
}

/* Whether something that `up --wait` waits for is still to come; what goes away meanwhile takes its own time. */
static bool waits_for_something(const struct txn *t)
{
	for (size_t i = 0; i < t->plan.n; i++) {
		enum op_kind kind = t->plan.ops[i].kind;
		bool open = !t->st || t->st[i] == OP_PENDING || t->st[i] == OP_RUNNING;
		if (open && kind != OP_STOP && kind != OP_REMOVE)
			return true;
	}
	return false;
}

static void on_wait_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct txn *t = arg;
	struct err err = ERR_INIT;

	if (!waits_for_something(t))
		return;
	err_set(&err, ERR_TIMEOUT, "application not healthy after %llds", (long long)jx_int(t->req, "wait_timeout_s", 0));
	exec_give_up(t, &err);
	err_done(&err);
}

static void arm_deadline(struct txn *t)
{
	int64_t limit_s = jx_int(t->req, "wait_timeout_s", 0);
	struct timeval tv = { .tv_sec = limit_s < CLOCK_FAR_S ? limit_s : CLOCK_FAR_S };

	if (limit_s <= 0)
		return;
	t->deadline = evtimer_new(t->s->base, on_wait_deadline, t);
	evtimer_add(t->deadline, &tv);
}

/* It stays, and yet what is written down of its definition may be out of date: a policy holds without a new container, and of one made by an
 * older davit, which did not know contents, those of today count as its own. */
static void learn_definition(struct txn *t, struct unit *u)
{
	const struct service *svc = t->verb == PLAN_UP ? project_service(t->s->model, u->rec.service) : NULL;
	bool lacks, labelled;

	if (!svc || !config_same(u->rec.config_hash, svc->config_hash))
		return;
	lacks = config_lacks_contents(u->rec.config_hash, svc->config_hash);
	labelled = up_label_hash(u, svc);
	if (lacks) {
		free(u->rec.config_hash);
		u->rec.config_hash = xstrdup(svc->config_hash);
	}
	if (lacks || labelled)
		unit_save(u);
}

static void announce_kept(struct txn *t)
{
	for (size_t i = 0; i < t->plan.kept.n; i++) {
		struct unit *u = unit_get(t->s, t->plan.kept.v[i]);
		bool comes = u && (u->state == U_BACKOFF || u->state == U_WAITING);
		auto_free char *why = comes && u->rec.waits ? xasprintf("waiting for %s", u->rec.waits) : NULL;
		if (u)
			learn_definition(t, u);
		if (u)
			publish_step(t->s, t->c, "container", u->rec.name, u->rec.service,
				     comes ? "Restarting" : u->state == U_STOPPED ? "Exited" : "Running", why);
	}
}

static void cannot_begin(struct txn *t, struct err *err)
{
	up_drop_model(t);
	err_done(&t->err);
	err_move(&t->err, err);
	t->failed_to_run = true;
	txn_plan_over(t);
}

static void on_books(struct super *s, void *arg, const json_t *result, const struct err *failure)
{
	struct txn *t = s->txn;
	struct err err = ERR_INIT;

	if (t != arg)
		return;
	if (failure)
		err_copy(&err, failure);
	else if (network_apply_books(s, result, &t->new_volumes, &err) == 0) {
		if (t->superseded) {
			txn_plan_over(t);
			return;
		}
		for (size_t i = 0; i < t->plan.warnings.n; i++)
			publish_warn(s, t->c, NULL, t->plan.warnings.v[i]);
		announce_kept(t);
		arm_deadline(t);
		exec_start(t);
		return;
	} else if (jx_str(result, "service")) {
		t->err_service = xstrdup(jx_str(result, "service"));
		t->err_attr = xstrdup(jx_str(result, "attr"));
	}
	cannot_begin(t, &err);
}

/* 0: the plan runs or its books are being written. */
static int txn_go(struct txn *t, struct err *err)
{
	if (!t->recorded && txn_record(t, err) < 0) {
		if (t->verb != PLAN_DOWN && t->verb != PLAN_STOP && t->verb != PLAN_REMOVE)
			return -1;
		log_warn("%s: it will not be resumed after a crash", err_msg(err));      /* what makes room is let do it */
		err_done(err);
	}
	if (t->verb == PLAN_BOOT)
		boot_on_disk(t->s);
	if (txn_make_plan(t, t->verb, err) < 0)
		return -1;
	if (t->verb == PLAN_BOOT || t->verb == PLAN_UP || t->verb == PLAN_RUN || t->verb == PLAN_START || t->verb == PLAN_RESTART) {
		txn_make_units(t);
		if (up_check_ports(t, err) < 0)
			return -1;
		network_books(t->s, &t->plan, on_books, t);
	} else {
		exec_start(t);
	}
	return 0;
}

static void on_model(struct super *s, void *arg, const json_t *result, const struct err *failure)
{
	struct txn *t = s->txn;
	struct err err = ERR_INIT;

	if (t != arg)
		return;
	if (failure) {
		err_copy(&err, failure);
		cannot_begin(t, &err);
		return;
	}
	up_model_stored(t);
	if (t->superseded)
		txn_plan_over(t);
	else if (txn_go(t, &err) < 0)
		cannot_begin(t, &err);
}

static int txn_begin(struct txn *t, struct err *err)
{
	bool makes = t->verb == PLAN_UP || t->verb == PLAN_RUN;

	if (crash_check(t, err) < 0)
		return -1;
	if (t->verb == PLAN_UP && jx_obj(t->req, "undo"))
		return txn_undo_resume(t, err);
	if (txn_run_check(t, err) < 0)
		return -1;
	if (makes && (origin_check(t->s, t->req, err) < 0 || plan_up(t, err) < 0))
		return -1;
	if (up_store_model(t, on_model))
		return 0;
	return txn_go(t, err);
}

/* By a request that did not wait for its end: the slot's addresses and namespace go with it, and what is planned now would miss them. */
static bool something_is_removed(struct super *s)
{
	map_each(&s->units, it) {
		const struct unit *u = it->value;
		if (u->state == U_REMOVING && u->act != ACT_NONE)
			return true;
	}
	return false;
}

void txn_next(struct super *s)
{
	struct txn *t = s->waiting;
	struct err err = ERR_INIT;

	if (s->txn || !t || s->finished || s->adopting || something_is_removed(s))
		return;
	s->waiting = t->next;
	t->next = NULL;
	s->txn = t;
	if (txn_begin(t, &err) < 0)
		cannot_begin(t, &err);
}
