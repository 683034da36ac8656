/* bases.c - base images that come from registries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "step.h"

/* Images of the project's own services are built, or were. */
static bool is_built(const struct project *p, const char *ref)
{
	for (size_t i = 0; i < p->n_services; i++) {
		auto_free char *built = p->services[i].build.given ? spec_ref(p->services[i].image) : NULL;

		if (str_eq(built, ref))
			return true;
	}
	return false;
}

static json_t *wanted(const struct step *s, struct image_store *store, const struct dockerfile_bases *bases, bool pull)
{
	json_t *list = json_array();

	for (size_t i = 0; i < bases->n; i++) {
		const char *platform = bases->v[i].platform;
		auto_free char *ref = spec_ref(bases->v[i].name);
		struct image *img = NULL;
		json_t *one;

		if (!ref || is_built(s->run->project, ref) ||
		    (!pull && image_look(store, ref, platform, &img, NULL) == 0)) {
			image_free(img);
			continue;
		}
		one = json_pack("{s:s, s:s}", "ref", ref, "policy", pull ? "always" : "missing");
		jx_set_str(one, "platform", platform);
		json_array_append_new(list, one);
	}
	return list;
}

static void say(const struct step *s, const char *what, const char *text)
{
	auto_free char *line = xasprintf("%s%s\n", what, text);

	fd_write_all(s->out_fd, line, strlen(line));
}

int step_fetch(const struct step *s, const struct dockerfile_bases *bases, struct err *err)
{
	bool pull = s->spec->opts->pull || s->spec->service->build.pull;
	struct image_store *store = NULL;
	auto_err struct err why = ERR_INIT;
	auto_json json_t *list = NULL;
	const json_t *one;
	size_t i;

	if (image_store_open(s->run->host.state_dir, &store, err) < 0)
		return -1;
	list = wanted(s, store, bases, pull);
	image_store_close(store);
	if (!json_array_size(list))
		return 0;
	json_array_foreach(list, i, one)
		say(s, "Pulling ", jx_str(one, "ref"));
	if (s->run->ask(s->run->arg, "pull", json_pack("{s:O, s:b}", "images", list, "quiet", 1), &why) == 0)
		return 0;
	if (pull)
		return err_move(err, &why);
	say(s, "davit: ", err_msg(&why));
	return 0;
}
