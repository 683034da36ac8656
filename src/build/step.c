/* step.c - see step.h. */
#include "step.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "argv.h"

static uint64_t own_limit(int which)
{
	struct rlimit limit;

	return getrlimit(which, &limit) < 0 || limit.rlim_max == RLIM_INFINITY ? UINT64_MAX : limit.rlim_max;
}

void step_places(const struct step *s, const char *iid, const char *out, struct argv_places *ret)
{
	*ret = (struct argv_places){
		.storage = s->session->storage,
		.run = s->rundir,
		.iid = iid,
		.out = out,
		.runtime = s->run->host.runtime,
		.cgroup = s->cgroup,
		.isolation = getenv("BUILDAH_ISOLATION"),
		.max_files = own_limit(RLIMIT_NOFILE),
		.max_processes = own_limit(RLIMIT_NPROC),
	};
}

struct image *step_base(const struct step *s, struct image_store *store, const char *name, char **ret_ref)
{
	auto_free char *ref = spec_ref(name);
	struct image *img = NULL;

	if (!ref || image_look(store, ref, s->spec->platform, &img, NULL) < 0)
		return NULL;
	*ret_ref = take(ref);
	return img;
}

int step_take(const struct step *s, const char *dir, const char *config, struct err *err)
{
	json_t *request = json_object(), *refs = json_array();

	jx_set_str(request, "dir", dir);
	jx_set_str(request, "config", config);
	for (size_t i = 0; i < s->spec->refs.n; i++)
		json_array_append_new(refs, json_string(s->spec->refs.v[i]));
	json_object_set_new(request, "refs", refs);
	return s->run->ask(s->run->arg, "take", request, err);
}

bool step_has(const struct step *s, struct image_store *store, const char *id)
{
	for (size_t i = 0; i < s->spec->refs.n; i++) {
		struct image *img = NULL;
		bool same = image_find(store, s->spec->refs.v[i], s->spec->platform, &img, NULL) == 0 && STREQ(img->id, id);

		image_free(img);
		if (!same)
			return false;
	}
	return true;
}

int step_work(void *arg, json_t **ret, struct err *err)
{
	const struct step *s = arg;

	if (chdir(s->tmp) < 0)
		return err_sys(err, errno, "change to '%s'", s->tmp);
	setenv("TMPDIR", s->tmp, 1);
	return s->spec->opts->tool == BUILD_BUILDKIT ? step_buildkit(s, ret, err) : step_buildah(s, ret, err);
}
