/* What a worker that unpacks may ask the kernel for. The arguments are such that none of the calls does anything, were it allowed: to root most
 * would say EFAULT, EBADF or EINVAL, and what says EPERM without the filter, too, is no proof, but no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../../src/pack/syscalls.h"
#include "../../../../src/util/auto.h"

#define BAD ((void *)8) /* no address of anything */

struct call {
	const char *name;
	long nr, a, b, c, d, e;
	bool proof; /* without the filter it says something else than EPERM here */
};
#define CALL(n, p, ...) { .name = #n, .nr = __NR_##n, .proof = p, __VA_ARGS__ }

static const struct call calls[] = {
	CALL(socket, true, .a = AF_INET, .b = SOCK_STREAM),
	CALL(socketpair, true, .a = AF_UNIX, .b = SOCK_STREAM, .d = (long)BAD),
	CALL(connect, true, .a = -1),
	CALL(sendmsg, true, .a = -1),
	CALL(recvmsg, true, .a = -1),
	CALL(ptrace, true, .a = PTRACE_TRACEME),
	CALL(process_vm_readv, true, .b = (long)BAD, .c = 1),
	CALL(process_vm_writev, true, .b = (long)BAD, .c = 1),
	CALL(mount, true, .a = (long)BAD, .b = (long)BAD),
	CALL(umount2, true, .a = (long)BAD),
	CALL(pivot_root, true, .a = (long)BAD, .b = (long)BAD),
	CALL(chroot, true, .a = (long)BAD),
	CALL(move_mount, true, .a = -1, .b = (long)BAD, .c = -1, .d = (long)BAD),
	CALL(open_tree, true, .a = -1, .b = (long)BAD),
	CALL(fsopen, true, .a = (long)BAD),
	CALL(fsmount, true, .a = -1),
	CALL(fspick, true, .a = -1, .b = (long)BAD),
	CALL(setns, true, .a = -1),
	CALL(unshare, true),
	CALL(clone, false, .a = CLONE_NEWUSER | 0x80000000L), /* with flags that make no sense together */
	CALL(execve, true, .a = (long)BAD),
	CALL(execveat, true, .a = -1, .b = (long)BAD),
	CALL(bpf, true, .a = -1, .b = (long)BAD, .c = 8),
	CALL(perf_event_open, false, .a = (long)BAD),
	CALL(keyctl, true, .a = -1),
	CALL(add_key, false, .a = (long)BAD),
	CALL(request_key, false, .a = (long)BAD),
	CALL(userfaultfd, false, .a = -1),
	CALL(io_uring_setup, false, .a = 0, .b = (long)BAD),
	CALL(io_uring_enter, false, .a = -1),
	CALL(io_uring_register, false, .a = -1),
	CALL(init_module, false, .a = (long)BAD),
	CALL(finit_module, false, .a = -1),
	CALL(delete_module, false, .a = (long)BAD),
	CALL(kexec_load, false, .b = 1000, .c = (long)BAD),
	CALL(swapon, false, .a = (long)BAD),
	CALL(swapoff, false, .a = (long)BAD),
	CALL(reboot, false, .a = 1),
	CALL(personality, true, .a = 0xffffffffL),
	CALL(rt_sigqueueinfo, true, .a = 1, .c = (long)BAD),
	CALL(rt_tgsigqueueinfo, true, .a = 1, .b = 1, .d = (long)BAD),
	CALL(pidfd_send_signal, true, .a = -1),
	CALL(pidfd_open, true, .a = 1),
	CALL(kill, true, .a = 1),
	CALL(tgkill, true, .a = 1, .b = 1),
	CALL(open_by_handle_at, false, .a = -1, .b = (long)BAD),
	CALL(acct, false, .a = (long)BAD),
	CALL(quotactl, false, .a = -1, .b = (long)BAD),
#ifdef __x86_64__
	CALL(iopl, true),
	CALL(ioperm, true, .a = -1),
#endif
};

static int ask(const struct call *c)
{
	errno = 0;
	return syscall(c->nr, c->a, c->b, c->c, c->d, c->e) < 0 ? errno : 0;
}

/* In a child; its exit status, or 128 + signal. */
static int in_child(int (*fn)(bool limited), bool limited)
{
	auto_err struct err err = ERR_INIT;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || (limited && syscalls_limit(&err) < 0))
			_exit(99);
		_exit(fn(limited));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* How many said what they should not have said. */
static int ask_all(bool limited)
{
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		int said = limited || calls[i].proof ? ask(&calls[i]) : 0;

		if ((said == EPERM) == limited)
			continue;
		fprintf(stderr, "%s %s: %s\n", limited ? "limited" : "free", calls[i].name, strerror(said));
		wrong++;
	}
	return wrong;
}

static void each_is_refused_by_the_filter(void **state)
{
	assert_int_equal(in_child(ask_all, true), 0);
	assert_int_equal(in_child(ask_all, false), 0);
}

static int clone3(bool limited)
{
	return syscall(__NR_clone3, BAD, 0) < 0 ? errno : 0;
}

static void clone3_looks_as_if_it_was_not_there(void **state)
{
	assert_int_equal(in_child(clone3, true), ENOSYS);
}

static int abort_itself(bool limited)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	abort();
}

static void it_can_end_itself(void **state)
{
	assert_int_equal(in_child(abort_itself, true), 128 + SIGABRT);
}

#ifdef __x86_64__
static int as_i386(bool limited)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory"); /* getpid */
	return r > 0 ? 0 : 1;
}

static int as_x32(bool limited)
{
	return syscall(0x40000000L | __NR_getpid) > 0 ? 0 : 1;
}

static void other_numbers_end_it(void **state)
{
	assert_int_equal(in_child(as_i386, true), 128 + SIGSYS);
	assert_int_equal(in_child(as_x32, true), 128 + SIGSYS);
}
#endif

/* Memory, files, their owners and attributes, and the time. */
static int ordinary(bool limited)
{
	char name[] = "/tmp/syscalls_test-XXXXXX";
	int fd = mkstemp(name), ok;
	struct timespec now;

	ok = fd >= 0 && write(fd, "x", 1) == 1 && fchmod(fd, 0600) == 0 && fchown(fd, geteuid(), getegid()) == 0;
	ok = ok && clock_gettime(CLOCK_MONOTONIC, &now) == 0 && unlink(name) == 0 && kill(getpid(), 0) == 0;
	return !ok;
}

static void what_it_needs_it_has(void **state)
{
	assert_int_equal(in_child(ordinary, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_refused_by_the_filter),
		cmocka_unit_test(clone3_looks_as_if_it_was_not_there),
		cmocka_unit_test(it_can_end_itself),
#ifdef __x86_64__
		cmocka_unit_test(other_numbers_end_it),
#endif
		cmocka_unit_test(what_it_needs_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
