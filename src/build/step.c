/* step.c - see step.h. */
#include "step.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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
		.storage = s->storage,
		.driver = session_driver(s->storage),
		.run = s->rundir,
		.platform = s->platform,
		.iid = iid,
		.out = out,
		.runtime = s->run->host.runtime,
		.cgroup = s->cgroup,
		.isolation = getenv("BUILDAH_ISOLATION"),
		.max_files = own_limit(RLIMIT_NOFILE),
		.max_processes = own_limit(RLIMIT_NPROC),
	};
}

int step_take(const struct step *s, json_t *layouts, struct err *err)
{
	json_t *refs = json_array();

	for (size_t i = 0; i < s->spec->refs.n; i++)
		json_array_append_new(refs, json_string(s->spec->refs.v[i]));
	return s->run->ask(s->run->arg, "take", json_pack("{s:o, s:o}", "layouts", layouts, "refs", refs), err);
}

size_t step_ours(const struct step *s)
{
	for (size_t i = 0; i < s->spec->platforms.n; i++)
		if (spec_is_native(s->spec->platforms.v[i]))
			return i;
	return 0;
}

json_t *step_answer(const struct step *s, const char *id, bool unchanged)
{
	return json_pack("{s:s, s:b}", "id", id, "unchanged", unchanged);
}

/* buildah puts a socket below TMPDIR for RUN --mount=type=ssh, whose path has room for 107 bytes: the directory gets a shorter name, which the
 * next build's clean-up (session.c) takes away when this one is killed. */
static int short_name(const struct step *s, char **ret, struct err *err)
{
	*ret = xasprintf("%s/build/%s-%s", s->run->host.run_dir, strrchr(s->session->name, '-') + 1, strrchr(s->tmp, '/') + 1);
	return symlink(s->tmp, *ret) < 0 ? err_sys(err, errno, "make '%s'", *ret) : 0;
}

int step_work(void *arg, json_t **ret, struct err *err)
{
	const struct step *s = arg;
	auto_free char *link = NULL;
	int r;

	if (chdir(s->tmp) < 0)
		return err_sys(err, errno, "change to '%s'", s->tmp);
	if (s->spec->ssh.n && short_name(s, &link, err) < 0)
		return -1;
	setenv("TMPDIR", link ? link : s->tmp, 1);
	r = s->spec->opts->tool == BUILD_BUILDKIT ? step_buildkit(s, ret, err) : step_buildah(s, ret, err);
	if (link)
		unlink(link);
	return r;
}
