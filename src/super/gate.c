/* gate.c - depends_on for the whole life of a project: when the supervisor starts a container of its own accord, after its end or a boot
 * or a crash of everything, it waits for what it depends on just as `up` does. (A request waits by its plan.)
 *
 * Nothing is polled: every change of a unit is written down by unit_save(), which counts the news; who waits remembers the one unit that
 * holds it up, and looks again when that one has news. A dependency that nobody will start is not waited for when it only has to be
 * started, and never when it is not required or was stopped by its user; else one waits, and `ps` says for what. */
#include "sup.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/mem.h"

static bool runs(const struct unit *v)
{
	return v->state == U_RUNNING && !v->stop_asked && v->want != W_AGAIN;
}

/* It does not run, and somebody sees to it that it will. */
static bool comes(const struct unit *v)
{
	bool wanted = v->want == W_RUNNING || v->want == W_AGAIN;

	return !runs(v) && (v->rec.restarting || (wanted && v->state != U_FAILED) || txn_will_start(v->s, v));
}

static bool finished(const struct unit *v)
{
	return v->state == U_STOPPED && v->rec.started_ns && v->rec.exit_code == 0;
}

static bool is_healthy(const struct unit *v)
{
	return runs(v) && !v->rec.hooking && (!v->launch.health || str_eq(v->rec.health, "healthy"));
}

/* It may become so without anybody's help. */
static bool may_be_healthy(const struct unit *v)
{
	return comes(v) || (runs(v) && !str_eq(v->rec.health, "unhealthy"));
}

static bool holds_up(const struct dependency *d, const struct unit *v)
{
	bool given_up = v->rec.manual_stop && !runs(v) && !comes(v);

	switch (d->condition) {
	case DEP_STARTED:
		return comes(v) || (runs(v) && v->rec.hooking);
	case DEP_HEALTHY:
		return !is_healthy(v) && (d->required ? !given_up : may_be_healthy(v));
	case DEP_COMPLETED:
		return !finished(v) && (d->required ? !given_up : comes(v) || runs(v));
	}
	return false;
}

/* A job whose end nobody saw, because the host or all of davit went down: it is done again for the one that waits for it. So is one that
 * was never begun. */
static bool was_interrupted(const struct unit *v)
{
	return v->state == U_STOPPED && v->rec.exit_code < 0 && !v->rec.manual_stop && !comes(v);
}

/* The first container that holds it up, NULL: none. */
static struct unit *obstacle(struct super *s, const struct service *svc, const struct dependency **ret_dep)
{
	for (size_t i = 0; svc && i < svc->n_depends_on; i++) {
		const struct dependency *d = &svc->depends_on[i];
		const struct service *on = project_service(s->model, d->service);
		for (unsigned k = 1; on && k <= on->replicas; k++) {
			struct unit *v = service_unit(s, on->name, k);
			*ret_dep = d;
			if (v && v->rec.id && holds_up(d, v))
				return v;
		}
	}
	return NULL;
}

static void note_waiting(struct unit *u, const struct unit *on, const struct dependency *d)
{
	static const char *const what[] = {
		[DEP_STARTED] = "to start", [DEP_HEALTHY] = "to be healthy", [DEP_COMPLETED] = "to finish",
	};
	auto_free char *waits = xasprintf("%s %s", on->rec.index > 1 ? on->rec.slot : on->rec.service, what[d->condition]);

	if (str_eq(u->rec.waits, waits))
		return;
	log_info("%s: waiting for %s", u->rec.slot, waits);
	free(u->rec.waits);
	u->rec.waits = take(waits);
	unit_save(u);
	unit_event(u, EV_WAITING, clock_wall_ns(), u->rec.waits, json_pack("{s:s}", "for", u->rec.waits));
}

static void look(struct unit *u)
{
	struct super *s = u->s;
	const struct service *svc = s->model ? project_service(s->model, u->rec.service) : NULL;
	const struct dependency *d = NULL;
	struct unit *v = obstacle(s, svc, &d);

	free(take(u->gate));
	if (!v) {
		super_post(u, E_GO);
		return;
	}
	u->gate = xstrdup(v->rec.slot);
	note_waiting(u, v, d);
	if (d->condition == DEP_COMPLETED && was_interrupted(v)) {
		log_info("%s: nobody knows whether it was finished: it is run again", v->rec.slot);
		unit_want(v, W_AGAIN);
	}
}

/* While a crash is recovered from, nobody is let through: what is true now is still being found out. */
void gate_look(struct super *s)
{
	while (s->looked != s->news && !s->adopting) {
		s->looked = s->news;
		map_each(&s->units, it) {
			struct unit *u = it->value;
			const struct unit *v = u->gate ? unit_get(s, u->gate) : NULL;
			if (u->state != U_WAITING || u->queued & (1u << E_GO) || (v && v->news <= u->looked))
				continue;
			u->looked = s->looked;
			look(u);
		}
	}
}

void gate_look_all(struct super *s)
{
	s->news++;
	map_each(&s->units, it)
		free(take(((struct unit *)it->value)->gate));
}

/* What follows is gate_look()'s, at the end of the turn. */
void act_gate(struct unit *u)
{
	u->want = W_RUNNING;
	u->rec.restarting = true;
	free(take(u->gate));
	unit_save(u);
}
