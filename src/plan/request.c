/* request.c - requests of the control socket as the planner reads them: whoever shows a plan makes it of the same words as who carries it out. */
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "plan.h"

static const char *const words[] = {
	[PLAN_UP] = "up", [PLAN_DOWN] = "down", [PLAN_START] = "start", [PLAN_STOP] = "stop", [PLAN_RESTART] = "restart",
	[PLAN_REMOVE] = "rm", [PLAN_RUN] = "run",
	[PLAN_UNDO] = NULL,	      /* nobody asks for it */
	[PLAN_BOOT] = "boot",
};

const char *plan_verb_str(enum plan_verb verb)
{
	return words[verb];
}

bool plan_verb_parse(const char *op, enum plan_verb *ret)
{
	for (size_t i = 0; op && i < ARRAY_LEN(words); i++)
		if (str_eq(op, words[i])) {
			*ret = (enum plan_verb)i;
			return true;
		}
	return false;
}

void plan_request_read(const json_t *req, enum plan_verb verb, struct plan_request *ret)
{
	*ret = (struct plan_request){
		.verb = verb,
		.no_start = jx_bool(req, "no_start", false),
		.force_recreate = jx_bool(req, "force_recreate", false),
		.no_recreate = jx_bool(req, "no_recreate", false),
		.always_recreate_deps = jx_bool(req, "always_recreate_deps", false),
		.remove_orphans = jx_bool(req, "remove_orphans", false),
		.no_deps = jx_bool(req, "no_deps", false),
		.volumes = jx_bool(req, "volumes", false),
		.stop = jx_bool(req, "stop", false),
		.shutdown = jx_bool(req, "shutdown", false),
		.run_slot = jx_str(jx_obj(req, "run"), "slot"),
		.wait = jx_bool(req, "wait", false),
		.committed = jx_bool(req, "committed", false),
		.rolling = jx_bool(req, "rolling", false),
	};
}
