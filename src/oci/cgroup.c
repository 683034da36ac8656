/* cgroup.c - the cgroups a project's containers live in.
 *
 * How it works: a container's cgroup is davit/PROJECT/SLOT in every hierarchy there is: one on v2, one per
 * controller on v1; where systemd runs the host, it is in a unit (cgroup_unit.c).
 * The runtime makes and removes the slot's; the two above are ours, made before the
 * first container and removed after the last. No list of hierarchies is kept: the directories of
 * /sys/fs/cgroup are looked at each time, because the kernel is the truth. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "cgroup.h"
#include "host.h"

enum {
	MAX_PROCS_FILE = 4 * 1024 * 1024,
	MAX_DEPTH = 32,	 /* a privileged container may nest cgroups of its own */
	BUSY_TRIES = 20, /* of a millisecond: the last process may still be on its way out */
	KILL_PASSES = 50,
};

static const char *const controllers[] = {"cpu", "cpuset", "io", "memory", "pids"};

static void pause_ms(int ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000L};
	nanosleep(&t, NULL);
}

bool cgroup_is_dots(const char *name)
{
	return STREQ(name, ".") || STREQ(name, "..");
}

DIR *cgroup_open_dir(int dir_fd, const char *name)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d)
		(void)take_fd(&fd);
	return d;
}

int cgroup_each_hierarchy(
	int root_fd, enum oci_cgroup_mode mode, cgroup_hierarchy_fn *fn, void *arg, struct err *err)
{
	if (mode == CGROUP_NONE)
		return 0;
	if (mode == CGROUP_V2)
		return fn(root_fd, "", arg, err);
	auto_closedir DIR *d = cgroup_open_dir(root_fd, ".");
	if (!d)
		return err_sys(err, errno, "read the directory of cgroup hierarchies");
	const struct dirent *e;
	while ((e = readdir(d))) {
		/* "cpu -> cpu,cpuacct" is a link to a hierarchy that is seen under its true name */
		if (cgroup_is_dots(e->d_name) || e->d_type == DT_LNK)
			continue;
		auto_close int fd =
			openat(root_fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || faccessat(fd, "cgroup.procs", F_OK, 0) < 0)
			continue;
		if (fn(fd, e->d_name, arg, err) < 0)
			return -1;
	}
	return 0;
}

static int check_component(const char *s, const char *what, struct err *err)
{
	if (!*s || cgroup_is_dots(s) || strchr(s, '/'))
		return err_set(err, ERR_INPUT, "%s '%s' cannot be the name of a cgroup", what, s);
	return 0;
}

/* --- prepare --- */

int cgroup_write(int dir_fd, const char *name, const char *text)
{
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	return write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

/* One by one, because a controller that this kernel or parent does not have must not keep the others out. */
void cgroup_enable_controllers(int dir_fd)
{
	auto_buf struct buf have = BUF_INIT, on = BUF_INIT;
	if (path_read(dir_fd, "cgroup.controllers", 64 * 1024, &have, NULL) < 0)
		return;
	(void)path_read(dir_fd, "cgroup.subtree_control", 64 * 1024, &on, NULL);
	for (size_t i = 0; i < ARRAY_LEN(controllers); i++) {
		char word[16];
		if (!host_word_in(have.p, controllers[i]) || host_word_in(on.p, controllers[i]))
			continue;
		snprintf(word, sizeof word, "+%s", controllers[i]);
		(void)cgroup_write(dir_fd, "cgroup.subtree_control", word);
	}
}

static int open_made(int parent_fd, const char *name, int *ret_fd)
{
	if (mkdirat(parent_fd, name, 0755) < 0 && errno != EEXIST)
		return -1;
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	*ret_fd = fd;
	return 0;
}

static int prepare_once(int fd, const char *project, bool v2)
{
	auto_close int davit = -1, proj = -1;
	if (v2)
		cgroup_enable_controllers(fd);
	if (open_made(fd, CGROUP_DAVIT, &davit) < 0)
		return -1;
	if (v2)
		cgroup_enable_controllers(davit);
	if (open_made(davit, project, &proj) < 0)
		return -1;
	if (v2)
		cgroup_enable_controllers(proj);
	return 0;
}

static int prepare_in(int fd, const char *name, void *arg, struct err *err)
{
	const char *project = arg;
	bool v2 = faccessat(fd, "cgroup.controllers", F_OK, 0) == 0;
	/* Another project's end may take davit/ away between our two steps; it can do so once per end. */
	for (int tries = 0; tries < 16; tries++) {
		if (prepare_once(fd, project, v2) == 0)
			return 0;
		if (errno != ENOENT && errno != ENODEV)
			break;
	}
	return err_sys(err, errno, "make cgroup '%s%s%s/%s'", name, *name ? "/" : "", CGROUP_DAVIT, project);
}

int cgroup_prepare_at(int root_fd, enum oci_cgroup_mode mode, const char *project, struct err *err)
{
	if (check_component(project, "project", err) < 0)
		return -1;
	char *arg = (char *)project;
	return cgroup_each_hierarchy(root_fd, mode, prepare_in, arg, err);
}

/* --- remove --- */

static int rmdir_patiently(int dir_fd, const char *name)
{
	for (int i = 0; unlinkat(dir_fd, name, AT_REMOVEDIR) < 0; i++) {
		if (errno == ENOENT || errno == ENODEV)
			return 0;
		if (errno != EBUSY || i == BUSY_TRIES)
			return -1;
		pause_ms(1);
	}
	return 0;
}

static int remove_below(int dir_fd, const char *name, int depth)
{
	auto_closedir DIR *d = cgroup_open_dir(dir_fd, name);
	if (!d)
		return errno == ENOENT || errno == ENODEV ? 0 : -1;
	if (depth == MAX_DEPTH) {
		errno = ELOOP;
		return -1;
	}
	const struct dirent *e;
	while ((e = readdir(d)))
		if (e->d_type == DT_DIR && !cgroup_is_dots(e->d_name) &&
			remove_below(dirfd(d), e->d_name, depth + 1) < 0)
			return -1;
	return rmdir_patiently(dir_fd, name);
}

static int remove_in(int fd, const char *name, void *arg, struct err *err)
{
	const char *project = arg;
	auto_close int davit = openat(fd, CGROUP_DAVIT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (davit < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "open cgroup '%s/%s'", name, CGROUP_DAVIT);
	if (remove_below(davit, project, 0) < 0) {
		if (errno == EBUSY)
			return err_set(
				err, ERR_BUSY, "cgroup '%s/%s' still has processes", CGROUP_DAVIT, project);
		return err_sys(
			err, errno, "remove cgroup '%s%s%s/%s'", name, *name ? "/" : "", CGROUP_DAVIT, project);
	}
	/* Other projects may be in it: then it stays. */
	(void)unlinkat(fd, CGROUP_DAVIT, AT_REMOVEDIR);
	return 0;
}

/* What the runtime left of the slots in a unit's cgroup; the unit itself is systemd's to remove. */
static int remove_in_unit(int root_fd, const char *project, const char *kind, struct err *err)
{
	auto_free char *unit = cgroup_unit_path(project, kind);
	auto_closedir DIR *d = cgroup_open_dir(root_fd, unit);
	const struct dirent *e;
	while (d && (e = readdir(d))) {
		if (e->d_type != DT_DIR || *e->d_name == '.' || STREQ(e->d_name, CGROUP_LEAF))
			continue;
		if (remove_below(dirfd(d), e->d_name, 0) == 0)
			continue;
		if (errno == EBUSY)
			return err_set(err, ERR_BUSY, "cgroup '%s/%s' still has processes", unit, e->d_name);
		return err_sys(err, errno, "remove cgroup '%s/%s'", unit, e->d_name);
	}
	return 0;
}

int cgroup_remove_at(int root_fd, enum oci_cgroup_mode mode, const char *project, struct err *err)
{
	if (check_component(project, "project", err) < 0)
		return -1;
	for (size_t i = 0; mode == CGROUP_V2 && i < N_UNIT_KINDS; i++)
		if (remove_in_unit(root_fd, project, cgroup_unit_kinds[i], err) < 0)
			return -1;
	char *arg = (char *)project;
	return cgroup_each_hierarchy(root_fd, mode, remove_in, arg, err);
}

/* --- kill --- */

/* Sends SIGKILL to the processes of one cgroup.procs and counts them. */
static long kill_listed(int dir_fd)
{
	auto_buf struct buf b = BUF_INIT;
	long n = 0;
	if (path_read(dir_fd, "cgroup.procs", MAX_PROCS_FILE, &b, NULL) < 0)
		return 0;
	for (char *p = b.p; p && *p;) {
		char *end = p + strcspn(p, "\n");
		bool more = *end == '\n';
		*end = '\0';
		unsigned pid;
		/* 0 stands for processes of a pid namespace we cannot see, and kill(0) would be ourselves */
		if (str_uint(p, 2, 1U << 22, &pid) == 0 && (pid_t)pid != getpid()) {
			(void)kill((pid_t)pid, SIGKILL);
			n++;
		}
		p = more ? end + 1 : end;
	}
	return n;
}

static long kill_below(int dir_fd, const char *name, int depth)
{
	auto_closedir DIR *d = cgroup_open_dir(dir_fd, name);
	if (!d || depth == MAX_DEPTH)
		return 0;
	long n = kill_listed(dirfd(d));
	const struct dirent *e;
	while ((e = readdir(d)))
		if (e->d_type == DT_DIR && !cgroup_is_dots(e->d_name))
			n += kill_below(dirfd(d), e->d_name, depth + 1);
	return n;
}

struct freezer {
	const char *file, *on, *off;
};
static const struct freezer freezer_v1 = {"freezer.state", "FROZEN", "THAWED"};
static const struct freezer freezer_v2 = {"cgroup.freeze", "1", "0"};

/* For kernels without cgroup.kill. What is frozen cannot fork away from the list; SIGKILL acts when it
 * thaws. */
static int kill_by_list(int fd, const struct freezer *f, const char *path, struct err *err)
{
	for (int pass = 0; pass < KILL_PASSES; pass++) {
		bool frozen = cgroup_write(fd, f->file, f->on) == 0;
		long left = kill_below(fd, ".", 0);
		if (frozen)
			(void)cgroup_write(fd, f->file, f->off);
		if (left == 0)
			return 0;
		pause_ms(1);
	}
	return err_set(err, ERR_TIMEOUT, "processes in cgroup '%s' do not die of SIGKILL", path);
}

struct kill_arg {
	const char *path;
	bool all; /* no freezer hierarchy: look everywhere */
};

static int kill_in(int fd, const char *name, void *arg, struct err *err)
{
	const struct kill_arg *a = arg;
	if (*name && !a->all && !STREQ(name, "freezer"))
		return 0;
	auto_close int cg = path_open_in_root(fd, a->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (cg < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "open cgroup '%s'", a->path);
	if (cgroup_write(cg, "cgroup.kill", "1") == 0)
		return 0;
	bool v2 = faccessat(cg, "cgroup.freeze", F_OK, 0) == 0;
	return kill_by_list(cg, v2 ? &freezer_v2 : &freezer_v1, a->path, err);
}

/* The root cgroup, davit/ or a slice with everybody in it, is never meant; of a unit only what is below it, because we are in it, too. */
bool cgroup_is_ours(const char *path)
{
	const char *unit = "system.slice/davit-", *rest;
	if (strstr(path, ".."))
		return false;
	if (str_starts(path, "davit/"))
		return path[strlen("davit/")] && path[strlen("davit/")] != '/';
	rest = str_starts(path, unit) ? strchr(path + strlen(unit), '/') : NULL;
	return rest && rest[1] && rest[1] != '/' && !str_starts(rest + 1, CGROUP_LEAF "/") && !STREQ(rest + 1, CGROUP_LEAF);
}

struct freeze_arg {
	struct kill_arg where;
	bool frozen, found;
};

static int freeze_in(int fd, const char *name, void *arg, struct err *err)
{
	struct freeze_arg *a = arg;
	if (*name && !a->where.all && !STREQ(name, "freezer"))
		return 0;
	auto_close int cg = path_open_in_root(fd, a->where.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (cg < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "open cgroup '%s'", a->where.path);
	const struct freezer *f = faccessat(cg, freezer_v2.file, F_OK, 0) == 0 ? &freezer_v2 : &freezer_v1;
	if (faccessat(cg, f->file, F_OK, 0) < 0)
		return 0;
	if (cgroup_write(cg, f->file, a->frozen ? f->on : f->off) < 0)
		return err_sys(err, errno, "%s cgroup '%s'", a->frozen ? "freeze" : "thaw", a->where.path);
	a->found = true;
	return 0;
}

int cgroup_freeze_at(int root_fd, enum oci_cgroup_mode mode, const char *path, bool frozen, struct err *err)
{
	struct freeze_arg a = {{path, faccessat(root_fd, "freezer/cgroup.procs", F_OK, 0) < 0}, frozen, false};
	if (!cgroup_is_ours(path))
		return err_set(err, ERR_INPUT, "'%s' is no cgroup of a project", path);
	if (cgroup_each_hierarchy(root_fd, mode, freeze_in, &a, err) < 0)
		return -1;
	return a.found ? 0 : err_set(err, ERR_NOT_FOUND, "cgroup '%s' cannot be frozen: this host has no freezer", path);
}

int cgroup_kill_at(int root_fd, enum oci_cgroup_mode mode, const char *path, struct err *err)
{
	struct kill_arg a = {.path = path, .all = faccessat(root_fd, "freezer/cgroup.procs", F_OK, 0) < 0};
	if (!cgroup_is_ours(path))
		return err_set(err, ERR_INPUT, "'%s' is no cgroup of a project", path);
	return cgroup_each_hierarchy(root_fd, mode, kill_in, &a, err);
}

/* --- on this host --- */

int cgroup_open_root(int *ret_fd, struct err *err)
{
	int fd = open(CGROUP_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "open " CGROUP_ROOT);
	*ret_fd = fd;
	return 0;
}

int cgroup_prepare(const char *project, struct err *err)
{
	auto_close int root = -1;
	if (oci_host()->mode == CGROUP_NONE)
		return 0;
	if (cgroup_in_unit(project))
		return cgroup_settle(project, err);
	return cgroup_open_root(&root, err) < 0 ? -1 : cgroup_prepare_at(root, oci_host()->mode, project, err);
}

int cgroup_remove(const char *project, struct err *err)
{
	auto_close int root = -1;
	if (oci_host()->mode == CGROUP_NONE)
		return 0;
	return cgroup_open_root(&root, err) < 0 ? -1 : cgroup_remove_at(root, oci_host()->mode, project, err);
}

int cgroup_kill(const char *cgroup_path, struct err *err)
{
	auto_close int root = -1;
	if (oci_host()->mode == CGROUP_NONE)
		return 0;
	return cgroup_open_root(&root, err) < 0 ? -1 : cgroup_kill_at(root, oci_host()->mode, cgroup_path, err);
}

int cgroup_freeze(const char *cgroup_path, bool frozen, struct err *err)
{
	auto_close int root = -1;
	if (oci_host()->mode == CGROUP_NONE)
		return err_set(err, ERR_NOT_FOUND, "this host has no cgroups that could be frozen");
	return cgroup_open_root(&root, err) < 0 ? -1 : cgroup_freeze_at(root, oci_host()->mode, cgroup_path, frozen, err);
}

static int remove_one_in(int fd, const char *name, void *arg, struct err *err)
{
	const char *path = arg, *slash = strrchr(path, '/');
	auto_free char *parent = xasprintf("%.*s", (int)(slash - path), path);
	auto_close int dir = path_open_in_root(fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir >= 0)
		(void)remove_below(dir, slash + 1, 0);
	return 0;
}

void cgroup_remove_one(const char *cgroup_path)
{
	auto_close int root = -1;
	auto_free char *path = xstrdup(cgroup_path);
	if (oci_host()->mode != CGROUP_NONE && strchr(path, '/') && cgroup_open_root(&root, NULL) == 0)
		(void)cgroup_each_hierarchy(root, oci_host()->mode, remove_one_in, path, NULL);
}
