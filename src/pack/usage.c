/* usage.c - what images take of the disk: blobs and unpacked layers, which images share. */
#include "pack.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "collect.h"
#include "later.h"
#include "partial.h"
#include "reach.h"

struct part { /* a blob or a layer */
	int64_t bytes;
	unsigned users; /* images that have it */
	bool active;	/* one of them is in use */
};
struct usage {
	const struct pack_usage *req;
	struct change c;
	struct entries entries;
	struct pack_uses uses;
	struct later later;
	struct map parts;		  /* "b-HEX", "l-CHAIN" → malloc'ed struct part */
	struct map ids;			  /* images, each once: → their entry */
	size_t active;
};

static int64_t bytes_of(const struct usage *u, char kind, const char *name)
{
	auto_free char *path = xasprintf("blobs/sha256/%s", name);
	int64_t bytes;
	struct stat st;

	if (kind == 'b')
		return fstatat(u->c.stage.images_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_size;
	bytes = store_layer_bytes(u->c.stage.images_fd, name);
	return bytes > 0 ? bytes : 0;
}

static struct part *part_of(struct usage *u, char kind, const char *name)
{
	auto_free char *key = xasprintf("%c-%s", kind, name);
	struct part *p = map_get(&u->parts, key);

	if (p)
		return p;
	p = xcalloc(1, sizeof *p);
	p->bytes = bytes_of(u, kind, name);
	map_set(&u->parts, key, p);
	return p;
}

static int reach_one(const struct usage *u, const struct entry *e, struct reach *ret, struct err *err)
{
	auto_json json_t *index = json_pack("{s:[O]}", "manifests", e->desc);

	return reach_find(&u->c.store, index, NULL, ret, err);
}

static bool is_active(const struct usage *u, const char *id)
{
	for (size_t i = 0; i < u->entries.n; i++)
		if (str_eq(u->entries.v[i].id, id) && uses_of_ref(&u->uses, u->entries.v[i].ref))
			return true;
	return uses_of_id(&u->uses, id) != NULL;
}

static int count_image(struct usage *u, const struct entry *e, struct err *err)
{
	bool active = is_active(u, e->id);
	struct reach r;

	if (reach_one(u, e, &r, err) < 0)
		return -1;
	map_each(&r.blobs, it) {
		struct part *p = part_of(u, 'b', it->key);
		p->users++;
		p->active |= active;
	}
	map_each(&r.chains, it) {
		struct part *p = part_of(u, 'l', it->key);
		p->users++;
		p->active |= active;
	}
	u->active += active;
	reach_done(&r);
	return 0;
}

static size_t containers_of(const struct usage *u, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < u->uses.n; i++)
		n += str_eq(u->uses.v[i].image_id, id);
	return n;
}

static void add_parts(struct usage *u, char kind, const struct map *names, int64_t *ret_bytes, int64_t *ret_unique)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct part *p = part_of(u, kind, names->items[i].key);

		*ret_bytes += p->bytes;
		*ret_unique += p->users == 1 ? p->bytes : 0;
	}
}

static int tell_image(struct usage *u, const struct entry *e, struct err *err)
{
	int64_t bytes = 0, unique = 0;
	struct reach r;

	if (reach_one(u, e, &r, err) < 0)
		return -1;
	add_parts(u, 'b', &r.blobs, &bytes, &unique);
	add_parts(u, 'l', &r.chains, &bytes, &unique);
	reach_done(&r);
	later_add(&u->later, json_pack("{s:s, s:s, s:I, s:I, s:I}", "ev", "image", "id", e->id, "bytes", (json_int_t)bytes, "unique",
		(json_int_t)unique, "containers", (json_int_t)containers_of(u, e->id)));
	return 0;
}

static int tell_all(struct usage *u, struct err *err)
{
	int64_t bytes = 0, kept = 0;
	struct collected left;

	map_each(&u->ids, it)
		if (tell_image(u, it->value, err) < 0)
			return -1;
	map_each(&u->parts, it) {
		const struct part *p = it->value;
		bytes += p->bytes;
		kept += p->active ? p->bytes : 0;
	}
	if (collect(&u->c, &u->uses, true, &left, err) < 0)
		return -1;
	bytes += (int64_t)(left.bytes + partial_bytes(u->c.stage.images_fd));
	collected_done(&left);
	later_add(&u->later, json_pack("{s:s, s:I, s:I, s:I, s:I}", "ev", "images", "count", (json_int_t)u->ids.n, "active",
		(json_int_t)u->active, "bytes", (json_int_t)bytes, "reclaimable", (json_int_t)(bytes - kept)));
	return 0;
}

static int usage_locked(struct usage *u, struct err *err)
{
	if (u->req->uses(u->req->uses_arg, &u->uses, err) < 0)
		return -1;
	entries_read(&u->c, &u->entries);
	for (size_t i = 0; i < u->entries.n; i++) {
		struct entry *e = &u->entries.v[i];

		if (!e->id || map_has(&u->ids, e->id))
			continue;
		map_set(&u->ids, e->id, e);
		if (count_image(u, e, err) < 0)
			return -1;
	}
	return tell_all(u, err);
}

int pack_usage(const struct pack_usage *req, struct err *err)
{
	struct usage u = { .req = req, .later = { req->on_event, req->arg, NULL } };
	int r;

	if (change_look(req->state_dir, &u.c, err) < 0)
		return -1;
	r = usage_locked(&u, err);
	change_end(&u.c);
	later_tell(&u.later);
	map_done(&u.parts, free);
	map_done(&u.ids, NULL);
	entries_done(&u.entries);
	uses_done(&u.uses);
	return r;
}
