/* verb_usage.c - what images take of the disk. The request says nothing more; events as of struct pack_usage. */
#include "../pack/pack.h"
#include "../util/json.h"
#include "in_use.h"
#include "verb.h"

static int usage_run(const json_t *request, int output_fd, struct err *err)
{
	struct pack_usage what = {
		.state_dir = jx_str(request, "state_dir"),
		.uses = in_use,
		.uses_arg = (char *)jx_str(request, "state_dir"),
		.on_event = verb_on_event,
	};

	return pack_usage(&what, err);
}

const struct verb verb_usage = { "usage", usage_run };
