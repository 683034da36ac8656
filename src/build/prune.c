/* prune.c - buildah's storage gets smaller. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "argv.h"
#include "build.h"
#include "session.h"
#include "step.h"
#include "tool.h"

static int add_bytes(void *arg, const char *storage)
{
	*(int64_t *)arg += path_tree_bytes(storage);
	return 0;
}

int64_t build_cache_bytes(const char *state_dir)
{
	int64_t bytes = 0;

	session_each_storage(state_dir, add_bytes, &bytes);
	return bytes;
}

struct pruning {
	const struct build_host *host;
	bool all;
	struct err *err;
};

static int ask(const struct pruning *p, const char *storage, const char *const *words, struct buf *said)
{
	auto_free char *run = xasprintf("%s/build/prune", p->host->run_dir);
	const struct argv_places at = { .storage = storage, .driver = session_driver(storage), .run = run };
	auto_strs struct strs argv = STRS_INIT;

	argv_buildah(&at, &argv);
	for (; *words; words++)
		strs_add(&argv, *words);
	return tool_must(p->host, &argv, -1, said, p->err);
}

/* A list of platforms (base_import.c), which is made again when it is needed: all its names go. */
static int remove_list(const struct pruning *p, const char *storage, const json_t *image)
{
	const json_t *names = jx_arr(image, "names"), *name;
	bool is_list = false;
	size_t i;

	json_array_foreach(names, i, name)
		is_list |= str_starts(json_string_value(name), BASE_LIST);
	json_array_foreach(names, i, name) {
		auto_buf struct buf said = BUF_INIT;

		if (is_list && ask(p, storage, (const char *const[]){ "manifest", "rm", json_string_value(name), NULL }, &said) < 0)
			return -1;
	}
	return 0;
}

/* Images without a name that none is made of, and then those that they were made of; which 1.28 cannot tell while there are lists. */
static int remove_dangling(const struct pruning *p, const char *storage)
{
	auto_buf struct buf text = BUF_INIT, said = BUF_INIT;
	auto_json json_t *images = NULL;
	const json_t *image;
	size_t i;

	if (ask(p, storage, (const char *const[]){ "images", "--all", "--json", NULL }, &text) < 0)
		return -1;
	if (text.len && jx_parse(text.p, text.len, &images, p->err) < 0)
		return -1;
	json_array_foreach(images, i, image)
		if (remove_list(p, storage, image) < 0)
			return -1;
	return ask(p, storage, (const char *const[]){ "rmi", "--prune", NULL }, &said);
}

static int prune_one(void *arg, const char *storage)
{
	const struct pruning *p = arg;

	return p->all ? path_remove_tree(AT_FDCWD, storage, p->err) : remove_dangling(p, storage);
}

int build_prune(const struct build_host *host, bool all, int64_t *ret_bytes, struct err *err)
{
	struct pruning p = { host, all, err };
	auto_free char *run = xasprintf("%s/build/prune", host->run_dir);
	auto_close int lock = -1;
	int64_t before;
	int r;

	if (session_alone(host, &lock, err) < 0)
		return err_wrap(err, "remove from the build cache");
	before = build_cache_bytes(host->state_dir);
	r = path_mkdirs(AT_FDCWD, run, 0700, err) < 0 ? -1 : session_each_storage(host->state_dir, prune_one, &p);
	path_remove_tree(AT_FDCWD, run, NULL);
	*ret_bytes = before - build_cache_bytes(host->state_dir);
	return r;
}
