/* runtime.c - finding an OCI runtime and running its commands.
 *
 * How it works: every command is one short-lived process whose own messages go to a log file of JSON
 * lines; its exit status says whether there is one to read (failure.c). crun up to 1.8 refuses to run when
 * it sees a v2 hierarchy beside v1 ones, even if it is told not to use cgroups; so in hybrid mode it gets
 * a mount namespace in which the (controller-less) v2 hierarchy is not mounted. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "host.h"
#include "runtime.h"

/* --- finding --- */

static const char more_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static char *look_in(const char *dirs, const char *name)
{
	for (const char *p = dirs; p && *p;) {
		size_t n = strcspn(p, ":");
		/* a relative directory in PATH is not a place to take root's programs from */
		if (n > 0 && *p == '/') {
			auto_free char *path = xasprintf("%.*s/%s", (int)n, p, name);
			if (is_program(path))
				return take(path);
		}
		p += n + (p[n] == ':');
	}
	return NULL;
}

static char *find_one(const char *wanted)
{
	if (*wanted == '/')
		return is_program(wanted) ? xstrdup(wanted) : NULL;
	if (!*wanted || strchr(wanted, '/'))
		return NULL;
	char *path = look_in(getenv("PATH"), wanted);
	return path ? path : look_in(more_path, wanted);
}

static void runtime_take(struct oci_runtime *ret, char *path)
{
	const char *slash = strrchr(path, '/');
	ret->name = xstrdup(slash ? slash + 1 : path);
	ret->path = path;
}

int oci_runtime_find(const char *wanted, struct oci_runtime *ret, struct err *err)
{
	static const char *const usual[] = {"crun", "runc"};
	if (!wanted)
		wanted = getenv("DAVIT_RUNTIME");
	/* how a docker-shaped file says "runc" */
	if (wanted && str_starts(wanted, "io.containerd.runc."))
		wanted = "runc";
	if (wanted && *wanted) {
		char *path = find_one(wanted);
		if (!path) {
			err_set(err, ERR_NOT_FOUND, "OCI runtime '%s' not found", wanted);
			return err_hint(err, "crun and runc are packages of that name; leave the runtime out "
					     "to take the one there is");
		}
		runtime_take(ret, path);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
		char *path = find_one(usual[i]);
		if (path) {
			runtime_take(ret, path);
			return 0;
		}
	}
	err_set(err, ERR_NOT_FOUND, "no OCI runtime found");
	return err_hint(err, "install one: apt-get install crun");
}

const char *oci_runtime_word(const struct oci_runtime *r)
{
	auto_free char *found = r->name ? find_one(r->name) : NULL;
	return str_eq(found, r->path) ? r->name : r->path;
}

void oci_runtime_done(struct oci_runtime *r)
{
	free(r->name);
	free(r->path);
	sealed_free(r->sealed);
	*r = (struct oci_runtime){0};
}

/* --- the command line --- */

static bool is_crun(const struct oci_runtime *r)
{
	return str_starts(r->name, "crun");
}

static void add_opt(struct strs *argv, const char *name, const char *value)
{
	if (!value)
		return;
	strs_add(argv, name);
	strs_add(argv, value);
}

static void verb_args(const struct oci_call *c, struct strs *argv)
{
	switch (c->verb) {
	case OCI_CREATE:
		strs_add(argv, "create");
		add_opt(argv, "--bundle", c->bundle);
		add_opt(argv, "--pid-file", c->pid_file);
		add_opt(argv, "--console-socket", c->console_socket);
		strs_add(argv, c->id);
		return;
	case OCI_START:
		strs_add(argv, "start");
		strs_add(argv, c->id);
		return;
	case OCI_KILL:
		strs_add(argv, "kill");
		strs_add(argv, c->id);
		strs_add(argv, c->signal ? c->signal : "SIGTERM");
		return;
	case OCI_DELETE:
		strs_add(argv, "delete");
		if (c->force)
			strs_add(argv, "--force");
		strs_add(argv, c->id);
		return;
	case OCI_EXEC:
		strs_add(argv, "exec");
		add_opt(argv, "--process", c->process_file);
		if (c->exec_detach)
			strs_add(argv, "--detach");
		add_opt(argv, "--pid-file", c->pid_file);
		add_opt(argv, "--console-socket", c->console_socket);
		strs_add(argv, c->id);
		return;
	}
}

void runtime_argv(const struct oci_call *c, enum oci_cgroup_mode mode, struct strs *argv)
{
	strs_add(argv, c->runtime->path);
	add_opt(argv, "--root", c->root);
	add_opt(argv, "--log", c->log_file);
	if (c->log_file)
		add_opt(argv, "--log-format", "json");
	if (is_crun(c->runtime))
		add_opt(argv, "--cgroup-manager", mode == CGROUP_NONE ? "disabled" : "cgroupfs");
	verb_args(c, argv);
}

/* --- starting --- */

/* Slave, not private: what the host unmounts later must not live on in here, and nothing done here may be
 * seen outside. */
static int own_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
}

static int hide_unified(void *arg)
{
	(void)arg;
	return own_mounts() < 0 ? -1 : umount2(CGROUP_ROOT "/unified", MNT_DETACH);
}

/* Where no cgroups are mounted at all, an empty tmpfs looks to crun like v1 without controllers. */
static int show_empty(void *arg)
{
	(void)arg;
	return own_mounts() < 0
		       ? -1
		       : mount("tmpfs", CGROUP_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755");
}

typedef int preparation(void *);

/* What must happen between fork and exec, NULL: nothing. */
static preparation *preparation_for(const struct oci_call *c)
{
	if (!is_crun(c->runtime))
		return NULL;
	switch (oci_host()->mode) {
	case CGROUP_HYBRID:
		return hide_unified;
	case CGROUP_NONE:
		return show_empty;
	case CGROUP_V1:
	case CGROUP_V2:
		break;
	}
	return NULL;
}

static int empty_log(const struct oci_call *c, struct err *err)
{
	if (!c->log_file)
		return 0;
	auto_close int fd =
		open(c->log_file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "empty the runtime's log '%s'", c->log_file);
	return 0;
}

int oci_start(const struct oci_call *call, struct child *ret, struct err *err)
{
	auto_strs struct strs argv = STRS_INIT;
	bool with_stdio = call->verb == OCI_CREATE || call->verb == OCI_EXEC;
	if (empty_log(call, err) < 0)
		return -1;
	runtime_argv(call, oci_host()->mode, &argv);
	struct spawn s = {
		.argv = (const char *const *)argv.v,
		.stdio = {-1, -1, -1},
		.cwd = "/",
		.before_exec = preparation_for(call),
		/* Half a create or delete is cleaned up by whoever finds it; two at once about one
		 * container are not. */
		.die_with_parent = true,
		/* runc gives the command a session of its own, crun does not: so it can be killed with what it forks */
		.new_session = call->verb == OCI_EXEC,
	};
	if (with_stdio)
		memcpy(s.stdio, call->stdio, sizeof s.stdio);
	s.file = sealed_path(call->runtime);
	if (s.file && proc_spawn(&s, ret, NULL) == 0)
		return 0;
	if (s.file)
		sealed_drop(call->runtime->sealed);
	s.file = NULL;
	if (proc_spawn(&s, ret, err) < 0)
		return err_wrap(err, "run '%s'", call->runtime->path);
	return 0;
}

int oci_exec_here(const struct oci_call *call, struct err *err)
{
	auto_strs struct strs argv = STRS_INIT;
	if (empty_log(call, err) < 0)
		return -1;
	runtime_argv(call, oci_host()->mode, &argv);
	preparation *prepare = preparation_for(call);
	if (prepare && prepare(NULL) != 0)
		return err_sys(err, errno, "prepare the mounts of cgroups for '%s'", call->runtime->name);
	for (int i = 0; i < 3; i++)
		if (call->stdio[i] >= 0 && call->stdio[i] != i && dup2(call->stdio[i], i) < 0)
			return err_sys(err, errno, "set up standard stream %d", i);
	fd_close_from(3, NULL, 0);
	execv(call->runtime->path, argv.v);
	return err_sys(err, errno, "run '%s'", call->runtime->path);
}
