/* davit-init as process 1 of a pid namespace of its own. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../../src/util/auto.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/str.h"

static char init[PATH_MAX];

/* The program lies at the top of the build directory this test was built in. */
static int setup(void **state)
{
	ssize_t n = readlink("/proc/self/exe", init, sizeof init - 1);
	if (n <= 0)
		return -1;
	char *tests = strstr(init, "/tests/unit/");
	if (!tests)
		return -1;
	snprintf(tests, sizeof init - (size_t)(tests - init), "/davit-init");
	return access(init, X_OK);
}

/* Starts it as pid 1 of a new namespace, its output in *ret_out. */
static pid_t start(const char *const *args, int *ret_out)
{
	int p[2];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	fflush(NULL);
	pid_t outer = fork();
	if (outer == 0) {
		/* the namespace is that of the next child; this one passes its status on */
		int status;
		sigset_t all;
		if (unshare(CLONE_NEWPID) < 0)
			_exit(98);
		/* what the test sends goes to pid 1; blocked before the fork, for a child may end at once */
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		pid_t pid = fork();
		if (pid == 0) {
			sigprocmask(SIG_UNBLOCK, &all, NULL);
			dup2(p[1], 1);
			dup2(p[1], 2);
			char *argv[10] = {init};
			for (int i = 0; args[i]; i++)
				argv[i + 1] = (char *)args[i];
			execv(init, argv);
			_exit(99);
		}
		close(p[1]);
		for (;;) {
			int sig;
			sigwait(&all, &sig);
			if (sig == SIGCHLD && waitpid(pid, &status, WNOHANG) == pid)
				_exit(WIFSIGNALED(status) ? 97 : WEXITSTATUS(status));
			if (sig != SIGCHLD)
				kill(pid, sig);
		}
	}
	close(p[1]);
	*ret_out = p[0];
	return outer;
}

static void await(int fd, char *buf, size_t size, const char *text)
{
	int64_t end = clock_mono_ns() + 20 * SEC_NS;
	while (!strstr(buf, text)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		size_t len = strlen(buf);
		assert_true(clock_mono_ns() < end && len + 1 < size);
		if (poll(&p, 1, 100) <= 0)
			continue;
		ssize_t n = read(fd, buf + len, size - len - 1);
		if (n <= 0)
			fail_msg("no '%s' in: %s", text, buf);
		buf[len + (size_t)n] = '\0';
	}
}

static int end_of(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(const char *const *args)
{
	int out;
	pid_t pid = start(args, &out);
	int status = end_of(pid);
	close(out);
	return status;
}

static void test_status(void **state)
{
	assert_int_equal(run((const char *const[]){"--", "sh", "-c", "exit 42", NULL}), 42);
	assert_int_equal(run((const char *const[]){"true", NULL}), 0);
	assert_int_equal(run((const char *const[]){"--", "sh", "-c", "kill -TERM $$", NULL}), 143);
	assert_int_equal(run((const char *const[]){"--", "/not/there", NULL}), 127);
	assert_int_equal(run((const char *const[]){"--", "/etc/passwd", NULL}), 126);
	assert_int_equal(run((const char *const[]){"--", NULL}), 125);
}

static void test_signals_reach_the_program(void **state)
{
	static const struct {
		int sig;
		const char *word;
	} sigs[] = {
		{SIGHUP, "hup"},
		{SIGUSR1, "usr1"},
		{SIGWINCH, "winch"},
		{SIGTERM, "term"},
	};
	/* a shell that waits in a loop of children, so that traps run soon */
	const char *const loop[] = {"--", "sh", "-c",
		"trap 'echo hup' HUP; trap 'echo usr1' USR1; trap 'echo winch' WINCH;"
		"trap 'echo term; exit 5' TERM; echo ready; while :; do /bin/sleep 0.01; done",
		NULL};
	char buf[4096] = "";
	int out;
	pid_t pid = start(loop, &out);
	await(out, buf, sizeof buf, "ready");
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++) {
		kill(pid, sigs[i].sig);
		await(out, buf, sizeof buf, sigs[i].word);
	}
	assert_int_equal(end_of(pid), 5);
	close(out);
}

/* Orphans become init's children: it must reap them, or they would be zombies for ever. Seen from outside
 * through its list of children, where a zombie still stands: in the end only the program is left. */
static void test_orphans_are_reaped(void **state)
{
	const char *const args[] = {"--", "sh", "-c",
		"i=0; while [ $i -lt 20 ]; do (sh -c 'exit 3' &); i=$((i+1)); done; echo made; exec sleep "
		"1000",
		NULL};
	char buf[256] = "", path[64], list[1024];
	int out, pid1 = 0, n;
	pid_t pid = start(args, &out);
	await(out, buf, sizeof buf, "made");
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid1), 1);
	fclose(f);
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid1, pid1);
	int64_t end = clock_mono_ns() + 20 * SEC_NS;
	do {
		assert_true(clock_mono_ns() < end);
		f = fopen(path, "re");
		assert_non_null(f);
		size_t len = fread(list, 1, sizeof list - 1, f);
		list[len] = '\0';
		fclose(f);
		n = 0;
		for (const char *p = list; (p = strchr(p, ' ')); p++)
			n++;
	} while (n != 1);
	kill(pid, SIGTERM);
	assert_int_equal(end_of(pid), 143);
	close(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_signals_reach_the_program),
		cmocka_unit_test(test_orphans_are_reaped),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
