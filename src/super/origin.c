/* origin.c - who asks has judged where the project comes from; meanwhile another one may have brought up one of the same name. */
#include "sup.h"

#include "../state/origin.h"
#include "../util/json.h"

int origin_check(const struct super *s, const json_t *req, struct err *err)
{
	const json_t *origin = jx_obj(req, "origin");

	if (origin_holds(s->project_line, origin))
		return 0;
	err_set(err, ERR_EXISTS, "project '%s' was brought up from '%s' meanwhile, and not from '%s'", s->p.name,
		jx_str(s->project_line, "working_dir"), jx_str(origin, "dir"));
	return err_hint(err, "give one of them another name with -p NAME");
}
