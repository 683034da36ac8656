#include "service_units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"

static bool is_oneoff(const struct unit_rec *r)
{
	const char *label = r->labels ? jx_str(r->labels, "com.docker.compose.oneoff") : NULL;

	return label && STREQ(label, "True");
}

static int by_index(const void *a, const void *b)
{
	const struct unit_rec *x = *(const struct unit_rec *const *)a, *y = *(const struct unit_rec *const *)b;

	return (x->index > y->index) - (x->index < y->index);
}

static int none(struct cli *c, const char *service, struct opt_int index, bool known, struct err *err)
{
	if (known && index.set && index.v) {
		err_set(err, ERR_NOT_FOUND, "service '%s' has no container #%" PRId64, service, index.v);
		return err_hint(err, "'davit ps -a %s' lists those it has", service);
	}
	if (!cli_is_service(c, service))
		return cli_no_service(c, service, err);
	err_set(err, ERR_NOT_FOUND, "no container found for service '%s'", service);
	return err_hint(err, "'davit create %s' makes one, 'davit ps -a' lists those there are", service);
}

int units_of_service(struct cli *c, const char *service, struct opt_int index, enum units_kind kind, struct units *ret, struct err *err)
{
	bool known = false;

	map_each(&c->world.units, it) {
		const struct unit_rec *r = it->value;

		if (r->init_of || !r->id || !str_eq(r->service, service) || (kind == UNITS_ORDINARY && is_oneoff(r)))
			continue;
		known = true;
		if (!index.set || index.v == 0 || (int64_t)r->index == index.v)
			*XGROW(ret->v, ret->n, ret->cap) = r;
	}
	if (!ret->n)
		return none(c, service, index, known, err);
	qsort(ret->v, ret->n, sizeof *ret->v, by_index);
	return 0;
}

void units_done(struct units *l)
{
	free(l->v);
	*l = (struct units){ 0 };
}
