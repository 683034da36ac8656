/* init.c - davit-init, what `init: true` makes process 1 of a container.
 *
 * A program written to be an ordinary process is not one as pid 1: signals without a handler are ignored,
 * and orphans are its to reap. This one starts it as a child, hands on every signal, reaps whatever dies,
 * and ends as the child ended: its status, or 128 + signal. Static and libc only, because the container it
 * runs in may have no library at all.
 *
 * 	davit-init [--] PROGRAM [ARG...]         also reached as /sbin/docker-init, the name that docker gives
 * its own */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_USAGE = 125, STATUS_NOT_EXEC = 126, STATUS_NOT_FOUND = 127 };

static void say(const char *what, int errnum)
{
	char line[512];
	int n = snprintf(line, sizeof line, "davit-init: %s%s%s\n", what, errnum ? ": " : "",
		errnum ? strerror(errnum) : "");
	if (n > 0)
		(void)!write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

/* The program gets a process group of its own, in the foreground of the terminal if there is one, so that
 * job control works. */
static void to_foreground(void)
{
	sigset_t ttou, old;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	setpgid(0, 0);
	sigprocmask(SIG_BLOCK, &ttou, &old);
	(void)tcsetpgrp(STDIN_FILENO, getpgrp());
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void run(char **argv, const sigset_t *mask)
{
	to_foreground();
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	int status = errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXEC;
	say(argv[0], errno);
	_exit(status);
}

/* Reaps all that died. 1 and *ret_status when the program itself was among them. */
static int reap(pid_t program, int *ret_status)
{
	int status, ended = 0;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != program)
			continue;
		*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		ended = 1;
	}
	return ended;
}

/* Every signal is blocked and fetched here one by one; a handler could lose one between two steps. */
static int stay(pid_t program, const sigset_t *all)
{
	int status = 0;
	for (;;) {
		siginfo_t si;
		int sig = sigwaitinfo(all, &si);
		if (sig < 0)
			continue;
		if (sig == SIGCHLD) {
			if (reap(program, &status))
				return status;
		} else if (sig != SIGTTOU && sig != SIGTTIN) {
			(void)kill(program, sig);
		}
	}
}

int main(int argc, char **argv)
{
	int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
	sigset_t all, old;
	if (first >= argc) {
		say("usage: davit-init [--] PROGRAM [ARG...]", 0);
		return STATUS_USAGE;
	}
	/* what the program's own faults raise must reach it, not be waited for here */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGTRAP);
	sigprocmask(SIG_SETMASK, &all, &old);
	/* orphans come here even when the pid namespace is shared and this is not pid 1 */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t program = fork();
	if (program < 0) {
		say("fork", errno);
		return STATUS_USAGE;
	}
	if (program == 0)
		run(argv + first, &old);
	return stay(program, &all);
}
