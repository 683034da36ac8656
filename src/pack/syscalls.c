#include "syscalls.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../util/auto.h"

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

/* Calls that are younger than some libc's headers have one number everywhere. */
#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr 467
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif
#ifndef __NR_quotactl_fd
#define __NR_quotactl_fd 443
#endif
#ifndef __NR_process_mrelease
#define __NR_process_mrelease 448
#endif

static const int refused[] = {
	/* others: sockets, */
	__NR_socket, __NR_socketpair, __NR_bind, __NR_connect, __NR_listen, __NR_accept, __NR_accept4, __NR_sendto, __NR_sendmsg, __NR_sendmmsg,
	__NR_recvfrom, __NR_recvmsg, __NR_recvmmsg, __NR_shutdown, __NR_setsockopt, __NR_getsockopt,
	/* their memory, */
	__NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_process_madvise, __NR_process_mrelease, __NR_kcmp, __NR_pidfd_open,
	__NR_pidfd_getfd, __NR_userfaultfd, __NR_perf_event_open,
	/* signals */
	__NR_rt_sigqueueinfo, __NR_rt_tgsigqueueinfo, __NR_pidfd_send_signal, __NR_tkill,
	/* and System V's things */
	__NR_msgget, __NR_semget, __NR_shmget, __NR_shmat,
	/* mounts and namespaces */
	__NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot, __NR_move_mount, __NR_open_tree, __NR_open_tree_attr, __NR_mount_setattr,
	__NR_fsopen, __NR_fsconfig, __NR_fsmount, __NR_fspick, __NR_setns, __NR_unshare, __NR_open_by_handle_at, __NR_name_to_handle_at,
	__NR_fanotify_init,
	/* other programs */
	__NR_execve, __NR_execveat, __NR_personality,
	/* what holes of the kernel are found in */
	__NR_bpf, __NR_io_uring_setup, __NR_io_uring_enter, __NR_io_uring_register, __NR_io_setup, __NR_keyctl, __NR_add_key, __NR_request_key,
	__NR_vmsplice,
	/* the machine */
	__NR_init_module, __NR_finit_module, __NR_delete_module, __NR_kexec_load, __NR_reboot, __NR_swapon, __NR_swapoff, __NR_acct, __NR_quotactl,
	__NR_quotactl_fd, __NR_syslog, __NR_vhangup, __NR_sethostname, __NR_setdomainname, __NR_settimeofday, __NR_clock_settime, __NR_adjtimex,
	__NR_clock_adjtime,
#ifdef __NR_kexec_file_load
	__NR_kexec_file_load,
#endif
#ifdef __x86_64__
	__NR_fork, __NR_vfork, __NR_iopl, __NR_ioperm, __NR_modify_ldt, __NR_uselib,
#endif
};

enum {
	NEW_NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
	X32_BIT = 0x40000000, /* calls of x86_64's third set of numbers have it */
	PROGRAM_MAX = 32 + ARRAY_LEN(refused),
};

struct program {
	struct sock_filter v[PROGRAM_MAX];
	unsigned short n;
};

static void add(struct program *p, unsigned short code, uint32_t k, uint8_t jump_true, uint8_t jump_false)
{
	p->v[p->n++] = (struct sock_filter){ code, jump_true, jump_false, k };
}

static void load(struct program *p, size_t offset)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void end_with(struct program *p, uint32_t action)
{
	add(p, BPF_RET | BPF_K, action, 0, 0);
}

#define REFUSE (SECCOMP_RET_ERRNO | EPERM)
#define FIRST_ARG (offsetof(struct seccomp_data, args) + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0))

/* A call that goes by its first argument, of which the kernel looks at 32 bits: allowed when the test says so. The rest of the program has
 * the number again. */
static void add_by_arg(struct program *p, int nr, unsigned short test, uint32_t k, bool allowed)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4);
	load(p, FIRST_ARG);
	add(p, BPF_JMP | test | BPF_K, k, allowed ? 1 : 0, allowed ? 0 : 1);
	end_with(p, REFUSE);
	end_with(p, SECCOMP_RET_ALLOW);
}

/* abort() and the reports of a sanitizer send signals to the process itself. */
static void make_program(struct program *p)
{
	const uint32_t self = (uint32_t)getpid();

	load(p, offsetof(struct seccomp_data, arch));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0);
	end_with(p, SECCOMP_RET_KILL_PROCESS);
	load(p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	add(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	end_with(p, SECCOMP_RET_KILL_PROCESS);
#endif
	add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1);
	end_with(p, SECCOMP_RET_ERRNO | ENOSYS);
	add_by_arg(p, __NR_clone, BPF_JSET, NEW_NAMESPACES, false);
	add_by_arg(p, __NR_kill, BPF_JEQ, self, true);
	add_by_arg(p, __NR_tgkill, BPF_JEQ, self, true);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused[i], (uint8_t)(ARRAY_LEN(refused) - i), 0);
	end_with(p, SECCOMP_RET_ALLOW);
	end_with(p, REFUSE);
}

int syscalls_limit(struct err *err)
{
#ifdef OUR_ARCH
	struct program p = { .n = 0 };
	struct sock_fprog all = { .filter = p.v };

	static_assert(ARRAY_LEN(refused) < 256, "a jump goes that far");
	make_program(&p);
	all.len = p.n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all, 0, 0) < 0 && errno != EINVAL && errno != ENOSYS)
		return err_sys(err, errno, "limit its system calls");
#endif
	return 0;
}
