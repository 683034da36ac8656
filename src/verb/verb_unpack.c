/* verb_unpack.c - layers are unpacked of images that another tool has put into the store, or that have lost some.
 *
 *	"manifests": [digest, …] of manifests in the store: image_look() knows them
 *
 *	{"ev":"layer","digest","state":"unpacked"} */
#include "../pack/pack.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "verb.h"

static int unpack_run(const json_t *request, int output_fd, struct err *err)
{
	const json_t *list = jx_arr(request, "manifests"), *digest;
	auto_free const char **digests = xcalloc(json_array_size(list) + 1, sizeof *digests);
	struct pack_unpack what = {
		.state_dir = jx_str(request, "state_dir"),
		.manifests = digests,
		.limits = PACK_LIMITS,
		.on_event = verb_on_event,
	};
	size_t i;

	json_array_foreach(list, i, digest)
		digests[what.n_manifests++] = json_is_string(digest) ? json_string_value(digest) : "";
	return pack_unpack(&what, err);
}

const struct verb verb_unpack = { "unpack", unpack_run };
