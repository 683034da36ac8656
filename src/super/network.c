/* network.c - the kernel's part of networks and volumes, in one worker at a time: requests that come while it runs wait for their turn. */
#include "sup.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"

enum { NETWORK_MS = 60000, CGROUPS_MS = 3000 };

struct netjob {                         /* a request; the first one in the list is in flight */
	worker_fn *fn;
	network_done_fn *done;
	void *arg;
	struct worker worker;
	bool started;
	struct event *ev, *timer;
	struct netjob *next;
};

static void next_one(struct super *s);

static void finish(struct super *s, const json_t *result, const struct err *err)
{
	struct netjob *w = s->netjobs;

	s->netjobs = w->next;
	if (w->ev)
		event_free(w->ev);
	if (w->timer)
		event_free(w->timer);
	if (w->done)
		w->done(s, w->arg, result, err);
	free(w);
	next_one(s);
}

static void on_result(evutil_socket_t fd, short what, void *arg)
{
	struct super *s = arg;
	auto_err struct err err = ERR_INIT;
	auto_json json_t *result = NULL;

	if (worker_read(&s->netjobs->worker) == 0)
		return;
	if (worker_finish(&s->netjobs->worker, &result, &err) < 0)
		finish(s, NULL, &err);
	else
		finish(s, result, NULL);
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct super *s = arg;
	auto_err struct err err = ERR_INIT;

	worker_abort(&s->netjobs->worker);
	err_set(&err, ERR_TIMEOUT, "the kernel's networks gave no answer within %d s", NETWORK_MS / 1000);
	finish(s, NULL, &err);
}

static void next_one(struct super *s)
{
	struct netjob *w = s->netjobs;
	auto_err struct err err = ERR_INIT;
	struct timeval tv = { .tv_sec = NETWORK_MS / 1000 };

	if (!w || w->started)
		return;
	w->started = true;
	if (worker_start(w->fn, s, &w->worker, &err) < 0) {
		finish(s, NULL, &err);
		return;
	}
	w->ev = event_new(s->base, w->worker.fd, EV_READ | EV_PERSIST, on_result, s);
	event_add(w->ev, NULL);
	w->timer = evtimer_new(s->base, on_overdue, s);
	evtimer_add(w->timer, &tv);
}

void network_submit(struct super *s, worker_fn *fn, network_done_fn *done, void *arg)
{
	struct netjob *w = xcalloc(1, sizeof *w), **end = &s->netjobs;

	w->fn = fn;
	w->done = done;
	w->arg = arg;
	while (*end)
		end = &(*end)->next;
	*end = w;
	next_one(s);
}

void network_cut_short(struct super *s)
{
	if (s->netjobs)
		worker_abort(&s->netjobs->worker);
}

/* ------------------------------------------------------------------ set up */

struct picture {                         /* what the kernel should look like */
	struct net_slot *slots;
	size_t n_slots, cap_slots;
};

const struct net *network_called(const struct super *s, const char *name)
{
	for (size_t i = 0; i < s->n_nets; i++)
		if (STREQ(s->nets[i].name, name))
			return &s->nets[i];
	return NULL;
}

static bool has_own_netns(struct super *s, const struct unit *u)
{
	const struct service *svc = s->model ? project_service(s->model, u->rec.service) : NULL;
	auto_free char *pin = super_run_path(s, "netns", u->rec.slot);
	auto_free char *used = svc && !u->rec.init_of ? network_netns(s, svc, u->rec.slot) : NULL;

	return u->rec.n_addrs || (used && STREQ(pin, used));
}

static void add_sysctls(const struct super *s, const struct unit *u, struct net_slot *slot)
{
	const struct service *svc = s->model ? project_service(s->model, u->rec.service) : NULL;
	struct net_sysctl *v;

	if (!svc || !svc->sysctls.n)
		return;
	v = xcalloc(svc->sysctls.n, sizeof *v);
	for (size_t i = 0; i < svc->sysctls.n; i++)
		if (str_starts(svc->sysctls.v[i].key, "net."))
			v[slot->n_sysctls++] = (struct net_sysctl){ svc->sysctls.v[i].key, svc->sysctls.v[i].value };
	slot->sysctls = v;
}

static void set_mac(const char *text, struct net_attach *a)
{
	net_mac(a->addr, a->mac);
	if (text && sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &a->mac[0], &a->mac[1], &a->mac[2], &a->mac[3],
			   &a->mac[4], &a->mac[5]) != 6)
		net_mac(a->addr, a->mac);
}

static void add_slot(struct super *s, struct unit *u, struct picture *pic)
{
	struct net_slot *slot = XGROW(pic->slots, pic->n_slots, pic->cap_slots);
	struct net_attach *att = xcalloc(u->rec.n_addrs + 1, sizeof *att);
	bool routed = false;

	for (size_t i = 0; i < u->rec.n_addrs; i++) {
		const struct net *n = network_called(s, u->rec.addrs[i].network);
		struct net_attach *a = &att[slot->n_attach];
		if (!n)
			continue;
		a->net = n;
		a->addr = u->rec.addrs[i].addr;
		set_mac(u->rec.addrs[i].mac, a);
		snprintf(a->ifname, sizeof a->ifname, "eth%zu", slot->n_attach);
		a->default_route = !routed && !n->internal;
		routed |= a->default_route;
		slot->n_attach++;
	}
	slot->netns_path = super_run_path(s, "netns", u->rec.slot);
	slot->attach = att;
	if (slot->n_attach) {
		slot->dns_port_udp = u->rec.dns_udp ? u->rec.dns_udp : NET_DNS_PORT;
		slot->dns_port_tcp = u->rec.dns_tcp ? u->rec.dns_tcp : NET_DNS_PORT;
	}
	add_sysctls(s, u, slot);
}

/* ------------------------------------------------------------------ strays
 *
 * A slot gets addresses and a namespace before its container has a record. When the request is superseded, or its supervisor killed, in
 * between, nobody is left who knows of them but the books and the directory. This is for when no request is in progress: what it is about
 * to make anew keeps its slot. */

static bool is_anybodys(struct super *s, const char *slot)
{
	const struct unit *u = unit_get(s, slot);

	return u && (u->state != U_ABSENT || u->rec.id || u->rec.parked || u->planned);
}

static int drop_stray_slots(struct super *s, struct err *err)
{
	auto_free char *dir = xasprintf("%s/netns", s->p.run);
	auto_closedir DIR *d = opendir(dir);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		auto_free char *pin = xasprintf("%s/%s", dir, e->d_name);
		if (*e->d_name != '.' && !is_anybodys(s, e->d_name) && net_slot_down(pin, err) < 0)
			return -1;
	}
	return 0;
}

static int strays_work(void *arg, json_t **ret, struct err *err)
{
	network_release_others(arg, is_anybodys);
	return drop_stray_slots(arg, err);
}

void network_strays(struct super *s)
{
	network_submit(s, strays_work, NULL, NULL);
}

/* The worker's memory ends with it: nothing here is released. */
static int setup_work(void *arg, json_t **ret, struct err *err)
{
	struct super *s = arg;
	struct picture pic = { 0 };
	char shut[256] = "";
	struct fw_spec fw = { .project = s->p.name, .nets = s->nets, .n_nets = s->n_nets };
	struct net_publish *ports;

	if (cgroup_prepare(s->p.name, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n_nets; i++)
		if (net_up(&s->nets[i], err) < 0)
			return err_wrap(err, "network '%s'", s->nets[i].name);
	map_each(&s->units, it) {
		struct unit *u = it->value;
		if (unit_is_placed(u) && has_own_netns(s, u))
			add_slot(s, u, &pic);
	}
	if (net_slots_up(pic.slots, pic.n_slots, err) < 0)
		return -1;
	fw.n_ports = rotation_ports(s, &ports);
	fw.ports = ports;
	if (!s->n_nets && !fw.n_ports)
		return fw_remove(s->p.name, err);
	if (fw_apply(&fw, err) < 0)
		return err_wrap(err, "rules of the networks");
	if (fw_is_shut(shut, sizeof shut))
		*ret = json_pack("{s:s}", "warning", shut);
	return 0;
}

void network_setup(struct super *s, network_done_fn *done, void *arg)
{
	network_submit(s, setup_work, done, arg);
}

/* ------------------------------------------------------------------ take down */

/* No container is left; what is still in its group is on its way out, or never belonged there. */
static int remove_cgroups(struct super *s, struct err *err)
{
	const struct timespec pause = { .tv_nsec = 10 * MS_NS };
	int64_t deadline = clock_mono_ns() + CGROUPS_MS * MS_NS;

	while (cgroup_remove(s->p.name, err) < 0) {
		if (err->kind != ERR_BUSY || clock_mono_ns() > deadline)
			return -1;
		err_done(err);
		map_each(&s->units, it) {
			const struct unit *u = it->value;
			if (u->launch.cgroup)
				cgroup_kill(u->launch.cgroup, NULL);
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Networks that other projects' containers are on stay, with what lets their packets out. */
static int keep_shared(struct super *s, const json_t *nets, struct err *err)
{
	struct fw_spec fw = { .project = s->p.name };
	struct net *kept = xcalloc(s->n_nets + 1, sizeof *kept);
	const json_t *n;
	size_t i;

	json_array_foreach(nets, i, n) {
		const struct net *known = network_called(s, jx_str(n, "name"));
		if (jx_bool(n, "shared", false) && known)
			kept[fw.n_nets++] = *known;
	}
	fw.nets = kept;
	return fw_apply(&fw, err);
}

static bool any_shared(const json_t *nets)
{
	const json_t *n;
	size_t i;

	json_array_foreach(nets, i, n)
		if (jx_bool(n, "shared", false))
			return true;
	return false;
}

static int let_go_of_volumes(struct super *s, struct err *err)
{
	auto_json json_t *vols = vol_list(s->volumes, s->p.name);
	const json_t *v;
	size_t i;

	json_array_foreach(vols, i, v)
		if (jx_str(v, "name") && vol_let_go(s->volumes, jx_str(v, "name"), err) < 0)
			return -1;
	return 0;
}

static int teardown_work(void *arg, json_t **ret, struct err *err)
{
	struct super *s = arg;
	auto_free char *netns = xasprintf("%s/netns", s->p.run);
	auto_json json_t *nets = ipam_list(s->ipam, s->p.name);
	bool shared = any_shared(nets);
	const json_t *n;
	size_t i;

	ipam_sweep(s->ipam);             /* of a worker that was killed */
	if (shared ? keep_shared(s, nets, err) < 0 :
		     fw_remove(s->p.name, err) < 0 || net_sweep(netns, s->p.name, err) < 0)
		return -1;
	json_array_foreach(nets, i, n) {
		if (jx_bool(n, "shared", false))
			continue;
		if (jx_str(n, "bridge") && net_down(jx_str(n, "bridge"), err) < 0)
			return err_wrap(err, "network '%s'", jx_str(n, "name"));
		if (jx_str(n, "name") && ipam_forget(s->ipam, jx_str(n, "name"), err) < 0)
			return -1;
	}
	if (let_go_of_volumes(s, err) < 0)
		return -1;
	vol_sweep(s->volumes);
	return remove_cgroups(s, err);
}

void network_teardown(struct super *s, network_done_fn *done, void *arg)
{
	network_submit(s, teardown_work, done, arg);
}

static int volumes_work(void *arg, json_t **ret, struct err *err)
{
	struct super *s = arg;

	for (size_t i = 0; s->doomed_volumes && i < s->doomed_volumes->n; i++)
		if (vol_remove(s->volumes, s->doomed_volumes->v[i], err) < 0)
			return err_wrap(err, "volume '%s'", s->doomed_volumes->v[i]);
	return 0;
}

void network_volumes(struct super *s, const struct strs *names, network_done_fn *done, void *arg)
{
	s->doomed_volumes = names;
	network_submit(s, volumes_work, done, arg);
}
