/* down_images.c - `down --rmi`: the images of a project go when its containers have gone. */
#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "down.h"
#include "imager.h"

/* An image without a name of its user's choice is called after its service: it was built. */
static bool is_local(const struct cli *c, const struct unit_rec *u)
{
	auto_free char *built = xasprintf("%s-%s", c->name, u->service), *built_ref = ref_normal(built), *ref = ref_normal(u->image);

	return str_eq(built_ref, ref);
}

static void add_once(json_t *names, const char *name)
{
	bool known = !name;

	for (size_t i = 0; i < json_array_size(names); i++)
		known |= str_eq(json_string_value(json_array_get(names, i)), name);
	if (!known)
		json_array_append_new(names, json_string(name));
}

json_t *down_images(const struct cli *c, bool only_local)
{
	json_t *names = json_array();

	map_each(&c->world.units, it) {
		const struct unit_rec *u = it->value;

		if (!only_local || is_local(c, u))
			add_once(names, u->image);
	}
	for (size_t i = 0; c->project && i < c->project->n_services; i++) {
		const struct service *s = &c->project->services[i];

		if (!only_local || s->build.names_image)
			add_once(names, s->image);
	}
	return names;
}

struct removing {
	struct cli *c;
	struct progress *progress;
	size_t removed;
};

/* What another project needs stays, and that is no failure of this one's end. */
static int on_event(void *arg, const json_t *ev, struct err *err)
{
	struct removing *r = arg;

	if (str_eq(jx_str(ev, "ev"), "untagged")) {
		progress_step(r->progress, "Image", jx_str(ev, "name"), "Removed", NULL);
		progress_draw(r->progress);
		r->removed++;
	} else if (str_eq(jx_str(ev, "ev"), "refused") && !str_eq(jx_str(ev, "kind"), err_kind_str(ERR_NOT_FOUND))) {
		progress_hide(r->progress);
		ui_warn(&r->c->ui, "%s", jx_str(ev, "msg"));
	}
	return 0;
}

int down_remove_images(struct cli *c, json_t *names, size_t *ret_removed, struct err *err)
{
	struct removing r = { .c = c };
	const struct imager what = {
		.verb = "remove", .request = json_pack("{s:o}", "names", names), .input_fd = -1, .output_fd = -1, .on_event = on_event, .arg = &r,
	};
	int result;

	if (!json_array_size(names)) {   /* a removal without names is a prune */
		json_decref(what.request);
		return 0;
	}
	r.progress = progress_new(&c->ui, "Removing");
	result = imager_run(c, &what, err);
	progress_free(r.progress);
	if (ret_removed)
		*ret_removed = r.removed;
	return result;
}
