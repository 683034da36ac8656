/* orphans.c - services that have containers and that the compose file does not have any more. */
#include "cli.h"

/* The file as a whole, whatever its profiles are: what is only switched off is nobody's orphan. */
static struct project *load_quietly(struct cli *c)
{
	struct compose_opts all = c->compose;
	struct diag ignored = DIAG_INIT;
	struct project *p = NULL;

	all.services = NULL;
	if (compose_load(&all, &ignored, &p) < 0)
		p = NULL;
	diag_done(&ignored);
	return p;
}

static bool in_file(const struct project *p, const char *service)
{
	for (size_t i = 0; i < p->n_disabled; i++)
		if (STREQ(p->disabled[i].name, service))
			return true;
	return project_service(p, service) != NULL;
}

void cli_orphans(struct cli *c, struct strs *ret)
{
	if (!c->project && c->dir)
		c->project = load_quietly(c);
	if (!c->project)
		return;
	map_each(&c->world.units, it) {
		const struct unit_rec *r = it->value;

		if (r->service && !in_file(c->project, r->service) && !strs_has(ret, r->service))
			strs_add(ret, r->service);
	}
}
