/* killer - runs a command and SIGKILLs one of davit's processes at its N-th system call.
 *
 *	killer ROLE N[+M] [PID…] -- COMMAND [ARG…]
 *
 * The command, what it starts, and the PIDs (a keeper and a supervisor that are there already) are traced. Roles are told by the
 * arguments of whatever is executed:
 *
 *	cli         davit, but for a supervisor         keeper      davit-keeper
 *	supervisor  davit --supervise                   both        keeper and supervisor die at the supervisor's N-th call
 *	worker      what the supervisor has forked      runtime     a program that the supervisor has executed
 *	imager      davit-image, and what it has forked
 *
 * Calls of all processes of a role count together. The victim dies at the entry of its call, which is not carried out; with +M
 * another one of that role does so at the M-th call from then on, which is how the successor is met while it takes over. Then, or
 * when the command has ended before, nobody is traced any more. Containers never are: what a runtime forks goes its own way.
 *
 * Prints "ROLE CALLS CALL STATUS": how many calls the role made, the number of the one at which it died (-1: it did not), and
 * the command's exit status, 128 + signal when one ended it; and ends with 0. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX = 4096, FOLLOW = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC };
enum role { NOBODY, CLI, KEEPER, SUPERVISOR, WORKER, RUNTIME, BOTH, IMAGER, N_ROLES };

static const char *const role_str[] = { "nobody", "cli", "keeper", "supervisor", "worker", "runtime", "both", "imager" };

static struct tracee {
	pid_t pid;
	enum role role;
	bool in_call;                    /* the next stop at a system call is its exit */
} tracees[MAX];

static size_t n_tracees;
static enum role wanted;
static long at, at_again, calls, died_at = -1;
static bool leaving;                     /* it is done: whoever stops is let go */

static struct tracee *find(pid_t pid)
{
	for (size_t i = 0; i < n_tracees; i++)
		if (tracees[i].pid == pid)
			return &tracees[i];
	return NULL;
}

static struct tracee *add(pid_t pid, enum role role)
{
	if (n_tracees == MAX)
		exit(3);
	tracees[n_tracees] = (struct tracee){ .pid = pid, .role = role };
	return &tracees[n_tracees++];
}

static void forget(pid_t pid)
{
	struct tracee *t = find(pid);

	if (t)
		*t = tracees[--n_tracees];
}

/* ------------------------------------------------------------------ roles */

static size_t read_file(const char *what, pid_t pid, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

static bool ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n >= k && strcmp(s + n - k, suffix) == 0;
}

/* By its arguments; before: what it was until it executed them. */
static enum role role_by_args(pid_t pid, enum role before)
{
	char args[4096];
	size_t n = read_file("cmdline", pid, args, sizeof args);
	const char *second = n > strlen(args) + 1 ? args + strlen(args) + 1 : "";

	if (ends(args, "davit-keeper"))
		return KEEPER;
	if (ends(args, "davit-image"))
		return IMAGER;
	if (ends(args, "/davit"))
		return strcmp(second, "--supervise") == 0 ? SUPERVISOR : CLI;
	return before == WORKER ? RUNTIME : NOBODY;
}

static enum role role_of_child(enum role parent)
{
	return parent == SUPERVISOR ? WORKER : parent == IMAGER ? IMAGER : NOBODY;
}

static pid_t parent_of(pid_t pid)
{
	char text[4096];
	const char *p;

	read_file("status", pid, text, sizeof text);
	p = strstr(text, "\nPPid:");
	return p ? (pid_t)strtol(p + 6, NULL, 10) : 0;
}

/* ------------------------------------------------------------------ the deed */

static bool counts(const struct tracee *t)
{
	return t->role == (wanted == BOTH ? SUPERVISOR : wanted);
}

static void let_all_go(void)
{
	leaving = true;
	for (size_t i = 0; i < n_tracees; i++)
		ptrace(PTRACE_INTERRUPT, tracees[i].pid, 0, 0);
}

static void murder(pid_t pid)
{
	struct __ptrace_syscall_info info = { 0 };

	ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info);
	died_at = (long)info.entry.nr;
	for (size_t i = 0; wanted == BOTH && i < n_tracees; i++)
		if (tracees[i].role == KEEPER)
			kill(tracees[i].pid, SIGKILL);
	kill(pid, SIGKILL);
	at = at_again;
	at_again = calls = 0;
	if (!at)
		let_all_go();
}

/* A runtime's children are containers: they are born without us. */
static void set_options(const struct tracee *t)
{
	ptrace(PTRACE_SETOPTIONS, t->pid, 0, t->role == RUNTIME ? PTRACE_O_TRACESYSGOOD : FOLLOW);
}

static void go_on(const struct tracee *t, int sig)
{
	ptrace(counts(t) ? PTRACE_SYSCALL : PTRACE_CONT, t->pid, 0, (long)sig);
}

static void on_call(struct tracee *t)
{
	t->in_call = !t->in_call;
	if (t->in_call && counts(t) && ++calls == at) {
		murder(t->pid);
		return;
	}
	go_on(t, 0);
}

static void on_exec(struct tracee *t)
{
	t->role = role_by_args(t->pid, t->role);
	t->in_call = false;
	set_options(t);
	/* the exit of execve itself is still to come */
	t->in_call = counts(t);
	go_on(t, 0);
}

/* Which of the two stops comes first, the parent's at its fork or the child's own, is chance. */
static struct tracee *known(pid_t pid)
{
	struct tracee *t = find(pid), *parent;

	if (t)
		return t;
	parent = find(parent_of(pid));
	t = add(pid, parent ? role_of_child(parent->role) : NOBODY);
	set_options(t);
	return t;
}

static void on_stop(pid_t pid, int status)
{
	struct tracee *t = known(pid);
	int sig = WSTOPSIG(status), event = status >> 16;

	if (leaving) {
		bool delivers = !event && sig != (SIGTRAP | 0x80);
		ptrace(PTRACE_DETACH, pid, 0, delivers ? (long)sig : 0L);
		forget(pid);
	} else if (sig == (SIGTRAP | 0x80)) {
		on_call(t);
	} else if (event == PTRACE_EVENT_EXEC) {
		on_exec(t);
	} else if (event == PTRACE_EVENT_STOP && (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)) {
		ptrace(PTRACE_LISTEN, pid, 0, 0);
	} else {
		if (event == PTRACE_EVENT_STOP && sig == SIGTRAP)
			t->in_call = false;
		go_on(t, event ? 0 : sig);
	}
}

/* ------------------------------------------------------------------ the command */

static pid_t start(char **argv)
{
	int gate[2];
	char c;
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) < 0)
		exit(3);
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &c, 1) < 0)   /* until we are traced */
			_exit(3);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || ptrace(PTRACE_SEIZE, pid, 0, FOLLOW) < 0)
		exit(3);
	add(pid, NOBODY);
	close(gate[0]);
	close(gate[1]);
	return pid;
}

static void seize(pid_t pid)
{
	struct tracee *t;

	if (ptrace(PTRACE_SEIZE, pid, 0, FOLLOW) < 0) {
		perror("killer: seize");
		exit(3);
	}
	t = add(pid, role_by_args(pid, NOBODY));
	ptrace(PTRACE_INTERRUPT, t->pid, 0, 0);
}

/* Until the command has ended and nobody is traced any more. */
static int watch(pid_t command)
{
	int status, result = -1;
	pid_t pid;

	while ((result < 0 || n_tracees) && (pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			on_stop(pid, status);
			continue;
		}
		forget(pid);
		if (pid != command)
			continue;
		result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (!leaving)
			let_all_go();
	}
	return result;
}

int main(int argc, char **argv)
{
	char **arg = argv + 3, *plus;
	pid_t command;
	int result;

	for (int r = CLI; argc > 4 && r < N_ROLES; r++)
		if (strcmp(argv[1], role_str[r]) == 0)
			wanted = (enum role)r;
	if (wanted == NOBODY) {
		fprintf(stderr, "usage: killer cli|keeper|supervisor|worker|runtime|both|imager N[+M] [PID...] -- COMMAND...\n");
		return 2;
	}
	at = strtol(argv[2], &plus, 10);
	at_again = *plus == '+' ? strtol(plus + 1, NULL, 10) : 0;
	for (; *arg && strcmp(*arg, "--"); arg++)
		seize((pid_t)strtol(*arg, NULL, 10));
	if (!*arg || !arg[1])
		return 2;
	command = start(arg + 1);
	result = watch(command);
	printf("%s %ld %ld %d\n", argv[1], calls, died_at, result);
	return 0;
}
