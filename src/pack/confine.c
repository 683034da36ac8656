#include "confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/fd.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/proc.h"
#include "../util/str.h"
#include "syscalls.h"

/* The widest window that a zstd frame may ask for is 128 MiB. */
enum { MEMORY_MAX = 256 << 20 };

/* Of a user that nobody is: the highest numbers are "leave it" and, for some, "nobody". */
#define NO_USER ((uid_t)0xfffffffd)

static const int unpack_caps[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_MKNOD,
	CAP_SETFCAP };

static bool is_kept(int fd, const int *keep, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Standard error stays, for what the library of a sanitizer says, say; without its terminal, whose input could be forged. */
static int close_others(const int *keep, size_t n, struct err *err)
{
	auto_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	auto_free int *all = xcalloc(n + 1, sizeof *all);

	if (null_fd < 0)
		return err_sys(err, errno, "open '/dev/null'");
	for (int fd = 0; fd < STDERR_FILENO; fd++)
		if (!is_kept(fd, keep, n) && dup2(null_fd, fd) < 0)
			return err_sys(err, errno, "close descriptor %d", fd);
	if (n > 0)
		memcpy(all, keep, n * sizeof *all);
	all[n] = worker_own_fd();
	qsort(all, n + 1, sizeof *all, by_number);
	fd_close_from(STDERR_FILENO + 1, all, n + 1);
	take_fd(&null_fd); /* it was among them, or is one of the three */
	setsid();
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

static int enter(int dir_fd, const char *name, enum confine_caps caps, const int *keep, size_t n, struct err *err)
{
	if (fchdir(dir_fd) < 0)
		return err_sys(err, errno, "enter the working directory");
	/* a container without CAP_SYS_ADMIN has to do with chroot */
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) == 0) {
		if (caps != CONFINE_EXTRACT && restrict_mount(name, err) < 0)
			return -1;
	} else if (errno != EPERM) {
		return err_sys(err, errno, "make namespaces");
	}
	if (close_others(keep, n, err) < 0)
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

static int set_caps(const struct __user_cap_data_struct *data)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return (int)syscall(SYS_capset, &head, data);
}

/* Signals go by the user's number, files by that of the file system. Where the number is not to be had, in a user namespace that does not map
 * it, all stays as it is; and where its parent could not end it any more. */
static int become_nobody(const struct __user_cap_data_struct *caps, struct err *err)
{
	const struct __user_cap_data_struct all[2] = { { caps[0].permitted, caps[0].permitted, 0 }, { caps[1].permitted, caps[1].permitted, 0 } };
	const uid_t files = (uid_t)setfsuid((uid_t)-1);
	const struct rlimit none = { 0, 0 };

	if (!(caps[0].effective & 1u << CAP_KILL))
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || syscall(SYS_setresuid, NO_USER, NO_USER, NO_USER) < 0)
		return errno == EINVAL || errno == EPERM ? 0 : err_sys(err, errno, "change the user");
	if (set_caps(all) < 0)
		return err_sys(err, errno, "keep capabilities");
	setfsuid(files);
	if ((uid_t)setfsuid((uid_t)-1) != files)
		return err_set(err, ERR_FAIL, "the user whose files are made cannot be kept");
	return setrlimit(RLIMIT_NPROC, &none) < 0 ? err_sys(err, errno, "forbid it children") : 0;
}

static int drop_caps(enum confine_caps keep, struct err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } }, now[2];

	if (syscall(SYS_capget, &head, now) < 0)
		return err_sys(err, errno, "read capabilities");
	for (size_t i = 0; keep != CONFINE_NO_CAPS && i < ARRAY_LEN(unpack_caps); i++) {
		unsigned bit = 1u << unpack_caps[i]; /* all of them are below 32 */
		data[0].permitted |= now[0].permitted & bit;
	}
	data[0].effective = data[0].permitted;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int cap = 0; cap <= 63; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && cap != CAP_SETPCAP)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAPBSET_DROP, CAP_SETPCAP, 0, 0, 0);
	if (become_nobody(now, err) < 0)
		return -1;
	if (set_caps(data) < 0)
		return err_sys(err, errno, "drop capabilities");
	return 0;
}

/* Another user's process has to ask for it again. */
static int die_with(pid_t parent, struct err *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_sys(err, errno, "die with its parent");
	return getppid() == parent ? 0 : err_set(err, ERR_FAIL, "its parent is dead");
}

int confine(int dir_fd, const char *name, enum confine_caps caps, const int *keep, size_t n, struct err *err)
{
	const pid_t parent = getppid();

	signal(SIGXFSZ, SIG_IGN); /* who started it has its reasons (ulimit -f); what it meets is an error, with a name */
	if (limit_memory(err) < 0 || enter(dir_fd, name, caps, keep, n, err) < 0) {
		if (geteuid() != 0)
			err_hint(err, "images are loaded by root");
		return err_wrap(err, "confine the unpacking process");
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "confine the unpacking process: no_new_privs");
	if (drop_caps(caps, err) < 0 || die_with(parent, err) < 0 || syscalls_limit(err) < 0)
		return err_wrap(err, "confine the unpacking process");
	umask(0);
	return 0;
}
