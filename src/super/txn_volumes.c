/* txn_volumes.c - `down -v`: what goes is told before it goes, each volume with its size; what another container uses stays, and
 * so does what the model calls external. A rollback removes those that its `up` has made. */
#include "txn.h"

#include <string.h>

#include "../state/volume_user.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"

enum { SIZES_MS = 2000 };        /* for all of them: nobody waits for a terabyte to be counted */

/* ------------------------------------------------------------------ gone */

static void on_removed(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	struct ticket *k = arg;

	for (size_t i = 0; !err && ticket_holds(k) && i < k->t->new_volumes.n; i++) {
		super_event(s, EV_VOLUME_DESTROY, k->t->new_volumes.v[i], NULL);
		publish_step(s, k->t->c, "volume", k->t->new_volumes.v[i], NULL, "Removed", NULL);
	}
	if (ticket_holds(k))
		op_end(k->t, k->i, err, NULL);
	free(k);
}

/* ------------------------------------------------------------------ looked at */

static json_t *survey_one(const struct super *s, const char *name, int64_t until_ns)
{
	const char *const *services = s->txn && !s->txn->rollback ? (const char *const *)s->txn->services : NULL;
	auto_free char *path = vol_path(s->volumes, name), *user = volume_user(s->p.state_root, s->p.name, services, name);
	int64_t left_ms = (until_ns - clock_mono_ns()) / MS_NS;
	bool more = false;
	int64_t bytes = path ? path_tree_bytes_within(path, left_ms > 0 ? (int)left_ms : 0, &more) : 0;

	return json_pack("{s:s, s:I, s:b, s:s?}", "name", name, "bytes", (json_int_t)bytes, "more", (int)more, "user", user);
}

static int survey_work(void *arg, json_t **ret, struct err *err)
{
	int64_t until_ns = clock_mono_ns() + SIZES_MS * MS_NS;
	const struct super *s = arg;

	*ret = json_array();
	for (size_t i = 0; i < s->doomed_volumes->n; i++)
		json_array_append_new(*ret, survey_one(s, s->doomed_volumes->v[i], until_ns));
	return 0;
}

static void announce(struct txn *t, const json_t *v)
{
	char size[24];

	str_human_size((double)jx_int(v, "bytes", 0), size);
	auto_free char *text = xasprintf("%s%s", jx_bool(v, "more", false) ? "at least " : "", size);
	publish_step(t->s, t->c, "volume", jx_str(v, "name"), NULL, "Removing", text);
}

static void spare(struct txn *t, const char *name, const char *user)
{
	auto_free char *msg = xasprintf("volume '%s' stays: %s uses it", name, user);

	publish_warn(t->s, t->c, NULL, msg);
	publish_step(t->s, t->c, "volume", name, NULL, "Resource is still in use", NULL);
}

static void on_survey(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	struct ticket *k = arg;
	struct txn *t = k->t;
	const json_t *v;
	size_t i;

	if (!ticket_holds(k) || err) {
		if (ticket_holds(k))
			op_end(t, k->i, err, NULL);
		free(k);
		return;
	}
	strs_done(&t->new_volumes);
	json_array_foreach(result, i, v) {
		if (jx_str(v, "user")) {
			spare(t, jx_str(v, "name"), jx_str(v, "user"));
			continue;
		}
		strs_add(&t->new_volumes, jx_str(v, "name"));
		announce(t, v);
	}
	network_volumes(s, &t->new_volumes, on_removed, k);
}

void op_begin_volumes(struct txn *t, size_t self)
{
	auto_json json_t *vols = vol_list(t->s->volumes, t->s->p.name);
	const json_t *v;
	size_t i;

	if (!t->rollback) {
		strs_done(&t->new_volumes);
		json_array_foreach(vols, i, v)
			if (plan_takes_volume(t->s->model, (const char *const *)t->services, jx_str(v, "name")))
				strs_add(&t->new_volumes, jx_str(v, "name"));
	}
	t->s->doomed_volumes = &t->new_volumes;
	network_submit(t->s, survey_work, on_survey, ticket(t, self));
}
