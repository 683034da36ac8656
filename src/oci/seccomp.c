/* seccomp.c - the default profile: which system calls a container may make.
 *
 * How it works: what is not listed fails with ENOSYS, so that a libc newer than this list falls back to
 * older calls. Calls that are known and refused fail with EPERM, which programs expect of a missing
 * privilege. Some are allowed with a capability only: the kernel would check it too, but the code behind
 * the check is then out of reach. The list is the part that both docker's and podman's defaults allow. */
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "seccomp.h"
#include "spec.h"

#define BIT(cap) (UINT64_C(1) << (cap))

static const char always[] =
	/* files */
	"access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 "
	"faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat "
	"fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr "
	"fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat "
	"getcwd getdents getdents64 getxattr inotify_add_watch inotify_init inotify_init1 "
	"inotify_rm_watch ioctl lchown lchown32 lgetxattr link linkat listxattr llistxattr _llseek "
	"lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at "
	"newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 "
	"read readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir sendfile "
	"sendfile64 setxattr splice stat stat64 statfs statfs64 statx symlink symlinkat sync "
	"sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat "
	"utimensat_time64 utimes write writev "
	/* waiting for them */
	"epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
	"epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_setup io_submit "
	"_newselect poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 "
	/* memory */
	"brk madvise membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 "
	"mprotect mremap msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect "
	"process_mrelease remap_file_pages "
	/* processes, identity, limits */
	"capget capset execve execveat exit exit_group fork getcpu getegid getegid32 geteuid geteuid32 "
	"getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid getpriority getresgid "
	"getresgid32 getresuid getresuid32 getrlimit getrusage getsid gettid getuid getuid32 "
	"get_robust_list get_thread_area ioprio_get ioprio_set kill landlock_add_rule "
	"landlock_create_ruleset landlock_restrict_self pause pidfd_open pidfd_send_signal prctl "
	"prlimit64 ptrace process_vm_readv process_vm_writev restart_syscall rseq sched_getaffinity "
	"sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler "
	"sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
	"sched_setparam sched_setscheduler sched_yield seccomp set_robust_list set_thread_area "
	"set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 "
	"setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid "
	"setreuid32 setrlimit setsid setuid setuid32 sysinfo times ugetrlimit uname vfork wait4 waitid "
	"waitpid "
	/* signals, futexes, time */
	"adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
	"clock_gettime64 clock_nanosleep clock_nanosleep_time64 futex futex_time64 getitimer "
	"gettimeofday nanosleep rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn "
	"rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo setitimer sigaltstack "
	"sigprocmask sigreturn tgkill time timer_create timer_delete timer_getoverrun timer_gettime "
	"timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 "
	"timerfd_settime timerfd_settime64 tkill "
	/* talking to others */
	"accept accept4 bind connect getpeername getsockname getsockopt ipc listen mq_getsetattr "
	"mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 "
	"mq_unlink msgctl msgget msgrcv msgsnd recv recvfrom recvmmsg recvmmsg_time64 recvmsg semctl "
	"semget semop semtimedop semtimedop_time64 send sendmmsg sendmsg sendto setsockopt shmat shmctl "
	"shmdt shmget shutdown socketcall socketpair getrandom";

/* Any of the capabilities is enough. */
static const struct gated {
	uint64_t caps;
	const char *names;
} gated[] = {
	{BIT(CAP_DAC_READ_SEARCH), "open_by_handle_at"},
	{BIT(CAP_SYS_ADMIN),
		"bpf clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr "
		"move_mount open_tree perf_event_open quotactl setdomainname sethostname setns syslog umount "
		"umount2 unshare"},
	{BIT(CAP_BPF), "bpf"},
	{BIT(CAP_PERFMON), "perf_event_open"},
	{BIT(CAP_SYSLOG), "syslog"},
	{BIT(CAP_SYS_BOOT), "reboot"},
	{BIT(CAP_SYS_CHROOT), "chroot"},
	{BIT(CAP_SYS_MODULE), "delete_module finit_module init_module"},
	{BIT(CAP_SYS_NICE), "get_mempolicy mbind set_mempolicy"},
	{BIT(CAP_SYS_PACCT), "acct"},
	{BIT(CAP_SYS_PTRACE), "kcmp pidfd_getfd process_madvise"},
	{BIT(CAP_SYS_RAWIO), "ioperm iopl"},
	{BIT(CAP_SYS_TIME), "clock_settime clock_settime64 settimeofday stime"},
	{BIT(CAP_SYS_TTY_CONFIG), "vhangup"},
};

/* Refused whatever the capabilities, and common enough that their callers should see "not permitted". */
static const char refused[] = "add_key io_pgetevents kexec_file_load kexec_load keyctl migrate_pages "
			      "move_pages nfsservctl pivot_root request_key "
			      "swapoff swapon userfaultfd vmsplice";

#if defined(__x86_64__)
static const char native[] = "arch_prctl modify_ldt";
/* x32 is left out: next to nothing uses it, and it would be a third way to every call. */
static const char *const arches[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", NULL};
#elif defined(__aarch64__)
static const char native[] =
	"arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls";
static const char *const arches[] = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", NULL};
#else
#error "add the architecture's own system calls and its names in libseccomp"
#endif

enum {
	/* CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}: making namespaces of one's own is for CAP_SYS_ADMIN */
	CLONE_NAMESPACES = 0x7e020000,
	VSOCK = 40, /* would reach the hypervisor's services past every network namespace */
	NETLINK_AUDIT_PROTO = 9,
};

const char *const *seccomp_arches(void)
{
	return arches;
}

static json_t *words(const char *list)
{
	json_t *a = json_array();
	for (const char *p = list + strspn(list, " "); *p;) {
		size_t n = strcspn(p, " ");
		json_array_append_new(a, json_stringn(p, n));
		p += n + strspn(p + n, " ");
	}
	return a;
}

void seccomp_add(json_t *syscalls, const char *names, const char *action, int errno_ret,
	const struct seccomp_arg *args, size_t n_args)
{
	json_t *o = json_object(), *a = json_array();
	json_object_set_new(o, "names", words(names));
	jx_set_str(o, "action", action);
	if (errno_ret >= 0)
		jx_set_int(o, "errnoRet", errno_ret);
	for (size_t i = 0; i < n_args; i++)
		json_array_append_new(a, json_pack("{sisIsIss}", "index", (int)args[i].index, "value",
						 (json_int_t)args[i].value, "valueTwo",
						 (json_int_t)args[i].value_two, "op", args[i].op));
	if (n_args > 0)
		json_object_set_new(o, "args", a);
	else
		json_decref(a);
	json_array_append_new(syscalls, o);
}

static void allow(json_t *s, const char *names)
{
	seccomp_add(s, names, "SCMP_ACT_ALLOW", -1, NULL, 0);
}

static bool allowed_elsewhere(uint64_t caps, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(gated); i++) {
		if (!(gated[i].caps & caps))
			continue;
		json_t *list = words(gated[i].names);
		size_t k;
		const json_t *w;
		bool found = false;
		json_array_foreach(list, k, w) found = found || strcmp(json_string_value(w), name) == 0;
		json_decref(list);
		if (found)
			return true;
	}
	return false;
}

/* A call may stand in two rows (bpf): it is refused only if no row allows it. clone3 is left to the
 * default, because libc takes ENOSYS, and only that, as the word to use clone, whose flags can be looked
 * at. */
static void refuse_gated(json_t *s, uint64_t caps, const char *names)
{
	json_t *list = words(names);
	size_t i;
	const json_t *w;
	json_array_foreach(list, i, w)
	{
		const char *name = json_string_value(w);
		if (strcmp(name, "clone3") != 0 && !allowed_elsewhere(caps, name))
			seccomp_add(s, name, "SCMP_ACT_ERRNO", EPERM, NULL, 0);
	}
	json_decref(list);
}

static void add_gated(json_t *s, uint64_t caps)
{
	for (size_t i = 0; i < ARRAY_LEN(gated); i++) {
		if (gated[i].caps & caps)
			allow(s, gated[i].names);
		else
			refuse_gated(s, caps, gated[i].names);
	}
}

static void add_clone(json_t *s, uint64_t caps)
{
	static const struct seccomp_arg no_namespaces = {0, CLONE_NAMESPACES, 0, "SCMP_CMP_MASKED_EQ"};
	if (caps & BIT(CAP_SYS_ADMIN))
		allow(s, "clone");
	else
		seccomp_add(s, "clone", "SCMP_ACT_ALLOW", -1, &no_namespaces, 1);
}

/* Linux, 32-bit, with or without UNAME26, and the query: not the ones that switch randomisation off. */
static void add_personality(json_t *s)
{
	static const int64_t values[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct seccomp_arg a = {0, values[i], 0, "SCMP_CMP_EQ"};
		seccomp_add(s, "personality", "SCMP_ACT_ALLOW", -1, &a, 1);
	}
}

/* All families but one; without CAP_AUDIT_WRITE not the audit protocol either. Since one rule cannot
 * exclude two values of one argument, protocol 9 is then allowed for the families where it means something
 * else. */
static void add_socket(json_t *s, uint64_t caps)
{
	static const struct seccomp_arg not_vsock = {0, VSOCK, 0, "SCMP_CMP_NE"};
	static const int64_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_PACKET};
	if (caps & BIT(CAP_AUDIT_WRITE)) {
		seccomp_add(s, "socket", "SCMP_ACT_ALLOW", -1, &not_vsock, 1);
		return;
	}
	const struct seccomp_arg neither[] = {not_vsock, {2, NETLINK_AUDIT_PROTO, 0, "SCMP_CMP_NE"}};
	seccomp_add(s, "socket", "SCMP_ACT_ALLOW", -1, neither, ARRAY_LEN(neither));
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const struct seccomp_arg both[] = {
			{0, families[i], 0, "SCMP_CMP_EQ"},
			{2, NETLINK_AUDIT_PROTO, 0, "SCMP_CMP_EQ"},
		};
		seccomp_add(s, "socket", "SCMP_ACT_ALLOW", -1, both, ARRAY_LEN(both));
	}
}

json_t *seccomp_default(uint64_t caps)
{
	json_t *o = json_object(), *s = json_array(), *a = json_array();
	jx_set_str(o, "defaultAction", "SCMP_ACT_ERRNO");
	jx_set_int(o, "defaultErrnoRet", ENOSYS);
	for (size_t i = 0; arches[i]; i++)
		json_array_append_new(a, json_string(arches[i]));
	json_object_set_new(o, "architectures", a);
	json_object_set_new(o, "syscalls", s);
	allow(s, always);
	allow(s, native);
	add_clone(s, caps);
	add_personality(s);
	add_socket(s, caps);
	add_gated(s, caps);
	seccomp_add(s, refused, "SCMP_ACT_ERRNO", EPERM, NULL, 0);
	return o;
}
