#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../../../../src/util/fd.h"
#include "scratch.h"

static void flags(void **state)
{
	int p[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(fd_nonblock(p[0]), 0);
	assert_int_equal(fd_nonblock(p[0]), 0);
	assert_true(fcntl(p[0], F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_cloexec(p[1], 1), 0);
	assert_true(fcntl(p[1], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fd_cloexec(p[1], 0), 0);
	assert_false(fcntl(p[1], F_GETFD) & FD_CLOEXEC);
	close(p[0]);
	close(p[1]);
	assert_int_equal(fd_nonblock(p[0]), -1);
	assert_int_equal(errno, EBADF);
}

static void descriptors_travel(void **state)
{
	int s[2], sent[3], got[3] = { -1, -1, -1 };
	size_t room = 2;
	int before = scratch_count_fds();
	char text[8];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	for (int i = 0; i < 3; i++)
		sent[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(fd_send(s[0], "hello", 5, sent, 3), 5);
	assert_int_equal(fd_recv(s[1], text, sizeof text, got, &room), 5);
	assert_int_equal(room, 2);
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	/* the third did not fit and is closed */
	assert_int_equal(scratch_count_fds(), before + 2 + 3 + 2);
	assert_int_equal(fd_send(s[0], "x", 1, NULL, 0), 1);
	room = 3;
	assert_int_equal(fd_recv(s[1], text, sizeof text, got + 2, &room), 1);
	assert_int_equal(room, 0);
	for (int i = 0; i < 3; i++)
		close(sent[i]);
	close(got[0]);
	close(got[1]);
	close(s[1]);
	/* a peer that is gone is an error, not a signal */
	assert_int_equal(fd_send(s[0], "x", 1, NULL, 0), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(fd_send(s[0], "x", 1, sent, FD_MAX_PASS + 1), -1);
	close(s[0]);
}

/* In a child: opens 3 to 40, closes all but some, and says whether exactly those are left. */
static int closes_all_but(const int *keep, size_t n)
{
	size_t k = 0;

	for (int fd = 3; fd <= 40; fd++)
		if (dup2(0, fd) < 0)
			return 0;
	fd_close_from(3, keep, n);
	for (int fd = 3; fd <= 100; fd++) {
		int is_open = fcntl(fd, F_GETFD) >= 0;
		int kept = k < n && keep[k] == fd;

		k += kept;
		if (is_open != kept)
			return 0;
	}
	return fcntl(0, F_GETFD) >= 0;
}

static int refuse_close_range(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof code / sizeof *code, code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0 && close_range(100, 101, 0) < 0;
}

static void close_all_but(int with_close_range)
{
	static const int some[] = { 3, 4, 7, 20, 40 };
	static const int none_in_range[] = { 0, 1 };
	int status;

	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			int ok = with_close_range || refuse_close_range();

			ok = ok && (i == 0	    ? closes_all_but(some, 5)
					   : i == 1 ? closes_all_but(NULL, 0)
						    : closes_all_but(some + 2, 1));
			if (ok && i == 1) {
				fd_close_from(3, none_in_range, 2);
				ok = fcntl(0, F_GETFD) >= 0 && fcntl(3, F_GETFD) < 0;
			}
			_exit(ok ? 42 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 42 << 8);
	}
}

static void close_from_keeps_what_it_shall(void **state)
{
	close_all_but(1);
}

static void close_from_without_close_range(void **state)
{
	close_all_but(0);
}

static void write_all_fills_a_slow_pipe(void **state)
{
	enum { BYTES = 1 << 20 };
	char *data = calloc(1, BYTES), part[5000];
	size_t sum = 0;
	int p[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0)
		_exit(fd_write_all(p[1], data, BYTES) == 0 ? 42 : 1);
	close(p[1]);
	while ((n = read(p[0], part, sizeof part)) > 0)
		sum += (size_t)n;
	assert_int_equal(sum, BYTES);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 42 << 8);
	close(p[0]);
	free(data);
	assert_int_equal(fd_write_all(-1, "x", 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags),
		cmocka_unit_test(descriptors_travel),
		cmocka_unit_test(close_from_keeps_what_it_shall),
		cmocka_unit_test(close_from_without_close_range),
		cmocka_unit_test(write_all_fills_a_slow_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
