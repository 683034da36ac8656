/* session.c - see session.h. What is cleaned up is found by looking, so that the same code serves a build that was stopped and the next
 * one after a power cut. */
#include "session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../image/platform.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/hash.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "argv.h"
#include "groups.h"
#include "tool.h"

enum { LOCK_MS = 60000, LOCK_STEP_MS = 50 };

static void each_name(const char *dir, void (*fn)(void *arg, const char *dir, const char *name), void *arg)
{
	auto_closedir DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (!STREQ(e->d_name, ".") && !STREQ(e->d_name, ".."))
			fn(arg, dir, e->d_name);
}

/* --- storages --- */

char *session_storage(const struct session *s, const char *platform)
{
	char *dir = xasprintf("%s/build/storage", s->host->state_dir), host[PLATFORM_TEXT];
	struct platform ours;

	platform_host(&ours);
	platform_format(&ours, host);
	if (platform && !STREQ(platform, host)) {
		auto_free char *plain = take(dir), *suffix = xstrdup(platform);

		for (char *p = suffix; (p = strchr(p, '/')); *p = '-')
			;
		dir = xasprintf("%s-%s", plain, suffix);
	}
	return dir;
}

const char *session_driver(const char *storage)
{
	auto_free char *vfs = path_join(storage, "vfs-images"), *overlay = path_join(storage, "overlay-images");

	return access(vfs, F_OK) == 0 && access(overlay, F_OK) < 0 ? "vfs" : NULL;
}

int session_each_storage(const char *state_dir, int (*fn)(void *arg, const char *storage), void *arg)
{
	auto_free char *dir = path_join(state_dir, "build");
	auto_closedir DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		auto_free char *path = path_join(dir, e->d_name);

		if ((STREQ(e->d_name, "storage") || str_starts(e->d_name, "storage-")) && fn(arg, path) < 0)
			return -1;
	}
	return 0;
}

/* --- what the runtime knows of containers that are dead: its record and their cgroups --- */

struct sweep {
	const struct build_host *host;
	bool found;
};

static void delete_container(void *arg, const char *root, const char *id)
{
	const struct sweep *s = arg;
	auto_strs struct strs argv = STRS_INIT;
	auto_err struct err why = ERR_INIT;

	strs_add(&argv, s->host->runtime);
	strs_printf(&argv, "--root=%s", root);
	strs_add(&argv, "delete");
	strs_add(&argv, "--force");
	strs_add(&argv, id);
	if (tool_clear(s->host, &argv, &why) != 0)
		log_warn("container '%s' of a build cannot be removed: %s", id, err_msg(&why));
}

static void sweep_run_job(void *arg, const char *dir, const char *name)
{
	const struct sweep *s = arg;
	auto_free char *root = xasprintf("%s/%s/runtime", dir, name);

	if (s->host->runtime)
		each_name(root, delete_container, arg);
}

static void sweep_run(void *arg, const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	auto_err struct err why = ERR_INIT;

	each_name(path, sweep_run_job, arg);
	if (path_remove_tree(AT_FDCWD, path, &why) < 0)
		log_warn("%s", err_msg(&why));
}

static void sweep_tmp(void *arg, const char *dir, const char *name)
{
	struct sweep *s = arg;
	auto_free char *path = xasprintf("%s/%s", dir, name);
	auto_err struct err why = ERR_INIT;

	s->found = true;
	groups_remove(name);
	if (path_remove_tree(AT_FDCWD, path, &why) < 0)
		log_warn("%s", err_msg(&why));
}

/* Working containers, each a layer of its own. */
static int remove_containers(void *arg, const char *storage)
{
	const struct build_host *host = arg;
	auto_strs struct strs argv = STRS_INIT;
	auto_err struct err why = ERR_INIT;
	auto_free char *run = xasprintf("%s/build/sweep", host->run_dir);

	argv_buildah(&(struct argv_places){ .storage = storage, .driver = session_driver(storage), .run = run }, &argv);
	strs_add(&argv, "rm");
	strs_add(&argv, "--all");
	if (tool_clear(host, &argv, &why) != 0)
		log_warn("working containers of a build cannot be removed: %s", err_msg(&why));
	path_remove_tree(AT_FDCWD, run, NULL);
	return 0;
}

/* Under the lock, alone. */
static void sweep(const struct build_host *host, bool containers)
{
	auto_free char *run = path_join(host->run_dir, "build"), *tmp = xasprintf("%s/build/tmp", host->state_dir);
	struct sweep s = { host, containers };

	each_name(run, sweep_run, &s);
	each_name(tmp, sweep_tmp, &s);
	if (s.found)
		session_each_storage(host->state_dir, remove_containers, (void *)host);
	rmdir(run);
}

/* --- the session --- */

/* The lock's file, in a directory that is made when there is none. */
static int open_lock(const struct build_host *host, int *ret_fd, struct err *err)
{
	auto_free char *dir = path_join(host->state_dir, "build"), *path = path_join(dir, "lock");

	if (path_mkdirs(AT_FDCWD, host->state_dir, 0711, err) < 0 || path_mkdirs(AT_FDCWD, dir, 0700, err) < 0)
		return -1;
	*ret_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return *ret_fd < 0 ? err_sys(err, errno, "open '%s'", path) : 0;
}

/* Who has it alone removes what dead builds have left, or prunes. */
static int lock_with_others(const struct session *s, int stop_fd, struct err *err)
{
	const int64_t until_ns = clock_mono_in(LOCK_MS);
	struct pollfd stop = { .fd = stop_fd, .events = POLLIN };

	while (flock(s->lock_fd, LOCK_SH | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(err, errno, "lock the builds of '%s'", s->host->state_dir);
		if (clock_mono_ns() > until_ns) {
			err_set(err, ERR_BUSY, "somebody else has removed from the build cache in '%s' for %d s", s->host->state_dir, LOCK_MS / 1000);
			return err_hint(err, "try again when that 'davit builder prune' or build has ended");
		}
		if (poll(&stop, 1, LOCK_STEP_MS) > 0)
			return BUILD_STOPPED;
	}
	return 0;
}

static int lock(struct session *s, int stop_fd, struct err *err)
{
	if (open_lock(s->host, &s->lock_fd, err) < 0)
		return -1;
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		sweep(s->host, false);
	return lock_with_others(s, stop_fd, err);
}

int session_alone(const struct build_host *host, int *ret_fd, struct err *err)
{
	auto_close int fd = -1;

	if (open_lock(host, &fd, err) < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? err_set(err, ERR_BUSY, "somebody builds")
					    : err_sys(err, errno, "lock the builds of '%s'", host->state_dir);
	sweep(host, false);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int begin(struct session *s, const char *project, int stop_fd, struct err *err)
{
	auto_free char *dir = path_join(s->host->state_dir, "build");
	char random[17];
	int r;

	hash_random_hex(8, random);
	s->name = xasprintf("%s-%s", project, random);
	s->tmp = xasprintf("%s/tmp/%s", dir, s->name);
	s->run = xasprintf("%s/build/%s", s->host->run_dir, s->name);
	r = lock(s, stop_fd, err);
	if (r != 0)
		return r;
	return path_mkdirs(AT_FDCWD, s->tmp, 0700, err) < 0 || path_mkdirs(AT_FDCWD, s->run, 0700, err) < 0 ? -1 : 0;
}

int session_begin(const struct build_host *host, const char *project, int stop_fd, struct session *ret, struct err *err)
{
	struct session s = { .host = host, .lock_fd = -1 };
	int r = begin(&s, project, stop_fd, err);

	if (r != 0) {
		session_end(&s, false);
		return r < 0 ? err_wrap(err, "prepare to build") : r;
	}
	*ret = s;
	return 0;
}

void session_end(struct session *s, bool broken)
{
	auto_free char *run = path_join(s->host->run_dir, "build");

	if (broken && s->lock_fd >= 0 && flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		sweep(s->host, true);
	else if (s->lock_fd >= 0 && !broken) {
		groups_remove(s->name);
		path_remove_tree(AT_FDCWD, s->tmp, NULL);
		path_remove_tree(AT_FDCWD, s->run, NULL);
		rmdir(run);
	}                                /* broken, and somebody else builds: the next one who is alone finds it */
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->tmp);
	free(s->run);
	free(s->name);
	*s = (struct session){ .lock_fd = -1 };
}

int session_job_init(const struct session *s, size_t number, struct session_job *ret, struct err *err)
{
	auto_free char *job = xasprintf("%zu", number), *tmp = path_join(s->tmp, job), *run = path_join(s->run, job);

	if (path_mkdirs(AT_FDCWD, tmp, 0700, err) < 0 || path_mkdirs(AT_FDCWD, run, 0700, err) < 0)
		return -1;
	*ret = (struct session_job){ take(tmp), take(run), groups_path(s->name, job) };
	return 0;
}

void session_job_done(struct session_job *j)
{
	free(j->tmp);
	free(j->run);
	free(j->cgroup);
}
