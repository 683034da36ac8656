/* upgrade.c - the command line's side of an upgrade (replace.c is the supervisor's): ask who is there, ask it to make room, see who comes.
 *
 * A supervisor is told from another by its pid, a program from another by its file, so that two builds of one version differ. */
#include "super.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/proc.h"
#include "../util/str.h"
#include "program.h"

enum { ASK_MS = 5000, COME_MS = 90000 };         /* a program on trial has KEEPER_TRIAL_MS */
enum { ROUNDS_MAX = 3 };

void super_about_done(struct super_about *a)
{
	free(a->version);
	free(a->program);
	free(a->file);
	*a = (struct super_about){ 0 };
}

/* The first event; 0 or -1. */
static int first_word(struct ctl *c, const char *project, int timeout_ms, json_t **ret, struct err *err)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	int r = ctl_recv(c, timeout_ms, ret, err);

	if (r < 0)
		return -1;
	if (r > 0)
		return 0;
	err_set(err, ERR_TIMEOUT, "the supervisor of project '%s' did not answer within %d s", project, timeout_ms / 1000);
	if (getsockopt(ctl_fd(c), SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		err_hint(err, "it is process %d; when that is killed its keeper starts another, and no container notices", (int)peer.pid);
	return -1;
}

/* Nobody listens while a supervisor that was killed is started again, which takes its keeper some milliseconds: as long as one of
 * them holds the project's lock, one is on its way. */
static int connect_to(const struct dirs *d, const char *project, int64_t deadline, struct ctl **ret, struct err *err)
{
	const struct timespec pause = { .tv_nsec = MS_NS };
	struct pdirs p;

	for (;;) {
		bool comes;
		int r;
		if (pdirs_open(d, project, false, &p, err) < 0)
			return -1;
		r = p.run_fd < 0 ? err_set(err, ERR_NOT_FOUND, "no supervisor is running") : ctl_connect(p.run_fd, ret, err);
		comes = r < 0 && err->kind == ERR_NOT_FOUND && lock_held(&p);
		pdirs_done(&p);
		if (!comes)
			return r;
		err_done(err);
		if (clock_mono_ns() > deadline)
			return err_set(err, ERR_TIMEOUT, "the supervisor of project '%s' is being started, and does not listen yet", project);
		nanosleep(&pause, NULL);
	}
}

static int ask(const struct dirs *d, const char *project, json_t *req, int timeout_ms, json_t **ret, struct err *err)
{
	struct ctl *c = NULL;
	int r = connect_to(d, project, clock_mono_ns() + timeout_ms * MS_NS, &c, err);

	if (r == 0)
		r = ctl_send(c, req, err);
	if (r == 0)
		r = first_word(c, project, timeout_ms, ret, err);
	ctl_close(c);
	return r;
}

int super_about(const struct dirs *d, const char *project, int timeout_ms, struct super_about *ret, struct err *err)
{
	auto_json json_t *req = json_pack("{s:s}", "op", "ping"), *word = NULL;
	auto_err struct err gone = ERR_INIT;
	int r = ask(d, project, req, timeout_ms, &word, &gone);

	if (r < 0 && gone.kind != ERR_FAIL)
		return err_move(err, &gone);
	/* one that was killed before it could answer has a successor */
	if (r < 0 && ask(d, project, req, timeout_ms, &word, err) < 0)
		return -1;
	*ret = (struct super_about){
		.pid = (int)jx_int(word, "pid", 0), .version = xstrdup(jx_str(word, "version")),
		.program = xstrdup(jx_str(word, "program")), .file = xstrdup(jx_str(word, "file")),
		.ready = jx_bool(word, "ready", true), .back = jx_bool(word, "back", false),
	};
	return 0;
}

/* One that knows of no upgrade is started again by its keeper under the path that it had. That is what we want if the program we mean is at
 * that path now. */
static int make_room_roughly(const char *project, const struct super_about *old, const char *program, struct err *err)
{
	struct proc_id id;
	auto_close int pidfd = -1;
	auto_free char *link = xasprintf("/proc/%d/exe", old->pid);
	auto_free char *path = xcalloc(1, PATH_MAX);

	if (old->pid <= 1 || proc_identify(old->pid, &id) < 0 || (pidfd = proc_pidfd(&id)) < 0 ||
	    readlink(link, path, PATH_MAX - 1) < 0)
		return err_set(err, ERR_FAIL, "the supervisor of project '%s' cannot be found", project);
	if (str_ends(path, " (deleted)"))
		path[strlen(path) - strlen(" (deleted)")] = 0;
	if (!STREQ(path, program)) {
		err_set(err, ERR_FAIL, "the supervisor of project '%s' is too old to make room for a program elsewhere", project);
		return err_hint(err, "put '%s' in the place of '%s', or bring the project down and up", program, path);
	}
	return proc_pidfd_signal(pidfd, SIGKILL) < 0 ? err_sys(err, errno, "end the old supervisor") : 0;
}

static int make_room(const struct dirs *d, const char *project, const struct super_about *old, const char *program, struct err *err)
{
	auto_json json_t *req = json_pack("{s:s,s:s}", "op", "upgrade", "program", program), *word = NULL;
	auto_err struct err gone = ERR_INIT;

	if (!old->version)
		return make_room_roughly(project, old, program, err);
	if (ask(d, project, req, ASK_MS, &word, &gone) == 0)
		return ctl_error(word, err);
	if (gone.kind == ERR_FAIL || gone.kind == ERR_NOT_FOUND)         /* it went away, which is the answer */
		return 0;
	return err_move(err, &gone);
}

/* When the keeper is killed while it changes programs, nobody is left to start one; else this waits for a moment, no more. */
static void start_if_none(const struct dirs *d, const char *project)
{
	auto_err struct err why = ERR_INIT;
	struct ctl *c = NULL;

	if (super_connect(d, project, &c, &why) == 0)
		ctl_close(c);
}

/* Who is there after `old`, ready to be asked. */
static int await_next(const struct dirs *d, const char *project, int old_pid, struct super_about *ret, struct err *err)
{
	const struct timespec pause = { .tv_nsec = 2 * MS_NS };
	int64_t deadline = clock_mono_ns() + COME_MS * MS_NS;

	for (;;) {
		auto_err struct err why = ERR_INIT;
		if (super_about(d, project, ASK_MS, ret, &why) == 0 && ret->pid != old_pid && ret->ready)
			return 0;
		super_about_done(ret);
		if (why.kind == ERR_NOT_FOUND)
			start_if_none(d, project);
		if (clock_mono_ns() > deadline) {
			err_set(err, ERR_TIMEOUT, "no supervisor of project '%s' has come up within %d s", project, COME_MS / 1000);
			return err_hint(err, "see %s/projects/%s/supervisor.log", d->state, project);
		}
		nanosleep(&pause, NULL);
	}
}

static int judge(const struct dirs *d, const char *project, const char *program, const char *file, const struct super_about *now,
		 struct err *err)
{
	if (!now->back && (!now->file || str_eq(now->file, file)))
		return 0;
	err_set(err, ERR_FAIL, "'%s' did not come up: project '%s' is supervised by davit %s%s as before", program, project,
		now->version ? "v" : "", now->version ? now->version : "of before");
	return err_hint(err, "its containers were not touched; see %s/projects/%s/supervisor.log", d->state, project);
}

static int replace_once(const struct dirs *d, const char *project, const struct super_about *old, const char *program,
			struct super_about *ret, struct err *err)
{
	return make_room(d, project, old, program, err) < 0 ? -1 : await_next(d, project, old->pid, ret, err);
}

/* One that was killed before it had made room was started again as it was. */
static bool not_heard(const struct super_about *now, const char *file)
{
	return !now->back && now->file && !str_eq(now->file, file);
}

int super_upgrade(const struct dirs *d, const char *project, const char *program, struct super_about *ret_old,
		  struct super_about *ret_new, struct err *err)
{
	auto_free char *path = program ? xstrdup(program) : program_self();
	auto_free char *file = program_file(path);
	int r;

	*ret_old = *ret_new = (struct super_about){ 0 };
	if (!file)
		return err_sys(err, errno, "'%s'", path);
	if (super_about(d, project, ASK_MS, ret_old, err) < 0)
		return -1;
	if (str_eq(ret_old->file, file))
		return SUPER_SAME;
	r = replace_once(d, project, ret_old, path, ret_new, err);
	for (int i = 1; i < ROUNDS_MAX && r == 0 && not_heard(ret_new, file); i++) {
		struct super_about old = *ret_new;
		*ret_new = (struct super_about){ 0 };
		r = replace_once(d, project, &old, path, ret_new, err);
		super_about_done(&old);
	}
	if (r == 0)
		r = judge(d, project, path, file, ret_new, err);
	return r;
}
