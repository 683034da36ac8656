/* rotation.c - which replicas a host port leads to.
 *
 * A host port that one container has leads to it for as long as there is that container. One that several have (ports.c: replicas of a
 * service) leads to those of them that are fit: that run, are not about to end and are healthy when they have a check; when none is healthy,
 * to those that run; when none runs, to all. During an update (roll.c) what is replaced and what is not in its place yet are asked when there
 * is nobody else. Connections that are established stay where they are: the rules see first packets only.
 *
 * The rules are a function of the units alone. So nothing of this is on disk, and a supervisor that takes over computes the same. At the end
 * of each turn the picture is compared with the one that the rules were told last; when it is another, a worker replaces the table. */
#include "sup.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/mem.h"

enum fitness { UNFIT, HELD, LEAVING, RUNS, WELL };

static enum fitness fitness(const struct unit *u)
{
	if (u->state != U_RUNNING || u->stop_asked || u->rec.paused)
		return UNFIT;
	if (u->rec.rotation)
		return STREQ(u->rec.rotation, ROTATION_HELD) ? HELD : LEAVING;
	return u->rec.hooking || (u->rec.health && !STREQ(u->rec.health, "healthy")) ? RUNS : WELL;
}

/* The address that ports go to: in the first network that is not internal. */
static const struct net *door(const struct super *s, const struct unit *u, uint32_t *ret_addr)
{
	for (size_t i = 0; i < u->rec.n_addrs; i++) {
		const struct net *n = network_called(s, u->rec.addrs[i].network);
		*ret_addr = u->rec.addrs[i].addr;
		if (n && !n->internal)
			return n;
	}
	return NULL;
}

static bool same_host_port(const struct unit_port *a, const struct unit_port *b)
{
	return a->host == b->host && STREQ(a->protocol, b->protocol) &&
	       STREQ(a->host_ip ? a->host_ip : "", b->host_ip ? b->host_ip : "");
}

static bool holds(const struct unit *u, const struct unit_port *p)
{
	for (size_t i = 0; i < u->rec.n_ports; i++)
		if (same_host_port(&u->rec.ports[i], p))
			return true;
	return false;
}

/* The fitness that is enough for this port: the best there is among the replicas that hold it; *ret_shared: they are several. */
static enum fitness bar(struct super *s, const struct unit *of, const struct unit_port *p, bool *ret_shared)
{
	enum fitness best = UNFIT;
	size_t n = 0;

	map_each(&s->units, it) {
		const struct unit *u = it->value;
		if (!STREQ(u->rec.service, of->rec.service) || !unit_is_placed(u) || !holds(u, p))
			continue;
		n++;
		if (fitness(u) > best)
			best = fitness(u);
	}
	*ret_shared = n > 1;
	return best;
}

/* ------------------------------------------------------------------ two of a slot */

static const char *suffix(const char *rotation)
{
	return !rotation ? "" : STREQ(rotation, ROTATION_HELD) ? "-next" : "-old";
}

char *unit_lasting_name(const struct unit *u)
{
	const char *end = suffix(u->rec.rotation);

	return xstrndup(u->rec.name, strlen(u->rec.name) - (str_ends(u->rec.name, end) ? strlen(end) : 0));
}

static bool is_one_of_two(const struct unit *u)
{
	auto_free char *other = plan_other_side(u->rec.slot);
	const struct unit *v = unit_get(u->s, other);

	return v && v->rec.id;
}

void unit_rotate(struct unit *u, const char *rotation)
{
	auto_free char *base = unit_lasting_name(u), *old = u->rec.name;

	if (str_eq(rotation, u->rec.rotation)) {
		take(old);
		return;
	}
	u->rec.name = xasprintf("%s%s", base, is_one_of_two(u) ? suffix(rotation) : "");
	free(u->rec.rotation);
	u->rec.rotation = xstrdup(rotation);
	unit_save(u);
	if (!STREQ(old, u->rec.name))
		unit_event(u, EV_RENAME, clock_wall_ns(), NULL, json_pack("{s:s}", "oldName", old));
}

struct picture {
	struct net_publish *ports;
	size_t n, cap;
	struct map replicas;             /* service → one of its containers that have a place; several_mark: there are several */
	struct buf shared;               /* those that lead to several, as text */
};

static char several_mark[] = "several";  /* compared by address */

static void count_replica(struct picture *pic, struct unit *u)
{
	map_set(&pic->replicas, u->rec.service, map_has(&pic->replicas, u->rec.service) ? (void *)several_mark : u);
}

static void add_port(struct super *s, const struct unit *u, const struct unit_port *p, struct picture *pic)
{
	uint32_t addr;
	const struct net *n = p->host ? door(s, u, &addr) : NULL;
	enum fitness enough = UNFIT;
	struct net_publish *out;
	bool shared = false;

	if (!n)
		return;
	if (map_get(&pic->replicas, u->rec.service) == several_mark)     /* else there is no need to look for another one */
		enough = bar(s, u, p, &shared);
	if (shared && fitness(u) < enough)
		return;
	out = XGROW(pic->ports, pic->n, pic->cap);
	if (p->host_ip && *p->host_ip)
		net_addr_parse(p->host_ip, &out->host_addr);
	out->host_port = (uint16_t)p->host;
	out->target = (uint16_t)p->target;
	out->udp = STREQ(p->protocol, "udp");
	out->addr = addr;
	snprintf(out->bridge, sizeof out->bridge, "%s", n->bridge);
	if (shared && enough > UNFIT)
		buf_printf(&pic->shared, "%x:%u/%d %x:%u\n", out->host_addr, p->host, out->udp, addr, p->target);
}

static struct picture picture(struct super *s)
{
	struct picture pic = { .shared = BUF_INIT };

	map_each(&s->units, it)
		if (unit_is_placed(it->value))
			count_replica(&pic, it->value);
	map_each(&s->units, it) {
		const struct unit *u = it->value;
		for (size_t i = 0; unit_is_placed(u) && i < u->rec.n_ports; i++)
			add_port(s, u, &u->rec.ports[i], &pic);
	}
	map_done(&pic.replicas, NULL);
	return pic;
}

size_t rotation_ports(struct super *s, struct net_publish **ret)
{
	struct picture pic = picture(s);

	buf_done(&pic.shared);
	*ret = pic.ports;
	return pic.n;
}

static int rules_work(void *arg, json_t **ret, struct err *err)
{
	struct super *s = arg;
	struct fw_spec fw = { .project = s->p.name, .nets = s->nets, .n_nets = s->n_nets };
	struct net_publish *ports;

	fw.n_ports = rotation_ports(s, &ports);
	fw.ports = ports;
	return s->n_nets ? fw_apply(&fw, err) : 0;
}

void rotation_tell(struct super *s, network_done_fn *done, void *arg)
{
	struct picture pic = picture(s);

	free(s->rotation.dealt);
	s->rotation.dealt = buf_take(&pic.shared);
	free(pic.ports);
	network_submit(s, rules_work, done, arg);
}

void rotation_untold(struct super *s)
{
	free(take(s->rotation.dealt));
}

static void on_told(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	s->rotation.busy = false;
	if (err) {
		log_error("rules of the published ports: %s", err_msg(err));
		rotation_untold(s);
		return;
	}
	s->rotation.looked = 0;
	rotation_look(s);
}

void rotation_look(struct super *s)
{
	struct rotation *r = &s->rotation;
	struct picture pic;

	if (r->looked == s->news || r->busy || s->adopting || s->finished)
		return;
	r->looked = s->news;
	pic = picture(s);
	if (pic.shared.len && !str_eq(pic.shared.p, r->dealt)) {
		free(r->dealt);
		r->dealt = xstrdup(pic.shared.p);
		r->busy = true;
		network_submit(s, rules_work, on_told, NULL);
	}
	buf_done(&pic.shared);
	free(pic.ports);
}
