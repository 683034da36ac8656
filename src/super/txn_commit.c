/* txn_commit.c - the operations that make a transaction of an `up` (plan.h): what is looked at before anything is stopped, the point from
 * which there is no way back, what goes after it, and what goes when it is never reached. */
#include "park.h"
#include "txn.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

/* A program that cannot do with its arguments or its files ends at once, but not before it is started. */
enum { SETTLE_MS = 40, GONE_MS = 5 };

static void on_worker(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	struct ticket *k = arg;

	if (ticket_holds(k))
		op_end(k->t, k->i, err, NULL);
	free(k);
}

/* ------------------------------------------------------------------ check */

/* One of ours has it now, and gives it up, or is refused by up_check_ports(). */
static bool is_ours(const struct super *s, const struct want_port *w)
{
	map_each((struct map *)&s->units, it) {
		const struct unit *u = it->value;
		for (size_t i = 0; i < u->rec.n_ports; i++)
			if (u->port_fds && u->port_fds[i] >= 0 && u->rec.ports[i].host == w->min &&
			    STREQ(u->rec.ports[i].protocol, w->udp ? "udp" : "tcp"))
				return true;
	}
	return false;
}

/* Taken for a moment: by somebody else's program it could not be. */
static int probe_port(struct unit *u, size_t i, struct err *err)
{
	const struct want_port *w = &u->want_ports[i];
	uint32_t addr = 0;
	unsigned port;
	int fd;

	if (!w->min || w->min != w->max || network_holds_port(u, i) || is_ours(u->s, w))
		return 0;
	if (w->host_ip && *w->host_ip && net_addr_parse(w->host_ip, &addr) < 0)
		return 0;
	if (publish_reserve(addr, w->min, w->max, w->udp, &fd, &port, err) < 0)
		return err && err->kind == ERR_BUSY && network_ports_in_flux(u->s) ? (err_done(err), 0) : -1;
	close(fd);
	u->s->ports_dropped_mono = clock_mono_ns();
	return 0;
}

static int probe_ports(struct txn *t, char **ret_attr, struct err *err)
{
	for (size_t i = 0; i < t->plan.n; i++) {
		struct unit *u = t->plan.ops[i].kind == OP_PREPARE ? op_subject(t, i) : NULL;
		for (size_t k = 0; u && !u->rec.init_of && k < u->n_want_ports; k++) {
			if (probe_port(u, k, err) == 0)
				continue;
			free(t->err_service);
			t->err_service = xstrdup(u->rec.service);
			*ret_attr = xasprintf("ports[%zu]", k);
			return -1;
		}
	}
	return 0;
}

static void on_checked(struct super *s, void *arg, const json_t *result, const struct err *failure)
{
	struct ticket *k = arg;
	auto_err struct err err = ERR_INIT;

	if (failure)
		log_warn("look at what is to be made: %s", err_msg(failure));     /* then it shows when it is made */
	if (ticket_holds(k) && jx_str(result, "failed")) {
		err_set(&err, err_kind_parse(jx_str(result, "kind")), "%s", jx_str(result, "failed"));
		if (jx_str(result, "hint"))
			err_hint(&err, "%s", jx_str(result, "hint"));
		free(k->t->err_service);
		k->t->err_service = xstrdup(jx_str(result, "service"));
	}
	if (ticket_holds(k))
		op_end(k->t, k->i, err.kind ? &err : NULL, jx_str(result, "attr"));
	free(k);
}

void begin_check(struct txn *t, size_t self)
{
	auto_err struct err err = ERR_INIT;
	auto_free char *attr = NULL;

	if (probe_ports(t, &attr, &err) < 0)
		op_end(t, self, &err, attr);
	else
		network_submit(t->s, precheck_work, on_checked, ticket(t, self));
}

/* ------------------------------------------------------------------ commit */

/* Where its predecessor ran. One with a health check is healthy, whatever it did before. */
static bool ended_badly(const struct unit *u)
{
	const struct unit_rec *r = &u->rec, *old = unit_rec_way_back(r);
	bool ended = u->state != U_RUNNING || r->restarts;

	return old && old->back && r->id && r->started_ns && !(u->have_launch && u->launch.health) && ended && r->exit_code;
}

/* Until it has been there for a moment; one that has gone, until it is known how. */
static int64_t unit_left_ms(const struct unit *u)
{
	int64_t left_ns = u->rec.started_mono + SETTLE_MS * MS_NS - clock_mono_ns();
	const struct unit_rec *old = unit_rec_way_back(&u->rec);

	if (!old || !old->back || u->state != U_RUNNING || (u->have_launch && u->launch.health))
		return 0;
	if (left_ns > 0)
		return (left_ns + MS_NS - 1) / MS_NS;
	return proc_alive(&u->rec.proc) ? 0 : GONE_MS;
}

static int64_t left_ms(const struct txn *t)
{
	int64_t left = 0;

	map_each(&t->s->units, it) {
		int64_t ms = unit_left_ms(it->value);
		left = ms > left ? ms : left;
	}
	return left;
}

static void on_settled(evutil_socket_t fd, short what, void *arg)
{
	struct ticket *k = arg;

	if (ticket_holds(k) && k->t->st[k->i] == OP_RUNNING)
		begin_commit(k->t, k->i);
	free(k);
}

static int judge(struct txn *t, struct err *err)
{
	map_each(&t->s->units, it) {
		const struct unit *u = it->value;
		if (!ended_badly(u))
			continue;
		free(t->err_service);
		t->err_service = xstrdup(u->rec.service);
		t->culprit = u->rec.slot;
		err_set(err, ERR_FAIL, "container '%s' exited (%d)", u->rec.name, u->rec.exit_code);
		return err_hint(err, "see 'davit logs %s'", u->rec.service);
	}
	return 0;
}

static bool plan_rolls(const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->ops[i].kind == OP_TURN)
			return true;
	return false;
}

void txn_note_rolling(struct txn *t)
{
	auto_err struct err err = ERR_INIT;

	if (t->rolling)
		return;
	t->rolling = true;
	jx_set_bool(t->req, "rolling", true);
	if (txn_record(t, &err) < 0)
		log_warn("%s", err_msg(&err));
}

void begin_commit(struct txn *t, size_t self)
{
	auto_err struct err err = ERR_INIT;
	int64_t wait_ms = t->committed || jx_bool(t->req, "no_start", false) ? 0 : left_ms(t);

	if (wait_ms > 0) {
		const struct timeval tv = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };
		event_base_once(t->s->base, -1, EV_TIMEOUT, on_settled, ticket(t, self), &tv);
		return;
	}
	if (!t->committed && judge(t, &err) < 0) {
		op_end(t, self, &err, NULL);
		return;
	}
	jx_set_bool(t->req, "committed", true);
	if (txn_record(t, &err) < 0) {   /* then a next supervisor would go back from what this one made good */
		json_object_del(t->req, "committed");
		op_end(t, self, &err, NULL);
		return;
	}
	t->committed = true;
	park_note_replaced(t->s);        /* killed before: the request says that it is committed, and comes by here again */
	if (!plan_rolls(&t->plan))
		txn_generation_end(t, NULL);
	op_end(t, self, NULL, NULL);
}

/* What cannot be removed is tried again by each `up`, and goes with `down`: no reason to fail. */
static void on_forgotten(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	if (err)
		log_warn("remove what was replaced: %s", err_msg(err));
	on_worker(s, arg, result, NULL);
}

void begin_forget(struct txn *t, size_t self)
{
	park_forget_all(t->s, jx_bool(t->req, "renew_anon_volumes", false), on_forgotten, ticket(t, self));
}

/* ------------------------------------------------------------------ what it made */

void txn_note_new(struct txn *t)
{
	const struct project *m = t->s->model;
	auto_json json_t *nets = NULL;
	json_t *made;

	if (!t->generation || t->fresh || jx_obj(t->req, "made"))
		return;
	made = json_pack("{s:[],s:[]}", "networks", "volumes");
	nets = ipam_list(t->s->ipam, t->s->p.name);
	for (size_t i = 0; i < m->n_networks; i++) {
		const json_t *n;
		bool known = m->networks[i].external;
		size_t k;
		json_array_foreach(nets, k, n)
			known |= str_eq(jx_str(n, "name"), m->networks[i].name);
		if (!known)
			json_array_append_new(jx_arr(made, "networks"), json_string(m->networks[i].name));
	}
	for (size_t i = 0; i < m->n_volumes; i++) {
		auto_free char *path = m->volumes[i].external ? NULL : vol_path(t->s->volumes, m->volumes[i].name);
		if (!path && !m->volumes[i].external)
			json_array_append_new(jx_arr(made, "volumes"), json_string(m->volumes[i].name));
	}
	json_object_set_new(t->req, "made", made);
}

static int unmake_networks(struct super *s, const json_t *names, struct err *err)
{
	auto_json json_t *nets = ipam_list(s->ipam, s->p.name);
	const json_t *n, *name;
	size_t i, k;

	json_array_foreach(names, i, name)
		json_array_foreach(nets, k, n) {
			if (!str_eq(jx_str(n, "name"), json_string_value(name)) || jx_bool(n, "shared", false))
				continue;
			if (jx_str(n, "bridge") && net_down(jx_str(n, "bridge"), err) < 0)
				return err_wrap(err, "network '%s'", jx_str(n, "name"));
			if (ipam_forget(s->ipam, jx_str(n, "name"), err) < 0)
				return -1;
		}
	return 0;
}

static int unmake_work(void *arg, json_t **ret, struct err *err)
{
	struct super *s = arg;
	const json_t *made = s->txn ? jx_obj(s->txn->req, "made") : NULL, *v;
	size_t i;

	if (unmake_networks(s, jx_arr(made, "networks"), err) < 0)
		return -1;
	json_array_foreach(jx_arr(made, "volumes"), i, v)
		if (vol_remove(s->volumes, json_string_value(v), err) < 0)
			return err_wrap(err, "volume '%s'", json_string_value(v));
	return 0;
}

void begin_unmake(struct txn *t, size_t self)
{
	const json_t *made = jx_obj(t->req, "made");

	if (!json_array_size(jx_arr(made, "networks")) && !json_array_size(jx_arr(made, "volumes")))
		op_end(t, self, NULL, NULL);
	else
		network_submit(t->s, unmake_work, on_worker, ticket(t, self));
}
