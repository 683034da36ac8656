/* verb_take.c - what a builder made goes into the store.
 *
 *	"layouts": [{"dir", "config"?}]: OCI layouts, whose blobs become the store's; config: text of the config of its one image, absent: those
 *		of all images in it
 *	"refs": [name, …]: of all images, which are one for several platforms then
 *
 *	{"ev":"layer","digest","state":"unpacked"}
 *	{"ev":"loaded","ref","id"} */
#include "../pack/take.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "verb.h"

static int read_layouts(const json_t *request, struct take_layout *layouts, size_t *n, struct err *err)
{
	const json_t *list = jx_arr(request, "layouts"), *one;
	size_t i;

	json_array_foreach(list, i, one) {
		if (jx_need_str(one, "dir", &layouts[i].dir, err) < 0)
			return err_wrap(err, "layouts[%zu]", i);
		layouts[i].config = jx_str(one, "config");
		*n = i + 1;
	}
	return *n ? 0 : err_set(err, ERR_PROTO, "there is no layout to take");
}

static int take_run(const json_t *request, int output_fd, struct err *err)
{
	const json_t *list = jx_arr(request, "refs"), *ref;
	auto_free const char **refs = xcalloc(json_array_size(list) + 1, sizeof *refs);
	auto_free struct take_layout *layouts = xcalloc(json_array_size(jx_arr(request, "layouts")) + 1, sizeof *layouts);
	struct pack_take what = {
		.state_dir = jx_str(request, "state_dir"),
		.layouts = layouts,
		.refs = refs,
		.limits = PACK_LIMITS,
		.on_event = verb_on_event,
	};
	size_t i, n = 0;

	if (read_layouts(request, layouts, &what.n, err) < 0)
		return -1;
	json_array_foreach(list, i, ref)
		if (json_is_string(ref))
			refs[n++] = json_string_value(ref);
	return pack_take(&what, err);
}

const struct verb verb_take = { "take", take_run };
