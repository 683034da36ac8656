#include "conf.h"

#include "../util/mem.h"

int reg_conf_load(const struct reg_env *env, struct reg_conf **ret, struct err *err)
{
	struct reg_conf *c = xcalloc(1, sizeof *c);

	c->texts = arena_new();
	*ret = c;
	return 0;
}

void reg_conf_free(struct reg_conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].mirrors);
	free(c->v);
	strs_done(&c->warnings);
	arena_free(c->texts);
	free(c);
}

const struct strs *reg_conf_warnings(const struct reg_conf *c)
{
	return &c->warnings;
}
