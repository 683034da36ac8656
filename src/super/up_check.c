/* up_check.c - what a service asks for that cannot be: for itself (svc_check.h), and beside what else there is. Found before anything is
 * made; the first mistake names its attribute. */
#include "txn.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "svc_check.h"

static int check_network_mode(struct txn *t, const struct service *svc, struct err *err)
{
	const char *mode = svc->network_mode;

	if (!mode || !str_starts(mode, "container:") || network_slot_of_container(t->s, mode + strlen("container:")))
		return 0;
	err_set(err, ERR_NOT_FOUND, "no such container: '%s'", mode + strlen("container:"));
	return err_hint(err, "davit joins containers of the same project: 'service:NAME' starts them in order, too");
}

static void note_names(struct txn *t, const char *project)
{
	struct pdirs p;
	struct world w;

	if (pdirs_open(&t->s->dirs, project, false, &p, NULL) < 0)
		return;
	if (p.state_fd >= 0 && world_load(p.state_fd, &w, NULL) == 0) {
		map_each(&w.units, it) {
			const char *name = ((struct unit_rec *)it->value)->name;
			if (name && !map_has(&t->foreign_names, name))
				map_set(&t->foreign_names, name, xstrdup(project));
		}
		world_done(&w);
	}
	pdirs_done(&p);
}

/* Once for all services: each journal of this host is read. */
static void note_foreign_names(struct txn *t)
{
	char **projects = NULL;

	if (t->knows_foreign_names || dirs_projects(&t->s->dirs, &projects, NULL) < 0)
		return;
	t->knows_foreign_names = true;
	for (char **name = projects; name && *name; name++) {
		if (!STREQ(*name, t->s->p.name))
			note_names(t, *name);
		free(*name);
	}
	free(projects);
}

/* A name is one container's, whichever project it belongs to. */
static int check_container_name(struct txn *t, const struct service *svc, struct err *err)
{
	const char *project;

	if (!svc->container_name)
		return 0;
	note_foreign_names(t);
	project = map_get(&t->foreign_names, svc->container_name);
	return project ? err_set(err, ERR_EXISTS, "container name '%s' is in use by project '%s'", svc->container_name, project) : 0;
}

static const struct check {
	const char *attr;
	int (*run)(struct txn *t, const struct service *svc, struct err *err);
} checks[] = {
	{ "network_mode", check_network_mode }, { "container_name", check_container_name },
};

struct refusal {
	struct txn *t;
	struct err *err;
	bool made;
};

static void refuse(void *arg, const char *where, bool is_key, struct err *why)
{
	struct refusal *r = arg;

	if (r->made)
		return;
	r->made = true;
	r->t->err_attr = xstrndup(where, strcspn(where, "/"));
	err_move(r->err, why);
}

int up_check_service(struct txn *t, const struct service *svc, struct err *err)
{
	struct refusal r = { t, err, false };

	svc_check(t->s->model, svc, refuse, &r);
	for (size_t i = 0; !r.made && i < ARRAY_LEN(checks); i++)
		if (checks[i].run(t, svc, err) < 0) {
			r.made = true;
			t->err_attr = xstrdup(checks[i].attr);
		}
	if (r.made)
		t->err_service = xstrdup(svc->name);
	return r.made ? -1 : 0;
}

/* ------------------------------------------------------------------ two of our own for one host port */

static bool same_port(const struct want_port *a, const struct want_port *b)
{
	bool any = !a->host_ip || !b->host_ip || STREQ(a->host_ip, "0.0.0.0") || STREQ(b->host_ip, "0.0.0.0");

	return a->min && a->min == a->max && b->min == a->min && b->max == b->min && a->udp == b->udp &&
	       (any || STREQ(a->host_ip, b->host_ip));
}

static bool has_op(const struct txn *t, const struct unit *u, enum op_kind kind)
{
	for (size_t i = 0; i < t->plan.n; i++)
		if (t->plan.ops[i].kind == kind && STREQ(t->plan.ops[i].slot, u->rec.slot))
			return true;
	return false;
}

/* It will hold its ports when the plan is through. */
static bool will_hold(const struct txn *t, const struct unit *u)
{
	return has_op(t, u, OP_PREPARE) || (unit_has_process(u->state) && !has_op(t, u, OP_STOP));
}

/* Replicas of one service share its host ports. */
static int clash(struct txn *t, const struct unit *u, const struct unit *v, struct err *err)
{
	if (STREQ(u->rec.service, v->rec.service) && !u->rec.run && !v->rec.run)
		return 0;
	for (size_t i = 0; i < u->n_want_ports; i++)
		for (size_t k = 0; k < v->n_want_ports; k++) {
			if (!same_port(&u->want_ports[i], &v->want_ports[k]))
				continue;
			t->err_service = xstrdup(u->rec.service);
			t->err_attr = xasprintf("ports[%zu]", i);
			return err_set(err, ERR_BUSY, "host port %u (%s) is wanted by %s and %s", u->want_ports[i].min,
				       u->want_ports[i].udp ? "udp" : "tcp", v->rec.slot, u->rec.slot);
		}
	return 0;
}

int up_check_ports(struct txn *t, struct err *err)
{
	for (size_t i = 0; i < t->s->units.n; i++) {
		const struct unit *u = t->s->units.items[i].value;
		if (!has_op(t, u, OP_PREPARE))
			continue;
		for (size_t k = 0; k < t->s->units.n; k++) {
			const struct unit *v = t->s->units.items[k].value;
			if (u != v && will_hold(t, v) && clash(t, u, v, err) < 0)
				return -1;
		}
	}
	return 0;
}
