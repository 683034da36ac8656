/* modeled.h - a model out of a text, and containers that exist: for the tests of what follows from them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../compose/project.h"
#include "../../../../src/plan/plan.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/mem.h"

#define MODELED_FN static __attribute__((unused))

struct fixture {
	char dir[64];
	struct project *last, *model;    /* last: for those who compare two */
	struct world world;
	const char *image_id;            /* of every service */
};

MODELED_FN int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	snprintf(f->dir, sizeof f->dir, "/tmp/plan-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

MODELED_FN void rec_free(void *p)
{
	unit_rec_done(p);
	free(p);
}

MODELED_FN int tear_down(void **state)
{
	struct fixture *f = *state;
	auto_free char *file = xasprintf("%s/compose.yaml", f->dir);

	unlink(file);
	rmdir(f->dir);
	project_free(f->last);
	project_free(f->model);
	map_done(&f->world.units, rec_free);
	free(f);
	return 0;
}

MODELED_FN struct project *load(struct fixture *f, const char *yaml)
{
	auto_free char *file = xasprintf("%s/compose.yaml", f->dir);
	struct compose_opts o = { .project_name = "p" };
	struct project *ret = NULL;
	struct diag d = DIAG_INIT;
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	fputs(yaml, out);
	fclose(out);
	strs_add(&o.files, file);
	if (compose_load(&o, &d, &ret) < 0)
		fail_msg("%s", d.n ? d.items[0].msg : "?");
	project_hash(ret);
	strs_done(&o.files);
	diag_done(&d);
	return ret;
}

MODELED_FN void model(struct fixture *f, const char *yaml)
{
	project_free(f->model);
	f->model = load(f, yaml);
}

/* A container that exists as the model wants it; side: "" or "+b". */
MODELED_FN struct unit_rec *exists_at(struct fixture *f, const char *service, unsigned index, const char *side, const char *unit_state)
{
	const struct service *svc = f->model ? project_service(f->model, service) : NULL;
	struct unit_rec *r = xcalloc(1, sizeof *r);

	r->slot = xasprintf("%s-%u%s", service, index, side);
	r->service = xstrdup(service);
	r->index = index;
	r->id = xstrdup("0123456789ab");
	r->state = xstrdup(unit_state);
	r->config_hash = xstrdup(svc ? svc->config_hash : "gone");
	map_set(&f->world.units, r->slot, r);
	return r;
}

MODELED_FN struct unit_rec *exists(struct fixture *f, const char *service, unsigned index, const char *unit_state)
{
	return exists_at(f, service, index, "", unit_state);
}

MODELED_FN void plan_is(struct fixture *f, const struct plan_request *req, const char *want)
{
	struct plan p = { 0 };
	auto_buf struct buf b = BUF_INIT;
	auto_err struct err err = ERR_INIT;

	if (plan_make(f->model, &f->world, req, &p, &err) < 0)
		fail_msg("%s", err_msg(&err));
	plan_print(&p, &b);
	assert_string_equal(b.p ? b.p : "", want);
	plan_done(&p);
}

MODELED_FN bool some_have_health(void *ctx, const struct service *svc)
{
	return svc->healthcheck.given;
}
