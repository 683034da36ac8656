/* verb_take.c - what a builder made goes into the store.
 *
 *	"dir": an OCI layout, whose blobs are moved out of it
 *	"config": text of the image's config; absent: the layout's
 *	"refs": [name, …]
 *
 *	{"ev":"layer","digest","state":"unpacked"}
 *	{"ev":"loaded","ref","id"} */
#include "../pack/take.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "verb.h"

static int take_run(const json_t *request, int output_fd, struct err *err)
{
	const json_t *list = jx_arr(request, "refs"), *ref;
	auto_free const char **refs = xcalloc(json_array_size(list) + 1, sizeof *refs);
	struct pack_take what = {
		.state_dir = jx_str(request, "state_dir"),
		.config = jx_str(request, "config"),
		.refs = refs,
		.limits = PACK_LIMITS,
		.on_event = verb_on_event,
	};
	size_t i, n = 0;

	if (jx_need_str(request, "dir", &what.dir, err) < 0)
		return -1;
	json_array_foreach(list, i, ref)
		if (json_is_string(ref))
			refs[n++] = json_string_value(ref);
	return pack_take(&what, err);
}

const struct verb verb_take = { "take", take_run };
