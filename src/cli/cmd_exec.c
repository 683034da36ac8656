/* `exec` goes straight to the runtime: the journal says which process is the container's, its bundle says
 * how it was set up, and the runtime enters it. The supervisor is not asked, so a stuck one hinders
 * nobody. The runtime runs in a child, so that the files made for it can be removed and its own errors be
 * told from the command's output. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../image/image.h"
#include "../oci/lookup.h"
#include "../oci/oci.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "exec_console.h"
#include "view.h"

struct exec_opts {
	bool detach, no_tty, privileged, tty, interactive;
	struct strs env;
	const char *user, *workdir;
	struct opt_int index;
};

#define E(field) offsetof(struct exec_opts, field)
static const struct opt exec_flags[] = {
	{ 'd', "detach", OPT_BOOL, E(detach), "run the command in the background" },
	{ 'e', "env", OPT_STRS, E(env), "set a variable for the command, or pass it on", "NAME[=VALUE]" },
	{ 0, "index", OPT_INT, E(index), "in this container of the service", "N" },
	{ 'T', "no-tty", OPT_BOOL, E(no_tty),
	  "no terminal (the default unless standard input and output are one)" },
	{ 0, "no-TTY", OPT_BOOL, E(no_tty), NULL },
	{ 't', "tty", OPT_BOOL, E(tty), NULL },
	{ 'i', "interactive", OPT_BOOL, E(interactive), NULL },
	{ 0, "privileged", OPT_BOOL, E(privileged), "with all capabilities" },
	{ 'u', "user", OPT_STRING, E(user), "as this user: NAME or UID, with :GROUP", "USER" },
	{ 'w', "workdir", OPT_STRING, E(workdir), "in this directory of the container", "DIR" },
	{ 0 }
};

/* Forwarded to the command when it has no terminal of its own; what ours sends it gets by itself. */
static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

enum { PROCESS_MAX = 4 << 20, INTERRUPTS_MAX = 3 };
#define EXEC_FILES "exec-"

struct job {
	struct oci_runtime runtime;
	struct oci_call call;
	struct image_user user;
	struct strs env;
	char *root, *bundle, *process_file, *log_file, *pid_file;
	char *tmp, *prefix;              /* where they are, and how their names begin */
	const char *name;                /* of the container, borrowed */
	int bundle_fd;
	bool tty;
};

static void job_done(struct job *j)
{
	if (j->process_file)
		unlink(j->process_file);
	if (j->log_file)
		unlink(j->log_file);
	if (j->pid_file)
		unlink(j->pid_file);
	oci_runtime_done(&j->runtime);
	image_user_done(&j->user);
	strs_done(&j->env);
	free(j->root);
	free(j->bundle);
	free(j->tmp);
	free(j->prefix);
	free(j->process_file);
	free(j->log_file);
	free(j->pid_file);
	if (j->bundle_fd >= 0)
		close(j->bundle_fd);
}

static int open_root(const struct unit_rec *r, int *ret_fd, struct err *err)
{
	auto_free char *path = xasprintf("/proc/%d/root", (int)r->proc.pid);

	*ret_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_sys(err, errno, "open the root of container '%s'", r->name);
	return 0;
}

/* "NAME=value" as it is, "NAME" with our own value, or not at all when we have none. */
static void add_env(struct job *j, const struct exec_opts *o, bool tty)
{
	if (tty)
		strs_add(&j->env, "TERM=xterm");
	if (j->user.home)
		strs_printf(&j->env, "HOME=%s", j->user.home);
	for (size_t i = 0; i < o->env.n; i++) {
		const char *e = o->env.v[i], *value;

		if (strchr(e, '='))
			strs_add(&j->env, e);
		else if ((value = getenv(e)))
			strs_printf(&j->env, "%s=%s", e, value);
	}
}

/* Files of an `exec` that was killed; their names begin with its pid. */
static void sweep(const char *tmp)
{
	auto_closedir DIR *d = opendir(tmp);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		pid_t pid = str_starts(e->d_name, EXEC_FILES) ? (pid_t)strtol(e->d_name + strlen(EXEC_FILES), NULL, 10) : 0;
		if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
			unlinkat(dirfd(d), e->d_name, 0);
	}
}

static int make_paths(struct cli *c, struct job *j, const struct unit_rec *r, struct err *err)
{
	char random[17];

	if (c->pdirs.run_fd < 0 || path_mkdirs(c->pdirs.run_fd, "tmp", 0700, err) < 0)
		return err_wrap(err, "run directory of project '%s'", c->name);
	j->tmp = xasprintf("%s/tmp", c->pdirs.run);
	sweep(j->tmp);
	hash_random_hex(8, random);
	j->prefix = xasprintf(EXEC_FILES "%d.%s", (int)getpid(), random);
	j->root = xasprintf("%s/oci", c->pdirs.run);
	j->bundle = xasprintf("%s/bundle/%s", c->pdirs.run, r->id);
	j->process_file = xasprintf("%s/%s.json", j->tmp, j->prefix);
	j->log_file = xasprintf("%s/%s.log", j->tmp, j->prefix);
	j->pid_file = xasprintf("%s/%s.pid", j->tmp, j->prefix);
	j->bundle_fd = open(j->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->bundle_fd < 0)
		return err_sys(err, errno, "open the bundle of container '%s'", r->name);
	return 0;
}

static int prepare(struct cli *c, const struct exec_opts *o, const struct unit_rec *r, struct job *j,
		   struct err *err)
{
	struct winsize window = { 0 };
	auto_json json_t *process = NULL;
	auto_close int root_fd = -1;
	struct oci_exec x;

	j->name = r->name;
	j->tty = !o->no_tty && !o->detach && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (j->tty)
		(void)ioctl(STDIN_FILENO, TIOCGWINSZ, &window);
	if (make_paths(c, j, r, err) < 0 || oci_runtime_find(r->runtime ? r->runtime : c->g.runtime, &j->runtime, err) < 0 ||
	    open_root(r, &root_fd, err) < 0)
		return -1;
	if (o->user && image_user(root_fd, o->user, NULL, &j->user, err) < 0)
		return -1;
	add_env(j, o, j->tty);
	x = (struct oci_exec){
		.args = (const char *const *)c->args.v + 1,
		.env_add = (const char *const *)j->env.v,
		.cwd = o->workdir,
		.user_set = o->user,
		.uid = j->user.uid,
		.gid = j->user.gid,
		.groups = j->user.groups,
		.n_groups = j->user.n_groups,
		.tty = j->tty,
		.tty_rows = window.ws_row,
		.tty_cols = window.ws_col,
		.privileged = o->privileged,
	};
	if (oci_process_write(j->bundle_fd, j->process_file, &x, err) < 0)
		return err_wrap(err, "container '%s'", r->name);
	if (jx_load(AT_FDCWD, j->process_file, PROCESS_MAX, &process, NULL) == 0 &&
	    lookup_command(root_fd, process, err) < 0)
		return -1;
	j->call = (struct oci_call){
		.runtime = &j->runtime,
		.root = j->root,
		.id = r->id,
		.verb = OCI_EXEC,
		.process_file = j->process_file,
		.log_file = j->log_file,
		.pid_file = j->pid_file,
		.exec_detach = o->detach,
		.stdio = { 0, 1, 2 },
	};
	return 0;
}

static __attribute__((noreturn)) void child(struct cli *c, const struct job *j, const sigset_t *mask)
{
	auto_err struct err err = ERR_INIT;

	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	oci_exec_here(&j->call, &err);
	ui_err(&c->ui, &err);
	_exit(126);
}

/* The next signal, SIGCHLD among them; 0: the runtime has had its time and has not begun the command. */
static int next_signal(const struct job *j, const sigset_t *watched, int64_t end_ns, bool *begun, siginfo_t *ret)
{
	while (!*begun) {
		int64_t left = end_ns - clock_mono_ns();
		struct timespec t = { .tv_sec = left / SEC_NS, .tv_nsec = left % SEC_NS };
		int sig = left > 0 ? sigtimedwait(watched, ret, &t) : -1;

		if (sig > 0)
			return sig;
		*begun = access(j->pid_file, F_OK) == 0;
		if (!*begun && left <= 0)
			return 0;
	}
	return sigwaitinfo(watched, ret);
}

/* Waits for the runtime, passing on what we are sent. Signals of the terminal (from the kernel) reach its
 * whole process group already. Who asks for the third time wants an end: what does not listen is killed.
 * -1: the runtime hangs. */
static int wait_forwarding(const struct job *j, pid_t pid, const sigset_t *watched)
{
	int64_t end_ns = clock_mono_ns() + oci_patience_ms() * MS_NS;
	siginfo_t si = { 0 };
	bool begun = false, hangs = false;
	int status, asked = 0;

	for (;;) {
		int sig;

		if (waitpid(pid, &status, WNOHANG) == pid)
			return hangs ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		sig = next_signal(j, watched, end_ns, &begun, &si);
		hangs |= sig == 0;
		begun |= hangs;
		if (sig > 0 && sig != SIGCHLD && si.si_code != SI_KERNEL)
			kill(pid, sig);
		asked += sig == SIGINT || sig == SIGTERM;
		if (hangs || asked >= INTERRUPTS_MAX)
			kill(pid, SIGKILL);
	}
}

static int run_job(struct cli *c, struct job *j, int *ret_status, struct err *err)
{
	sigset_t watched, old;
	pid_t pid;

	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
		sigaddset(&watched, forwarded[i]);
	sigprocmask(SIG_BLOCK, &watched, &old);
	pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "fork");
	if (pid == 0)
		child(c, j, &old);
	*ret_status = wait_forwarding(j, pid, &watched);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return *ret_status < 0 ? oci_overdue(&j->runtime, "exec", j->name, err) : 0;
}

static int exec_run(struct cli *c, const void *opts, struct err *err)
{
	const struct exec_opts *o = opts;
	const struct unit_rec *r = NULL;
	struct job j = { .bundle_fd = -1 };
	int status = 0, ret;

	if (view_running(c, c->args.v[0], o->index.set ? o->index.v : 0, &r, err) < 0)
		return -1;
	ret = prepare(c, o, r, &j, err);
	if (ret == 0)
		ret = j.tty ? exec_console(&j.call, j.name, j.tmp, j.prefix, &status, err) : run_job(c, &j, &status, err);
	/* the runtime's own failures are in its log; then the status is not the command's */
	if (ret == 0 && status && oci_complained(&j.call))
		ret = oci_failure(&j.call, status, err);
	job_done(&j);
	return ret < 0 ? -1 : status;
}

const struct cmd cmd_exec = {
	.name = "exec",
	.args = "SERVICE COMMAND [ARGS...]",
	.summary = "run a command in a running container",
	.details = "The exit status is the command's.",
	.needs = NEED_ROOT | NEED_NAME | STOP_AT_ARG,
	.min_args = 2,
	.max_args = -1,
	.opts = exec_flags,
	.opts_size = sizeof(struct exec_opts),
	.run = exec_run,
};
