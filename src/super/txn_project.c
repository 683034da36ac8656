/* txn_project.c - operations of the project: networks and host ports, each with a worker's end. */
#include "roll.h"

#include <net/if.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

/* For a port that we ourselves let go a moment ago. */
enum { PATIENCE_MS = 2000 };

static void on_worker_done(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	struct ticket *k = arg;

	if (ticket_holds(k))
		op_end(k->t, k->i, err, NULL);
	free(k);
}

struct ticket *ticket(struct txn *t, size_t i)
{
	struct ticket *k = xcalloc(1, sizeof *k);

	*k = (struct ticket){ t->s, t, t->plan_no, i };
	return k;
}

bool ticket_holds(const struct ticket *k)
{
	return k->s->txn == k->t && k->t->plan_no == k->plan_no;
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
	for (size_t i = 0; !err && ticket_holds(k) && i < k->t->new_networks.n; i++)
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

/* It is stopped, and is to go. */
static bool is_leaving(struct txn *t, const struct op *op)
{
	return op->kind == OP_REMOVE && !op->init_of && !plan_has(&t->plan, OP_PREPARE, op->slot);
}

/* One may want what another has and does not want any more. */
static void shed_all_ports(struct txn *t)
{
	for (size_t i = 0; i < t->plan.n; i++) {
		const struct op *op = &t->plan.ops[i];
		struct unit *u = op->slot ? op_subject(t, i) : NULL;
		if (u && op->kind == OP_PREPARE)
			network_shed_ports(u);
		else if (u && is_leaving(t, op) && !unit_has_process(u->state))
			network_drop_ports(u);
	}
}

/* All host ports of what is about to be started. Which service has to do without one: in t->err_service. */
static int take_all_ports(struct txn *t, char **ret_attr, struct err *err)
{
	for (size_t i = 0; i < t->plan.n; i++) {
		struct unit *u = t->plan.ops[i].kind == OP_PREPARE ? op_subject(t, i) : NULL;
		size_t port;
		if (!u || network_take_ports(u, &port, err) == 0)
			continue;
		if (t->verb == PLAN_BOOT) {      /* its own failure, when its turn comes; not the others' */
			log_warn("%s: %s", u->rec.slot, err_msg(err));
			err_done(err);
			continue;
		}
		if (t->rollback || t->going_back)         /* the answer is about the first failure */
			return -1;
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

	if (ticket_holds(k) && k->t->st[k->i] == OP_RUNNING)
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
		if (t->plan.ops[i].kind == OP_REMOVE || t->plan.ops[i].kind == OP_RESTORE)
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
	if (!t->rollback && !t->going_back)
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

	for (size_t i = 0; !err && ticket_holds(k) && i < k->t->new_networks.n; i++)
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

bool op_begin_project(struct txn *t, size_t i)
{
	switch (t->plan.ops[i].kind) {
	case OP_SETUP:
		begin_setup(t, i);
		return true;
	case OP_PORTS:
		begin_ports(t, i);
		return true;
	case OP_ROLLED:
		roll_all_through(t, i);
		return true;
	case OP_CHECK:
		begin_check(t, i);
		return true;
	case OP_COMMIT:
		begin_commit(t, i);
		return true;
	case OP_FORGET:
		begin_forget(t, i);
		return true;
	case OP_UNMAKE:
		begin_unmake(t, i);
		return true;
	case OP_TEARDOWN:
		begin_teardown(t, i);
		return true;
	case OP_VOLUMES:
		op_begin_volumes(t, i);
		return true;
	default:
		return false;
	}
}
