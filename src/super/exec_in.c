/* exec_in.c - a command in a running container (exec_in.h). */
#include "exec_in.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"

enum { CHILDREN_MAX = 1 << 20 };

struct paths {
	char *root, *process, *pid, *log;
};

static void paths_done(struct paths *p)
{
	free(p->root);
	free(p->process);
	free(p->pid);
	free(p->log);
}

static char *pid_name(const struct unit *u, const char *tag)
{
	return xasprintf("tmp/%s.%s", u->rec.slot, tag);
}

static struct oci_call call_of(struct unit *u, const char *tag, const char *process, struct paths *p)
{
	auto_free char *bundle = super_run_path(u->s, "bundle", u->rec.id);

	*p = (struct paths){
		.root = xasprintf("%s/oci", u->s->p.run),
		.process = xasprintf("%s/%s", bundle, process),
		.pid = xasprintf("%s/tmp/%s.%s", u->s->p.run, u->rec.slot, tag),
		.log = xasprintf("%s/tmp/%s.%s.log", u->s->p.run, u->rec.slot, tag),
	};
	return (struct oci_call){
		.runtime = unit_runtime(u), .root = p->root, .id = u->rec.id, .verb = OCI_EXEC,
		.process_file = p->process, .pid_file = p->pid, .log_file = p->log, .stdio = { -1, -1, -1 },
	};
}

int exec_in_start(struct unit *u, const char *tag, const char *process, const int stdio[3], struct child *ret, struct err *err)
{
	struct paths p;
	struct oci_call c = call_of(u, tag, process, &p);
	int r;

	memcpy(c.stdio, stdio, sizeof c.stdio);
	exec_in_forget(u, tag);
	r = oci_start(&c, ret, err);
	paths_done(&p);
	return r;
}

int exec_in_complaint(struct unit *u, const char *tag, const char *process, int status, struct err *err)
{
	struct paths p;
	struct oci_call c = call_of(u, tag, process, &p);
	int r = oci_complained(&c) ? oci_failure(&c, status, err) : 0;

	paths_done(&p);
	return r;
}

/* A pid on disk is somebody else's by now unless it is in the container's cgroup or below it. */
static bool in_cgroup(const struct unit *u, pid_t pid)
{
	auto_free char *path = xasprintf("/proc/%d/cgroup", (int)pid);
	auto_buf struct buf b = BUF_INIT;
	const char *group = u->launch.cgroup, *at;

	if (!group || path_read(AT_FDCWD, path, 65536, &b, NULL) < 0 || !b.p)
		return false;
	for (at = strstr(b.p, group); at; at = strstr(at + 1, group))
		if (strchr("/\n", at[strlen(group)]))
			return true;
	return false;
}

void exec_in_forget(struct unit *u, const char *tag)
{
	auto_free char *name = pid_name(u, tag);

	unlinkat(u->s->p.run_fd, name, 0);
}

bool exec_in_begun(const struct unit *u, const char *tag)
{
	auto_free char *name = pid_name(u, tag);

	return faccessat(u->s->p.run_fd, name, F_OK, 0) == 0;
}

/* The command's process group, which is all of a session: its own (runc) or its runtime's (crun, which may be gone). 0: it has none,
 * as earlier davits executed in their own session. */
static pid_t group_of(const struct unit *u, pid_t pid)
{
	pid_t group = getpgid(pid);
	bool own = group > 1 && getsid(pid) == group && group != getsid(0) && group != getsid(getppid()) &&
		   group != getsid(u->rec.proc.pid);

	return own ? group : 0;
}

void exec_in_abort(struct unit *u, const char *tag, struct child *call)
{
	kill(-call->pid, SIGKILL);       /* not reaped yet, so the number is still its own */
	exec_in_kill(u, tag);
	super_let_go(u->s, call);
}

void exec_in_remove(struct unit *u)
{
	static const char *const files[] = { "probe", "probe.log", "hook", "hook.log" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		exec_in_forget(u, files[i]);
}

static void kill_exec(const struct unit *u, const struct proc_id *id)
{
	int fd = proc_pidfd(id);
	pid_t group = fd < 0 ? 0 : group_of(u, id->pid);

	if (group)
		kill(-group, SIGKILL);
	if (fd >= 0) {
		proc_pidfd_signal(fd, SIGKILL);
		close(fd);
	}
}

void exec_in_kill(struct unit *u, const char *tag)
{
	auto_free char *name = pid_name(u, tag);
	auto_buf struct buf b = BUF_INIT;
	struct proc_id id;
	uint64_t n;

	if (path_read(u->s->p.run_fd, name, 31, &b, NULL) < 0 || !b.len || str_u64(b.p, &n) < 0 || n < 2 || n > INT32_MAX ||
	    proc_identify((pid_t)n, &id) < 0)
		return;
	if (in_cgroup(u, id.pid))
		kill_exec(u, &id);
	exec_in_forget(u, tag);
}

/* ------------------------------------------------------------------ strays */

/* With the host's numbers what a container leaves behind comes to the keeper, too. */
static bool has_own_pids(const struct unit *u)
{
	auto_free char *path = xasprintf("/proc/%d/ns/pid", (int)u->rec.proc.pid);
	struct stat theirs, ours;

	return stat(path, &theirs) == 0 && stat("/proc/self/ns/pid", &ours) == 0 && theirs.st_ino != ours.st_ino;
}

static bool is_init(const struct super *s, pid_t pid)
{
	map_each(&s->units, it) {
		const struct unit *u = it->value;
		if (u->rec.proc.pid == pid)
			return true;
	}
	return false;
}

static void sweep_one(const struct super *s, pid_t pid)
{
	struct proc_id id;

	if (pid < 2 || pid == getpid() || is_init(s, pid) || proc_identify(pid, &id) < 0)
		return;
	map_each(&s->units, it) {
		const struct unit *u = it->value;
		if (!unit_has_process(u->state) || !in_cgroup(u, pid) || !has_own_pids(u))
			continue;
		kill_exec(u, &id);
		return;
	}
}

void exec_in_sweep(const struct super *s)
{
	auto_free char *path = xasprintf("/proc/%d/task/%d/children", (int)getppid(), (int)getppid());
	auto_buf struct buf b = BUF_INIT;

	if (path_read(AT_FDCWD, path, CHILDREN_MAX, &b, NULL) < 0 || !b.p)
		return;
	for (char *save, *word = strtok_r(b.p, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		uint64_t pid;
		if (str_u64(word, &pid) == 0 && pid <= INT32_MAX)
			sweep_one(s, (pid_t)pid);
	}
}
