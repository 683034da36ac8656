/* spawn.c - bringing a supervisor to life, exactly one however many ask: connect; else take the lock, try once more, start the keeper. */
#include "super.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "../keeper/keeper.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/fd.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/buf.h"
#include "../util/path.h"
#include "../util/proc.h"
#include "program.h"
#include "scope.h"
#include "sup.h"

enum { READY_MS = 10000, TRIES = 100, STARTS_MAX = 5, LOCK_MS = 2000 };

/* program: the davit to be the supervisor. */
static void keeper_argv(const struct pdirs *p, const char *program, int lock_fd, int feed_fd, struct strs *argv)
{
	strs_take(argv, program_helper(program, "davit-keeper"));
	strs_add(argv, p->run);
	strs_printf(argv, "%d", lock_fd);
	if (feed_fd >= 0)
		strs_printf(argv, "%d", feed_fd);
	strs_add(argv, "--");
	strs_add(argv, program);
	strs_add(argv, "--supervise");
	strs_add(argv, p->name);
	strs_add(argv, "--state-dir");
	strs_add(argv, p->state_root);
	strs_add(argv, "--run-dir");
	strs_add(argv, p->run_root);
}

/* (in the child) Where it cannot go where it belongs, it stays where it was started: better than not at all. The supervisor says so. */
static int into_unit(void *arg)
{
	scope_enter(arg, NULL);
	return 0;
}

static int start_keeper(const struct pdirs *p, int lock_fd, struct err *err)
{
	auto_strs struct strs argv = STRS_INIT;
	auto_free char *program = program_self();
	struct spawn sp = { .stdio = { -1, -1, -1 }, .pass = &lock_fd, .n_pass = 1, .cwd = "/", .new_session = true,
			    .before_exec = into_unit, .arg = p->name };
	struct child c;

	keeper_argv(p, program, lock_fd, -1, &argv);
	sp.argv = (const char *const *)argv.v;
	if (proc_spawn(&sp, &c, err) < 0)
		return err_wrap(err, "start the supervisor");
	close(c.pidfd);
	return 0;
}

/* The dying keeper's lock is let go a moment after its socket is. */
static int lock_soon(struct super *s, int *ret_fd, struct err *err)
{
	const struct timespec pause = { .tv_nsec = MS_NS };
	int64_t deadline = clock_mono_ns() + LOCK_MS * MS_NS;

	while (lock_take(&s->p, ret_fd, err) < 0) {
		if (err->kind != ERR_BUSY || clock_mono_ns() > deadline)
			return -1;
		err_done(err);
		nanosleep(&pause, NULL);
	}
	return 0;
}

void super_become_keeper(struct super *s, const char *program)
{
	auto_strs struct strs argv = STRS_INIT;
	auto_err struct err err = ERR_INIT;
	int lock_fd = s->lock_fd;

	if (lock_fd < 0 && lock_soon(s, &lock_fd, &err) < 0) {
		log_error("another keeper is there already: %s", err_msg(&err));
		_exit(1);
	}
	fd_cloexec(lock_fd, 0);
	keeper_argv(&s->p, program, lock_fd, keeper_feed(s), &argv);
	execv(argv.v[0], argv.v);
	log_error("cannot execute '%s': %s", argv.v[0], strerror(errno));
	_exit(1);
}

/* 0: connected, 1: nobody listens (yet), -1. A supervisor that is being born needs some milliseconds; it is asked often, and the
 * directory is looked up anew only now and then, in case a finished one has removed it. */
static int connect_patiently(const struct pdirs *p, int tries, struct ctl **ret, struct err *err)
{
	const struct timespec pause = { .tv_nsec = 500 * 1000 };

	for (int i = 0; i < tries; i++) {
		if (i)
			nanosleep(&pause, NULL);
		if (ctl_connect(p->run_fd, ret, err) == 0)
			return 0;
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		err_done(err);
	}
	return 1;
}

/* The lock is free when nobody was ever there, or when the keeper that was started has been killed: then another is started. One that ends
 * by itself is not tried for ever. */
static int attempt(const struct dirs *d, const char *project, unsigned *starts, struct ctl **ret, struct err *err)
{
	struct pdirs p;
	auto_close int lock_fd = -1;
	int r;

	if (pdirs_open(d, project, true, &p, err) < 0)
		return -1;
	r = connect_patiently(&p, 1, ret, err);
	/* a directory that a finished supervisor removed meanwhile gives no lock: the next attempt opens the new one */
	if (r == 1 && *starts < STARTS_MAX && lock_take(&p, &lock_fd, NULL) == 0) {
		++*starts;
		r = start_keeper(&p, lock_fd, err) < 0 ? -1 : 1;
	}
	if (r == 1)
		r = connect_patiently(&p, TRIES, ret, err);
	pdirs_done(&p);
	return r;
}

/* RUN/projects/NAME/why-not: what kept the last supervisor from starting. The command that waits for one tells it. */
#define WHY_NOT "why-not"
enum { WHY_NOT_MAX = 4096 };

void super_say_why_not(const struct pdirs *p, const struct err *err)
{
	if (p->run_fd >= 0)
		path_write(p->run_fd, WHY_NOT, err_msg(err), strlen(err_msg(err)), 0600, 0, NULL);
}

/* True when there is such a word; it is told once. */
static bool read_why_not(const struct dirs *d, const char *project, struct err *err)
{
	struct pdirs p;
	auto_buf struct buf b = BUF_INIT;

	if (pdirs_open(d, project, false, &p, NULL) < 0)
		return false;
	if (p.run_fd >= 0 && path_read(p.run_fd, WHY_NOT, WHY_NOT_MAX, &b, NULL) == 0 && b.len) {
		unlinkat(p.run_fd, WHY_NOT, 0);
		err_set(err, ERR_FAIL, "the supervisor of project '%s' cannot start: %s", project, b.p);
	}
	pdirs_done(&p);
	return b.len > 0;
}

int super_connect(const struct dirs *d, const char *project, struct ctl **ret, struct err *err)
{
	int64_t deadline = clock_mono_ns() + READY_MS * MS_NS;
	unsigned starts = 0;
	int r;

	while ((r = attempt(d, project, &starts, ret, err)) == 1) {
		if (starts && read_why_not(d, project, err))
			return err_hint(err, "see %s/projects/%s/supervisor.log", d->state, project);
		if (clock_mono_ns() > deadline) {
			err_set(err, ERR_TIMEOUT, "the supervisor of project '%s' did not answer within %d s", project,
				READY_MS / 1000);
			return err_hint(err, "see %s/projects/%s/supervisor.log", d->state, project);
		}
	}
	return r;
}
