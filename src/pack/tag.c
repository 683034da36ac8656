/* tag.c - an image gets another name. */
#include "pack.h"

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "change.h"

static int parse_target(const char *target, char **ret, struct err *err)
{
	struct image_ref r;

	if (ref_parse(target, &r, err) < 0)
		return -1;
	if (r.digest)
		err_set(err, ERR_INPUT, "image reference '%s' has a digest: a name that is given has a tag only", target);
	else
		*ret = ref_format(&r);
	ref_done(&r);
	return *ret ? 0 : -1;
}

static json_t *named(const json_t *desc, const char *ref)
{
	json_t *copy = json_deep_copy(desc), *notes = jx_obj(copy, "annotations");
	char now[40];

	if (!notes) {
		notes = json_object();
		json_object_set_new(copy, "annotations", notes);
	}
	clock_format(clock_wall_ns(), now);
	json_object_del(notes, "io.containerd.image.name"); /* which would say the other name */
	jx_set_str(notes, REF_NAME, ref);
	jx_set_str(notes, PULLED_AT, now);
	return copy;
}

/* All platforms that go by the source's name; of an id, the one image. */
static size_t copy_descs(const struct entries *l, const struct image *source, const char *ref, json_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct entry *e = &l->v[i];
		bool same = source->ref ? str_eq(e->ref, source->ref) : str_eq(jx_str(e->desc, "digest"), source->manifest_digest) && !n;

		if (same)
			json_array_append_new(ret, named(e->desc, ref));
		n += same;
	}
	return n;
}

static int tag_locked(struct change *c, const char *source, const char *ref, struct err *err)
{
	auto_json json_t *copies = json_array();
	struct image *img = NULL;
	struct entries l;
	json_t *desc;
	size_t i;
	int r = 0;

	if (image_look(&c->store, source, NULL, &img, err) < 0)
		return -1;
	entries_read(c, &l);
	copy_descs(&l, img, ref, copies);
	if (!str_eq(img->ref, ref)) {
		for (i = 0; i < l.n; i++)
			if (str_eq(l.v[i].ref, ref))
				l.v[i].state = ENTRY_NAMELESS;
		entries_apply(c, &l);
		json_array_foreach(copies, i, desc)
			json_array_append(jx_arr(c->index, "manifests"), desc);
		r = change_write(c, err);
	}
	image_free(img);
	entries_done(&l);
	return r;
}

int pack_tag(const char *state_dir, const char *source, const char *target, struct err *err)
{
	auto_free char *ref = NULL;
	struct change c;
	int r;

	if (parse_target(target, &ref, err) < 0 || change_begin(state_dir, &c, err) < 0)
		return -1;
	r = tag_locked(&c, source, ref, err);
	change_end(&c);
	return r;
}
