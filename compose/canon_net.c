/* canon_net.c - long forms of ports, networks and extra_hosts. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "canon.h"
#include "val.h"

/* ------------------------------------------------------------------ ports */

/* A line may mean 65535 ports; a file with many such lines must not fill the memory. */
enum { PORTS_MAX = 1 << 17 };

static void one_port(
	struct canon *c, struct node *seq, const struct node *from, const struct val_port *p, unsigned i)
{
	struct node *map = canon_like(c, from, NODE_MAP),
		    *target = node_int(c->a, p->target_min + i, from->pos);

	canon_set_str(c, map, "mode", from, "ingress");
	canon_set_str(c, map, "host_ip", from, p->host_ip);
	canon_set(c, map, "target", from, target);
	target->span = from->span;
	target->origin = from->origin;
	if (p->published && p->target_min == p->target_max && p->published_min != p->published_max)
		canon_set_str(c, map, "published", from,
			arena_printf(c->a, "%u-%u", p->published_min, p->published_max));
	else if (p->published)
		canon_set_str(c, map, "published", from, arena_printf(c->a, "%u", p->published_min + i));
	canon_set_str(c, map, "protocol", from, p->protocol);
	node_push(c->a, seq, map);
}

/* A range of container ports becomes as many items. */
static void short_port(struct canon *c, struct node *seq, struct node *item)
{
	struct val_port p;
	char *why;

	if (canon_opaque(c, item)) {
		node_push(c->a, seq, item);
		return;
	}
	if (val_port(c->a, val_scalar_text(c->a, item), &p, &why) < 0) {
		canon_error(c, item, "%s", why);
		node_push(c->a, seq, canon_gap(c, item));
		return;
	}
	if (seq->n + (p.target_max - p.target_min) >= PORTS_MAX) {
		canon_error(c, item, "more than %d ports in one service", PORTS_MAX);
		return;
	}
	for (unsigned i = 0; i <= p.target_max - p.target_min; i++)
		one_port(c, seq, item, &p, i);
}

struct node *canon_ports(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *seq;

	if (n->kind != NODE_SEQ)
		return n;
	seq = canon_like(c, n, NODE_SEQ);
	for (size_t i = 0; i < n->n; i++) {
		size_t mark = canon_push_index(c, i);
		struct node *item = n->items[i];

		if (item->kind == NODE_STR || item->kind == NODE_INT || item->kind == NODE_FLOAT)
			short_port(c, seq, item);
		else
			node_push(c->a, seq, item);
		canon_pop(c, mark);
	}
	return seq;
}

static void default_text(struct canon *c, struct node *map, const char *key, const char *text)
{
	if (!node_get(map, key))
		canon_set_str(c, map, key, map, text);
}

struct node *canon_port(struct canon *c, const struct attr *row, struct node *n)
{
	if (n->kind != NODE_MAP)
		return n;
	default_text(c, n, "mode", "ingress");
	default_text(c, n, "protocol", "tcp");
	return n;
}

static const char *text_at(struct arena *a, const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	return n ? val_scalar_text(a, n) : "";
}

/* All addresses are the same as none. */
const char *key_port(struct arena *a, const struct node *item)
{
	const char *ip;

	if (item->kind == NODE_STR)
		return item->text;
	if (item->kind != NODE_MAP)
		return NULL;
	ip = text_at(a, item, "host_ip");
	return arena_printf(a, "%s|%s|%s|%s", STREQ(ip, "0.0.0.0") ? "" : ip, text_at(a, item, "published"),
		text_at(a, item, "target"), text_at(a, item, "protocol"));
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
			canon_error(c, item, "the name of a network must be a string, not a %s",
				node_kind_str(item->kind));
		else if (node_pair_get(map, item->text))
			canon_error(c, item, "network '%s' is named twice", item->text);
		else
			canon_set(c, map, item->text, item, canon_like(c, item, NODE_NULL));
		canon_pop(c, mark);
	}
	return map;
}

static void host_line(struct canon *c, struct node *seq, const struct node *from, const char *text)
{
	char *line, *why;

	if (val_host(c->a, text, &line, &why) < 0)
		canon_error(c, from, "%s", why);
	else
		node_push(c->a, seq, canon_str(c, from, line));
}

static void hosts_of_map(struct canon *c, struct node *seq, const struct node_pair *p)
{
	const struct node *v = p->value;

	if (v->kind == NODE_SEQ) {
		for (size_t i = 0; i < v->n; i++)
			if (v->items[i]->kind == NODE_STR)
				host_line(c, seq, v->items[i],
					arena_printf(c->a, "%s=%s", p->key, v->items[i]->text));
			else
				canon_error(c, v->items[i], "an address of '%s' must be a string", p->key);
	} else if (v->kind == NODE_STR) {
		host_line(c, seq, v, arena_printf(c->a, "%s=%s", p->key, v->text));
	} else {
		canon_error(c, v, "the address of '%s' must be a string or a list, not a %s", p->key,
			node_kind_str(v->kind));
	}
}

struct node *canon_extra_hosts(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *seq;

	if (n->kind != NODE_SEQ && n->kind != NODE_MAP)
		return canon_wrong(c, row, n, "a mapping or a list of HOST=IP");
	seq = canon_like(c, n, NODE_SEQ);
	for (size_t i = 0; i < n->n; i++) {
		size_t mark = n->kind == NODE_MAP ? canon_push(c, n->pairs[i].key) : canon_push_index(c, i);

		if (n->kind == NODE_MAP)
			hosts_of_map(c, seq, &n->pairs[i]);
		else if (canon_opaque(c, n->items[i]))
			node_push(c->a, seq, n->items[i]);
		else if (n->items[i]->kind == NODE_STR)
			host_line(c, seq, n->items[i], n->items[i]->text);
		else
			canon_error(c, n->items[i], "an item of 'extra_hosts' must be a string HOST=IP");
		canon_pop(c, mark);
	}
	return seq;
}
