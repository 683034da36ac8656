#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "fd.h"
#include "json.h"
#include "mem.h"
#include "proc.h"
#include "proc_wait.h"

enum { RESULT_MAX = 4 << 20 };

static int own_fd = -1;

int worker_own_fd(void)
{
	return own_fd;
}

/* {"ok": …} or {"err": {kind, errnum, msg, hint}} */
static char *report(int failed, json_t *ok, const struct err *err)
{
	auto_json json_t *whole = json_object();
	json_t *e;

	if (!failed) {
		json_object_set_new(whole, "ok", ok ? json_incref(ok) : json_null());
	} else {
		e = json_object();
		jx_set_str(e, "kind", err_kind_str(err->kind == ERR_NONE ? ERR_FAIL : err->kind));
		jx_set_int(e, "errnum", err->errnum);
		jx_set_str(e, "msg", err_msg(err));
		jx_set_str(e, "hint", err->hint);
		json_object_set_new(whole, "err", e);
	}
	return json_dumps(whole, JSON_COMPACT);
}

static __attribute__((noreturn)) void run_worker(worker_fn *fn, void *arg, int out_fd)
{
	struct err err = ERR_INIT;
	json_t *ok = NULL;
	int failed;
	char *text;

	own_fd = out_fd;
	failed = fn(arg, &ok, &err) < 0;
	text = report(failed, ok, &err);
	if (!text || strlen(text) > RESULT_MAX) {
		failed = err_set(&err, ERR_FAIL,
			text ? "the result of a worker is too large" : "the result is no JSON");
		text = report(failed, NULL, &err);
	}
	if (text && fd_write_all(out_fd, text, strlen(text)) < 0)
		_exit(1);
	_exit(0);
}

int worker_start(worker_fn *fn, void *arg, struct worker *ret, struct err *err)
{
	auto_close int in_fd = -1, out_fd = -1, pidfd = -1;
	pid_t us = getpid(), pid;
	int fds[2], why;
	sigset_t old;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "start a worker");
	in_fd = fds[0];
	out_fd = fds[1];
	if (fd_nonblock(in_fd) < 0)
		return err_sys(err, errno, "start a worker");
	proc_block_signals(&old);
	pid = fork();
	if (pid == 0) {
		proc_clean_signals();
		close(in_fd);
		/* Nobody would hear its result, and whoever starts the work again must not meet it. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != us)
			_exit(1);
		run_worker(fn, arg, out_fd);
	}
	why = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return err_sys(err, why, "start a worker");
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		why = errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return err_sys(err, why, "start a worker");
	}
	*ret = (struct worker){ .child = { .pid = pid, .pidfd = take_fd(&pidfd) }, .fd = take_fd(&in_fd) };
	return 0;
}

static void more_room(struct worker *w)
{
	if (w->in.len < w->in.cap)
		return;
	w->in.cap = w->in.cap ? w->in.cap * 2 : 4096;
	w->in.p = xrealloc_array(w->in.p, w->in.cap, 1);
}

int worker_read(struct worker *w)
{
	while (w->in.len <= RESULT_MAX) {
		ssize_t n;

		more_room(w);
		n = read(w->fd, w->in.p + w->in.len, w->in.cap - w->in.len);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return 1;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n > 0)
			w->in.len += (size_t)n;
	}
	return 1;
}

static void release(struct worker *w)
{
	close(w->fd);
	close(w->child.pidfd);
	free(w->in.p);
	*w = (struct worker){ .fd = -1, .child = { .pidfd = -1 } };
}

/* Its pipe is closed, so it is ending; one that is not must not hold us up. 0 and its status, -1 when it had
 * to be killed. */
static int see_it_end(struct worker *w, int *ret_status)
{
	enum { END_MS = 1000, KILL_MS = 200 };
	int ended = proc_poll(w->child.pidfd, w->in.len > RESULT_MAX ? 0 : END_MS) > 0;

	if (!ended) {
		proc_pidfd_signal(w->child.pidfd, SIGKILL);
		proc_poll(w->child.pidfd, KILL_MS);
	}
	return proc_reap(&w->child, ret_status) == 1 && ended ? 0 : -1;
}

static int take_err(const json_t *e, struct err *err)
{
	const char *hint = jx_str(e, "hint");
	const char *msg = jx_str(e, "msg");

	err_set(err, err_kind_parse(jx_str(e, "kind")), "%s", msg ? msg : "a worker failed");
	if (err)
		err->errnum = (int)jx_int(e, "errnum", 0);
	if (hint)
		err_hint(err, "%s", hint);
	return -1;
}

static int without_a_word(int ended, int status, struct err *err)
{
	if (ended < 0)
		return err_set(err, ERR_FAIL, "a worker closed its pipe and went on");
	if (status > 128)
		return err_set(err, ERR_FAIL, "a worker was killed by signal %d (%s)", status - 128,
			strsignal(status - 128));
	return err_set(err, ERR_FAIL, "a worker ended with status %d and without a result", status);
}

int worker_finish(struct worker *w, json_t **ret, struct err *err)
{
	auto_json json_t *whole = NULL;
	int status = 0;
	int ended = see_it_end(w, &status);
	bool too_large = w->in.len > RESULT_MAX;
	json_t *ok;

	if (w->in.len > 0 && !too_large)
		jx_parse(w->in.p, w->in.len, &whole, NULL);
	release(w);
	if (too_large)
		return err_set(err, ERR_FAIL, "the result of a worker is too large");
	if (jx_obj(whole, "err"))
		return take_err(jx_obj(whole, "err"), err);
	ok = json_object_get(whole, "ok");
	if (!ok)
		return without_a_word(ended, status, err);
	if (ret)
		*ret = json_incref(ok);
	return 0;
}

void worker_abort(struct worker *w)
{
	enum { KILL_MS = 200 };
	int status;

	proc_pidfd_signal(w->child.pidfd, SIGKILL);
	if (proc_poll(w->child.pidfd, KILL_MS) > 0)
		proc_reap(&w->child, &status);
	release(w);
}

int worker_run(worker_fn *fn, void *arg, int timeout_ms, json_t **ret, struct err *err)
{
	int64_t end = clock_mono_ns() + timeout_ms * MS_NS;
	struct worker w;

	if (worker_start(fn, arg, &w, err) < 0)
		return -1;
	while (worker_read(&w) == 0) {
		int64_t left_ns = end - clock_mono_ns();
		int left_ms = timeout_ms < 0 ? -1 : left_ns > 0 ? (int)(left_ns / MS_NS) + 1 : 0;

		if (proc_poll(w.fd, left_ms) == 0) {
			worker_abort(&w);
			return err_set(
				err, ERR_TIMEOUT, "it did not finish within %g s", timeout_ms / 1000.0);
		}
	}
	return worker_finish(&w, ret, err);
}
