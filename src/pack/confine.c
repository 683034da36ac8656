#include "confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/path.h"
#include "../util/str.h"

/* The widest window that a zstd frame may ask for is 128 MiB. */
enum { MEMORY_MAX = 256 << 20 };

static const int unpack_caps[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_MKNOD,
	CAP_SETFCAP };

/* type: of st_mode */
static int close_all(mode_t type, struct err *err)
{
	auto_closedir DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	if (!d)
		return err_sys(err, errno, "list open descriptors");
	while ((e = readdir(d))) {
		struct stat st;
		unsigned fd;
		if (str_uint(e->d_name, 0, INT32_MAX, &fd) < 0 || (int)fd == dirfd(d))
			continue;
		if (fstat((int)fd, &st) == 0 && (st.st_mode & S_IFMT) == type)
			close((int)fd);
	}
	return 0;
}

/* The directory becomes a mount of its own, stricter than the file system it is on. */
static int restrict_mount(const char *name, struct err *err)
{
	unsigned long flags = MS_REMOUNT | MS_BIND | MS_NODEV | MS_NOSUID | MS_NOEXEC;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, errno, "make mounts private");
	if (mount(name, name, NULL, MS_BIND, NULL) < 0 || mount(NULL, name, NULL, flags, NULL) < 0)
		return err_sys(err, errno, "mount the working directory");
	return 0;
}

static int enter(int dir_fd, const char *name, struct err *err)
{
	if (fchdir(dir_fd) < 0)
		return err_sys(err, errno, "enter the working directory");
	/* a container without CAP_SYS_ADMIN has to do with chroot */
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) == 0) {
		if (restrict_mount(name, err) < 0)
			return -1;
	} else if (errno != EPERM) {
		return err_sys(err, errno, "make namespaces");
	}
	if (close_all(S_IFDIR, err) < 0)
		return -1;
	if (chdir(name) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(err, errno, "change the root directory");
	return 0;
}

/* What libraries allocate for what an archive says of itself (maps of sparse files, windows of compression) has no limit of
 * its own. Counted from what the process has already. */
static int limit_memory(struct err *err)
{
	auto_buf struct buf statm = BUF_INIT;
	struct rlimit limit;
	unsigned long long data;

	if (path_read(AT_FDCWD, "/proc/self/statm", 256, &statm, err) < 0)
		return -1;
	if (!statm.p || sscanf(statm.p, "%*u %*u %*u %*u %*u %llu", &data) != 1)
		return err_set(err, ERR_FAIL, "/proc/self/statm is not as expected");
	limit.rlim_cur = limit.rlim_max = data * (unsigned long long)sysconf(_SC_PAGESIZE) + MEMORY_MAX;
	return setrlimit(RLIMIT_DATA, &limit) < 0 ? err_sys(err, errno, "limit its memory") : 0;
}

static int drop_caps(enum confine_caps keep, struct err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } }, now[2];

	if (syscall(SYS_capget, &head, now) < 0)
		return err_sys(err, errno, "read capabilities");
	for (size_t i = 0; keep == CONFINE_UNPACK && i < ARRAY_LEN(unpack_caps); i++) {
		unsigned bit = 1u << unpack_caps[i]; /* all of them are below 32 */
		data[0].permitted |= now[0].permitted & bit;
	}
	data[0].effective = data[0].permitted;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int cap = 0; cap <= 63; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && cap != CAP_SETPCAP)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAPBSET_DROP, CAP_SETPCAP, 0, 0, 0);
	if (syscall(SYS_capset, &head, data) < 0)
		return err_sys(err, errno, "drop capabilities");
	return 0;
}

int confine_sockets(struct err *err)
{
	return close_all(S_IFSOCK, err);
}

int confine(int dir_fd, const char *name, enum confine_caps caps, struct err *err)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (limit_memory(err) < 0 || enter(dir_fd, name, err) < 0) {
		if (geteuid() != 0)
			err_hint(err, "images are loaded by root");
		return err_wrap(err, "confine the unpacking process");
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "confine the unpacking process: no_new_privs");
	if (drop_caps(caps, err) < 0)
		return err_wrap(err, "confine the unpacking process");
	umask(0);
	return 0;
}
