#include "ctl_kill.h"

#include <signal.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/signame.h"
#include "sup.h"

enum { KILLED_S = 10 };

struct victim {                          /* SIGKILL was sent, and its end is awaited */
	char *slot;
	struct proc_id proc;
};

struct killing {
	struct super *s;
	struct client *c;
	struct victim *victims;
	size_t n;
	struct event *timer;
};

void killing_free(struct killing *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n; i++)
		free(k->victims[i].slot);
	free(k->victims);
	if (k->timer)
		event_free(k->timer);
	free(k);
}

/* NULL: it has ended. */
static struct unit *victim_alive(struct super *s, const struct victim *v)
{
	struct unit *u = unit_get(s, v->slot);
	bool same = u && u->rec.proc.pid == v->proc.pid && u->rec.proc.start == v->proc.start;

	return same && unit_has_process(u->state) ? u : NULL;
}

void killing_look(struct killing *k)
{
	size_t n = 0;

	for (size_t i = 0; i < k->n; i++) {
		struct victim *v = &k->victims[i];
		const struct unit *u = unit_get(k->s, v->slot);
		if (victim_alive(k->s, v)) {
			k->victims[n++] = *v;
			continue;
		}
		if (u)
			publish_step(k->s, k->c, "container", u->rec.name, u->rec.service, "Killed", NULL);
		free(v->slot);
	}
	k->n = n;
	if (!n)
		client_done(k->c);
}

static void on_kill_in_vain(evutil_socket_t fd, short what, void *arg)
{
	struct killing *k = arg;
	auto_err struct err err = ERR_INIT;
	const struct unit *u = NULL;

	for (size_t i = 0; !u && i < k->n; i++)
		u = victim_alive(k->s, &k->victims[i]);
	if (!u)
		return;
	unit_undying(u, &err);
	client_fail(k->c, &err, u->rec.service, NULL);
}

/* It does not come back by its policy, neither after this end nor, when it has ended already, after the pause that it is in. */
static void stays_killed(struct unit *u)
{
	u->stop_asked = true;
	if (u->want == W_RUNNING || u->want == W_AGAIN)
		u->want = W_STOPPED;
	u->rec.manual_stop = true;
	unit_cause(u, "killed by 'davit kill'");
	unit_save(u);
	if (!unit_has_process(u->state))
		unit_want(u, W_STOPPED);
}

static void kill_one(struct killing *k, struct unit *u, int sig)
{
	auto_err struct err err = ERR_INIT;

	publish_step(k->s, k->c, "container", u->rec.name, u->rec.service, "Killing", NULL);
	if (sig == SIGKILL || sig == signal_number(u->launch.stop_signal ? u->launch.stop_signal : "SIGTERM"))
		stays_killed(u);
	if (unit_has_process(u->state) && unit_signal(u, sig, &err) < 0)
		return;
	if (unit_has_process(u->state) && sig == SIGKILL)
		k->victims[k->n++] = (struct victim){ xstrdup(u->rec.slot), u->rec.proc };
	else
		publish_step(k->s, k->c, "container", u->rec.name, u->rec.service, "Killed", NULL);
}

struct killing *killing_begin(struct super *s, struct client *c, const json_t *req)
{
	const struct timeval patience = { .tv_sec = KILLED_S };
	const char *name = jx_str(req, "signal");
	int sig = name ? signal_number(name) : SIGKILL;
	auto_err struct err err = ERR_INIT;
	struct killing *k;

	if (sig < 0) {
		err_set(&err, ERR_USAGE, "there is no signal '%s'", name);
		client_fail(c, &err, NULL, NULL);
		return NULL;
	}
	k = xcalloc(1, sizeof *k);
	k->s = s;
	k->c = c;
	k->victims = xcalloc(s->units.n + 1, sizeof *k->victims);
	map_each(&s->units, it) {
		struct unit *u = it->value;
		if (ctl_names_service(req, u->rec.service) && (unit_has_process(u->state) || u->rec.restarting))
			kill_one(k, u, sig);
	}
	k->timer = evtimer_new(s->base, on_kill_in_vain, k);
	event_add(k->timer, &patience);
	killing_look(k);
	return k;
}
