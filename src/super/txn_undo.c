/* txn_undo.c - the way back from an `up` that failed. One of a fresh project leaves nothing; any other one leaves what was there before it:
 * the model that was in force, the containers that were set aside, what it had stopped to start it again.
 *
 * A rolling update that failed half-way has nothing to restore: what it has replaced is gone. Where it is to be taken back, the last good
 * generation is brought up again, with the images that it had, as another rolling update.
 *
 * From its first step on the request in txn.json says so ("undo", with what has failed), and a next supervisor goes on with the way back.
 * A step of it may fail, too, for want of memory or because somebody killed a helper: what is missing then is tried once more.
 *
 * Nobody is waited for here but stops and starts, and whoever asks for a `down` or `stop` meanwhile has what would be started stay down. */
#include "roll.h"

#include <string.h>

#include "../state/generation.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

static bool something_is_parked(struct super *s)
{
	map_each(&s->units, it)
		if (unit_rec_way_back(&((struct unit *)it->value)->rec))
			return true;
	return false;
}

bool txn_rolls_back(const struct txn *t)
{
	if (!t->err.kind || t->verb != PLAN_UP || t->rollback || t->going_back || t->committed || t->rolling || t->doomed)
		return false;
	if (t->fresh)
		return t->failed_to_run && !t->superseded;
	return t->generation || something_is_parked(t->s);
}

static bool may_try_again(const struct txn *t)
{
	return !t->undo_again && !t->superseded && !t->doomed;
}

/* Its plan cannot be made, or not begun. The first failure stays what the request is answered with. */
static void cannot(struct txn *t, const struct err *err)
{
	auto_free char *msg = xasprintf("what was there before could not be brought back: %s", err_msg(err));

	log_error("%s", msg);
	if (may_try_again(t)) {
		txn_undo_again(t);
		return;
	}
	publish_warn(t->s, t->c, NULL, msg);
	t->undo_failed = true;
	txn_finish(t);
}

static void on_books(struct super *s, void *arg, const json_t *result, const struct err *failure)
{
	struct txn *t = s->txn;
	auto_err struct err err = ERR_INIT;

	if (t != arg)
		return;
	if (failure)
		cannot(t, failure);
	else if (network_apply_books(s, result, NULL, &err) < 0)
		cannot(t, &err);
	else if (t->going_back && t->superseded)
		txn_finish(t);
	else
		exec_start(t);
}

/* An `up` of the generation from before, as far as its images are still there. */
static int plan_again(struct txn *t, struct err *err)
{
	for (size_t i = 0; i < t->images.n; i++)
		image_free(t->images.items[i].value);
	map_done(&t->images, NULL);
	t->images = (struct map)MAP_INIT;
	if (up_check_images(t, err) < 0 || txn_make_plan(t, PLAN_UP, err) < 0)
		return -1;
	txn_make_units(t);
	return up_check_ports(t, err);
}

static void go_back(struct txn *t)
{
	auto_err struct err err = ERR_INIT;

	if (t->going_back) {
		auto_free char *service = take(t->err_service), *attr = take(t->err_attr);
		int r = plan_again(t, &err);
		free(t->err_service);            /* the answer is about the first failure */
		free(t->err_attr);
		t->err_service = take(service);
		t->err_attr = take(attr);
		if (r < 0)
			cannot(t, &err);
		else
			network_books(t->s, &t->plan, on_books, t);
		return;
	}
	if (txn_make_plan(t, t->fresh ? PLAN_DOWN : PLAN_UNDO, &err) < 0) {
		cannot(t, &err);
		return;
	}
	if (t->fresh) {
		exec_start(t);
		return;
	}
	txn_make_units(t);
	network_books(t->s, &t->plan, on_books, t);
}

static void on_model(struct super *s, void *arg, const json_t *result, const struct err *failure)
{
	struct txn *t = s->txn;

	if (t != arg)
		return;
	free(take(t->model_text));
	project_free(take(t->last_model));
	if (failure) {
		cannot(t, failure);
		return;
	}
	txn_generation_in_force(s, t->from, NULL);
	up_note_project(t);
	go_back(t);
}

/* False: it is in force already, or there is none. */
static bool change_model(struct txn *t)
{
	auto_free char *text = t->generation && t->from ? txn_generation_model(t->s, t->from) : NULL;
	auto_free char *stored = up_stored_model(t->s);
	auto_err struct err err = ERR_INIT;
	struct project *model = NULL;

	if (!text)
		return false;
	if (str_eq(text, stored) && t->s->generation == t->from)
		return false;
	if (up_parse_model(t->s, text, &model, &err) < 0) {
		log_error("generation %lld: %s", (long long)t->from, err_msg(&err));
		return false;
	}
	t->model_text = take(text);
	t->last_model = t->s->model;
	t->s->model = model;
	up_force_model(t, on_model);
	return true;
}

/* Refused by OP_CHECK, as a rule, or before its plan had begun. Networks and volumes that were set up meanwhile are no change that anybody
 * could see. Of a request that is gone on with ("crashes") nobody knows what was done of it before. */
static bool is_untouched(const struct txn *t)
{
	for (size_t i = 0; t->st && i < t->plan.n; i++)
		if (t->plan.ops[i].kind != OP_SETUP && t->plan.ops[i].kind != OP_CHECK && t->st[i] != OP_PENDING && t->st[i] != OP_SKIPPED)
			return false;
	return t->plan.n > 0 && !json_object_get(t->req, "crashes");
}

static json_t *failure_json(const struct txn *t)
{
	json_t *o = json_object();

	jx_set_str(o, "kind", err_kind_str(t->err.kind));
	jx_set_str(o, "msg", err_msg(&t->err));
	jx_set_str(o, "hint", t->err.hint);
	jx_set_str(o, "service", t->err_service);
	jx_set_str(o, "attr", t->err_attr);
	jx_set_bool(o, "fresh", t->fresh);
	jx_set_bool(o, "no_start", t->superseded);
	jx_set_bool(o, "again", t->going_back);
	jx_set_bool(o, "untouched", t->untouched);
	return o;
}

/* The request as it is from now on. */
static void note_undo(struct txn *t)
{
	auto_err struct err err = ERR_INIT;

	if (t->deadline)
		event_free(take(t->deadline));
	if (t->evidence)                 /* it was looked at, or nobody will */
		event_del(t->evidence);
	json_object_set_new(t->req, "undo", failure_json(t));
	crash_count_anew(t);
	if (txn_record(t, &err) < 0)
		log_warn("%s", err_msg(&err));
}

bool txn_goes_back(const struct txn *t)
{
	return t->err.kind && t->verb == PLAN_UP && !t->rollback && !t->going_back && !t->superseded && t->generation && t->from &&
	       roll_goes_back(t);
}

static void pin_images(struct txn *t)
{
	struct generation g = { 0 };

	if (generation_read(t->s->p.state_fd, t->from, &g, NULL) == 0)
		json_object_set(t->req, "images", g.images);
	generation_done(&g);
}

/* What was in force may have failed itself, and been left half done (failure_action: pause): it is no place to go back to. */
static void aim_at_last_good(struct txn *t)
{
	struct generations l;
	const struct generation *good;

	generations_list(t->s->p.state_fd, &l);
	good = generations_good_before(&l, t->from + 1);
	if (good && good->n != t->from) {
		t->from = good->n;
		jx_set_int(t->req, "from", t->from);
	}
	generations_done(&l);
}

void txn_go_back(struct txn *t)
{
	static const char *const past[] = { "force_recreate", "renew_anon_volumes", "committed", "rolling" };

	aim_at_last_good(t);
	log_info("rolling back to generation %lld: %s", (long long)t->from, err_msg(&t->err));
	t->going_back = true;
	t->committed = t->rolling = false;
	for (size_t i = 0; i < ARRAY_LEN(past); i++)
		json_object_del(t->req, past[i]);
	pin_images(t);
	roll_forget(t);
	note_undo(t);
	if (!change_model(t))
		go_back(t);
}

void txn_undo(struct txn *t)
{
	log_info("rolling back: %s", err_msg(&t->err));
	t->rollback = true;
	t->untouched = is_untouched(t);
	note_undo(t);
	if (t->fresh || !change_model(t))
		go_back(t);
}

bool txn_undo_failed_once(const struct txn *t)
{
	return t->rollback && t->undo_failed && may_try_again(t);
}

void txn_undo_again(struct txn *t)
{
	log_warn("what was there before is not all there: it is tried once more");
	t->undo_again = true;
	t->undo_failed = false;
	if (t->fresh || !change_model(t))
		go_back(t);
}

int txn_undo_resume(struct txn *t, struct err *err)
{
	const json_t *was = jx_obj(t->req, "undo");

	err_set(&t->err, err_kind_parse(jx_str(was, "kind")), "%s", jx_str(was, "msg") ? jx_str(was, "msg") : "it failed");
	if (jx_str(was, "hint"))
		err_hint(&t->err, "%s", jx_str(was, "hint"));
	t->err_service = xstrdup(jx_str(was, "service"));
	t->err_attr = xstrdup(jx_str(was, "attr"));
	t->fresh = jx_bool(was, "fresh", false);
	t->superseded = jx_bool(was, "no_start", false);
	t->untouched = jx_bool(was, "untouched", false);
	t->generation = jx_int(t->req, "generation", 0);
	t->from = jx_int(t->req, "from", 0);
	t->recorded = true;
	t->going_back = jx_bool(was, "again", false);
	t->rollback = !t->going_back;
	if (t->fresh || !change_model(t))
		go_back(t);
	return 0;
}

json_t *txn_undo_told(const struct txn *t)
{
	json_t *event;

	if (!(t->rollback || t->going_back) || t->fresh)
		return NULL;
	event = json_pack("{s:s,s:b,s:b,s:b}", "ev", "undone", "whole", (int)!t->undo_failed, "stopped", (int)t->superseded, "untouched",
			  (int)t->untouched);
	if (t->from)
		jx_set_int(event, "generation", t->from);
	return event;
}
