/* process.c - the project's own processes, and what runs in its control groups. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../ctl/ctl.h"
#include "../oci/oci.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

enum { ANSWER_MS = 2000, CMDLINE_MAX = 64 * 1024 };

/* The arguments of a process; empty when it is gone. */
static void arguments(const char *pid, struct strs *ret)
{
	auto_free char *path = xasprintf("/proc/%s/cmdline", pid);
	auto_buf struct buf b = BUF_INIT;

	if (path_read(AT_FDCWD, path, CMDLINE_MAX, &b, NULL) < 0)
		return;
	for (size_t at = 0; at < b.len; at += strlen(b.p + at) + 1)
		strs_add(ret, b.p + at);
}

static bool is_keeper(const struct strs *args, const char *run)
{
	return args->n > 2 && str_ends(args->v[0], "davit-keeper") && STREQ(args->v[1], run);
}

/* The pid of the project's keeper; 0: there is none. */
static pid_t keeper_of(const struct patient *p)
{
	auto_closedir DIR *d = opendir("/proc");

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		auto_strs struct strs args = STRS_INIT;
		unsigned pid;

		if (str_uint(e->d_name, 1, INT32_MAX, &pid) < 0)
			continue;
		arguments(e->d_name, &args);
		if (is_keeper(&args, p->p.run))
			return (pid_t)pid;
	}
	return 0;
}

static bool is_needed(const struct patient *p)
{
	return p->w.units.n > 0;
}

static void look_keeper(struct doctor *d, const struct patient *p)
{
	if (is_needed(p) && !keeper_of(p))
		amiss(d, p->p.run, "project '%s' has %zu containers and no keeper", p->name, p->w.units.n);
}

/* An flock is not for others to ask about, but who holds it has the file open. */
static void look_lock(struct doctor *d, const struct patient *p)
{
	pid_t keeper = keeper_of(p);
	auto_free char *fds = xasprintf("/proc/%d/fd", (int)keeper), *lock = xasprintf("%s/lock", p->p.run);
	auto_closedir DIR *dir = keeper ? opendir(fds) : NULL;
	struct stat want, have;

	if (!dir || stat(lock, &want) < 0)
		return;
	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		if (fstatat(dirfd(dir), e->d_name, &have, 0) == 0 && have.st_ino == want.st_ino && have.st_dev == want.st_dev)
			return;
	amiss(d, lock, "keeper %d of project '%s' does not hold the project's lock", (int)keeper, p->name);
}

/* 0: it said what a living supervisor says. */
static int ask(const struct patient *p, struct err *err)
{
	auto_json json_t *req = json_pack("{s:s}", "op", "ping"), *ev = NULL;
	struct ctl *c = NULL;
	int r;

	if (ctl_connect(p->p.run_fd, &c, err) < 0)
		return -1;
	r = ctl_send(c, req, err);
	if (r == 0)
		r = ctl_recv(c, ANSWER_MS, &ev, err);
	if (r == 0)
		err_set(err, ERR_TIMEOUT, "no answer within %d s", ANSWER_MS / 1000);
	ctl_close(c);
	return r == 1 ? 0 : -1;
}

static void look_supervisor(struct doctor *d, const struct patient *p)
{
	auto_err struct err err = ERR_INIT;

	if (p->p.run_fd >= 0 && keeper_of(p) && ask(p, &err) < 0)
		amiss(d, p->p.run, "the supervisor of project '%s' does not answer: %s", p->name, err_msg(&err));
}

/* ------------------------------------------------------------------ control groups */

static void look_strays(struct doctor *d, const struct patient *p)
{
	auto_strs struct strs slots = STRS_INIT;

	cgroup_list(p->name, &slots);
	for (size_t i = 0; i < slots.n; i++) {
		const char *group = slots.v[i];
		const struct unit_rec *r = record_of(p, strrchr(group, '/') + 1);
		size_t n = cgroup_count(group);

		if (n && !r)
			amiss(d, group, "%zu processes run in a control group that belongs to no container", n);
		else if (n && rec_rests(r))
			amiss(d, group, "%zu processes run though container '%s' is recorded as %s", n, r->name, r->state);
	}
}

static void look_cgroups(struct doctor *d, const struct patient *p)
{
	auto_strs struct strs slots = STRS_INIT;
	auto_free char *top = xasprintf("davit/%s", p->name);

	if (cgroup_list(p->name, &slots) && !is_needed(p))
		amiss(d, top, "there is a control group though project '%s' has no containers", p->name);
	for (size_t i = 0; i < slots.n; i++) {
		if (!record_of(p, strrchr(slots.v[i], '/') + 1))
			amiss(d, slots.v[i], "there is a control group of a container that there is no record of");
	}
}

const struct check process_checks[] = {
	{ "keeper", look_keeper, NULL, "nobody restarts, probes, logs or answers names for these containers",
	  "any command that acts brings one up: 'davit -p NAME start', say" },
	{ "lock", look_lock, NULL, "a second supervisor could be started beside the first", "kill that keeper; its supervisor takes its place" },
	{ "supervisor", look_supervisor, NULL, "commands that act will fail, nothing is restarted or probed",
	  "see STATE/projects/NAME/supervisor.log; kill the supervisor, its keeper starts another" },
	{ "processes", look_strays, NULL, "they use the machine, and nobody watches or ends them",
	  "'davit -p NAME down' kills them" },
	{ "cgroups", look_cgroups, NULL, "left-overs of the kernel's grow in number", "'davit -p NAME down', or rmdir when it is empty" },
	{ 0 }
};
