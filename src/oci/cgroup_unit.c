/* cgroup_unit.c - a project's cgroups below a unit of systemd's.
 *
 * UNIT/supervisor has keeper and supervisor, because a cgroup that hands controllers down may have no process of its own; UNIT/SLOT is a
 * container's. systemd puts what it runs for the unit later (ExecStop) into UNIT/.control. Where a unit's cgroup lies follows from its
 * slice, which is always system.slice: the units are of our making. */
#include <errno.h>
#include <fcntl.h>
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

enum { MAX_PROCS_FILE = 4 * 1024 * 1024, MOVES = 50 };

const char *const cgroup_unit_kinds[N_UNIT_KINDS] = { "service", "scope" };

char *cgroup_unit_path(const char *project, const char *kind)
{
	return xasprintf("system.slice/davit-%s.%s", project, kind);
}

/* "0::/system.slice/davit-shop.scope/supervisor": the unit's part, without the leading slash; malloc'ed, NULL: it is in no unit of the
 * project's. */
char *cgroup_unit_in(const char *proc_cgroup, const char *project)
{
	const char *line = strstr(proc_cgroup, "0::/");

	for (size_t i = 0; line && i < N_UNIT_KINDS; i++) {
		auto_free char *unit = cgroup_unit_path(project, cgroup_unit_kinds[i]);
		const char *path = line + strlen("0::/");
		size_t n = strlen(unit);
		if (strncmp(path, unit, n) == 0 && strchr("/\n", path[n]))
			return take(unit);
	}
	return NULL;
}

static char *own_unit(const char *project)
{
	auto_buf struct buf b = BUF_INIT;

	if (oci_host()->mode != CGROUP_V2 || path_read(AT_FDCWD, "/proc/self/cgroup", 64 * 1024, &b, NULL) < 0 || !b.p)
		return NULL;
	return cgroup_unit_in(b.p, project);
}

bool cgroup_in_unit(const char *project)
{
	auto_free char *unit = own_unit(project);

	return unit != NULL;
}

char *cgroup_base(const char *project)
{
	char *unit = own_unit(project);

	return unit ? unit : xasprintf("davit/%s", project);
}

static int open_unit(const char *unit)
{
	auto_free char *path = xasprintf(CGROUP_ROOT "/%s", unit);

	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int open_leaf(int unit_fd)
{
	if (mkdirat(unit_fd, CGROUP_LEAF, 0755) < 0 && errno != EEXIST)
		return -1;
	return openat(unit_fd, CGROUP_LEAF, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_populated(int unit_fd)
{
	auto_buf struct buf b = BUF_INIT;

	return path_read(unit_fd, "cgroup.events", 4096, &b, NULL) == 0 && b.p && strstr(b.p, "populated 1");
}

int cgroup_join_unit(const char *project)
{
	for (size_t i = 0; i < N_UNIT_KINDS; i++) {
		auto_free char *unit = cgroup_unit_path(project, cgroup_unit_kinds[i]);
		auto_close int fd = open_unit(unit);
		auto_close int leaf = fd >= 0 && is_populated(fd) ? open_leaf(fd) : -1;
		if (leaf >= 0 && cgroup_write(leaf, "cgroup.procs", "0") == 0)
			return 0;
	}
	return -1;
}

/* Processes that fork meanwhile are seen the next time round. */
static int empty_into(int unit_fd, int leaf_fd)
{
	for (int i = 0; i < MOVES; i++) {
		auto_buf struct buf b = BUF_INIT;
		if (path_read(unit_fd, "cgroup.procs", MAX_PROCS_FILE, &b, NULL) < 0)
			return -1;
		if (!b.len)
			return 0;
		for (char *p = b.p, *end; (end = strchr(p, '\n')); p = end + 1) {
			*end = 0;
			(void)cgroup_write(leaf_fd, "cgroup.procs", p);
		}
		nanosleep(&(struct timespec){ .tv_nsec = i * 100000L }, NULL);   /* one that is just ending cannot be moved */
	}
	errno = EBUSY;
	return -1;
}

int cgroup_settle(const char *project, struct err *err)
{
	auto_free char *unit = own_unit(project);
	auto_close int fd = unit ? open_unit(unit) : -1, leaf = -1;

	if (!unit)
		return 0;
	leaf = fd >= 0 ? open_leaf(fd) : -1;
	if (leaf < 0 || empty_into(fd, leaf) < 0)
		return err_sys(err, errno, "make room in cgroup '%s'", unit);
	cgroup_enable_controllers(fd);
	return 0;
}
