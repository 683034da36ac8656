/* host.c - what this host's kernel offers to containers.
 *
 * How it works: the cgroup mode is read from the file systems mounted at /sys/fs/cgroup, as the runtimes
 * do it, so that both see the same thing. A controller counts as usable only if a container's cgroup could
 * really get it: on v1 its hierarchy is mounted, on v2 it is enabled, or can be, in the root cgroup's
 * subtree_control. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/path.h"
#include "../util/str.h"
#include "host.h"

enum { MAX_CONTROL_FILE = 64 * 1024 };

static long fs_magic(int dir_fd, const char *name)
{
	auto_close int fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs sfs;
	if (fd < 0 || fstatfs(fd, &sfs) < 0)
		return 0;
	return (long)sfs.f_type;
}

enum oci_cgroup_mode host_cgroup_mode(int root_fd)
{
	long magic = fs_magic(root_fd, ".");
	if (magic == CGROUP2_SUPER_MAGIC)
		return CGROUP_V2;
	if (magic != TMPFS_MAGIC)
		return CGROUP_NONE;
	if (fs_magic(root_fd, "unified") == CGROUP2_SUPER_MAGIC)
		return CGROUP_HYBRID;
	return fs_magic(root_fd, "memory") == CGROUP_SUPER_MAGIC || fs_magic(root_fd, "pids") == CGROUP_SUPER_MAGIC ||
	       fs_magic(root_fd, "cpu") == CGROUP_SUPER_MAGIC ? CGROUP_V1 : CGROUP_NONE;
}

bool host_word_in(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = list; p && (p = strstr(p, word)); p += n) {
		bool starts = p == list || strchr(" ,\n", p[-1]);
		if (starts && (p[n] == '\0' || strchr(" ,\n", p[n])))
			return true;
	}
	return false;
}

static bool exists_at(int dir_fd, const char *name)
{
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void host_controllers_v2(int root_fd, struct oci_host *h)
{
	auto_buf struct buf all = BUF_INIT, on = BUF_INIT, procs = BUF_INIT;
	if (path_read(root_fd, "cgroup.controllers", MAX_CONTROL_FILE, &all, NULL) < 0 ||
	    path_read(root_fd, "cgroup.subtree_control", MAX_CONTROL_FILE, &on, NULL) < 0)
		return;
	/* Only the true root may have both processes and controllers for its children; it alone has no
	 * cgroup.type. */
	bool may_enable = !exists_at(root_fd, "cgroup.type");
	if (!may_enable && path_read(root_fd, "cgroup.procs", 16 * MAX_CONTROL_FILE, &procs, NULL) == 0)
		may_enable = procs.len == 0;
	const char *usable = may_enable ? all.p : on.p;
	h->memory = host_word_in(usable, "memory");
	h->cpu = host_word_in(usable, "cpu");
	h->cpuset = host_word_in(usable, "cpuset");
	h->pids = host_word_in(usable, "pids");
	h->io = host_word_in(usable, "io");
}

void host_controllers_v1(int root_fd, struct oci_host *h)
{
	h->memory = exists_at(root_fd, "memory/memory.limit_in_bytes");
	h->cpu = exists_at(root_fd, "cpu/cpu.shares");
	h->cpuset = exists_at(root_fd, "cpuset/cpuset.cpus");
	h->pids = exists_at(root_fd, "pids/cgroup.procs");
	h->io = exists_at(root_fd, "blkio/cgroup.procs");
}

static bool file_says_yes(const char *path)
{
	auto_buf struct buf b = BUF_INIT;
	return path_read(AT_FDCWD, path, 16, &b, NULL) == 0 && b.len > 0 && (b.p[0] == 'Y' || b.p[0] == '1');
}

static void detect(struct oci_host *h)
{
	auto_close int root = open(CGROUP_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	h->mode = root < 0 ? CGROUP_NONE : host_cgroup_mode(root);
	if (h->mode == CGROUP_V2)
		host_controllers_v2(root, h);
	else if (h->mode != CGROUP_NONE)
		host_controllers_v1(root, h);
	h->seccomp = access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0;
	h->apparmor = file_says_yes("/sys/module/apparmor/parameters/enabled") &&
		access("/sys/kernel/security/apparmor/profiles", F_OK) == 0;
	h->selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;
}

const struct oci_host *oci_host(void)
{
	static struct oci_host host;
	static bool known;
	if (!known) {
		detect(&host);
		known = true;
	}
	return &host;
}
