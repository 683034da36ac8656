/* canon_mount.c - long forms of volumes, devices, configs and secrets. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "canon.h"
#include "load.h"
#include "val.h"

/* Runs `make` on each string of a list and leaves the rest; what it cannot read is reported and leaves a gap.
 */
static struct node *each_string(
	struct canon *c, struct node *n, struct node *(*make)(struct canon *c, struct node *item))
{
	struct node *seq;

	if (n->kind != NODE_SEQ)
		return n;
	seq = canon_like(c, n, NODE_SEQ);
	for (size_t i = 0; i < n->n; i++) {
		size_t mark = canon_push_index(c, i);
		struct node *item = n->items[i];

		if (load_is_timestamp(item))
			item = canon_error(c, item, "a date is neither a string nor a mapping");
		else if (item->kind == NODE_STR)
			item = make(c, item);
		node_push(c->a, seq, item ? item : canon_gap(c, n->items[i]));
		canon_pop(c, mark);
	}
	return seq;
}

/* ------------------------------------------------------------------ volumes */

static void set_true(struct canon *c, struct node *map, const char *key, const struct node *from)
{
	canon_set(c, map, key, from, node_bool(c->a, true, from->pos));
}

static struct node *mount_of(struct canon *c, struct node *item)
{
	struct val_mount m;
	struct node *map, *sub;
	char *why;

	if (val_mount(c->a, item->text, &m, &why) < 0)
		return canon_error(c, item, "%s", why);
	if (m.unknown)
		canon_warn(c, item, "mount option '%s' is unknown and ignored", m.unknown);
	map = canon_like(c, item, NODE_MAP);
	canon_set_str(c, map, "type", item, m.bind ? "bind" : "volume");
	canon_set_str(c, map, "source", item, m.source);
	canon_set_str(c, map, "target", item, m.target);
	if (m.read_only)
		set_true(c, map, "read_only", item);
	if (m.bind || m.propagation || m.selinux) {
		canon_set(c, map, "bind", item, sub = canon_like(c, item, NODE_MAP));
		canon_set_str(c, sub, "propagation", item, m.propagation);
		canon_set_str(c, sub, "selinux", item, m.selinux);
		if (m.bind)
			set_true(c, sub, "create_host_path", item);
	}
	if ((!m.bind && !m.bare) || m.nocopy) {
		canon_set(c, map, "volume", item, sub = canon_like(c, item, NODE_MAP));
		if (m.nocopy)
			set_true(c, sub, "nocopy", item);
	}
	return map;
}

struct node *canon_volumes(struct canon *c, const struct attr *row, struct node *n)
{
	return each_string(c, n, mount_of);
}

const char *key_target(struct arena *a, const struct node *item)
{
	const struct node *target = node_get(item, "target");

	if (item->kind == NODE_STR)
		return item->text;
	return target && target->kind == NODE_STR ? target->text : NULL;
}

/* ------------------------------------------------------------------ devices */

static struct node *device_of(struct canon *c, struct node *item)
{
	struct node *map;
	struct device d;
	char *why;

	if (val_device(c->a, item->text, &d, &why) < 0) {
		if (!c->s->no_interpolate)
			return canon_error(c, item, "%s", why);
		/* the reference goes on with nothing but its permissions */
		d = (struct device){ arena_strdup(c->a, ""), arena_strdup(c->a, ""),
			arena_strdup(c->a, "rwm") };
	}
	map = canon_like(c, item, NODE_MAP);
	canon_set_str(c, map, "source", item, d.source);
	canon_set_str(c, map, "target", item, d.target);
	canon_set_str(c, map, "permissions", item, d.permissions);
	return map;
}

struct node *canon_devices(struct canon *c, const struct attr *row, struct node *n)
{
	return each_string(c, n, device_of);
}

/* ------------------------------------------------------------------ configs and secrets of a service */

static struct node *file_ref_of(struct canon *c, struct node *item)
{
	struct node *map = canon_like(c, item, NODE_MAP);

	canon_set_str(c, map, "source", item, item->text);
	return map;
}

struct node *canon_file_refs(struct canon *c, const struct attr *row, struct node *n)
{
	return each_string(c, n, file_ref_of);
}

struct node *canon_service_secrets(struct canon *c, const struct attr *row, struct node *n)
{
	n = each_string(c, n, file_ref_of);
	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++) {
		struct node *source = node_get(n->items[i], "source");

		if (source && source->kind == NODE_STR && !node_get(n->items[i], "target"))
			canon_set_str(c, n->items[i], "target", source,
				arena_printf(c->a, "/run/secrets/%s", source->text));
	}
	return n;
}

const char *key_file_ref(struct arena *a, const struct node *item)
{
	const struct node *n = node_get(item, "target");

	if (!n) {
		n = node_get(item, "source");
		return n && n->kind == NODE_STR ? arena_printf(a, "/%s", n->text) : NULL;
	}
	return n->kind == NODE_STR ? n->text : NULL;
}

/* ------------------------------------------------------------------ permissions */

/* Nobody has a right that the one before has not, and who may write may read. */
static bool is_likely_mode(int64_t mode)
{
	unsigned rest = (unsigned)mode & 07777, user = rest >> 6 & 7, group = rest >> 3 & 7, other = rest & 7;

	return rest == mode && !(group & ~user) && !(other & ~group) && (user & 6) != 2 && (group & 6) != 2 &&
	       (other & 6) != 2;
}

/* "mode: 755" is 01363. */
static void decimal_mode(struct canon *c, const struct attr *row, const struct node *n, int64_t mode)
{
	int64_t meant;

	if (!n->text || *n->text == '0' || val_mode(n->text, &meant) < 0 || !is_likely_mode(meant) ||
		is_likely_mode(mode))
		return;
	canon_warn(c, n, "'%s: %s' is a decimal number: permissions 0%llo", row->key, n->text,
		(unsigned long long)mode);
	canon_hint(c, "for permissions in octal write 0%s", n->text);
}

/* While variables are left alone, any number or text may come to permissions. */
static bool is_raw_mode(const struct canon *c, const struct node *n)
{
	return c->s->no_interpolate && ((n->kind == NODE_STR && !load_is_timestamp(n)) ||
					       n->kind == NODE_INT || n->kind == NODE_FLOAT);
}

/* A number is taken as it is, digits in quotes are octal. */
struct node *canon_mode(struct canon *c, const struct attr *row, struct node *n)
{
	int64_t mode = n->i;

	if (is_raw_mode(c, n))
		return n;
	if (n->kind != NODE_INT && (n->kind != NODE_STR || val_mode(n->text, &mode) < 0))
		return canon_error(c, n, "'%s' must be permissions in octal such as \"0440\"", row->key);
	if (n->kind == NODE_INT)
		decimal_mode(c, row, n, mode);
	if (mode < 0)
		canon_warn(c, n, "a negative '%s' is no permissions, the default is used", row->key);
	return canon_str(c, n,
		mode < 0 ? arena_printf(c->a, "0-%llo", -(unsigned long long)mode)
			 : arena_printf(c->a, "0%llo", (unsigned long long)mode));
}

/* Only a number will do for the reference; of a fraction it takes the whole part. */
struct node *canon_mode_int(struct canon *c, const struct attr *row, struct node *n)
{
	bool number = n->kind == NODE_INT || n->kind == NODE_FLOAT;
	double v = n->kind == NODE_INT ? (double)n->i : n->f;

	if (is_raw_mode(c, n))
		return n;
	if (!number || !(v >= 0 && v <= UINT32_MAX)) {
		canon_error(c, n, "'%s' must be permissions as a number such as 0755", row->key);
		if (n->kind == NODE_STR)
			canon_hint(c, "leave the quotes out");
		return NULL;
	}
	if (n->kind == NODE_INT)
		decimal_mode(c, row, n, n->i);
	return canon_place(node_int(c->a, (long long)v, n->pos), n);
}
