/* exec_console.c - how it works: signals are blocked and read from a descriptor; the console socket is reached through this process's own
 * descriptors under /proc, so that its path is short however long the run directory's is. */
#include "exec_console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/fd.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "console.h"

enum { INTERRUPTS_MAX = 3, PID_TEXT_MAX = 32 };

struct exec_console {
	struct console console;
	pid_t pid;                       /* the command, a child of ours once the runtime is gone */
	int status, asked;
};

static const int watched[] = { SIGCHLD, SIGWINCH, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

static int watch_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		sigaddset(&set, watched[i]);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ------------------------------------------------------------------ until the command runs */

/* The terminal may come before the runtime ends, and is there when it has ended well. crun before 1.9 does not heed consoleSize, and
 * lets the command begin meanwhile: so the size is set before anything else. */
static int take_master(int listen_fd, struct console *c, struct err *err)
{
	auto_err struct err why = ERR_INIT;

	if (c->master >= 0)
		return 0;
	if (stdio_console_receive(listen_fd, &c->master, &why) < 0)
		return why.kind == ERR_BUSY ? 0 : err_move(err, &why);
	console_resize(c);
	return 0;
}

static int wait_runtime(const struct oci_call *call, struct child *runtime, int listen_fd, struct console *c, const char *container,
			int *ret_status, struct err *err)
{
	int64_t end_ns = clock_mono_ns() + oci_patience_ms() * MS_NS;
	auto_err struct err broken = ERR_INIT;
	int r = 0;

	while (r == 0) {
		struct pollfd p[] = { { .fd = runtime->pidfd, .events = POLLIN }, { .fd = c->master < 0 ? listen_fd : -1, .events = POLLIN } };
		int64_t left_ms = (end_ns - clock_mono_ns()) / MS_NS;

		if (left_ms <= 0 || broken.kind) {
			kill(runtime->pid, SIGKILL);
			proc_wait(runtime, (int)oci_patience_ms(), call->runtime->name, ret_status, NULL);
			return broken.kind ? err_move(err, &broken) : oci_overdue(call->runtime, "exec", container, err);
		}
		if (poll(p, ARRAY_LEN(p), (int)left_ms) < 0 && errno != EINTR)
			return err_sys(err, errno, "wait for %s", call->runtime->name);
		if (p[1].revents)
			take_master(listen_fd, c, &broken);
		r = p[0].revents ? proc_reap(runtime, ret_status) : 0;
	}
	return r < 0 ? err_sys(err, errno, "wait for %s", call->runtime->name) : take_master(listen_fd, c, err);
}

static int read_pid(const struct oci_call *call, pid_t *ret, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	unsigned pid;

	if (path_read(AT_FDCWD, call->pid_file, PID_TEXT_MAX, &b, err) < 0)
		return err_wrap(err, "find the command");
	while (b.len && (b.p[b.len - 1] == '\n' || b.p[b.len - 1] == ' '))
		b.p[--b.len] = '\0';
	if (!b.len || str_uint(b.p, 1, 1U << 30, &pid) < 0)
		return err_set(err, ERR_PROTO, "%s has left no process id in '%s'", call->runtime->name, call->pid_file);
	*ret = (pid_t)pid;
	return 0;
}

/* The runtime is run to its end: 0 with the command's terminal and pid, or with *ret_status when it failed; -1. */
static int begin(struct exec_console *x, const struct oci_call *given, const char *container, const char *dir, const char *name,
		 int *ret_status, struct err *err)
{
	auto_close int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), listen_fd = -1;
	auto_free char *mine = NULL, *theirs = NULL;
	struct oci_call call = *given;
	struct child runtime;
	int r;

	if (dir_fd < 0)
		return err_sys(err, errno, "open '%s'", dir);
	mine = xasprintf("/proc/self/fd/%d/%s", dir_fd, name);
	theirs = xasprintf("/proc/%d/fd/%d/%s", (int)getpid(), dir_fd, name);
	if (stdio_console_listen(mine, &listen_fd, err) < 0)
		return -1;
	call.console_socket = theirs;
	call.exec_detach = true;
	call.stdio[0] = call.stdio[1] = call.stdio[2] = -1;
	r = oci_start(&call, &runtime, err);
	if (r == 0) {
		r = wait_runtime(&call, &runtime, listen_fd, &x->console, container, ret_status, err);
		close(runtime.pidfd);
	}
	unlinkat(dir_fd, name, 0);
	if (r < 0 || *ret_status)
		return r;
	if (x->console.master < 0)
		return err_set(err, ERR_PROTO, "%s has sent no terminal", call.runtime->name);
	return read_pid(&call, &x->pid, err);
}

/* ------------------------------------------------------------------ while it runs */

static bool has_ended(struct exec_console *x)
{
	int status;

	if (waitpid(x->pid, &status, WNOHANG) != x->pid)
		return false;
	x->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return true;
}

/* Who asks for the third time wants an end. What is typed is the command's terminal's, and no signal of ours. */
static void pass_on(struct exec_console *x, int sig)
{
	x->asked += sig == SIGINT || sig == SIGTERM;
	kill(x->pid, x->asked >= INTERRUPTS_MAX ? SIGKILL : sig);
}

static int on_wake(void *arg)
{
	struct exec_console *x = arg;
	struct signalfd_siginfo si;

	while (read(x->console.wake_fd, &si, sizeof si) == sizeof si) {
		int sig = (int)si.ssi_signo;

		if (sig == SIGWINCH)
			console_resize(&x->console);
		else if (sig == SIGCHLD) {
			if (has_ended(x))
				return 1;
		} else
			pass_on(x, sig);
	}
	return 0;
}

int exec_console(const struct oci_call *call, const char *container, const char *dir, const char *prefix, int *ret_status,
		 struct err *err)
{
	struct exec_console x = { .console = { .in = STDIN_FILENO, .out = STDOUT_FILENO, .master = -1, .on_wake = on_wake } };
	auto_free char *name = xasprintf("%s.tty", prefix);
	sigset_t old;
	int r;

	*ret_status = 0;
	x.console.arg = &x;
	x.console.wake_fd = watch_signals(&old);
	r = x.console.wake_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0
		? err_sys(err, errno, "watch the command")
		: begin(&x, call, container, dir, name, ret_status, err);
	if (r == 0 && *ret_status == 0) {
		/* the runtime's own SIGCHLD is still to be read, so that an end that came before it is seen, too */
		fd_nonblock(x.console.master);
		r = console_run(&x.console, err);
		*ret_status = x.status;
	}
	if (x.console.master >= 0)
		close(x.console.master);
	if (x.console.wake_fd >= 0)
		close(x.console.wake_fd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}
