#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"

enum { SHORT_ID = 12 };

static const char *const up_states[] = { "running", "stopping", NULL };

static bool state_in(const struct unit_rec *r, const char *const *states)
{
	for (; r->state && *states; states++)
		if (STREQ(r->state, *states))
			return true;
	return false;
}

static const char *docker_state(const struct unit_rec *r)
{
	static const char *const coming[] = { "preparing", "prepared", "creating",
					      "created", "starting",  NULL };
	static const char *const again[] = { "backoff", "waiting", NULL };
	static const char *const stopped[] = { "stopped", "failed", "exited", "deleting", NULL };

	if (state_in(r, up_states))
		return r->paused ? "paused" : "running";
	if (r->restarting || state_in(r, again))
		return "restarting";
	if (r->state && STREQ(r->state, "removing"))
		return "removing";
	if (state_in(r, coming))
		return r->restarts ? "restarting" : "created";
	/* made, never started, and put to rest */
	if (state_in(r, stopped) && !r->started_ns && !r->error)
		return "created";
	return "exited";
}

struct lookup {
	struct view *v;
	bool found;
};

static void on_exit_rec(const struct exit_rec *x, void *ctx)
{
	struct lookup *l = ctx;

	if (x->proc.pid == l->v->r->proc.pid && x->proc.start == l->v->r->proc.start) {
		l->v->exit_code = x->status;
		l->v->finished_ns = x->at_ns;
		l->found = true;
	}
}

/* The record is older than the truth: the supervisor was away, or is about to write it. The keeper wrote
 * down how it ended. */
static void ask_exits(struct view *v, int run_fd)
{
	struct lookup l = { .v = v };
	off_t offset = 0;

	v->state = "exited";
	v->exit_code = -1;
	v->finished_ns = 0;
	if (run_fd >= 0)
		exits_read(run_fd, &offset, on_exit_rec, &l, NULL);
}

bool view_up(const struct view *v)
{
	return STREQ(v->state, "running") || STREQ(v->state, "paused");
}

void view_init(struct view *v, const struct unit_rec *r, int run_fd)
{
	*v = (struct view){
		.r = r, .state = docker_state(r), .exit_code = r->exit_code, .finished_ns = r->finished_ns
	};
	if (view_up(v) && !unit_rec_alive(r))
		ask_exits(v, run_fd);
}

void view_ago(int64_t then_ns, int64_t now_ns, struct buf *out)
{
	char age[32];

	str_human_age(now_ns > then_ns ? (now_ns - then_ns) / SEC_NS : 0, age);
	buf_printf(out, "%s ago", age);
}

static void add_health(const struct unit_rec *r, struct buf *out)
{
	if (!r->health)
		return;
	buf_printf(out, STREQ(r->health, "starting") ? " (health: %s)" : " (%s)", r->health);
}

const char *view_reason(const struct view *v)
{
	bool ended = STREQ(v->state, "exited") || STREQ(v->state, "restarting");

	if (!ended)
		return NULL;
	if (v->r->oom)
		return "out of memory";
	return v->r->cause ? v->r->cause : v->r->error;
}

void view_status(const struct view *v, int64_t now_ns, struct buf *out)
{
	char age[32];

	if (view_up(v)) {
		str_human_age(now_ns > v->r->started_ns ? (now_ns - v->r->started_ns) / SEC_NS : 0, age);
		buf_printf(out, "Up %s", age);
		if (v->r->paused)
			buf_str(out, " (Paused)");
		else
			add_health(v->r, out);
	} else if (STREQ(v->state, "created")) {
		buf_str(out, "Created");
	} else if (STREQ(v->state, "removing")) {
		buf_str(out, "Removal In Progress");
	} else {
		buf_str(out, STREQ(v->state, "exited") ? "Exited" : "Restarting");
		if (v->exit_code >= 0)
			buf_printf(out, " (%d)", v->exit_code);
		else
			buf_str(out, " (unknown)");
		if (v->finished_ns) {
			buf_char(out, ' ');
			view_ago(v->finished_ns, now_ns, out);
		}
		if (v->r->oom)
			buf_str(out, " (out of memory)");
		if (v->r->waits)
			buf_printf(out, ", waiting for %s", v->r->waits);
		if (v->r->cause && str_starts(v->r->cause, "stopped: "))
			buf_printf(out, ", %s", v->r->cause);
	}
}

static int by_target(const void *a, const void *b)
{
	const struct unit_port *x = a, *y = b;
	int by_protocol = strcmp(x->protocol ? x->protocol : "", y->protocol ? y->protocol : "");

	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	if (by_protocol)
		return by_protocol;
	return x->host < y->host ? -1 : x->host > y->host;
}

static const char *host_of(const struct unit_port *p)
{
	return p->host_ip && *p->host_ip ? p->host_ip : "0.0.0.0";
}

static bool same_run(const struct unit_port *a, const struct unit_port *b)
{
	return str_eq(a->protocol, b->protocol) && !a->host == !b->host &&
	       (!a->host || STREQ(host_of(a), host_of(b))) && (!b->host || b->host == b->target);
}

static void add_port(const struct unit_port *first, unsigned last, struct buf *out)
{
	const char *host = host_of(first);
	const char *protocol = first->protocol ? first->protocol : "tcp";

	if (out->len)
		buf_str(out, ", ");
	if (first->host)
		buf_printf(out, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, first->host);
	if (first->host && last > first->target)
		buf_printf(out, "-%u", last);
	if (first->host)
		buf_str(out, "->");
	buf_printf(out, "%u", first->target);
	if (last > first->target)
		buf_printf(out, "-%u", last);
	buf_printf(out, "/%s", protocol);
}

struct port_list {
	struct unit_port *v;
	size_t n, cap;
};

static void expose(const struct unit_rec *r, unsigned target, const char *protocol, struct port_list *l)
{
	for (size_t i = 0; i < r->n_ports; i++)
		if (r->ports[i].target == target && STREQ(r->ports[i].protocol ? r->ports[i].protocol : "tcp", protocol))
			return;
	*XGROW(l->v, l->n, l->cap) = (struct unit_port){ .target = target, .protocol = (char *)protocol };
}

/* "6379/tcp 3000-3005/udp" */
static void add_exposed(const struct unit_rec *r, struct port_list *l)
{
	static const char *const protocols[] = { "tcp", "udp", "sctp" };

	for (const char *p = r->exposed; p && *p; p += strcspn(p, " "), p += strspn(p, " ")) {
		unsigned first = 0, last = 0;
		char protocol[8] = "";

		if (sscanf(p, "%u-%u/%7[a-z]", &first, &last, protocol) != 3) {
			if (sscanf(p, "%u/%7[a-z]", &first, protocol) != 2)
				continue;
			last = first;
		}
		for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
			for (unsigned port = first; STREQ(protocol, protocols[i]) && port <= last && port <= UINT16_MAX; port++)
				expose(r, port, protocols[i], l);
	}
}

size_t view_port_list(const struct view *v, struct unit_port **ret)
{
	struct port_list l = { 0 };

	for (size_t i = 0; view_has_ports(v) && i < v->r->n_ports; i++)
		*XGROW(l.v, l.n, l.cap) = v->r->ports[i];
	if (view_has_ports(v))
		add_exposed(v->r, &l);
	if (l.n)
		qsort(l.v, l.n, sizeof *l.v, by_target);
	*ret = l.v;
	return l.n;
}

/* As docker does: runs of ports that are the same inside and outside are joined, they come first; what
 * does not run has none. */
void view_ports(const struct view *view, struct buf *out)
{
	auto_free struct unit_port *ports = NULL;
	size_t n = view_port_list(view, &ports);
	auto_free bool *done = xcalloc(n + 1, sizeof(bool));

	for (size_t i = 0; i < n; i++) {
		unsigned last = ports[i].target;

		if (done[i] || (ports[i].host && ports[i].host != ports[i].target))
			continue;
		for (size_t j = i + 1; j < n && ports[j].target <= last + 1; j++) {
			if (ports[j].target == last + 1 && same_run(&ports[i], &ports[j])) {
				last++;
				done[j] = true;
			}
		}
		done[i] = true;
		add_port(&ports[i], last, out);
	}
	for (size_t i = 0; i < n; i++)
		if (!done[i])
			add_port(&ports[i], ports[i].target, out);
}

bool view_has_ports(const struct view *v)
{
	return view_up(v);
}

const char *view_short_id(const char *id, char buf[static 16])
{
	if (!id)
		return "";
	if (str_starts(id, "sha256:"))
		id += strlen("sha256:");
	snprintf(buf, 16, "%.*s", SHORT_ID, id);
	return buf;
}

bool view_busy(const struct unit_rec *r)
{
	static const char *const resting[] = { "absent", "stopped", "failed", NULL };

	return !state_in(r, resting);
}

static int by_name(const void *a, const void *b)
{
	const struct unit_rec *x = ((const struct view *)a)->r, *y = ((const struct view *)b)->r;
	int r = strcmp(x->service ? x->service : "", y->service ? y->service : "");

	if (r == 0 && x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return r ? r : strcmp(x->slot, y->slot);
}

struct view *view_list(const struct cli *c, size_t *ret_n)
{
	struct view *list = xcalloc(c->world.units.n + 1, sizeof *list);
	size_t n = 0;

	map_each(&c->world.units, it) {
		const struct unit_rec *r = it->value;

		/* between a container and its successor the slot has the former */
		if (cli_selected(c, r))
			view_init(&list[n++], r->id || !r->parked ? r : r->parked, c->pdirs.run_fd);
	}
	qsort(list, n, sizeof *list, by_name);
	*ret_n = n;
	return list;
}

static int is_paused(const struct unit_rec *r, struct err *err)
{
	err_set(err, ERR_BUSY, "container '%s' is paused", r->name);
	return err_hint(err, "'davit unpause %s' lets it go on", r->service);
}

static int not_running(struct cli *c, const char *service, int64_t index, struct err *err)
{
	if (!cli_is_service(c, service) && c->project)
		return cli_no_service(c, service, err);
	err_set(err, ERR_NOT_FOUND,
		index ? "service \"%s\" is not running container #%jd" : "service \"%s\" is not running",
		service, (intmax_t)index);
	return cli_hint_service(c, service, err) ? -1 : err_hint(err, "'davit ps -a' shows why; 'davit up -d %s' starts it", service);
}

int view_running(struct cli *c, const char *service, int64_t index, const struct unit_rec **ret,
		 struct err *err)
{
	const struct unit_rec *best = NULL;

	map_each(&c->world.units, it) {
		const struct unit_rec *r = it->value;

		if (r->init_of || !str_eq(r->service, service) || (index && (int64_t)r->index != index) || !r->id)
			continue;
		if (!unit_rec_alive(r) || !state_in(r, up_states))
			continue;
		if (!best || (best->run && !r->run) || (!best->run == !r->run && r->index < best->index) ||
		    (r->index == best->index && best->rotation))
			best = r;
	}
	if (!best)
		return not_running(c, service, index, err);
	if (best->paused)
		return is_paused(best, err);
	*ret = best;
	return 0;
}
