#include "check.h"

#include <string.h>
#include <time.h>

#include "../../netdrv/net.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/proc.h"

enum { LOOKS = 3, PAUSE_MS = 400, CENSUS_MS = 5000 };

static const struct check *const groups[] = {
	process_checks, record_checks, leftover_checks, network_checks, diary_checks, host_checks,
};

static void finding_done(struct finding *f)
{
	free(f->what);
	free(f->where);
	free(f->todo);
}

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		finding_done(&f->v[i]);
	free(f->v);
	*f = (struct findings){ 0 };
}

/* NAME stays where no project is known. */
static char *advice(const struct doctor *d)
{
	const char *name = d->patient ? d->patient->name : d->only;
	auto_buf struct buf text = BUF_INIT;

	for (const char *p = d->check->todo; *p;)
		if (name && str_starts(p, "NAME")) {
			buf_str(&text, name);
			p += strlen("NAME");
		} else if (str_starts(p, "STATE")) {
			buf_str(&text, d->dirs->state);
			p += strlen("STATE");
		} else {
			buf_char(&text, *p++);
		}
	return buf_take(&text);
}

void amiss(struct doctor *d, const char *where, const char *what, ...)
{
	struct finding *f = XGROW(d->found->v, d->found->n, d->found->cap);
	auto_buf struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, what);
	buf_vprintf(&text, what, ap);
	va_end(ap);
	*f = (struct finding){ .check = d->check->name, .why = d->check->why, .todo = advice(d),
			       .what = buf_take(&text), .where = xstrdup(where) };
}

/* ------------------------------------------------------------------ records */

const struct patient *patient_called(const struct doctor *d, const char *name)
{
	for (size_t i = 0; i < d->n_patients; i++)
		if (str_eq(d->patients[i].name, name))
			return &d->patients[i];
	return NULL;
}

const struct unit_rec *record_of(const struct patient *p, const char *slot)
{
	return map_get(&p->w.units, slot);
}

const struct unit_rec *record_ofn(const struct patient *p, const char *name, size_t n)
{
	auto_free char *slot = xstrndup(name, n);

	return record_of(p, slot);
}

const struct unit_rec *record_with_id(const struct patient *p, const char *id)
{
	map_each(&p->w.units, it) {
		const struct unit_rec *r = it->value;
		if (str_eq(r->id, id) || (r->parked && str_eq(r->parked->id, id)))
			return r;
	}
	return NULL;
}

bool rec_is(const struct unit_rec *r, const char *state)
{
	return str_eq(r->state, state);
}

bool rec_has_process(const struct unit_rec *r)
{
	return rec_is(r, "running") || rec_is(r, "stopping") || rec_is(r, "created") || rec_is(r, "starting");
}

bool rec_rests(const struct unit_rec *r)
{
	return rec_is(r, "stopped") || rec_is(r, "failed") || rec_is(r, "prepared") || rec_is(r, "backoff") ||
	       rec_is(r, "waiting");
}

/* ------------------------------------------------------------------ one look */

static int census_work(void *arg, json_t **ret, struct err *err)
{
	*ret = net_census(err);
	return *ret ? 0 : -1;
}

static int take_patient(struct doctor *d, const char *name, struct err *err)
{
	struct patient *p = &d->patients[d->n_patients++];

	p->name = name;
	p->p = (struct pdirs){ .state_fd = -1, .run_fd = -1 };
	if (pdirs_open(d->dirs, name, false, &p->p, err) < 0 || world_load(p->p.state_fd, &p->w, err) < 0)
		return err_wrap(err, "project '%s'", name);
	return 0;
}

static int take_patients(struct doctor *d, char **names, struct err *err)
{
	size_t n = 0;

	while (names[n])
		n++;
	d->patients = xcalloc(n + 1, sizeof *d->patients);
	for (size_t i = 0; i < n; i++)
		if (take_patient(d, names[i], err) < 0)
			return -1;
	return 0;
}

static void dismiss(struct doctor *d)
{
	for (size_t i = 0; i < d->n_patients; i++) {
		pdirs_done(&d->patients[i].p);
		world_done(&d->patients[i].w);
	}
	free(d->patients);
	json_decref(d->links);
	json_decref(d->nets);
}

static int see_kernel(struct doctor *d, struct err *err)
{
	struct ipam *book;

	if (ipam_look(d->dirs->state, &book, err) < 0)
		return -1;
	d->nets = ipam_list(book, NULL);
	ipam_close(book);
	return worker_run(census_work, NULL, CENSUS_MS, &d->links, err);
}

static void run_checks(struct doctor *d)
{
	for (size_t g = 0; g < ARRAY_LEN(groups); g++)
		for (d->check = groups[g]; d->check->name; d->check++) {
			for (size_t i = 0; d->check->project && i < d->n_patients; i++) {
				d->patient = &d->patients[i];
				d->check->project(d, d->patient);
			}
			d->patient = NULL;
			if (d->check->host)
				d->check->host(d);
		}
}

static int look(const struct dirs *dirs, const char *only, struct findings *ret, struct err *err)
{
	struct doctor d = { .dirs = dirs, .only = only, .found = ret };
	char *one[] = { (char *)only, NULL }, **all = NULL;
	int r = only ? 0 : dirs_projects(dirs, &all, err);

	if (r >= 0)
		r = take_patients(&d, only ? one : all, err);
	if (r >= 0)
		r = see_kernel(&d, err);
	if (r >= 0)
		run_checks(&d);
	dismiss(&d);
	for (char **n = all; n && *n; n++)
		free(*n);
	free(all);
	return r < 0 ? -1 : 0;
}

/* ------------------------------------------------------------------ several looks */

static bool seen_in(const struct findings *l, const struct finding *f)
{
	for (size_t i = 0; i < l->n; i++)
		if (STREQ(l->v[i].check, f->check) && STREQ(l->v[i].where, f->where))
			return true;
	return false;
}

/* Leaves what is in both. */
static void keep_common(struct findings *a, const struct findings *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		if (seen_in(b, &a->v[i]))
			a->v[n++] = a->v[i];
		else
			finding_done(&a->v[i]);
	a->n = n;
}

int doctor_examine(const struct dirs *d, const char *project, struct findings *ret, struct err *err)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	int r = look(d, project, ret, err);

	for (int i = 1; r == 0 && ret->n && i < LOOKS; i++) {
		struct findings again = { 0 };

		nanosleep(&pause, NULL);
		r = look(d, project, &again, err);
		if (r == 0)
			keep_common(ret, &again);
		findings_done(&again);
	}
	return r;
}
