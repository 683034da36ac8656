/* generation.c - what the project was to be, each time that changed. */
#include "generation.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

#define DIR_NAME "generations"

enum { FILE_MAX = 64 << 20 };

static const char *const outcomes[] = {
	[GENERATION_UNFINISHED] = "unfinished", [GENERATION_GOOD] = "good", [GENERATION_FAILED] = "failed",
};

const char *generation_outcome_str(enum generation_outcome o)
{
	return outcomes[o];
}

static enum generation_outcome outcome_parse(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(outcomes); i++)
		if (str_eq(word, outcomes[i]))
			return (enum generation_outcome)i;
	return GENERATION_UNFINISHED;
}

void generation_done(struct generation *g)
{
	free(g->command);
	free(g->why);
	json_decref(g->model);
	json_decref(g->images);
	json_decref(g->services);
	json_decref(g->contents);
	*g = (struct generation){ 0 };
}

static char *file_of(int64_t n)
{
	return xasprintf(DIR_NAME "/%lld.json", (long long)n);
}

int generation_read(int state_fd, int64_t n, struct generation *ret, struct err *err)
{
	auto_free char *name = file_of(n);
	auto_json json_t *j = NULL;

	if (jx_load(state_fd, name, FILE_MAX, &j, err) < 0) {
		if (err && err->kind == ERR_NOT_FOUND) {
			err_done(err);
			err_set(err, ERR_NOT_FOUND, "there is no generation %lld", (long long)n);
			err_hint(err, "'davit history' lists those that there are");
		}
		return -1;
	}
	if (!jx_obj(j, "model"))
		return err_set(err, ERR_INPUT, "generation %lld has no model", (long long)n);
	*ret = (struct generation){
		.n = n, .at_ns = jx_int(j, "at", 0), .command = xstrdup(jx_str(j, "command")),
		.model = json_incref(jx_obj(j, "model")), .images = json_incref(jx_obj(j, "images")),
		.services = json_incref(jx_arr(j, "services")), .contents = json_incref(jx_arr(j, "contents")),
		.outcome = outcome_parse(jx_str(j, "outcome")), .why = xstrdup(jx_str(j, "why")),
	};
	return 0;
}

int generation_write(int state_fd, const struct generation *g, struct err *err)
{
	auto_free char *name = file_of(g->n);
	auto_json json_t *j = json_object();

	if (path_mkdirs(state_fd, DIR_NAME, 0700, err) < 0)
		return -1;
	jx_set_int(j, "n", g->n);
	jx_set_int(j, "at", g->at_ns);
	jx_set_str(j, "command", g->command);
	json_object_set(j, "model", g->model);
	json_object_set(j, "images", g->images);
	json_object_set(j, "services", g->services);
	json_object_set(j, "contents", g->contents);
	jx_set_str(j, "outcome", outcomes[g->outcome]);
	jx_set_str(j, "why", g->why);
	return jx_store(state_fd, name, j, 0600, 0, err);
}

int generation_end(int state_fd, int64_t n, enum generation_outcome o, const char *why, struct err *err)
{
	struct generation g = { 0 };
	int r;

	if (generation_read(state_fd, n, &g, err) < 0)
		return -1;
	g.outcome = o;
	free(g.why);
	g.why = why ? xstrdup(why) : NULL;
	r = generation_write(state_fd, &g, err);
	generation_done(&g);
	return r;
}

/* "12.json" */
static int64_t number_of(const char *name)
{
	const char *dot = strchr(name, '.');
	auto_free char *digits = dot && STREQ(dot, ".json") ? xstrndup(name, (size_t)(dot - name)) : NULL;
	uint64_t n;

	return digits && str_u64(digits, &n) == 0 && n > 0 && n < INT64_MAX ? (int64_t)n : 0;
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Ascending; malloc'ed. */
static int64_t *numbers(int state_fd, size_t *ret_n)
{
	int fd = state_fd < 0 ? -1 : openat(state_fd, DIR_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int64_t *v = NULL;
	size_t n = 0, cap = 0;

	if (fd >= 0 && !d)
		close(fd);
	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		if (number_of(e->d_name))
			*XGROW(v, n, cap) = number_of(e->d_name);
	if (n)
		qsort(v, n, sizeof *v, by_number);
	*ret_n = n;
	return v;
}

void generations_list(int state_fd, struct generations *ret)
{
	size_t n;
	auto_free int64_t *v = numbers(state_fd, &n);

	*ret = (struct generations){ .v = xcalloc(n + 1, sizeof *ret->v) };
	for (size_t i = 0; i < n; i++)
		if (generation_read(state_fd, v[i], &ret->v[ret->n], NULL) == 0)
			ret->n++;
}

void generations_done(struct generations *l)
{
	for (size_t i = 0; i < l->n; i++)
		generation_done(&l->v[i]);
	free(l->v);
	*l = (struct generations){ 0 };
}

const struct generation *generations_good_before(const struct generations *l, int64_t n)
{
	for (size_t i = l->n; i-- > 0;)
		if (l->v[i].n < n && l->v[i].outcome == GENERATION_GOOD)
			return &l->v[i];
	return NULL;
}

int64_t generation_last(int state_fd)
{
	size_t n;
	auto_free int64_t *v = numbers(state_fd, &n);

	return n ? v[n - 1] : 0;
}

bool generations_are_many(int state_fd)
{
	size_t n;
	auto_free int64_t *v = numbers(state_fd, &n);

	return v && n > GENERATIONS_KEPT;
}

void generations_prune(int state_fd, int64_t in_force, bool (*made_something)(void *arg, int64_t n), void *arg)
{
	struct generations l;
	int64_t oldest = INT64_MAX;
	size_t good = 0;

	generations_list(state_fd, &l);
	for (size_t i = l.n; i-- > 0 && good < GENERATIONS_KEPT;)
		if (l.v[i].outcome == GENERATION_GOOD) {
			oldest = l.v[i].n;
			good++;
		}
	for (size_t i = 0; i < l.n; i++) {
		auto_free char *name = file_of(l.v[i].n);
		bool many = l.n - i > GENERATIONS_MAX && l.v[i].outcome != GENERATION_GOOD;
		bool old = good == GENERATIONS_KEPT && l.v[i].n < oldest;
		if ((old || many) && l.v[i].n != in_force && !made_something(arg, l.v[i].n))
			unlinkat(state_fd, name, 0);
	}
	generations_done(&l);
}

const char *generation_image(const json_t *images, const char *service)
{
	return jx_str(jx_obj(images, service), "id");
}
