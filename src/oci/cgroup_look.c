/* cgroup_look.c - what the cgroups say of containers: which there are, who is in them, what they use. Nothing is changed here. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "cgroup.h"
#include "host.h"

enum { MAX_PROCS_FILE = 4 * 1024 * 1024, MAX_FILE = 64 * 1024, MAX_DEPTH = 32 /* a privileged container may nest cgroups of its own */ };

struct list_arg {
	const char *project;
	struct strs *paths;
	bool found;
};

/* False: there is no such directory. */
static bool list_slots(int fd, const char *parent, struct strs *paths)
{
	auto_close int dir = path_open_in_root(fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	auto_closedir DIR *d = dir < 0 ? NULL : cgroup_open_dir(dir, ".");
	const struct dirent *e;
	while (d && (e = readdir(d))) {
		auto_free char *path = xasprintf("%s/%s", parent, e->d_name);
		if (e->d_type == DT_DIR && *e->d_name != '.' && !STREQ(e->d_name, CGROUP_LEAF) && !strs_has(paths, path))
			strs_add(paths, path);
	}
	return d != NULL;
}

static int list_in(int fd, const char *name, void *arg, struct err *err)
{
	struct list_arg *a = arg;
	auto_free char *plain = xasprintf("%s/%s", CGROUP_DAVIT, a->project);
	a->found |= list_slots(fd, plain, a->paths);
	for (size_t i = 0; !*name && i < N_UNIT_KINDS; i++) {
		auto_free char *unit = cgroup_unit_path(a->project, cgroup_unit_kinds[i]);
		list_slots(fd, unit, a->paths);
	}
	return 0;
}

bool cgroup_list(const char *project, struct strs *ret)
{
	auto_close int root = -1;
	struct list_arg a = {.project = project, .paths = ret};
	if (oci_host()->mode != CGROUP_NONE && cgroup_open_root(&root, NULL) == 0)
		(void)cgroup_each_hierarchy(root, oci_host()->mode, list_in, &a, NULL);
	return a.found;
}

/* --- processes --- */

static void procs_below(int dir_fd, const char *name, int depth, struct cgroup_procs *ret)
{
	auto_closedir DIR *d = cgroup_open_dir(dir_fd, name);
	auto_buf struct buf b = BUF_INIT;
	if (!d || depth == MAX_DEPTH)
		return;
	if (path_read(dirfd(d), "cgroup.procs", MAX_PROCS_FILE, &b, NULL) == 0)
		for (char *p = b.p, *end; p && *p; p = *end ? end + 1 : end) {
			long pid = strtol(p, &end, 10);
			if (end == p)
				break;
			*XGROW(ret->v, ret->n, ret->cap) = (pid_t)pid;
		}
	const struct dirent *e;
	while ((e = readdir(d)))
		if (e->d_type == DT_DIR && !cgroup_is_dots(e->d_name))
			procs_below(dirfd(d), e->d_name, depth + 1, ret);
}

struct procs_arg {
	const char *path;
	struct cgroup_procs most;
};

/* A process is in every hierarchy, unless the container has moved it about: the fullest counts. */
static int procs_in(int fd, const char *name, void *arg, struct err *err)
{
	struct procs_arg *a = arg;
	auto_close int cg = path_open_in_root(fd, a->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	struct cgroup_procs found = {0};
	if (cg >= 0)
		procs_below(cg, ".", 0, &found);
	if (found.n > a->most.n) {
		struct cgroup_procs less = a->most;
		a->most = found;
		found = less;
	}
	free(found.v);
	return 0;
}

static struct cgroup_procs procs_of(const char *path)
{
	auto_close int root = -1;
	struct procs_arg a = {.path = path};
	if (oci_host()->mode != CGROUP_NONE && cgroup_open_root(&root, NULL) == 0)
		(void)cgroup_each_hierarchy(root, oci_host()->mode, procs_in, &a, NULL);
	return a.most;
}

size_t cgroup_count(const char *cgroup_path)
{
	struct cgroup_procs found = procs_of(cgroup_path);
	free(found.v);
	return found.n;
}

void cgroup_procs(const char *cgroup_path, struct cgroup_procs *ret)
{
	*ret = procs_of(cgroup_path);
}

char *cgroup_of_slot(const char *project, const char *slot)
{
	auto_strs struct strs paths = STRS_INIT;
	auto_free char *end = xasprintf("/%s", slot);
	char *best = NULL;
	size_t most = 0;
	(void)cgroup_list(project, &paths);
	for (size_t i = 0; i < paths.n; i++) {
		size_t n = str_ends(paths.v[i], end) ? cgroup_count(paths.v[i]) : 0;
		if (n <= most)
			continue;
		most = n;
		free(best);
		best = xstrdup(paths.v[i]);
	}
	return best;
}

/* --- usage --- */

static int64_t read_number(int dir_fd, const char *name, int64_t otherwise)
{
	auto_buf struct buf b = BUF_INIT;
	int64_t v;
	if (path_read(dir_fd, name, MAX_FILE, &b, NULL) < 0 || !b.p)
		return otherwise;
	b.p[strcspn(b.p, "\n")] = '\0';
	return str_i64(b.p, &v) == 0 ? v : otherwise;
}

/* The number behind "KEY " at the beginning of a line; 0: there is none. */
static int64_t keyed(const struct buf *b, const char *key)
{
	size_t n = strlen(key);
	for (const char *line = b->p; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (!strncmp(line, key, n) && line[n] == ' ')
			return strtoll(line + n + 1, NULL, 10);
	return 0;
}

/* v2's io.stat, "8:0 rbytes=1 wbytes=2 …", and v1's blkio, "8:0 Read 1": of all devices */
static int64_t sum_of_fields(const struct buf *b, const char *field)
{
	int64_t sum = 0;
	for (const char *at = b->p; at && (at = strstr(at, field)); at += strlen(field))
		sum += strtoll(at + strlen(field), NULL, 10);
	return sum;
}

static void usage_v2(int cg, struct cgroup_usage *u)
{
	auto_buf struct buf cpu = BUF_INIT, mem = BUF_INIT, io = BUF_INIT;
	if (path_read(cg, "cpu.stat", MAX_FILE, &cpu, NULL) == 0)
		u->cpu_ns = keyed(&cpu, "usage_usec") * 1000;
	if (path_read(cg, "memory.stat", MAX_FILE, &mem, NULL) == 0)
		u->memory = read_number(cg, "memory.current", 0) - keyed(&mem, "inactive_file");
	u->memory_limit = read_number(cg, "memory.max", 0);
	u->pids = read_number(cg, "pids.current", 0);
	if (path_read(cg, "io.stat", MAX_FILE, &io, NULL) == 0) {
		u->io_read = sum_of_fields(&io, "rbytes=");
		u->io_written = sum_of_fields(&io, "wbytes=");
	}
}

static void usage_v1(int cg, struct cgroup_usage *u)
{
	auto_buf struct buf mem = BUF_INIT, io = BUF_INIT;
	enum { NO_LIMIT_BITS = 60 };
	int64_t limit = read_number(cg, "memory.limit_in_bytes", 0);
	u->cpu_ns += read_number(cg, "cpuacct.usage", 0);
	if (path_read(cg, "memory.stat", MAX_FILE, &mem, NULL) == 0 && faccessat(cg, "memory.usage_in_bytes", F_OK, 0) == 0)
		u->memory = read_number(cg, "memory.usage_in_bytes", 0) - keyed(&mem, "total_inactive_file");
	if (limit > 0 && limit < 1LL << NO_LIMIT_BITS)
		u->memory_limit = limit;
	u->pids += read_number(cg, "pids.current", 0);
	if (path_read(cg, "blkio.throttle.io_service_bytes_recursive", MAX_FILE, &io, NULL) == 0) {
		u->io_read += sum_of_fields(&io, " Read ");
		u->io_written += sum_of_fields(&io, " Write ");
	}
}

struct usage_arg {
	const char *path;
	struct cgroup_usage *u;
	bool v2;
};

static int usage_in(int fd, const char *name, void *arg, struct err *err)
{
	struct usage_arg *a = arg;
	auto_close int cg = path_open_in_root(fd, a->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (cg < 0)
		return 0;
	a->u->found = true;
	(a->v2 ? usage_v2 : usage_v1)(cg, a->u);
	return 0;
}

void cgroup_usage_at(int root_fd, enum oci_cgroup_mode mode, const char *path, struct cgroup_usage *ret)
{
	struct usage_arg a = {.path = path, .u = ret, .v2 = mode == CGROUP_V2};
	*ret = (struct cgroup_usage){0};
	(void)cgroup_each_hierarchy(root_fd, mode, usage_in, &a, NULL);
	if (ret->memory < 0)
		ret->memory = 0;
}

void cgroup_usage(const char *cgroup_path, struct cgroup_usage *ret)
{
	auto_close int root = -1;
	*ret = (struct cgroup_usage){0};
	if (oci_host()->mode != CGROUP_NONE && cgroup_open_root(&root, NULL) == 0)
		cgroup_usage_at(root, oci_host()->mode, cgroup_path, ret);
}
