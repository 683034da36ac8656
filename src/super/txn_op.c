/* txn_op.c - operations: how each kind begins, and how its end is recognised from the unit it is about. */
#include "hooks.h"
#include "pre_start.h"
#include "txn.h"

#include <net/if.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

/* For a port that we ourselves let go a moment ago. */
enum { PATIENCE_MS = 2000 };

static struct unit *subject(struct txn *t, size_t i)
{
	return unit_get(t->s, t->plan.ops[i].slot);
}

static void step(struct txn *t, const struct unit *u, const char *status, const char *text)
{
	publish_step(t->s, t->c, "container", u->rec.name, u->rec.service, status, text);
}

/* ------------------------------------------------------------------ words */

static const char *const words[OP_NKINDS][2] = {
	[OP_PREPARE] = { "Creating", NULL },
	[OP_CREATE] = { NULL, "Created" },
	[OP_START] = { "Starting", "Started" },
	[OP_HEALTHY] = { "Waiting", "Healthy" },
	[OP_COMPLETED] = { "Waiting", "Exited" },
	[OP_STOP] = { "Stopping", "Stopped" },
	[OP_REMOVE] = { "Removing", "Removed" },
};

/* An existing container that is started again was created before: nothing to say about its preparation. */
void op_announce(struct txn *t, size_t i, bool begins)
{
	const struct op *op = &t->plan.ops[i];
	const char *word = words[op->kind][begins ? 0 : 1];
	struct unit *u = op->slot ? subject(t, i) : NULL;

	if (!word || !u || !u->rec.name)
		return;
	if ((op->kind == OP_PREPARE || op->kind == OP_CREATE) && u->rec.finished_ns)
		return;
	if (op->kind == OP_STOP && !begins && !u->rec.started_ns)
		return;
	step(t, u, word, NULL);
}

/* ------------------------------------------------------------------ operations of the project */

struct ticket {                          /* whose result the worker's is */
	struct super *s;
	struct txn *t;
	size_t i;
};

static void on_worker_done(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	struct ticket *k = arg;

	if (s->txn == k->t)
		op_end(k->t, k->i, err, NULL);
	free(k);
}

static struct ticket *ticket(struct txn *t, size_t i)
{
	struct ticket *k = xcalloc(1, sizeof *k);

	*k = (struct ticket){ t->s, t, i };
	return k;
}

static void say_network(struct txn *t, size_t i, enum event_kind k, const char *status)
{
	const char *name = t->new_networks.v[i];

	super_event(t->s, k, name, json_pack("{s:s}", "type", "bridge"));
	publish_step(t->s, t->c, "network", name, NULL, status, NULL);
}

static void on_setup_done(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	struct ticket *k = arg;

	if (jx_str(result, "warning"))
		publish_warn(s, NULL, NULL, jx_str(result, "warning"));
	for (size_t i = 0; !err && s->txn == k->t && i < k->t->new_networks.n; i++)
		say_network(k->t, i, EV_NETWORK_CREATE, "Created");
	on_worker_done(s, arg, NULL, err);
}

static void announce_new_networks(struct txn *t)
{
	for (size_t i = 0; i < t->s->n_nets; i++) {
		const struct net *n = &t->s->nets[i];
		if (if_nametoindex(n->bridge))
			continue;
		strs_add(&t->new_networks, n->name);
		publish_step(t->s, t->c, "network", n->name, NULL, "Creating", NULL);
	}
}

/* One may want what another has and does not want any more. */
static void shed_all_ports(struct txn *t)
{
	for (size_t i = 0; i < t->plan.n; i++)
		if (t->plan.ops[i].kind == OP_PREPARE && subject(t, i))
			network_shed_ports(subject(t, i));
}

/* All host ports of what is about to be started. Which service has to do without one: in t->err_service. */
static int take_all_ports(struct txn *t, char **ret_attr, struct err *err)
{
	for (size_t i = 0; i < t->plan.n; i++) {
		struct unit *u = t->plan.ops[i].kind == OP_PREPARE ? subject(t, i) : NULL;
		size_t port;
		if (!u || network_take_ports(u, &port, err) == 0)
			continue;
		if (t->verb == PLAN_BOOT) {      /* its own failure, when its turn comes; not the others' */
			log_warn("%s: %s", u->rec.slot, err_msg(err));
			err_done(err);
			continue;
		}
		*ret_attr = xasprintf("ports[%zu]", port);
		free(t->err_service);
		t->err_service = xstrdup(u->rec.service);
		return -1;
	}
	return 0;
}

static void begin_setup(struct txn *t, size_t self);

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct ticket *k = arg;

	if (k->s->txn == k->t && k->t->st[k->i] == OP_RUNNING)
		begin_setup(k->t, k->i);
	free(k);
}

static void retry_soon(struct txn *t, size_t self)
{
	const struct timeval pause = { .tv_usec = 10000 };

	event_base_once(t->s->base, -1, EV_TIMEOUT, on_retry, ticket(t, self), &pause);
}

/* Then rules go, too, even when nothing comes. */
static bool removes_something(const struct txn *t)
{
	for (size_t i = 0; i < t->plan.n; i++)
		if (t->plan.ops[i].kind == OP_REMOVE)
			return true;
	return false;
}

static void begin_setup(struct txn *t, size_t self)
{
	auto_err struct err err = ERR_INIT;
	auto_free char *attr = NULL;
	bool flux;

	if (!t->plan.ops[self].n_wakes && !removes_something(t)) {
		op_end(t, self, NULL, NULL);
		return;
	}
	shed_all_ports(t);
	flux = network_ports_in_flux(t->s) && clock_mono_ns() - t->began_ns[self] < PATIENCE_MS * MS_NS;
	if (take_all_ports(t, &attr, &err) < 0) {
		if (err.kind == ERR_BUSY && flux)
			retry_soon(t, self);
		else
			op_end(t, self, &err, attr);
		return;
	}
	free(take(t->err_service));      /* of an attempt that was made in vain */
	announce_new_networks(t);
	network_setup(t->s, on_setup_done, ticket(t, self));
}

static void begin_ports(struct txn *t, size_t self)
{
	map_each(&t->s->units, it) {
		struct unit *u = it->value;
		if (u->state == U_STOPPED && u->rec.manual_stop)
			network_drop_ports(u);
	}
	network_setup(t->s, on_worker_done, ticket(t, self));
}

static void on_teardown_done(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	struct ticket *k = arg;

	for (size_t i = 0; !err && s->txn == k->t && i < k->t->new_networks.n; i++)
		say_network(k->t, i, EV_NETWORK_DESTROY, "Removed");
	on_worker_done(s, arg, NULL, err);
}

static void warn_shared(struct txn *t, const char *network)
{
	auto_free char *msg = xasprintf("network '%s' stays: containers of another project are on it", network);

	publish_warn(t->s, t->c, NULL, msg);
}

static void begin_teardown(struct txn *t, size_t self)
{
	auto_json json_t *nets = ipam_list(t->s->ipam, t->s->p.name);
	const json_t *n;
	size_t i;

	strs_done(&t->new_networks);
	json_array_foreach(nets, i, n) {
		if (!jx_str(n, "bridge") || !if_nametoindex(jx_str(n, "bridge")))
			continue;                /* an entry in the books only */
		if (jx_bool(n, "shared", false)) {
			warn_shared(t, jx_str(n, "name"));
			continue;
		}
		strs_add(&t->new_networks, jx_str(n, "name"));
		publish_step(t->s, t->c, "network", jx_str(n, "name"), NULL, "Removing", NULL);
	}
	network_teardown(t->s, on_teardown_done, ticket(t, self));
}

static void on_volumes_done(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	struct ticket *k = arg;

	for (size_t i = 0; !err && s->txn == k->t && i < k->t->new_volumes.n; i++) {
		super_event(s, EV_VOLUME_DESTROY, k->t->new_volumes.v[i], NULL);
		publish_step(s, k->t->c, "volume", k->t->new_volumes.v[i], NULL, "Removed", NULL);
	}
	on_worker_done(s, arg, NULL, err);
}

/* down -v: all of the project's; a rollback: those that this very `up` made. */
static void begin_volumes(struct txn *t, size_t self)
{
	auto_json json_t *vols = vol_list(t->s->volumes, t->s->p.name);
	const json_t *v;
	size_t i;

	if (!t->rollback) {
		strs_done(&t->new_volumes);
		json_array_foreach(vols, i, v)
			strs_add(&t->new_volumes, jx_str(v, "name"));
	}
	network_volumes(t->s, &t->new_volumes, on_volumes_done, ticket(t, self));
}

/* ------------------------------------------------------------------ operations of a container */

/* By the policy, while the plan was made: as good as what was planned. */
bool op_runs(const struct unit *u)
{
	return (u->state == U_RUNNING || u->state == U_STARTING) && !u->stop_asked && !u->rec.manual_stop;
}

static bool plan_has(const struct txn *t, enum op_kind kind, const char *slot)
{
	for (size_t i = 0; i < t->plan.n; i++)
		if (t->plan.ops[i].kind == kind && STREQ(t->plan.ops[i].slot, slot))
			return true;
	return false;
}

static bool will_be_made_again(const struct txn *t, const char *slot)
{
	return plan_has(t, OP_PREPARE, slot);
}

static void begin_prepare(struct txn *t, size_t i, struct unit *u)
{
	const struct service *svc = project_service(t->s->model, u->rec.service);

	if (!u->rec.id && svc)
		up_new_container(t, u, svc);
	op_announce(t, i, true);
	if (op_runs(u))
		return;
	u->rec.restarting = false;       /* a beginning of its own: if it fails, it has failed */
	unit_want(u, W_PREPARED);
}

static void begin_start(struct txn *t, size_t i, struct unit *u)
{
	op_announce(t, i, true);
	u->rec.manual_stop = false;
	u->rec.restarts = u->rec.attempts = 0;
	u->rec.backoff_ms = 0;
	unit_want(u, W_RUNNING);
}

/* The host going down is not its user stopping it. */
static void note_stopper(struct txn *t, struct unit *u)
{
	if (jx_bool(t->req, "shutdown", false)) {
		boot_note(u, op_runs(u) || u->state == U_BACKOFF || u->state == U_WAITING || (u->rec.restarting && !u->stop_asked));
		return;
	}
	u->rec.manual_stop = (t->verb == PLAN_STOP || t->verb == PLAN_REMOVE) && !plan_rec_finished(&u->rec);
	if (u->rec.manual_stop)
		u->rec.resume = false;
}

/* What people read when it has ended. */
static void note_cause(const struct txn *t, struct unit *u)
{
	static const char *const causes[] = {
		[PLAN_UP] = "removed by 'davit up'",	   [PLAN_DOWN] = "removed by 'davit down'",
		[PLAN_START] = "restarted by 'davit start'", [PLAN_STOP] = "stopped by 'davit stop'",
		[PLAN_RESTART] = "restarted by 'davit restart'", [PLAN_REMOVE] = "stopped by 'davit rm'",
	};

	if (t->verb != PLAN_RESTART && !unit_has_process(u->state))
		return;
	if (jx_bool(t->req, "shutdown", false))
		unit_cause(u, "stopped because the host goes down");
	else if (t->rollback)
		unit_cause(u, "stopped because 'davit up' failed");
	else if (t->verb == PLAN_UP && !plan_has(t, OP_REMOVE, u->rec.slot))
		unit_cause(u, "restarted by 'davit up'");
	else if (t->verb == PLAN_UP && will_be_made_again(t, u->rec.slot))
		unit_cause(u, "replaced by 'davit up'");
	else
		unit_cause(u, causes[t->verb]);
}

static void begin_stop(struct txn *t, size_t i, struct unit *u)
{
	int64_t timeout_s = jx_int(t->req, "timeout_s", -1);

	if (timeout_s > CLOCK_FAR_S)
		timeout_s = CLOCK_FAR_S;
	if (unit_has_process(u->state) || u->state == U_BACKOFF || u->state == U_WAITING)
		op_announce(t, i, true);
	u->grace_ms = timeout_s >= 0 ? timeout_s * 1000 : -1;
	note_stopper(t, u);
	note_cause(t, u);
	unit_save(u);                    /* what rests already makes no transition */
	unit_want(u, W_STOPPED);
}

static void begin_remove(struct txn *t, size_t i, struct unit *u)
{
	op_announce(t, i, true);
	note_cause(t, u);
	u->recreate = !t->rollback && will_be_made_again(t, u->rec.slot);
	u->drop_volumes = t->rollback || jx_bool(t->req, "volumes", false) ||
			  jx_bool(t->req, "renew_anon_volumes", false);
	if (u->rec.init_of)
		pre_start_leave(u);
	unit_want(u, W_ABSENT);
}

void op_begin(struct txn *t, size_t i)
{
	struct op *op = &t->plan.ops[i];
	struct unit *u = op->slot ? subject(t, i) : NULL;

	t->st[i] = OP_RUNNING;
	t->began_ns[i] = clock_mono_ns();
	switch (op->kind) {
	case OP_SETUP:
		begin_setup(t, i);
		return;
	case OP_PORTS:
		begin_ports(t, i);
		return;
	case OP_TEARDOWN:
		begin_teardown(t, i);
		return;
	case OP_VOLUMES:
		begin_volumes(t, i);
		return;
	default:
		break;
	}
	if (!u) {                        /* it went away meanwhile */
		op_end(t, i, NULL, NULL);
		return;
	}
	if (op->kind == OP_PREPARE)
		begin_prepare(t, i, u);
	else if (op->kind == OP_CREATE && op_runs(u))
		return;
	else if (op->kind == OP_CREATE)
		unit_want(u, W_CREATED);
	else if (op->kind == OP_START)
		begin_start(t, i, u);
	else if (op->kind == OP_STOP)
		begin_stop(t, i, u);
	else if (op->kind == OP_REMOVE)
		begin_remove(t, i, u);
	else
		op_announce(t, i, true);
}

/* ------------------------------------------------------------------ verdicts */

static int failed(const struct unit *u, struct err *err)
{
	if (u->fail.kind)
		return err_copy(err, &u->fail);
	return err_set(err, ERR_FAIL, "%s", u->rec.error ? u->rec.error : "it failed");
}

static int exited(const struct unit *u, struct err *err)
{
	return err_set(err, ERR_FAIL, "container '%s' exited (%d)", u->rec.name, u->rec.exit_code);
}

static int verdict_start(struct txn *t, size_t i, const struct unit *u, struct err *err)
{
	bool ran = u->rec.started_mono >= t->began_ns[i];
	int hooks = hooks_started(u, NULL);

	if (hooks < 0 && (ran || u->state == U_RUNNING))
		return hooks_started(u, err);
	switch (u->state) {
	case U_RUNNING:
		return hooks == 0;
	case U_FAILED:
		return failed(u, err);
	case U_DELETING:
	case U_EXITED:
	case U_BACKOFF:
	case U_WAITING:
		return ran;
	case U_STOPPED:
		return ran ? 1 : exited(u, err);
	default:
		return 0;
	}
}

static int verdict_healthy(const struct unit *u, bool asked, struct err *err)
{
	const char *h = u->rec.health;
	bool checked = u->have_launch && u->launch.health;

	if (u->state == U_FAILED)
		return failed(u, err);
	if (asked && !checked && u->state == U_STOPPED && u->rec.exit_code == 0)
		return 1;
	if (u->state == U_STOPPED || u->state == U_ABSENT)
		return exited(u, err);
	if (u->state != U_RUNNING)
		return 0;
	if (asked && !checked)
		return !u->rec.hooking;
	if (!checked) {
		err_set(err, ERR_INPUT, "container '%s' has no health check", u->rec.name);
		return err_hint(err, "give service '%s' a healthcheck, or depend on 'service_started'", u->rec.service);
	}
	if (h && STREQ(h, "unhealthy")) {
		err_set(err, ERR_FAIL, "container '%s' is unhealthy%s%s", u->rec.name,
			u->rec.health_said ? "; its check says: " : "", u->rec.health_said ? u->rec.health_said : "");
		return err_hint(err, "see 'davit logs %s'", u->rec.service);
	}
	return h && STREQ(h, "healthy");
}

static int verdict_completed(const struct unit *u, struct err *err)
{
	if (u->state == U_FAILED)
		return failed(u, err);
	if (u->rec.init_of)
		return pre_start_verdict(u, err);
	if (u->state != U_STOPPED)
		return 0;
	if (u->rec.exit_code == 0)
		return 1;
	err_set(err, ERR_FAIL, "service '%s' didn't complete successfully: exit %d", u->rec.service, u->rec.exit_code);
	return err_hint(err, "see 'davit logs %s'", u->rec.service);
}

static int verdict_stop(const struct unit *u, struct err *err)
{
	if (u->stuck && u->state == U_STOPPING)
		return unit_undying(u, err);
	return u->state == U_STOPPED || u->state == U_ABSENT || u->state == U_FAILED || u->state == U_PREPARED;
}

int op_verdict(struct txn *t, size_t i, struct unit *u, struct err *err)
{
	switch (t->plan.ops[i].kind) {
	case OP_PREPARE:
		if (u->state == U_FAILED)
			return failed(u, err);
		return u->state == U_PREPARED || u->state == U_CREATED || op_runs(u);
	case OP_CREATE:
		if (u->state == U_FAILED)
			return failed(u, err);
		return u->state == U_CREATED || op_runs(u);
	case OP_START:
		return verdict_start(t, i, u, err);
	case OP_HEALTHY:
		return verdict_healthy(u, t->plan.ops[i].asked, err);
	case OP_COMPLETED:
		return verdict_completed(u, err);
	case OP_STOP:
		return verdict_stop(u, err);
	case OP_REMOVE:
		if (u->state == U_FAILED && !(u->queued & (1u << E_WANT)))
			return failed(u, err);
		return u->state == U_ABSENT;
	default:
		return 0;
	}
}
