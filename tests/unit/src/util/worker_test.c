#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/fd.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/proc.h"
#include "scratch.h"

enum { SOON_MS = 10000 };

static void nothing_is_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static int says_more(void *arg, json_t **ret, struct err *err)
{
	*ret = json_object();
	jx_set_int(*ret, "n", *(int *)arg + 1);
	return 0;
}

static int says_nothing(void *arg, json_t **ret, struct err *err)
{
	return 0;
}

static int fails(void *arg, json_t **ret, struct err *err)
{
	err_sys(err, EACCES, "open '%s'", (const char *)arg);
	err_hint(err, "be root");
	return err_wrap(err, "copy");
}

static int fails_silently(void *arg, json_t **ret, struct err *err)
{
	return -1;
}

static int dies(void *arg, json_t **ret, struct err *err)
{
	raise(*(int *)arg);
	return 0;
}

static int exits(void *arg, json_t **ret, struct err *err)
{
	_exit(3);
}

static int hangs(void *arg, json_t **ret, struct err *err)
{
	while (pause() < 0)
		continue;
	return 0;
}

static int says_much(void *arg, json_t **ret, struct err *err)
{
	size_t n = *(size_t *)arg;
	char *text = malloc(n);

	memset(text, 'x', n);
	*ret = json_stringn(text, n);
	free(text);
	return 0;
}

/* Writes past the bound on the pipe itself, as a broken worker might. */
static int floods(void *arg, json_t **ret, struct err *err)
{
	char block[4096] = { 0 };

	for (int fd = 3; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY)
			while (fd_write_all(fd, block, sizeof block) == 0)
				continue;
	return 0;
}

static int reads_a_file(void *arg, json_t **ret, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;

	if (path_read(*(int *)arg, "f", 100, &b, err) < 0)
		return -1;
	*ret = json_string(b.p);
	return 0;
}

static int tells_its_signals(void *arg, json_t **ret, struct err *err)
{
	sigset_t now;

	sigprocmask(SIG_BLOCK, NULL, &now);
	*ret = json_boolean(!sigismember(&now, SIGUSR1) && signal(SIGUSR2, SIG_DFL) == SIG_DFL);
	return 0;
}

static void results_come_back(void **state)
{
	json_t *j = NULL;
	int n = 41;

	assert_int_equal(worker_run(says_more, &n, SOON_MS, &j, NULL), 0);
	assert_int_equal(jx_int(j, "n", 0), 42);
	json_decref(j);
	assert_int_equal(worker_run(says_nothing, NULL, SOON_MS, &j, NULL), 0);
	assert_true(json_is_null(j));
	assert_int_equal(worker_run(says_nothing, NULL, -1, NULL, NULL), 0);
	nothing_is_left();
}

static void errors_come_back_whole(void **state)
{
	auto_err struct err err = ERR_INIT, silent = ERR_INIT;
	char name[] = "f\xff";

	assert_int_equal(worker_run(fails, name, SOON_MS, NULL, &err), -1);
	assert_string_equal(err_msg(&err), "copy: open 'f\xef\xbf\xbd': Permission denied");
	assert_string_equal(err.hint, "be root");
	assert_int_equal(err.kind, ERR_PERM);
	assert_int_equal(err.errnum, EACCES);
	assert_int_equal(worker_run(fails_silently, NULL, SOON_MS, NULL, &silent), -1);
	assert_int_equal(silent.kind, ERR_FAIL);
	assert_int_equal(worker_run(fails, name, SOON_MS, NULL, NULL), -1);
	nothing_is_left();
}

static void death_without_a_word(void **state)
{
	auto_err struct err err = ERR_INIT, other = ERR_INIT;
	int sig = SIGKILL;

	assert_int_equal(worker_run(dies, &sig, SOON_MS, NULL, &err), -1);
	assert_string_equal(err_msg(&err), "a worker was killed by signal 9 (Killed)");
	assert_int_equal(worker_run(exits, NULL, SOON_MS, NULL, &other), -1);
	assert_string_equal(err_msg(&other), "a worker ended with status 3 and without a result");
	nothing_is_left();
}

static void a_deadline(void **state)
{
	auto_err struct err err = ERR_INIT;
	int before = scratch_count_fds();

	assert_int_equal(worker_run(hangs, NULL, 50, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_int_equal(scratch_count_fds(), before);
	nothing_is_left();
}

static void large_results(void **state)
{
	auto_err struct err err = ERR_INIT;
	size_t n = 4000000;
	json_t *j = NULL;

	assert_int_equal(worker_run(says_much, &n, SOON_MS, &j, &err), 0);
	assert_int_equal(json_string_length(j), n);
	json_decref(j);
	n = 5000000;
	assert_int_equal(worker_run(says_much, &n, SOON_MS, &j, &err), -1);
	assert_string_equal(err_msg(&err), "the result of a worker is too large");
	assert_int_equal(worker_run(floods, NULL, SOON_MS, &j, &err), -1);
	assert_string_equal(err_msg(&err), "the result of a worker is too large");
	nothing_is_left();
}

static void descriptors_of_ours_work_there(void **state)
{
	json_t *j = NULL;

	assert_int_equal(scratch_file("f", "content"), 0);
	assert_int_equal(worker_run(reads_a_file, &scratch_fd, SOON_MS, &j, NULL), 0);
	assert_string_equal(json_string_value(j), "content");
	json_decref(j);
}

static void signals_of_its_own(void **state)
{
	json_t *j = NULL;
	sigset_t some;

	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, NULL);
	signal(SIGUSR2, SIG_IGN);
	assert_int_equal(worker_run(tells_its_signals, NULL, SOON_MS, &j, NULL), 0);
	assert_true(json_is_true(j));
	signal(SIGUSR2, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &some, NULL);
}

static void without_blocking(void **state)
{
	struct worker w;
	json_t *j = NULL;
	int n = 1;
	int before = scratch_count_fds();

	assert_int_equal(worker_start(hangs, NULL, &w, NULL), 0);
	assert_true(fcntl(w.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(w.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(worker_read(&w), 0);
	worker_abort(&w);
	assert_int_equal(worker_start(says_more, &n, &w, NULL), 0);
	while (worker_read(&w) == 0) {
		struct pollfd p = { .fd = w.fd, .events = POLLIN };

		assert_int_equal(poll(&p, 1, SOON_MS), 1);
	}
	assert_int_equal(worker_finish(&w, &j, NULL), 0);
	assert_int_equal(jx_int(j, "n", 0), 2);
	json_decref(j);
	assert_int_equal(scratch_count_fds(), before);
	nothing_is_left();
}

/* A parent in between starts one and is killed: the worker goes with it. */
static void a_worker_dies_with_its_parent(void **state)
{
	int told[2];
	pid_t parent, worker = 0;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	parent = fork();
	if (parent == 0) {
		struct worker w;

		if (worker_start(hangs, NULL, &w, NULL) < 0 ||
			write(told[1], &w.child.pid, sizeof w.child.pid) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(told[0], &worker, sizeof worker), sizeof worker);
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	int status = 0;
	assert_int_equal(waitpid(worker, &status, 0), worker);
	/* by the kernel, or by itself when the parent was gone before it could ask for that */
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 1);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(told[0]);
	close(told[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_come_back),
		cmocka_unit_test(errors_come_back_whole),
		cmocka_unit_test(death_without_a_word),
		cmocka_unit_test(a_deadline),
		cmocka_unit_test(large_results),
		scratch_test(descriptors_of_ours_work_there),
		cmocka_unit_test(signals_of_its_own),
		cmocka_unit_test(without_blocking),
		cmocka_unit_test(a_worker_dies_with_its_parent),
	};

	fd_close_from(3, NULL, 0); /* floods() looks for the pipe, and shall find no one else's */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
