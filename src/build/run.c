/* run.c - see build.h. One worker for each image (step.h), started when all that it builds upon is there; one loop reads what they print
 * and how they end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/proc.h"
#include "build.h"
#include "step.h"
#include "symptoms.h"
#include "tool.h"
#include "warn.h"

enum { LINE_MAX_BYTES = 16 << 10, READ_BYTES = 64 << 10, END_MS = 5000, LOOK_MS = 100 };

enum job_state { JOB_NONE, JOB_WAITING, JOB_RUNNING, JOB_DONE };

struct job {
	const struct service *service;
	enum job_state state;
	struct build_spec spec;
	struct session_job place;
	struct step step;
	struct worker worker;
	int out_fd;                      /* what it prints; -1: it is at its end */
	struct buf line;
	struct symptoms seen;
};

struct running {
	const struct build_run *b;
	struct session session;
	char *dir;                       /* STATE/build */
	struct job *jobs;                /* one for each service */
	size_t n, n_running, at_most;
};

static void tell(const struct running *r, const struct job *j, enum build_event ev, const char *text)
{
	r->b->on_event(r->b->arg, j->service, ev, text);
}

/* ------------------------------------------------------------------ which, and in what order */

static struct job *job_of(const struct running *r, const char *service)
{
	const struct service *s = service ? project_service(r->b->project, service) : NULL;

	return s ? &r->jobs[s - r->b->project->services] : NULL;
}

/* The one whose image a context of j is; NULL: it is something else. */
static struct job *context_job(const struct running *r, const struct job *j, size_t i)
{
	return job_of(r, spec_context_service(j->service->build.additional_contexts.v[i].value));
}

static void want(struct running *r, struct job *j)
{
	if (!j->service->build.given || j->state != JOB_NONE)
		return;
	j->state = JOB_WAITING;
	for (size_t i = 0; i < j->service->build.additional_contexts.n; i++) {
		struct job *other = context_job(r, j, i);

		if (other)
			want(r, other);
	}
}

static bool pending(const struct job *j)
{
	return j && (j->state == JOB_WAITING || j->state == JOB_RUNNING);
}

static bool ready(const struct running *r, const struct job *j)
{
	const struct service *s = j->service;

	for (size_t i = 0; i < s->build.additional_contexts.n; i++)
		if (pending(context_job(r, j, i)))
			return false;
	for (size_t i = 0; i < s->n_depends_on; i++)
		if (pending(job_of(r, s->depends_on[i].service)))
			return false;
	return true;
}

/* ------------------------------------------------------------------ one job */

struct warned {
	const struct running *r;
	const struct job *j;
};

static void on_warning(void *arg, const char *where, const char *text)
{
	const struct warned *w = arg;

	w->r->b->on_warning(w->r->b->arg, w->j->service, where, text);
}

static int job_prepare(struct running *r, struct job *j, struct pos *ret_pos, struct err *err)
{
	size_t number = (size_t)(j - r->jobs);

	if (session_job_init(&r->session, number, &j->place, err) < 0 ||
	    spec_make(r->b->project, j->service, &r->b->opts, r->b->host.version, j->place.tmp, &j->spec, ret_pos, err) < 0)
		return -1;
	j->step = (struct step){ .run = r->b, .session = &r->session, .spec = &j->spec, .tmp = j->place.tmp, .rundir = j->place.run,
				 .cgroup = j->place.cgroup, .out_fd = -1 };
	build_warnings(&j->spec, on_warning, &(struct warned){ r, j });
	return 0;
}

static int job_start(struct running *r, struct job *j, struct err *err)
{
	auto_close int in = -1, out = -1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	in = ends[0];
	out = ends[1];
	fd_nonblock(in);
	j->step.out_fd = out;
	if (worker_start(step_work, &j->step, &j->worker, err) < 0)
		return -1;
	j->out_fd = take_fd(&in);
	j->state = JOB_RUNNING;
	r->n_running++;
	tell(r, j, BUILD_BEGUN, NULL);
	return 0;
}

static void job_line(const struct running *r, struct job *j, size_t n)
{
	auto_free char *text = xstrndup(j->line.p, n);

	text[strcspn(text, "\r")] = '\0';
	symptoms_line(&j->seen, text, r->dir);
	tell(r, j, BUILD_LINE, text);
}

/* Reads what is there; true at the end. */
static bool job_read(const struct running *r, struct job *j)
{
	ssize_t n = read(j->out_fd, buf_room(&j->line, READ_BYTES), READ_BYTES);
	char *end;

	if (n < 0)
		return errno != EAGAIN && errno != EINTR;
	j->line.len += (size_t)n;
	while (j->line.len && ((end = memchr(j->line.p, '\n', j->line.len)) || j->line.len > LINE_MAX_BYTES)) {
		size_t len = end ? (size_t)(end - j->line.p) : LINE_MAX_BYTES;

		job_line(r, j, len);
		buf_consume(&j->line, len + (end != NULL));
	}
	return n == 0;
}

/* All that it still says. Its end says that those are dead who could say something, so it is waited for, but not for ever. */
static void job_drain(const struct running *r, struct job *j)
{
	struct pollfd p = { .fd = j->out_fd, .events = POLLIN };

	while (j->out_fd >= 0 && poll(&p, 1, END_MS) > 0)
		if (job_read(r, j))
			break;
	if (j->line.len)
		job_line(r, j, j->line.len);
	buf_consume(&j->line, j->line.len);
	if (j->out_fd >= 0)
		close(j->out_fd);
	j->out_fd = -1;
}

static int job_end(struct running *r, struct job *j, struct err *err)
{
	auto_json json_t *answer = NULL;

	job_drain(r, j);
	j->state = JOB_DONE;
	r->n_running--;
	if (worker_finish(&j->worker, &answer, err) < 0) {
		tell(r, j, BUILD_FAILED, NULL);
		symptoms_explain(&j->seen, r->dir, &j->spec, err);
		return err_wrap(err, "service '%s'", j->service->name);
	}
	tell(r, j, jx_bool(answer, "unchanged", false) ? BUILD_UNCHANGED : BUILD_DONE, jx_str(answer, "id"));
	return 0;
}

/* ------------------------------------------------------------------ all of them */

static int start_ready(struct running *r, struct err *err)
{
	for (size_t i = 0; i < r->n && r->n_running < r->at_most; i++)
		if (r->jobs[i].state == JOB_WAITING && ready(r, &r->jobs[i]) && job_start(r, &r->jobs[i], err) < 0)
			return -1;
	if (r->n_running)
		return 0;
	for (size_t i = 0; i < r->n; i++)
		if (r->jobs[i].state == JOB_WAITING)
			return err_set(err, ERR_INPUT, "service '%s' is built upon itself, through depends_on and additional_contexts",
				       r->jobs[i].service->name);
	return 0;
}

/* 0, BUILD_STOPPED, -1. */
static int wait_and_step(struct running *r, struct err *err)
{
	auto_free struct pollfd *p = xcalloc(2 * r->n_running + 1, sizeof *p);
	size_t n = 1;

	p[0] = (struct pollfd){ .fd = r->b->stop_fd, .events = POLLIN };
	for (size_t i = 0; i < r->n; i++) {
		if (r->jobs[i].state != JOB_RUNNING)
			continue;
		symptoms_look(&r->jobs[i].seen, r->dir);
		p[n++] = (struct pollfd){ .fd = r->jobs[i].worker.fd, .events = POLLIN };
		p[n++] = (struct pollfd){ .fd = r->jobs[i].out_fd, .events = POLLIN };
	}
	if (poll(p, n, LOOK_MS) < 0 && errno != EINTR)
		return err_sys(err, errno, "poll");
	if (p[0].revents)
		return BUILD_STOPPED;
	n = 1;
	for (size_t i = 0; i < r->n; i++) {
		struct job *j = &r->jobs[i];

		if (j->state != JOB_RUNNING)
			continue;
		if (p[n + 1].revents && job_read(r, j)) {
			close(j->out_fd);
			j->out_fd = -1;
		}
		if (p[n].revents && worker_read(&j->worker) == 1 && job_end(r, j, err) < 0)
			return -1;
		n += 2;
	}
	return 0;
}

static int build_all(struct running *r, struct pos *ret_pos, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->jobs[i].state == JOB_WAITING && job_prepare(r, &r->jobs[i], ret_pos, err) < 0)
			return -1;
	*ret_pos = (struct pos){ 0 };
	do {
		if (start_ready(r, err) < 0)
			return -1;
		if (r->n_running == 0)
			return 0;
		result = wait_and_step(r, err);
	} while (result == 0);
	return result;
}

static void abort_all(struct running *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct job *j = &r->jobs[i];

		if (j->state != JOB_RUNNING)
			continue;
		worker_abort(&j->worker);
		job_drain(r, j);
		j->state = JOB_DONE;
	}
}

static void release(struct running *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->jobs[i].spec.service)
			spec_done(&r->jobs[i].spec);
		session_job_done(&r->jobs[i].place);
		buf_done(&r->jobs[i].line);
	}
	free(r->jobs);
	free(r->dir);
}

int build_run(const struct build_run *b, struct pos *ret_pos, struct err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct running r = { .b = b, .n = b->project->n_services, .at_most = b->at_once ? b->at_once : cpus > 2 ? 2 * (size_t)cpus : 4 };
	int result;

	*ret_pos = (struct pos){ 0 };
	result = session_begin(&b->host, b->project->name, b->stop_fd, &r.session, err);
	if (result != 0)
		return result;
	r.dir = path_join(b->host.state_dir, "build");
	r.jobs = xcalloc(r.n + 1, sizeof *r.jobs);
	for (size_t i = 0; i < r.n; i++)
		r.jobs[i] = (struct job){ .service = &b->project->services[i], .out_fd = -1 };
	for (size_t i = 0; i < r.n; i++)
		if (b->wanted[i])
			want(&r, &r.jobs[i]);
	result = build_all(&r, ret_pos, err);
	abort_all(&r);
	session_end(&r.session, result != 0);
	release(&r);
	return result;
}

/* ------------------------------------------------------------------ which builder */

int build_tool_parse(const char *name, enum build_tool *ret, struct err *err)
{
	if (!name || !*name || STREQ(name, "buildah"))
		*ret = BUILD_BUILDAH;
	else if (STREQ(name, "buildkit") || STREQ(name, "buildctl"))
		*ret = BUILD_BUILDKIT;
	else
		return err_set(err, ERR_USAGE, "builder '%s' is not known: buildah or buildkit", name);
	return 0;
}

static bool in_path(const char *program)
{
	const char *path = getenv("PATH");
	auto_free char *copy = xstrdup(path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	char *save = copy;

	for (char *dir = strsep(&save, ":"); dir; dir = strsep(&save, ":")) {
		auto_free char *file = xasprintf("%s/%s", *dir ? dir : ".", program);

		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

int build_tool_check(enum build_tool tool, struct err *err)
{
	const char *program = tool == BUILD_BUILDKIT ? "buildctl" : "buildah";

	if (in_path(program))
		return 0;
	err_set(err, ERR_NOT_FOUND, "no builder: '%s' is not installed", program);
	if (tool == BUILD_BUILDKIT)
		return err_hint(err, "install buildctl from BuildKit's releases and have buildkitd run, or use buildah");
	return err_hint(err, "install buildah: apt install buildah");
}
