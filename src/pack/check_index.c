/* check_index.c - the store's index when it is missing, or no index: a new one is made of what is among the blobs. The names stood in it
 * alone, but for those by which somebody uses an image. */
#include "check.h"

#include <fcntl.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "rebuild.h"

int check_index(struct check *c, json_t **ret, struct err *err)
{
	struct err why = ERR_INIT;
	json_t *list;

	free(take(c->index_why));
	if (store_index(&c->store, ret, &why) == 0)
		return 0;
	if (why.kind != ERR_INPUT) /* the disk's failure, or memory's, says nothing of the index */
		return err_move(err, &why);
	c->index_why = xstrdup(err_msg(&why));
	err_done(&why);
	if (rebuild_list(&c->stage, NULL, &list, err) < 0)
		return -1;
	*ret = json_pack("{s:i, s:o}", "schemaVersion", 2, "manifests", list);
	return 0;
}

static bool is_given(const json_t *list, const char *ref)
{
	const json_t *desc;
	size_t i;

	json_array_foreach(list, i, desc)
		if (str_eq(jx_str(jx_obj(desc, "annotations"), REF_NAME), ref))
			return true;
	return false;
}

static void give_name(json_t *list, json_t *desc, const char *ref)
{
	json_t *named = jx_str(jx_obj(desc, "annotations"), REF_NAME) ? json_deep_copy(desc) : json_incref(desc);

	if (!jx_obj(named, "annotations"))
		json_object_set_new(named, "annotations", json_object());
	jx_set_str(jx_obj(named, "annotations"), REF_NAME, ref);
	if (named != desc)
		json_array_append(list, named);
	json_decref(named);
}

static void give_names(struct change *g, const struct pack_uses *uses)
{
	json_t *list = jx_arr(g->index, "manifests");
	struct entries now;

	entries_read(g, &now);
	for (size_t i = 0; i < uses->n; i++)
		for (size_t k = 0; k < now.n && uses->v[i].ref && uses->v[i].image_id; k++)
			if (str_eq(now.v[k].id, uses->v[i].image_id) && !is_given(list, uses->v[i].ref))
				give_name(list, now.v[k].desc, uses->v[i].ref);
	entries_done(&now);
}

int check_tell_index(struct check *c, struct change *g, const struct pack_uses *uses, struct err *err)
{
	size_t n = json_array_size(jx_arr(g->index, "manifests"));

	if (!c->index_why)
		return 0;
	give_names(g, uses);
	if (c->req->repair) {
		/* kept for whoever knows how to read names out of it */
		if (renameat(c->stage.images_fd, "index.json", c->stage.images_fd, "index.json.damaged") < 0 && errno != ENOENT)
			return err_sys(err, errno, "rename 'index.json' of '%s'", c->stage.images_path);
		if (change_write(g, err) < 0)
			return -1;
	}
	check_problem(c, c->req->repair, "'davit system check --repair' makes a new one of the blobs; no image is removed until then",
		"%s: %zu image%s among the blobs%s", c->index_why, n, n == 1 ? " is" : "s are",
		c->req->repair ? "; index.json is made anew, with the names by which containers use them: give others with 'davit image tag ID NAME', "
				 "or pull and load those again" : "");
	return 0;
}
