/* attach_ends.c - which containers an `up` in the foreground is about, and what their ends mean to it. */
#include "attach.h"

#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"

static bool named(const struct strs *list, const char *service)
{
	return list->n && strs_has(list, service);
}

bool attach_shows(const struct attach *a, const char *service)
{
	const struct service *s = project_service(a->c->project, service);

	if (!s || !up_in_scope(a->c, a->scope, service) || named(&a->o->no_attach, service))
		return false;
	if (a->o->attach.n)
		return named(&a->o->attach, service);
	if (!s->attach)
		return false;
	for (size_t i = 0; i < a->c->args.n; i++)
		if (STREQ(a->c->args.v[i], service))
			return true;
	return a->c->args.n == 0 || a->o->attach_deps;
}

bool attach_counts(const struct attach *a, const char *service)
{
	for (size_t i = 0; i < a->c->args.n; i++)
		if (str_eq(a->c->args.v[i], service))
			return true;
	return str_eq(a->o->exit_code_from, service) || (a->c->args.n == 0 && up_in_scope(a->c, a->scope, service));
}

/* --- exits --- */

/* "exited with code 137 (out of memory, restarting)" */
static char *exit_text(const struct unit_rec *r)
{
	auto_free char *code = r->exit_code < 0 ? xstrdup("unknown") : xasprintf("%d", r->exit_code);
	const char *oom = r->oom ? "out of memory" : "", *again = r->restarting ? "restarting" : "";

	if (!*oom && !*again)
		return xasprintf("exited with code %s", code);
	return xasprintf("exited with code %s (%s%s%s)", code, oom, *oom && *again ? ", " : "", again);
}

int attach_tell_end(struct attach *a, const char *slot, const char *text, struct err *err)
{
	if (follow_pump(a->f, true, slot, err) < 0)
		return -1;
	follow_say(a->f, slot, text);
	return 0;
}

/* Everything is stopped when one ends, when one fails, or when the one ends whose status is asked for: he who names it waits for it. */
static bool aborts(const struct attach *a, const struct unit_rec *r)
{
	if (a->o->exit_code_from && STREQ(a->o->exit_code_from, r->service))
		return true;
	return a->o->abort_on_exit || (a->o->abort_on_failure && r->exit_code != 0);
}

/* The first end decides; what ends because of it says nothing new. */
static void take_status(struct attach *a, const struct unit_rec *r)
{
	bool ours = a->o->exit_code_from ? STREQ(a->o->exit_code_from, r->service) : aborts(a, r);

	if (ours && a->status < 0)
		a->status = r->exit_code < 0 ? 1 : r->exit_code;
}

static int on_exit_of(struct attach *a, const struct unit_rec *r, struct err *err)
{
	auto_free char *text = exit_text(r);

	if (attach_shows(a, r->service) && !a->shown)
		strs_printf(&a->exits, "%s %s", r->slot, text);
	else if (attach_shows(a, r->service) && attach_tell_end(a, r->slot, text, err) < 0)
		return -1;
	if (!attach_counts(a, r->service))
		return 0;
	take_status(a, r);
	return aborts(a, r) ? attach_abort(a, err) : 0;
}

static int on_unit(struct attach *a, const json_t *event, struct err *err)
{
	const char *what = jx_str(event, "what");
	struct unit_rec r = { 0 };
	int ret = 0;

	if (!what || !STREQ(what, "die"))
		return 0;
	if (unit_rec_from_json(jx_obj(event, "unit"), &r, err) < 0)
		return -1;
	if (r.service && r.slot && !r.init_of)
		ret = on_exit_of(a, &r, err);
	unit_rec_done(&r);
	return ret;
}

/* The supervisor may be replaced under us: then there is, or will be in a moment, a new one to ask. */
static void subscribe_again(struct attach *a)
{
	json_t *req = json_object();

	jx_set_str(req, "op", "subscribe");
	if (ctl_connect(a->c->pdirs.run_fd, &a->sub, NULL) == 0 && ctl_send(a->sub, req, NULL) < 0) {
		ctl_close(a->sub);
		a->sub = NULL;
	}
	json_decref(req);
}

int attach_take_ends(struct attach *a, struct err *err)
{
	if (!a->sub)
		subscribe_again(a);
	while (a->sub) {
		auto_json json_t *event = NULL;
		int r = ctl_recv(a->sub, 0, &event, NULL);

		if (r == 0)
			return 0;
		if (r < 0)
			ctl_close(take(a->sub));
		else if (str_eq(jx_str(event, "ev"), "unit") && on_unit(a, event, err) < 0)
			return -1;
	}
	return 0;
}

/* A job that was done before has ended all the same. */
int attach_status(const struct attach *a)
{
	if (a->status >= 0 || !a->o->exit_code_from || a->detached)
		return a->status >= 0 ? a->status : 0;
	map_each(&a->c->world.units, it) {
		const struct unit_rec *r = it->value;

		if (str_eq(r->service, a->o->exit_code_from) && !r->init_of && r->exit_code >= 0)
			return r->exit_code;
	}
	return 1;
}
