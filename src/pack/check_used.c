/* check_used.c - layers that are not what their blobs hold go, for fresh ones to come, unless containers are made of them.
 *
 * The order that takes no layer from under a container is that of remove.c: who uses what was read; the layer is taken out of the store, so
 * that nobody can begin to use it; who uses what is read again, and a layer that somebody has begun to use in between comes back. Whoever
 * makes a container writes down the image first and looks for it after that, so he is seen by the second reading, or finds no such layer. */
#include "check.h"

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"

static bool has_layer(const struct change *g, const char *id, const char *chain)
{
	auto_json json_t *config = NULL;
	auto_strs struct strs chains = STRS_INIT;

	return id && store_doc(&g->store, id, &config, NULL) == 0 && chain_ids(config, &chains, NULL) == 0 && strs_has(&chains, chain);
}

/* A container that has not come so far as to know its image has its name. */
static bool uses_layer(const struct change *g, const struct entries *now, const struct pack_use *u, const char *chain)
{
	if (u->image_id)
		return has_layer(g, u->image_id, chain);
	for (size_t i = 0; u->container && u->ref && i < now->n; i++)
		if (str_eq(now->v[i].ref, u->ref) && has_layer(g, now->v[i].id, chain))
			return true;
	return false;
}

static const struct pack_use *user_of(const struct change *g, const struct entries *now, const struct pack_uses *uses, const char *chain)
{
	for (size_t i = 0; i < uses->n; i++)
		if (uses_layer(g, now, &uses->v[i], chain))
			return &uses->v[i];
	return NULL;
}

static int take_away(struct check *c, struct change *g, const struct entries *now, const struct pack_uses *uses, struct strs *ret, struct err *err)
{
	map_each(&c->layers, it) {
		const struct check_layer *l = it->value;

		if (!c->req->repair || !l->why || !check_is_still(c, "layers", it->key, l->ino) || user_of(g, now, uses, it->key))
			continue;
		if (change_away(g, "layers", it->key, err) < 0)
			return -1;
		strs_add(ret, it->key);
	}
	return 0;
}

/* Without knowing (uses NULL) all of them. */
static int bring_back(struct change *g, const struct entries *now, const struct pack_uses *uses, const struct strs *away, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < away->n; i++)
		if ((!uses || user_of(g, now, uses, away->v[i])) && change_back(g, "layers", away->v[i], err) < 0)
			r = -1;
	return r;
}

static void tell(struct check *c, const char *chain, const struct check_layer *l, const struct pack_use *u)
{
	bool mended = c->req->repair && !u;
	auto_free char *hint =
		u ? xasprintf("it is in use by %s of project '%s': after 'davit -p %s down' it can be repaired", u->what, u->project, u->project)
		  : NULL;

	check_problem(c, mended, hint, "image '%s': unpacked layer '%s' is not what its blob holds: %s%s", l->image, chain, l->why,
		mended ? "; it is unpacked again" : "");
}

static int read_again(const struct check *c, struct pack_uses *uses, struct err *err)
{
	uses_done(uses);
	return c->req->uses(c->req->uses_arg, uses, err);
}

static int take_unused(struct check *c, struct change *g, const struct entries *now, struct pack_uses *uses, struct strs *away, struct err *err)
{
	if (take_away(c, g, now, uses, away, err) < 0 || (away->n && read_again(c, uses, err) < 0)) {
		bring_back(g, now, NULL, away, NULL);
		return -1;
	}
	return bring_back(g, now, uses, away, err);
}

int check_tell_layers(struct check *c, struct change *g, struct pack_uses *uses, struct err *err)
{
	auto_strs struct strs away = STRS_INIT;
	struct entries now;
	int r;

	entries_read(g, &now);
	r = take_unused(c, g, &now, uses, &away, err);
	map_each(&c->layers, it) {
		const struct check_layer *l = it->value;

		if (r == 0 && l->why && (strs_has(&away, it->key) || check_is_still(c, "layers", it->key, l->ino)))
			tell(c, it->key, l, user_of(g, &now, uses, it->key));
	}
	entries_done(&now);
	return r;
}
