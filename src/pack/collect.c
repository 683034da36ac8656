#include "collect.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "reach.h"
#include "rebuild.h"

struct sweep {
	struct change *c;
	const struct reach *reach;
	bool dry;
	struct collected *out;
};

static bool is_hex(const char *name, size_t n)
{
	return n == HASH_HEX_LEN && strspn(name, "0123456789abcdef") >= n;
}

/* ------------------------------------------------------------------ images that another tool dropped */

/* The descriptor of an image that is among the blobs; NULL: it is not, or *err says why nobody knows. */
static json_t *find_manifest(const struct change *c, const char *id, struct err *err)
{
	auto_json json_t *list = NULL;

	return rebuild_list(&c->stage, id, &list, err) < 0 ? NULL : json_incref(json_array_get(list, 0));
}

static int bring_back(struct change *c, const struct pack_uses *uses, const struct reach *r, bool dry, struct err *err)
{
	bool changed = false;

	for (size_t i = 0; i < uses->n && !dry; i++) {
		const char *id = uses->v[i].image_id;
		json_t *desc = id && digest_hex(id) && !map_has(&r->ids, id) ? find_manifest(c, id, err) : NULL;

		if (!desc)
			continue;
		log_info("image '%s' comes back into the index: %s of project '%s' is made of it", id, uses->v[i].what, uses->v[i].project);
		json_array_append_new(jx_arr(c->index, "manifests"), desc);
		changed = true;
	}
	return changed ? change_write(c, err) : 0;
}

/* ------------------------------------------------------------------ what goes */

static int drop_layer(const struct sweep *s, const char *chain, struct err *err)
{
	auto_free char *meta = xasprintf("layers/%s.json", chain);
	int64_t bytes = store_layer_bytes(s->c->stage.images_fd, chain);

	s->out->layers++;
	s->out->bytes += bytes > 0 ? (uint64_t)bytes : 0;
	strs_add(&s->out->chains, chain);
	if (s->dry)
		return 0;
	if (change_away(s->c, "layers", chain, err) < 0)
		return -1;
	unlinkat(s->c->stage.images_fd, meta, 0);
	return 0;
}

/* "CHAIN" and "CHAIN.json", which is written first and goes last. */
static int sweep_layers(const struct sweep *s, struct err *err)
{
	auto_strs struct strs names = STRS_INIT;
	struct map there = MAP_INIT;
	int r = stage_list(&s->c->stage, "layers", &names, err);

	for (size_t i = 0; i < names.n; i++)
		map_set(&there, names.v[i], &there);
	for (size_t i = 0; i < names.n && r == 0; i++) {
		const char *name = names.v[i];
		size_t n = strcspn(name, ".");
		auto_free char *chain = xstrndup(name, n), *meta = xasprintf("layers/%s", name);

		if (!is_hex(name, n) || (name[n] && !STREQ(name + n, ".json")))
			continue;
		if (!name[n] && !map_has(&s->reach->chains, chain))
			r = drop_layer(s, chain, err);
		else if (name[n] && !map_has(&there, chain) && !s->dry)
			unlinkat(s->c->stage.images_fd, meta, 0);
	}
	map_done(&there, NULL);
	return r;
}

static int sweep_blobs(const struct sweep *s, struct err *err)
{
	auto_strs struct strs names = STRS_INIT;
	int r = stage_list(&s->c->stage, "blobs/sha256", &names, err);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		auto_free char *path = xasprintf("blobs/sha256/%s", names.v[i]);
		struct stat st;

		if (!is_hex(names.v[i], strlen(names.v[i])) || map_has(&s->reach->blobs, names.v[i]) ||
			fstatat(s->c->stage.images_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		s->out->blobs++;
		s->out->bytes += (uint64_t)st.st_size;
		if (!s->dry)
			r = change_away(s->c, "blobs/sha256", names.v[i], err);
	}
	return r;
}

/* Short names whose layer is not there. One that is made at this moment is of a layer that somebody uses. */
static int sweep_links(const struct sweep *s, struct err *err)
{
	auto_strs struct strs names = STRS_INIT;
	int r = stage_list(&s->c->stage, "l", &names, err);

	for (size_t i = 0; i < names.n && r == 0 && !s->dry; i++) {
		auto_free char *link = xasprintf("l/%s", names.v[i]);

		if (faccessat(s->c->stage.images_fd, link, F_OK, 0) < 0 && errno == ENOENT)
			unlinkat(s->c->stage.images_fd, link, 0);
	}
	return r;
}

/* In this order: whatever is left of a removal that was killed is found by the next one. */
static int sweep_all(const struct sweep *s, struct err *err)
{
	if (s->reach->doubt)
		log_warn("no layer is removed: it cannot be known which layers belong to image %s", s->reach->doubt);
	else if (sweep_layers(s, err) < 0 || sweep_links(s, err) < 0)
		return -1;
	return sweep_blobs(s, err);
}

int collect(struct change *c, const struct pack_uses *uses, bool dry, struct collected *ret, struct err *err)
{
	struct reach reach;
	struct sweep s = { c, &reach, dry, ret };
	int r;

	*ret = (struct collected){ 0 };
	if (reach_find(&c->store, c->index, uses, &reach, err) < 0)
		return -1;
	r = bring_back(c, uses, &reach, dry, err);
	reach_done(&reach);
	if (r < 0 || reach_find(&c->store, c->index, uses, &reach, err) < 0)
		return -1;
	r = sweep_all(&s, err);
	reach_done(&reach);
	return r;
}

void collected_done(struct collected *l)
{
	strs_done(&l->chains);
}
