/* canon_net.c - long forms of ports, networks and extra_hosts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "canon.h"
#include "load.h"
#include "tree.h"
#include "val.h"

/* ------------------------------------------------------------------ ports */

/* A line may mean 65535 ports; files with many such lines must not fill the memory. */
enum { PORTS_MAX = 1 << 18 };

static void one_port(
	struct canon *c, struct node *seq, const struct node *from, const struct val_port *p, unsigned target)
{
	unsigned i = target - p->target_min;
	struct node *map = canon_like(c, from, NODE_MAP), *number = node_int(c->a, target, from->pos);

	canon_set_str(c, map, "mode", from, "ingress");
	canon_set_str(c, map, "host_ip", from, p->host_ip);
	canon_set(c, map, "target", from, canon_place(number, from));
	if (p->published && p->target_min == p->target_max && p->published_min != p->published_max)
		canon_set_str(c, map, "published", from,
			arena_printf(c->a, "%u-%u", p->published_min, p->published_max));
	else if (p->published)
		canon_set_str(c, map, "published", from, arena_printf(c->a, "%u", p->published_min + i));
	canon_set_str(c, map, "protocol", from, p->protocol);
	if (c->s->no_interpolate) {
		map->text = from->text;
		map->quoted = from->kind == NODE_STR;
	}
	node_push(c->a, seq, map);
}

static int by_digits(const void *a, const void *b)
{
	char x[12], y[12];

	snprintf(x, sizeof x, "%u", *(const unsigned *)a);
	snprintf(y, sizeof y, "%u", *(const unsigned *)b);
	return strcmp(x, y);
}

/* A range of container ports becomes as many items, in the order of their digits: 10 comes before 9. */
static void spread(struct canon *c, struct node *seq, const struct node *from, const struct val_port *p)
{
	unsigned n = p->target_max - p->target_min + 1, *targets = arena_array(c->a, n, sizeof *targets);

	for (unsigned i = 0; i < n; i++)
		targets[i] = p->target_min + i;
	qsort(targets, n, sizeof *targets, by_digits);
	for (unsigned i = 0; i < n; i++)
		one_port(c, seq, from, p, targets[i]);
}

static bool may_spread(struct canon *c, const struct node *item, const struct val_port *p)
{
	size_t n = p->target_max - p->target_min;
	struct stage_totals *t = c->s->totals;

	if (!t || n == 0)
		return true;
	t->ports += n;
	if (t->ports >= PORTS_MAX)
		canon_error(c, item, "ranges of ports come to more than %d ports", PORTS_MAX);
	return t->ports < PORTS_MAX;
}

static void short_port(struct canon *c, struct node *seq, struct node *item)
{
	struct val_port p;
	char *why;

	if (val_port(c->a, val_scalar_text(c->a, item), &p, &why) < 0) {
		canon_error(c, item, "%s", why);
		if (!strstr(why, "range") && !strstr(why, "protocol") && !seq->wrong)
			canon_hint(c, "a port is written [IP:][HOST:]CONTAINER[/PROTOCOL]");
		seq->wrong = true;
		node_push(c->a, seq, canon_gap(c, item));
		return;
	}
	if (p.ignored)
		canon_warn(c, item, "'%s' of this port is ignored, as docker compose does", p.ignored);
	if (may_spread(c, item, &p))
		spread(c, seq, item, &p);
}

static struct node *not_a_port(struct canon *c, const struct node *item)
{
	canon_error(c, item, "a port must be a whole number, a string or a mapping");
	canon_hint(c, "put it in quotes: \"%s\"", item->text);
	return canon_gap(c, item);
}

/* While variables are left alone, one port that nobody can read is enough to leave all of them as they are.
 */
static bool has_open_port(struct canon *c, const struct node *n)
{
	struct val_port p;
	char *why;

	for (size_t i = 0; c->s->no_interpolate && i < n->n; i++) {
		if (n->items[i]->kind == NODE_FLOAT)
			return false;
		if (n->items[i]->kind == NODE_STR && val_port(c->a, n->items[i]->text, &p, &why) < 0)
			return true;
	}
	return false;
}

struct node *canon_ports(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *seq;

	if (n->kind != NODE_SEQ || has_open_port(c, n))
		return n;
	seq = canon_like(c, n, NODE_SEQ);
	for (size_t i = 0; i < n->n; i++) {
		size_t mark = canon_push_index(c, i);
		struct node *item = n->items[i];

		if (load_is_timestamp(item) || item->kind == NODE_FLOAT)
			node_push(c->a, seq, not_a_port(c, item));
		else if (item->kind == NODE_STR || item->kind == NODE_INT)
			short_port(c, seq, item);
		else
			node_push(c->a, seq, item);
		canon_pop(c, mark);
	}
	return seq;
}

/* What a long port was written as. NULL: as it is. */
static struct node *written_port(struct arena *a, const struct node *port)
{
	if (port->kind != NODE_MAP || !port->text)
		return NULL;
	if (port->quoted)
		return canon_place(node_str(a, port->text, port->pos), port);
	return canon_place(node_copy(a, node_get(port, "target")), port);
}

static bool has_short_port(const struct node *ports)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->items[i]->kind != NODE_MAP)
			return true;
	return false;
}

void canon_open_ports(const struct stage_ctx *s, struct node *service)
{
	struct node *ports = tree_seq(service, "ports");
	bool open = ports && has_short_port(ports);

	tree_items(ports, it) {
		struct node *written = open ? written_port(s->a, *it) : NULL;

		if (written)
			*it = written;
		else if ((*it)->kind == NODE_MAP)
			(*it)->text = NULL;
	}
	if (open)
		attr_unique(s->a, attr_find(&attr_service, "ports"), ports);
}

static void default_text(struct canon *c, struct node *map, const char *key, const char *text)
{
	if (!node_get(map, key))
		canon_set_str(c, map, key, map, text);
}

struct node *canon_port(struct canon *c, const struct attr *row, struct node *n)
{
	if (c->s->no_interpolate && (n->kind == NODE_BOOL || n->kind == NODE_SEQ || load_is_timestamp(n)))
		return not_a_port(c, n);
	if (n->kind != NODE_MAP)
		return n;
	default_text(c, n, "mode", "ingress");
	default_text(c, n, "protocol", "tcp");
	return n;
}

/* A number stays apart from the same digits in quotes, as for the reference: to key_port() they are two
 * ports. Only such a node is all digits and not quoted. */
struct node *canon_published(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *text;

	if (n->kind != NODE_INT || c->s->no_interpolate)
		return n;
	text = canon_str(c, n, val_scalar_text(c->a, n));
	text->quoted = false;
	return text;
}

static bool was_number(const struct node *n)
{
	if (n && n->kind == NODE_INT)
		return true;
	return n && n->kind == NODE_STR && !n->quoted && *n->text && !n->text[strspn(n->text, "-0123456789")];
}

static const char *text_at(struct arena *a, const struct node *map, const char *key, const char *otherwise)
{
	const struct node *n = node_get(map, key);

	return n ? val_scalar_text(a, n) : otherwise;
}

/* All addresses are the same as none. */
const char *key_port(struct arena *a, const struct node *item)
{
	if (item->kind == NODE_STR || item->kind == NODE_INT)
		return val_scalar_text(a, item);
	if (item->kind != NODE_MAP)
		return NULL;
	return arena_printf(a, "%s|%s%s|%s|%s", text_at(a, item, "host_ip", "0.0.0.0"),
		was_number(node_get(item, "published")) ? "#" : "", text_at(a, item, "published", ""),
		text_at(a, item, "target", ""), text_at(a, item, "protocol", "tcp"));
}

const char *key_expose(struct arena *a, const struct node *item)
{
	return item->kind == NODE_STR || item->kind == NODE_INT ? val_scalar_text(a, item) : NULL;
}

/* ------------------------------------------------------------------ networks, extra_hosts */

struct node *canon_networks(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *map;

	if (n->kind != NODE_SEQ)
		return n;
	map = canon_like(c, n, NODE_MAP);
	for (size_t i = 0; i < n->n; i++) {
		struct node *item = n->items[i];
		size_t mark = canon_push_index(c, i);

		if (item->kind != NODE_STR)
			canon_name_wrong(c, item, "networks");
		else if (node_pair_get(map, item->text))
			canon_error(c, item, "network '%s' is named twice", item->text);
		else
			canon_set(c, map, item->text, item, canon_like(c, item, NODE_NULL));
		canon_pop(c, mark);
	}
	return map;
}

static void hosts_of_line(struct canon *c, struct node *seq, const struct node *item)
{
	struct strv lines;
	char *why;

	if (item->kind != NODE_STR || load_is_timestamp(item)) {
		canon_error(c, item, "an item of 'extra_hosts' must be a string HOST=IP");
		return;
	}
	if (val_hosts(c->a, item->text, &lines, &why) < 0) {
		canon_error(c, item, "%s", why);
		return;
	}
	for (size_t i = 0; i < lines.n; i++)
		node_push(c->a, seq, canon_str(c, item, lines.v[i]));
}

static void host_of_pair(struct canon *c, struct node *seq, const char *host, const struct node *ip)
{
	char *line, *why;

	if (ip->kind != NODE_STR || load_is_timestamp(ip))
		canon_error(c, ip, "an address of '%s' must be a string", host);
	else if (val_host(c->a, host, ip->text, &line, &why) < 0)
		canon_error(c, ip, "%s", why);
	else
		node_push(c->a, seq, canon_str(c, ip, line));
}

static void hosts_of_pair(struct canon *c, struct node *seq, const struct node_pair *p)
{
	const struct node *v = p->value;

	if (v->kind != NODE_SEQ)
		host_of_pair(c, seq, p->key, v);
	for (size_t i = 0; v->kind == NODE_SEQ && i < v->n; i++)
		host_of_pair(c, seq, p->key, v->items[i]);
}

static void raw_address(struct canon *c, const char *host, const struct node *ip)
{
	if (ip->kind != NODE_STR || load_is_timestamp(ip))
		canon_error(c, ip, "an address of '%s' must be a string", host);
}

/* While variables are left alone, only the types are known. */
static struct node *raw_hosts(struct canon *c, struct node *n)
{
	tree_each(n->kind == NODE_MAP ? n : NULL, p) {
		if (p->value->kind != NODE_SEQ)
			raw_address(c, p->key, p->value);
		tree_items(p->value->kind == NODE_SEQ ? p->value : NULL, ip)
			raw_address(c, p->key, *ip);
	}
	return n;
}

struct node *canon_extra_hosts(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *seq;

	if (n->kind != NODE_SEQ && n->kind != NODE_MAP)
		return canon_wrong(c, row, n, "a mapping or a list of HOST=IP");
	if (n->kind == NODE_SEQ)
		canon_equal_items(c, row, n);
	if (c->s->no_interpolate)
		return raw_hosts(c, n);
	seq = canon_like(c, n, NODE_SEQ);
	for (size_t i = 0; i < n->n; i++) {
		size_t mark = n->kind == NODE_MAP ? canon_push(c, n->pairs[i].key) : canon_push_index(c, i);

		if (n->kind == NODE_MAP)
			hosts_of_pair(c, seq, &n->pairs[i]);
		else
			hosts_of_line(c, seq, n->items[i]);
		canon_pop(c, mark);
	}
	return seq;
}

/* Empty servers are passed over. */
struct node *canon_dns(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *seq;

	if (n->kind != NODE_SEQ && n->kind != NODE_STR)
		return n;
	seq = canon_like(c, n, NODE_SEQ);
	if (n->kind == NODE_STR && *n->text)
		node_push(c->a, seq, n);
	for (size_t i = 0; i < n->n; i++)
		if (n->items[i]->kind != NODE_STR || *n->items[i]->text)
			node_push(c->a, seq, n->items[i]);
	return seq;
}
