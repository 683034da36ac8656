/* txn_answer.c - how a request ended, for who asked.
 *
 * His supervisor may be killed before it has told him, and the one that takes over may be through before he asks it: then he would begin
 * the same request once more, and what had failed, and was undone, would be tried again. So the answer is in STATE/…/answer.json before
 * txn.json goes, unless it was that all went well and somebody is there to hear it:
 *
 *	{"id": of the request, "undone": the event, may be absent, "kind", "msg", "hint", "service", "attr": as of "error"; without "kind": "done"}
 *
 * The next answer takes its place. `run` says itself whether it was made before ("again"). */
#include "txn.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/log.h"

static const char answer[] = "answer.json";

void answer_keep(const struct txn *t)
{
	auto_json json_t *o = json_object();
	auto_err struct err err = ERR_INIT;
	json_t *undone;

	if (!jx_str(t->req, "id") || t->verb == PLAN_RUN || (!t->err.kind && t->c))
		return;
	undone = txn_undo_told(t);
	jx_set_str(o, "id", jx_str(t->req, "id"));
	if (undone)
		json_object_set_new(o, "undone", undone);
	if (t->err.kind) {
		jx_set_str(o, "kind", err_kind_str(t->err.kind));
		jx_set_str(o, "msg", err_msg(&t->err));
		jx_set_str(o, "hint", t->err.hint);
		jx_set_str(o, "service", t->err_service);
		jx_set_str(o, "attr", t->err_attr);
	}
	if (jx_store(t->s->p.state_fd, answer, o, 0600, 0, &err) < 0)
		log_warn("%s: %s", answer, err_msg(&err));
}

void answer_give(struct txn *t, bool stays)
{
	json_t *undone = txn_undo_told(t);

	if (undone)
		client_send(t->c, undone);
	if (t->err.kind)
		client_fail(t->c, &t->err, t->err_service, t->err_attr);
	else if (!stays)
		client_done(t->c);
}

/* Or what comes of it: its undoing. */
static bool is_in_progress(const struct super *s, const char *id)
{
	return (s->txn && str_eq(id, jx_str(s->txn->req, "id"))) || (s->unfinished && str_eq(id, jx_str(s->unfinished, "id")));
}

bool answer_again(struct super *s, struct client *c, const json_t *req)
{
	auto_json json_t *o = NULL;
	auto_err struct err err = ERR_INIT;
	const char *id = jx_str(req, "id");

	if (!id || is_in_progress(s, id) || jx_load(s->p.state_fd, answer, CTL_MAX, &o, NULL) < 0 || !str_eq(id, jx_str(o, "id")))
		return false;
	if (jx_obj(o, "undone"))
		client_send(c, json_incref(jx_obj(o, "undone")));
	if (!jx_str(o, "kind")) {
		client_done(c);
		return true;
	}
	err_set(&err, err_kind_parse(jx_str(o, "kind")), "%s", jx_str(o, "msg") ? jx_str(o, "msg") : "it failed");
	if (jx_str(o, "hint"))
		err_hint(&err, "%s", jx_str(o, "hint"));
	client_fail(c, &err, jx_str(o, "service"), jx_str(o, "attr"));
	return true;
}
