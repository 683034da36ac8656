#include "attend.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "run.h"

struct attendant {
	struct super *s;
	struct client *c;
	char *slot;
	bool waits;                      /* what there is is being adopted: it was told nothing yet */
	struct proc_id proc;             /* of the run that it is about; pid 0: it had ended already */
	bool told;                       /* of its end */
	bool leaves;                     /* it has read all of it */
	uint32_t seq;                    /* the segment of the log that it reads; 0: it may miss something */
};

static json_t *about(const struct unit *u)
{
	json_t *e = json_object();

	jx_set_str(e, "ev", "attached");
	jx_set_str(e, "slot", u->rec.slot);
	jx_set_str(e, "name", u->rec.name);
	jx_set_str(e, "id", u->rec.id);
	jx_set_int(e, "pid", u->rec.proc.pid);
	jx_set_int(e, "start", (int64_t)u->rec.proc.start);
	jx_set_bool(e, "tty", u->launch.tty);
	jx_set_bool(e, "stdin", u->launch.stdin_open);
	return e;
}

static struct attendant *attendant(struct client *c, struct super *s, const char *slot, uint32_t seq)
{
	struct attendant *a = xcalloc(1, sizeof *a);

	a->s = s;
	a->c = c;
	a->slot = xstrdup(slot);
	a->seq = seq;
	return a;
}

static void tell(struct attendant *a, const struct unit *u)
{
	if (unit_has_process(u->state))
		a->proc = u->rec.proc;
	client_send_fd(a->c, about(u), u->tty_fd);
}

struct attendant *attend_begin(struct client *c, struct unit *u)
{
	struct attendant *a = attendant(c, u->s, u->rec.slot, u->rec.run ? 1 : 0);

	tell(a, u);
	return a;
}

struct attendant *attend_request(struct super *s, struct client *c, const json_t *req)
{
	const char *slot = jx_str(req, "slot");
	struct attendant *a = attendant(c, s, slot ? slot : "", (uint32_t)jx_int(req, "seq", 0));

	a->waits = true;
	attend_look(a);
	return a;
}

/* The terminal is there when the container has been adopted. */
static void end_wait(struct attendant *a)
{
	const struct unit *u = unit_get(a->s, a->slot);
	auto_err struct err err = ERR_INIT;

	if (a->s->adopting)
		return;
	a->waits = false;
	if (u && u->rec.id) {
		tell(a, u);
		return;
	}
	a->told = true;
	err_set(&err, ERR_NOT_FOUND, "there is no container '%s'", a->slot);
	client_fail(a->c, &err, NULL, NULL);
}

static bool is_over(const struct attendant *a, const struct unit *u)
{
	return !u || !a->proc.pid || !unit_has_process(u->state) || u->rec.proc.pid != a->proc.pid || u->rec.proc.start != a->proc.start;
}

/* Nothing more is to be heard of it: it was removed, is not to be, or cannot be. */
static bool is_gone(const struct unit *u)
{
	return !u || !u->rec.id || !jx_bool(u->rec.run, "rm", false) || u->state == U_FAILED;
}

void attend_look(struct attendant *a)
{
	const struct unit *u = unit_get(a->s, a->slot);

	if (a->waits)
		end_wait(a);
	if (a->waits)
		return;
	if (a->leaves && is_gone(u))
		client_done(a->c);
	if (a->leaves || a->told || !is_over(a, u) || (u && unit_has_process(u->state) && !a->proc.pid))
		return;
	a->told = true;
	client_send(a->c, json_pack("{s:s,s:s*,s:s*,s:i}", "ev", "exited", "service", u ? u->rec.service : NULL, "name",
				    u ? u->rec.name : NULL, "code", u ? u->rec.exit_code : -1));
}

void attend_hear(struct attendant *a, const json_t *msg)
{
	struct unit *u = unit_get(a->s, a->slot);

	if (str_eq(jx_str(msg, "op"), "read")) {
		a->seq = (uint32_t)jx_int(msg, "seq", 0);
		if (u)
			streams_go_on(u);
	}
	if (!str_eq(jx_str(msg, "op"), "leave"))
		return;
	a->leaves = true;
	if (u)
		run_settle(u);
	attend_look(a);
}

bool attend_holds(const struct attendant *a, const struct unit *u)
{
	return attend_is_of(a, u) && a->seq && !a->told && logw_would_drop(u->log, a->seq);
}

bool attend_is_of(const struct attendant *a, const struct unit *u)
{
	return a && !a->leaves && STREQ(a->slot, u->rec.slot);
}

void attend_end(struct attendant *a)
{
	struct unit *u = a ? unit_get(a->s, a->slot) : NULL;

	if (!a)
		return;
	free(a->slot);
	free(a);
	if (!u)
		return;
	streams_go_on(u);
	run_settle(u);
}
