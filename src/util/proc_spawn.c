/* How it works: a pipe that closes at exec tells whether the exec worked; the parent reads it until then.
 * Without before_exec the child is a vfork, which costs the same however large the parent is: it only makes
 * system calls and writes to its own stack. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "mem.h"
#include "proc.h"
#include "proc_wait.h"

enum { STATUS_BEFORE_EXEC = 125, STATUS_NO_EXEC = 127 };

/* What the child says when it cannot become the program. */
struct complaint {
	int errnum;
	enum { AT_STDIO, AT_CWD, AT_EXEC } at;
};

struct birth {
	const struct spawn *s;
	int null_fd, tell_fd;
	pid_t parent;
	int *keep; /* pass[] and tell_fd, sorted upwards */
	size_t n_keep;
};

void proc_block_signals(sigset_t *ret_old)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, ret_old);
}

void proc_clean_signals(void)
{
	/* The kernel's own form, all zero: SIG_DFL. libc refuses to touch the two signals it keeps for itself, yet a
	 * program can inherit them ignored (make's children do), and so would what it starts. */
	static const struct {
		uint64_t handler, flags, restorer, mask;
	} dfl;
	sigset_t none;

	for (int sig = 1; sig <= 64; sig++)
		syscall(SYS_rt_sigaction, sig, &dfl, NULL, sizeof dfl.mask); /* refused for SIGKILL, SIGSTOP */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static __attribute__((noreturn)) void complain(const struct birth *b, int at)
{
	struct complaint c = { .errnum = errno, .at = (unsigned)at };

	if (write(b->tell_fd, &c, sizeof c) < 0)
		_exit(STATUS_BEFORE_EXEC);
	_exit(STATUS_NO_EXEC);
}

/* The given descriptors may themselves be 0, 1 or 2 in any order, so they step aside before anything is
 * overwritten. */
static int put_stdio(const struct birth *b)
{
	int from[3];

	for (int i = 0; i < 3; i++) {
		from[i] = b->s->stdio[i] < 0 ? b->null_fd : b->s->stdio[i];
		if (from[i] < 3)
			from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
		if (from[i] < 0)
			return -1;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(from[i], i) < 0)
			return -1;
	return 0;
}

static __attribute__((noreturn, noinline)) void run_child(const struct birth *b)
{
	const struct spawn *s = b->s;
	char *const *envp = s->envp ? (char *const *)s->envp : environ;

	proc_clean_signals();
	if (s->die_with_parent && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != b->parent))
		_exit(STATUS_BEFORE_EXEC);
	if (s->new_session)
		setsid();
	if (put_stdio(b) < 0)
		complain(b, AT_STDIO);
	if (s->before_exec && s->before_exec(s->arg) != 0)
		_exit(STATUS_BEFORE_EXEC);
	for (size_t i = 0; i < s->n_pass; i++)
		if (s->pass[i] > 2 && fd_cloexec(s->pass[i], 0) < 0)
			complain(b, AT_STDIO);
	fd_close_from(3, b->keep, b->n_keep);
	if (s->cwd && chdir(s->cwd) < 0)
		complain(b, AT_CWD);
	execvpe(s->file ? s->file : s->argv[0], (char *const *)s->argv, envp);
	complain(b, AT_EXEC);
}

static pid_t bear(const struct birth *b)
{
	pid_t pid = b->s->before_exec ? fork() : vfork();

	if (pid == 0)
		run_child(b);
	return pid;
}

static void plan_keep(struct birth *b)
{
	size_t n = 0;
	size_t i = 0;

	b->keep = xcalloc(b->s->n_pass + 1, sizeof *b->keep);
	while (i < b->s->n_pass && b->s->pass[i] < b->tell_fd)
		b->keep[n++] = b->s->pass[i++];
	b->keep[n++] = b->tell_fd;
	while (i < b->s->n_pass)
		b->keep[n++] = b->s->pass[i++];
	b->n_keep = n;
}

/* 0 when the exec worked. */
static int listen_to_child(int fd, const struct spawn *s, struct err *err)
{
	struct complaint c;
	ssize_t n;

	do
		n = read(fd, &c, sizeof c);
	while (n < 0 && errno == EINTR);
	if (n != sizeof c)
		return 0;
	if (c.at == AT_CWD)
		return err_sys(err, c.errnum, "run '%s': enter '%s'", s->argv[0], s->cwd);
	if (c.at == AT_STDIO)
		return err_sys(err, c.errnum, "run '%s': hand over descriptors", s->argv[0]);
	return err_sys(err, c.errnum, "run '%s'", s->argv[0]);
}

/* A pipe above the standard descriptors, which the child overwrites; some caller may have closed those. */
static int open_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	if (fds[1] < 3) {
		int high = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);

		if (high < 0) {
			close(fds[0]);
			close(fds[1]);
			return -1;
		}
		close(fds[1]);
		fds[1] = high;
	}
	return 0;
}

int proc_spawn(const struct spawn *s, struct child *ret, struct err *err)
{
	auto_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	auto_close int from_child = -1, to_us = -1;
	auto_close int pidfd = -1;
	auto_free int *keep = NULL;
	struct birth b = { .s = s, .null_fd = null_fd, .parent = getpid() };
	sigset_t old;
	int fds[2], why;
	pid_t pid;

	if (null_fd < 0)
		return err_sys(err, errno, "open '/dev/null'");
	if (open_pipe(fds) < 0)
		return err_sys(err, errno, "run '%s'", s->argv[0]);
	from_child = fds[0];
	b.tell_fd = to_us = fds[1];
	plan_keep(&b);
	keep = b.keep;
	proc_block_signals(&old);
	pid = bear(&b);
	why = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return err_sys(err, why, "run '%s'", s->argv[0]);
	close(take_fd(&to_us));
	/* Nobody else reaps our children, so the pid is still this one's. */
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		why = errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return err_sys(err, why, "run '%s'", s->argv[0]);
	}
	if (listen_to_child(from_child, s, err) < 0) {
		waitpid(pid, NULL, 0);
		return -1;
	}
	*ret = (struct child){ .pid = pid, .pidfd = take_fd(&pidfd) };
	return 0;
}
