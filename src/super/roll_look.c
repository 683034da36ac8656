/* roll_look.c - a rolling update looks into containers' namespaces: whether the conversations of what leaves are over, and whether what comes
 * without a health check listens on its published ports yet. Nobody tells either; so it is looked at, and all of it at once. */
#include "roll.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

/* A program may never listen on a port that is published; then it is in its place after this long all the same. */
enum { LOOK_MS = 25, LISTEN_MS = 10000 };

static size_t tcp_ports(const struct unit *u, uint16_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < u->rec.n_ports; i++)
		if (STREQ(u->rec.ports[i].protocol, "tcp"))
			ret[n++] = (uint16_t)u->rec.ports[i].target;
	return n;
}

static int unheard(const struct unit *u, const char *pin, size_t *ret, struct err *err)
{
	auto_free uint16_t *ports = xcalloc(u->rec.n_ports + 1, sizeof *ports);
	size_t n = tcp_ports(u, ports);

	return net_slot_unheard(pin, ports, n, ret, err);
}

/* (worker) {slot: what is still to be waited for}: conversations of those that are leaving, ports that nobody listens on of those to come. */
static int look_work(void *arg, json_t **ret, struct err *err)
{
	struct super *s = arg;

	*ret = json_object();
	map_each(&s->units, it) {
		const struct unit *u = it->value;
		auto_free char *pin = super_run_path(s, "netns", u->rec.slot);
		size_t n = 0;
		if (!u->rec.rotation || u->state != U_RUNNING)
			continue;
		if (STREQ(u->rec.rotation, ROTATION_HELD) ? unheard(u, pin, &n, err) < 0 : net_slot_conversations(pin, &n, err) < 0)
			return -1;
		jx_set_int(*ret, u->rec.slot, (int64_t)n);
	}
	return 0;
}

bool roll_must_listen(struct txn *t, size_t i)
{
	const struct unit *u = t->plan.ops[i].kind == OP_MONITOR ? op_subject(t, i) : NULL;
	bool held = u && u->rec.rotation && STREQ(u->rec.rotation, ROTATION_HELD);
	auto_free uint16_t *ports = u ? xcalloc(u->rec.n_ports + 1, sizeof *ports) : NULL;

	return held && !(u->have_launch && u->launch.health) && tcp_ports(u, ports);
}

static bool waits_for_a_look(struct txn *t, size_t i)
{
	const struct op *op = &t->plan.ops[i];
	bool timed = op->kind == OP_MONITOR && clock_mono_ns() - t->began_ns[i] >= op->wait_ms * MS_NS;

	return t->st[i] == OP_RUNNING && (op->kind == OP_DRAIN || (timed && roll_must_listen(t, i)));
}

static bool is_over(const struct txn *t, size_t i)
{
	const struct op *op = &t->plan.ops[i];
	int64_t most_ms = op->wait_ms + (op->kind == OP_MONITOR ? LISTEN_MS : 0);

	return clock_mono_ns() - t->began_ns[i] >= most_ms * MS_NS;
}

static void warn_unheard(struct txn *t, size_t i)
{
	const struct unit *u = op_subject(t, i);
	auto_free char *text = xasprintf("container '%s' does not listen on all of its published ports yet: it takes its place all the same", u->rec.name);

	publish_warn(t->s, t->c, u->rec.service, text);
}

static void on_look(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	uintptr_t no = (uintptr_t)arg;
	struct txn *t = s->txn;
	bool more = false;

	if (!t || t->plan_no != no)
		return;
	t->looking = false;
	if (err)
		log_warn("conversations of what is replaced: %s", err_msg(err));
	/* the end of one may be that of the plan; then there is another one, or none */
	for (size_t i = 0; s->txn == t && t->plan_no == no && i < t->plan.n; i++) {
		if (!waits_for_a_look(t, i))
			continue;
		bool left = !err && jx_int(result, t->plan.ops[i].slot, 0) > 0;
		if (left && !is_over(t, i)) {
			more = true;
			continue;
		}
		if (left && t->plan.ops[i].kind == OP_MONITOR)
			warn_unheard(t, i);
		op_end(t, i, NULL, NULL);
	}
	if (more && s->txn == t && t->plan_no == no)
		roll_look_soon(t);
}

static void on_look_time(evutil_socket_t fd, short what, void *arg)
{
	struct ticket *k = arg;

	if (ticket_holds(k))
		network_submit(k->s, look_work, on_look, (void *)(uintptr_t)k->plan_no);
	free(k);
}

void roll_look_soon(struct txn *t)
{
	const struct timeval tv = { .tv_usec = LOOK_MS * 1000 };

	if (t->looking)
		return;
	t->looking = true;
	event_base_once(t->s->base, -1, EV_TIMEOUT, on_look_time, ticket(t, 0), &tv);
}
