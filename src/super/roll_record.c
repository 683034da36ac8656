/* roll_record.c - what has failed of a rolling update, in the request: a supervisor that takes over counts on, and does not try again what its
 * predecessor has tried.
 *
 *	"rolls": {SERVICE: {"total": containers to be replaced, "failed": [index, …], "given_up": bool}}
 *	"roll_failure": {"kind", "msg", "hint", "service"}      the first one that is the request's */
#include "roll.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

static size_t turns_of(const struct txn *t, const char *service)
{
	size_t n = 0;

	for (size_t i = 0; i < t->plan.n; i++)
		n += t->plan.ops[i].kind == OP_TURN && STREQ(t->plan.ops[i].service, service);
	return n;
}

static json_t *member(json_t *o, const char *key)
{
	if (!jx_obj(o, key))
		json_object_set_new(o, key, json_object());
	return jx_obj(o, key);
}

static json_t *roll_of(struct txn *t, const char *service)
{
	json_t *roll = member(member(t->req, "rolls"), service);

	if (jx_arr(roll, "failed"))
		return roll;
	jx_set_int(roll, "total", (int64_t)turns_of(t, service));
	json_object_set_new(roll, "failed", json_array());
	roll_record(t);
	return roll;
}

void roll_record(struct txn *t)
{
	auto_err struct err err = ERR_INIT;

	if (txn_record(t, &err) < 0)
		log_warn("%s", err_msg(&err));
}

static bool has_failed(const json_t *roll, unsigned index)
{
	const json_t *v;
	size_t i;

	json_array_foreach(jx_arr(roll, "failed"), i, v)
		if (json_integer_value(v) == index)
			return true;
	return false;
}

static void recall_failure(struct txn *t)
{
	const json_t *was = jx_obj(t->req, "roll_failure");

	if (!was || t->err.kind)
		return;
	err_set(&t->err, err_kind_parse(jx_str(was, "kind")), "%s", jx_str(was, "msg") ? jx_str(was, "msg") : "it failed");
	if (jx_str(was, "hint"))
		err_hint(&t->err, "%s", jx_str(was, "hint"));
	t->err_service = xstrdup(jx_str(was, "service"));
}

bool roll_is_settled(struct txn *t, const struct op *turn)
{
	const json_t *roll = roll_of(t, turn->service);
	bool settled = jx_bool(roll, "given_up", false) || has_failed(roll, turn->index);

	if (settled)
		recall_failure(t);
	return settled;
}

bool roll_is_given_up(const struct txn *t, const char *service)
{
	const json_t *roll;
	const char *name;

	json_object_foreach(jx_obj(t->req, "rolls"), name, roll)
		if ((!service || STREQ(name, service)) && jx_bool(roll, "given_up", false))
			return true;
	return false;
}

size_t roll_note_failed(struct txn *t, const struct op *op, size_t *ret_total)
{
	json_t *roll = roll_of(t, op->service);

	if (!has_failed(roll, op->index))
		json_array_append_new(jx_arr(roll, "failed"), json_integer(op->index));
	*ret_total = (size_t)jx_int(roll, "total", 0);
	return json_array_size(jx_arr(roll, "failed"));
}

void roll_note_failure(struct txn *t, const char *service, const struct err *err, bool gives_up)
{
	json_t *o = jx_obj(t->req, "roll_failure");

	if (gives_up)
		jx_set_bool(roll_of(t, service), "given_up", true);
	if (o)
		return;
	o = json_object();
	jx_set_str(o, "kind", err_kind_str(err->kind));
	jx_set_str(o, "msg", err_msg(err));
	jx_set_str(o, "hint", err->hint);
	jx_set_str(o, "service", service);
	json_object_set_new(t->req, "roll_failure", o);
}

void roll_forget(struct txn *t)
{
	json_object_del(t->req, "rolls");
	json_object_del(t->req, "roll_failure");
}
