#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/proc.h"
#include "scratch.h"

enum { SOON_MS = 10000 };

/* --- identity --- */

static void we_are_alive(void **state)
{
	struct proc_id us = { 0 }, other;
	uint64_t start;
	int fd;

	assert_int_equal(strlen(proc_boot_id()), 36);
	assert_int_equal(proc_identify(getpid(), &us), 0);
	assert_int_equal(us.pid, getpid());
	assert_int_equal(proc_start_time(getpid(), &start), 0);
	assert_true(start == us.start && start > 0);
	assert_true(proc_alive(&us));
	other = us;
	other.start++;
	assert_false(proc_alive(&other));
	assert_int_equal(proc_pidfd(&other), -1);
	assert_int_equal(errno, ESRCH);
	fd = proc_pidfd(&us);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(proc_pidfd_signal(fd, 0), 0);
	close(fd);
	other = (struct proc_id){ 0 };
	assert_false(proc_alive(&other));
	assert_int_equal(proc_pidfd(&other), -1);
	assert_int_equal(proc_start_time(-1, &start), -1);
}

/* Its name tries to look like the fields that follow. */
static void a_zombie_is_not_alive(void **state)
{
	struct proc_id id;
	int go[2], named[2], status;
	char c;
	pid_t pid;

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(named), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, ") Z 1 2 3 (x");
		if (write(named[1], "x", 1) == 1 && read(go[0], &c, 1) == 1)
			_exit(0);
		_exit(1);
	}
	assert_int_equal(read(named[0], &c, 1), 1);
	assert_int_equal(proc_identify(pid, &id), 0);
	assert_true(proc_alive(&id));
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	assert_false(proc_alive(&id));
	assert_int_equal(proc_identify(pid, &id), -1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(proc_pidfd(&id), -1);
	assert_int_equal(errno, ESRCH);
	for (int i = 0; i < 2; i++) {
		close(go[i]);
		close(named[i]);
	}
}

/* --- birth --- */

/* Runs a shell script and returns what it wrote; its status in *ret_status. */
static char *run_script(struct spawn *s, const char *script, int *ret_status)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	auto_buf struct buf out = BUF_INIT;
	auto_err struct err err = ERR_INIT;
	struct child c;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	s->argv = argv;
	s->stdio[0] = -1;
	s->stdio[1] = s->stdio[2] = p[1];
	if (proc_spawn(s, &c, &err) < 0)
		fail_msg("%s", err_msg(&err));
	close(p[1]);
	assert_int_equal(path_read_fd(p[0], 1 << 20, &out, &err), 0);
	close(p[0]);
	assert_int_equal(proc_wait(&c, SOON_MS, "the script", ret_status, &err), 0);
	close(c.pidfd);
	return buf_take(&out);
}

static void output_and_status(void **state)
{
	struct spawn s = { 0 };
	int status;
	auto_free char *out = run_script(&s, "echo out; echo err >&2; read x; exit 7", &status);

	assert_string_equal(out, "out\nerr\n");
	assert_int_equal(status, 7);
}

static void death_by_signal_is_128_more(void **state)
{
	struct spawn s = { 0 };
	int status;
	auto_free char *out = run_script(&s, "kill -TERM $$", &status);

	assert_string_equal(out, "");
	assert_int_equal(status, 128 + SIGTERM);
}

static void no_such_program(void **state)
{
	const char *const argv[] = { "davit-no-such-program", NULL };
	const char *const not_exec[] = { "/etc/passwd", NULL };
	const char *const sh[] = { "sh", NULL };
	struct spawn s = { .argv = argv, .stdio = { -1, -1, -1 } };
	auto_err struct err err = ERR_INIT;
	struct child c;
	int before = scratch_count_fds();

	assert_int_equal(proc_spawn(&s, &c, &err), -1);
	assert_string_equal(err_msg(&err), "run 'davit-no-such-program': No such file or directory");
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	s.argv = not_exec;
	assert_int_equal(proc_spawn(&s, &c, &err), -1);
	assert_int_equal(err.errnum, EACCES);
	s.argv = sh;
	s.cwd = "/no/such/place";
	assert_int_equal(proc_spawn(&s, &c, &err), -1);
	assert_string_equal(err_msg(&err), "run 'sh': enter '/no/such/place': No such file or directory");
	/* nothing is left to reap or to close */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(scratch_count_fds(), before);
}

static int do_nothing(void *arg)
{
	return 0;
}

/* Both by vfork and, with before_exec, by fork. */
static void only_what_is_passed_stays_open(void **state)
{
	int pass[2], status;
	char script[200], expected[64];

	for (int i = 0; i < 2; i++) {
		struct spawn s = { .pass = pass, .n_pass = 2, .before_exec = i ? do_nothing : NULL };
		auto_close int leak = dup(2); /* without close-on-exec */
		auto_free char *out = NULL;

		pass[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		pass[1] = fcntl(pass[0], F_DUPFD_CLOEXEC, 50);
		snprintf(script, sizeof script,
			"for f in /proc/$$/fd/*; do case $f in */[012]) ;; *) [ -e $f ] && echo ${f##*/};; "
			"esac; done");
		snprintf(expected, sizeof expected, "%d\n50\n", pass[0]);
		out = run_script(&s, script, &status);
		assert_true(pass[0] < 10 && leak < 10);
		assert_string_equal(out, expected);
		close(pass[0]);
		close(pass[1]);
	}
}

static void environment_directory_session(void **state)
{
	const char *const envp[] = { "PATH=/usr/bin:/bin", "WHO=davit", NULL };
	struct spawn s = { .envp = envp, .cwd = "/proc", .new_session = true };
	int status;
	auto_free char *out = run_script(&s,
		"echo $WHO ${HOME-none}; pwd; cut -d' ' -f6 /proc/$$/stat | grep -qx $$ && echo leader",
		&status);

	assert_string_equal(out, "davit none\n/proc\nleader\n");
}

static void signals_are_clean(void **state)
{
	struct spawn s = { 0 };
	sigset_t some, old, now;
	int status;
	auto_free char *out = NULL;

	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, &old);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	out = run_script(&s, "grep -E 'Sig(Blk|Ign)' /proc/self/status", &status);
	assert_string_equal(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	/* and ours are as before */
	sigprocmask(SIG_SETMASK, &old, &now);
	assert_int_equal(sigismember(&now, SIGUSR1), 1);
	assert_int_equal(sigismember(&now, SIGTERM), 0);
	assert_ptr_equal(signal(SIGPIPE, SIG_DFL), SIG_IGN);
	assert_ptr_equal(signal(SIGUSR2, SIG_DFL), SIG_IGN);
}

/* In a child, with 0 to 2 being what is handed over, crosswise, or closed. */
static int crosswise(const char *path, int closed)
{
	const char *const argv[] = { "sh", "-c", "cat; echo err >&2; echo out", NULL };
	struct spawn s = { .argv = argv, .stdio = { 2, 0, 1 } };
	int in = openat(scratch_fd, "in", O_RDONLY | O_CLOEXEC);
	int out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int err_fd = openat(scratch_fd, "err", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	struct child c;
	int status;

	if (dup2(in, 2) < 0 || dup2(out, 0) < 0 || dup2(err_fd, 1) < 0)
		return 1;
	if (closed) {
		s.stdio[0] = in;
		s.stdio[1] = out;
		s.stdio[2] = err_fd;
		close(0);
		close(1);
		close(2);
	}
	if (proc_spawn(&s, &c, NULL) < 0 || proc_wait(&c, SOON_MS, "sh", &status, NULL) < 0)
		return 2;
	return status == 0 ? 42 : 3;
}

static void stdio_may_be_crosswise_or_closed(void **state)
{
	char path[128];
	int status;

	snprintf(path, sizeof path, "%s/out", scratch_path);
	assert_int_equal(scratch_file("in", "in\n"), 0);
	for (int closed = 0; closed < 2; closed++) {
		auto_buf struct buf out = BUF_INIT, err_text = BUF_INIT;
		pid_t pid = fork();

		if (pid == 0)
			_exit(crosswise(path, closed));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 42 << 8);
		assert_int_equal(path_read(scratch_fd, "out", 100, &out, NULL), 0);
		assert_string_equal(out.p, "in\nout\n");
		assert_int_equal(path_read(scratch_fd, "err", 100, &err_text, NULL), 0);
		assert_string_equal(err_text.p, "err\n");
		unlinkat(scratch_fd, "out", 0);
		unlinkat(scratch_fd, "err", 0);
	}
}

static int fail_before(void *arg)
{
	return write(1, arg, strlen(arg)) > 0 ? 1 : 0;
}

static void before_exec_may_refuse(void **state)
{
	char word[] = "refused\n";
	struct spawn s = { .before_exec = fail_before, .arg = word };
	int status;
	auto_free char *out = run_script(&s, "echo ran", &status);

	assert_string_equal(out, "refused\n");
	assert_int_equal(status, 125);
}

static void wait_has_a_deadline(void **state)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	struct spawn s = { .argv = argv, .stdio = { -1, -1, -1 } };
	auto_err struct err err = ERR_INIT;
	struct child c;
	int status = -1;

	assert_int_equal(proc_spawn(&s, &c, &err), 0);
	assert_true(fcntl(c.pidfd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(proc_reap(&c, &status), 0);
	assert_int_equal(proc_wait(&c, 50, "sleep", &status, &err), -1);
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_string_equal(err_msg(&err), "sleep did not finish within 0.05 s");
	assert_int_equal(kill(c.pid, 0), -1);
	close(c.pidfd);
}

static void many_at_once(void **state)
{
	enum { MANY = 60 };
	const char *const argv[] = { "true", NULL };
	struct spawn s = { .argv = argv, .stdio = { -1, -1, -1 } };
	struct child c[MANY];
	int before = scratch_count_fds();
	int status;

	for (int i = 0; i < MANY; i++)
		assert_int_equal(proc_spawn(&s, &c[i], NULL), 0);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(proc_wait(&c[i], SOON_MS, "true", &status, NULL), 0);
		assert_int_equal(status, 0);
		close(c[i].pidfd);
	}
	assert_int_equal(scratch_count_fds(), before);
}

static void end_as(int status)
{
	if (status > 128)
		raise(status - 128);
	_exit(status);
}

/* The kernel is asked about somebody who was reaped already. Those before 6.15 do not say. */
static void how_a_stranger_ended(void **state)
{
	static const int ways[] = { 0, 7, 255, 128 + SIGKILL, 128 + SIGTERM };

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		int fd, status = -1, seen = -1, r, go[2];
		struct proc_id id;
		char c;
		pid_t pid;

		assert_int_equal(pipe(go), 0);
		pid = fork();
		if (pid == 0) {
			signal(SIGTERM, SIG_DFL);
			if (read(go[0], &c, 1) == 1)
				end_as(ways[i]);
			_exit(99);
		}
		assert_int_equal(proc_parent(pid), getpid());
		fd = pidfd_open(pid, 0);
		assert_true(fd >= 0);
		assert_true(proc_pidfd_ended(fd, &status) <= 0);
		assert_int_equal(proc_identify(pid, &id), 0);
		assert_int_equal(proc_zombie_ended(&id, &seen), 0);
		assert_int_equal(write(go[1], "x", 1), 1);
		assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
		assert_true(proc_pidfd_ended(fd, &status) <= 0);
		if (geteuid() == 0) {
			assert_int_equal(proc_zombie_ended(&id, &seen), 1);
			assert_int_equal(seen, ways[i]);
		}
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_int_equal(proc_zombie_ended(&id, &seen), 0);
		assert_int_equal(proc_parent(pid), 0);
		r = proc_pidfd_ended(fd, &status);
		assert_true(r == 1 ? status == ways[i] : r <= 0 && status == -1);
		close(fd);
		close(go[0]);
		close(go[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(we_are_alive),
		cmocka_unit_test(a_zombie_is_not_alive),
		cmocka_unit_test(how_a_stranger_ended),
		cmocka_unit_test(output_and_status),
		cmocka_unit_test(death_by_signal_is_128_more),
		cmocka_unit_test(no_such_program),
		cmocka_unit_test(only_what_is_passed_stays_open),
		cmocka_unit_test(environment_directory_session),
		cmocka_unit_test(signals_are_clean),
		scratch_test(stdio_may_be_crosswise_or_closed),
		cmocka_unit_test(before_exec_may_refuse),
		cmocka_unit_test(wait_has_a_deadline),
		cmocka_unit_test(many_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
