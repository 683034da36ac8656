/* dry_resources.c - the images, networks and volumes of a plan: what there is of them is looked up where they are kept. */
#include <net/if.h>
#include <string.h>

#include "../../netdrv/net.h"
#include "../../volumes/vol.h"
#include "../state/volume_user.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "dry.h"

enum { SIZES_MS = 2000 };        /* for all volumes: nobody waits for a terabyte to be counted */

static bool has_op(const struct plan *p, enum op_kind kind)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->ops[i].kind == kind)
			return true;
	return false;
}

/* ------------------------------------------------------------------ images */

void dry_images(const struct image_needs *needs, struct changes *out)
{
	for (size_t i = 0; i < needs->n; i++) {
		const struct image_need *need = &needs->v[i];
		bool again = false, build = need->todo == IMAGE_BUILD;

		for (size_t k = 0; k < i; k++)
			again |= needs->v[k].todo == need->todo && image_same(needs->v[k].name, need->name);
		if (again || need->todo == IMAGE_USE || need->todo == IMAGE_ABSENT)
			continue;
		changes_add(out, CHANGE_IMAGE, build ? CHANGE_BUILD : CHANGE_PULL, need->name, need->s->name,
			    !need->present ? need->todo == IMAGE_TRY_PULL ? "not in the store; built if it cannot be pulled" : "not in the store" :
			    build ? "it is asked for" : "the registry is asked for a newer one");
	}
}

/* ------------------------------------------------------------------ networks */

static void compare_network(const struct net_spec *spec, const struct network *n, const struct net *have, struct changes *out)
{
	auto_json json_t *was = json_pack("{s:b,s:i}", "internal", (int)have->internal, "mtu", (int)have->mtu);
	auto_json json_t *is = json_pack("{s:b,s:i}", "internal", (int)spec->internal, "mtu", (int)spec->mtu);
	auto_free char *path = xasprintf("networks.%s", n->key);

	if (!spec->external && !json_equal(was, is))
		fields_compare(&changes_add(out, CHANGE_NETWORK, CHANGE_UPDATE, n->name, NULL, NULL)->fields, path, was, is);
}

/* A bridge is made when something is set up at all: of a network that nobody was on yet, or after a boot. An entry in the books, which comes
 * before that, is nothing to anybody. */
static int look_at_network(struct ipam *book, const struct project *model, const struct network *n, bool acts, struct changes *out,
			   struct err *err)
{
	struct net_spec spec = plan_net_spec(model, n);
	struct net have = { 0 };
	int r = ipam_check(book, &spec, &have, err);

	if (r < 0)
		return err_wrap(err, "network '%s'", n->key);
	if (r == IPAM_ABSENT && n->external)
		return err_set(err, ERR_NOT_FOUND, "external network '%s' is not there", n->name);
	if (acts && (r == IPAM_ABSENT || !if_nametoindex(have.bridge)))
		changes_add(out, CHANGE_NETWORK, CHANGE_CREATE, n->name, NULL, r == IPAM_ABSENT ? "new" : "it has no bridge");
	else if (r == 0)
		compare_network(&spec, n, &have, out);
	net_done(&have);
	return 0;
}

static void go_networks(struct ipam *book, const char *project, struct changes *out)
{
	auto_json json_t *nets = ipam_list(book, project);
	const json_t *n;
	size_t i;

	json_array_foreach(nets, i, n) {
		bool there = jx_str(n, "bridge") && if_nametoindex(jx_str(n, "bridge"));

		if (there && jx_bool(n, "shared", false))
			changes_add(out, CHANGE_NETWORK, CHANGE_KEEP, jx_str(n, "name"), NULL, "containers of another project are on it");
		else if (there)
			changes_add(out, CHANGE_NETWORK, CHANGE_REMOVE, jx_str(n, "name"), NULL, NULL);
	}
}

/* Setting up does nothing when nothing waits for it and nothing is taken away (txn_project.c). */
static bool sets_up(const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if ((p->ops[i].kind == OP_SETUP && p->ops[i].n_wakes) || p->ops[i].kind == OP_REMOVE)
			return true;
	return false;
}

int dry_networks(struct cli *c, const struct project *model, const struct plan *p, struct changes *out, struct err *err)
{
	struct ipam *book = NULL;
	bool acts = sets_up(p);
	int r = ipam_look(c->dirs.state, &book, err);

	for (size_t i = 0; r == 0 && model && i < model->n_networks; i++)
		r = look_at_network(book, model, &model->networks[i], acts, out, err);
	if (r == 0 && has_op(p, OP_TEARDOWN))
		go_networks(book, c->name, out);
	ipam_close(book);
	return r;
}

/* ------------------------------------------------------------------ volumes */

static int look_at_volume(struct vol_store *store, const struct volume *v, struct changes *out, struct err *err)
{
	auto_free char *path = store ? vol_path(store, v->name) : NULL;

	if (path)
		return 0;
	if (v->external) {
		err_set(err, ERR_NOT_FOUND, "volume '%s': it is external, and there is none", v->name);
		return err_hint(err, "make it first, or take 'external: true' away");
	}
	changes_add(out, CHANGE_VOLUME, CHANGE_CREATE, v->name, NULL, "new");
	return 0;
}

/* That are named on the command line; NULL: all. */
static const char *const *services_of(const struct cli *c)
{
	return c->args.n ? (const char *const *)c->args.v : NULL;
}

static void go_volume(struct cli *c, const json_t *v, int64_t until_ns, struct changes *out)
{
	const char *name = jx_str(v, "name"), *path = jx_str(v, "mountpoint");
	auto_free char *user = volume_user(c->dirs.state, c->name, services_of(c), name);
	auto_free char *why = user ? xasprintf("%s uses it", user) : NULL;
	int64_t left_ms = (until_ns - clock_mono_ns()) / MS_NS, bytes;
	bool more = false;
	char size[24];

	if (user) {
		changes_add(out, CHANGE_VOLUME, CHANGE_KEEP, name, NULL, why);
		return;
	}
	bytes = path ? path_tree_bytes_within(path, left_ms > 0 ? (int)left_ms : 0, &more) : 0;
	str_human_size((double)bytes, size);
	why = xasprintf("%s%s%s", more ? "at least " : "", size, jx_str(v, "key") ? "" : ", anonymous");
	changes_add(out, CHANGE_VOLUME, CHANGE_REMOVE, name, NULL, why);
}

/* As `down -v` goes about it (src/super/txn_volumes.c). */
static void go_volumes(struct cli *c, struct vol_store *store, const struct project *model, struct changes *out)
{
	auto_json json_t *vols = vol_list(store, c->name);
	int64_t until_ns = clock_mono_ns() + SIZES_MS * MS_NS;
	const json_t *v;
	size_t i;

	json_array_foreach(vols, i, v)
		if (plan_takes_volume(model, services_of(c), jx_str(v, "name")))
			go_volume(c, v, until_ns, out);
}

int dry_volumes(struct cli *c, const struct project *model, const struct project *last, const struct plan *p, struct changes *out, struct err *err)
{
	struct vol_store *store = NULL;
	int r = vol_look(c->dirs.state, &store, err);

	for (size_t i = 0; r == 0 && model && i < model->n_volumes; i++)
		r = look_at_volume(store, &model->volumes[i], out, err);
	if (r == 0 && has_op(p, OP_VOLUMES))
		go_volumes(c, store, last, out);
	vol_close(store);
	return r;
}
