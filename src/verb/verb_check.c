/* verb_check.c - the store is verified, and repaired.
 *
 *	"repair", "quick": as of struct pack_check
 *
 *	{"ev":"checked","what","digest","bytes"} {"ev":"problem","msg","repaired","hint"} {"ev":"warn","msg"} {"ev":"summary",…} */
#include "../pack/pack.h"
#include "../util/json.h"
#include "in_use.h"
#include "verb.h"

static int check_run(const json_t *request, int output_fd, struct err *err)
{
	struct pack_check what = {
		.state_dir = jx_str(request, "state_dir"),
		.repair = jx_bool(request, "repair", false),
		.quick = jx_bool(request, "quick", false),
		.limits = PACK_LIMITS,
		.uses = in_use,
		.uses_arg = (char *)jx_str(request, "state_dir"),
		.on_event = verb_on_event,
	};

	return pack_check(&what, err);
}

const struct verb verb_check = { "check", check_run };
