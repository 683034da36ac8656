#include "jobs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "answer.h"

/* One layer takes seconds; whatever takes this long does not end. */
#define LAYER_NS (3600 * SEC_NS)

bool jobs_have(const struct jobs *l, const char *chain, bool unpacked)
{
	for (size_t i = 0; i < l->n; i++)
		if ((unpacked || !l->v[i].unpack.hash_only) && STREQ(l->v[i].staged.layer->chain, chain))
			return true;
	return false;
}

struct job *jobs_add(struct jobs *l, const struct stage *s, const struct pack_layer *layer, const char *blob, const struct pack_limits *limits)
{
	struct job *j = XGROW(l->v, l->n, l->cap);

	*j = (struct job){ .staged = { .layer = layer, .dir = xasprintf("layer-%zu", l->n) }, .stage = s };
	j->unpack = (struct unpack){
		.stage_fd = s->fd,
		.blob = xstrdup(blob),
		.dir = j->staged.dir,
		.diff_hex = layer->diff_hex,
		.limits = *limits,
	};
	return j;
}

struct job *jobs_add_part(struct jobs *l, const struct stage *s, const struct pack_layer *layer, int fd, bool take_out,
	const struct pack_limits *limits)
{
	struct staged_blob *b = layer->blob;
	struct job *j = jobs_add(l, s, layer, NULL, limits);

	if (take_out)
		b->file = xasprintf("blob-%zu", l->n);
	j->unpack.blob_fd = fd;
	j->part = (struct unpack_part){ b->at, b->size, take_out ? b->file : NULL, b->hex, b->kind == BLOB_PLAIN };
	if (j->part.plain)
		j->unpack.diff_hex = NULL; /* the blob's hash is the same */
	return j;
}

/* Only here is its directory made: an archive may speak of more layers than anybody wants to unpack. */
static int job_start(struct job *j, struct err *err)
{
	if (mkdirat(j->stage->fd, j->staged.dir, 0755) < 0)
		return err_sys(err, errno, "make a directory in '%s'", j->stage->images_path);
	j->unpack.part = j->staged.layer->blob && j->staged.layer->blob->part ? &j->part : NULL; /* here, as the list may have moved */
	if (worker_start(unpack_work, &j->unpack, &j->worker, err) < 0)
		return -1;
	j->state = JOB_RUNNING;
	j->until_ns = clock_mono_ns() + LAYER_NS;
	return 0;
}

/* Its word that the content is right is believed, as that of who spools (answer.h); not that there is a file of that size. */
static int check_copy(const struct job *j, struct err *err)
{
	struct stat st;

	if (!j->unpack.part || !j->part.file)
		return 0;
	if (fstatat(j->unpack.stage_fd, j->part.file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != j->part.size)
		return answer_nonsense(err);
	return 0;
}

static int job_end(struct jobs *l, struct job *j, struct err *err)
{
	auto_json json_t *answer = NULL;
	struct err why = ERR_INIT;

	j->state = JOB_DONE;
	if (worker_finish(&j->worker, &answer, &why) < 0 || check_copy(j, &why) < 0 ||
		unpack_result(&j->unpack, answer, &j->staged.bytes, &j->staged.entries, &j->staged.implied, &why) < 0) {
		if (l->on_failed && l->on_failed(l->arg, j, &why)) {
			err_done(&why);
			return 0;
		}
		err_move(err, &why);
		return err_wrap(err, "layer 'sha256:%s'", j->staged.layer->diff_hex);
	}
	if (l->on_done)
		l->on_done(l->arg, j);
	return 0;
}

static uint64_t size_of(const struct job *j)
{
	return j->staged.layer->blob ? j->staged.layer->blob->size : 0;
}

/* The largest of those that wait, since it ends last; NULL: none does. */
static struct job *next(const struct jobs *l)
{
	struct job *best = NULL;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].state == JOB_WAITING && (!best || size_of(&l->v[i]) > size_of(best)))
			best = &l->v[i];
	return best;
}

static size_t start_some(struct jobs *l, size_t running, size_t at_most, struct err *err, bool *failed)
{
	struct job *j;

	while (running < at_most && !*failed && (j = next(l))) {
		*failed = job_start(j, err) < 0;
		running += !*failed;
	}
	return running;
}

/* Waits until one of the running has something to say. */
static void wait_some(const struct jobs *l, size_t running)
{
	auto_free struct pollfd *p = xcalloc(running, sizeof *p);
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].state == JOB_RUNNING)
			p[n++] = (struct pollfd){ .fd = l->v[i].worker.fd, .events = POLLIN };
	poll(p, n, 1000);
}

static int step_job(struct jobs *l, struct job *j, struct err *err)
{
	if (worker_read(&j->worker) == 1)
		return job_end(l, j, err);
	if (clock_mono_ns() < j->until_ns)
		return 0;
	j->state = JOB_DONE;
	worker_abort(&j->worker);
	return err_set(err, ERR_TIMEOUT, "layer 'sha256:%s' is not unpacked after an hour",
		j->staged.layer->diff_hex);
}

static void abort_jobs(struct jobs *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].state == JOB_RUNNING)
			worker_abort(&l->v[i].worker);
}

int jobs_run(struct jobs *l, struct err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t at_most = cpus > 0 ? (size_t)cpus : 1, running = 0;
	bool failed = false;

	while ((running = start_some(l, running, at_most, err, &failed)) > 0 && !failed) {
		wait_some(l, running);
		for (size_t i = 0; i < l->n && !failed; i++) {
			if (l->v[i].state != JOB_RUNNING)
				continue;
			failed = step_job(l, &l->v[i], err) < 0;
			running -= l->v[i].state == JOB_DONE;
		}
	}
	if (!failed)
		return 0;
	abort_jobs(l);
	return -1;
}

struct staged_layer *jobs_staged(const struct jobs *l, size_t *ret_n)
{
	struct staged_layer *v = xcalloc(l->n + 1, sizeof *v);

	*ret_n = 0;
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].unpack.hash_only)
			v[(*ret_n)++] = l->v[i].staged;
	return v;
}

void jobs_done(struct jobs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].staged.dir);
		strs_done(&l->v[i].staged.implied);
		free((char *)l->v[i].unpack.blob);
	}
	free(l->v);
	l->v = NULL;
	l->n = l->cap = 0;
}
