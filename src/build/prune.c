/* prune.c - buildah's storage gets smaller. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "argv.h"
#include "build.h"
#include "session.h"
#include "tool.h"

int64_t build_cache_bytes(const char *state_dir)
{
	auto_free char *dir = path_join(state_dir, "build/storage");

	return access(dir, F_OK) == 0 ? path_tree_bytes(dir) : 0;
}

/* Images without a name that none is made of, and then those that they were made of. */
static int remove_dangling(const struct build_host *host, const char *storage, struct err *err)
{
	auto_free char *run = xasprintf("%s/build/prune", host->run_dir);
	const struct argv_places at = { .storage = storage, .run = run };
	auto_strs struct strs argv = STRS_INIT;
	auto_buf struct buf said = BUF_INIT;
	int r;

	if (path_mkdirs(AT_FDCWD, run, 0700, err) < 0)
		return -1;
	argv_buildah(&at, &argv);
	strs_add(&argv, "rmi");
	strs_add(&argv, "--prune");
	r = tool_must(host, &argv, -1, &said, err);
	path_remove_tree(AT_FDCWD, run, NULL);
	return r;
}

int build_prune(const struct build_host *host, bool all, int64_t *ret_bytes, struct err *err)
{
	auto_free char *storage = path_join(host->state_dir, "build/storage");
	auto_close int lock = -1;
	int64_t before;
	int r = 0;

	if (session_alone(host, &lock, err) < 0)
		return err_wrap(err, "remove from the build cache");
	before = build_cache_bytes(host->state_dir);
	if (all)
		r = path_remove_tree(AT_FDCWD, storage, err);
	else if (before)
		r = remove_dangling(host, storage, err);
	*ret_bytes = before - build_cache_bytes(host->state_dir);
	return r;
}
