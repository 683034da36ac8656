/* verb_remove.c - names are taken from images, and images removed.
 *
 *	"names": [name, digest or id, …], one at least; absent: what nobody uses
 *	"force", "all": as of struct pack_remove
 *	"labels", "not_labels": ["key" or "key=value", …], "before_ns": created before
 *
 *	{"ev":"untagged","name"} {"ev":"deleted","digest"} {"ev":"refused","kind","msg","hint"} {"ev":"reclaimed","bytes"} */
#include "../pack/pack.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "in_use.h"
#include "verb.h"

static void read_strs(const json_t *list, struct strs *ret)
{
	const json_t *text;
	size_t i;

	json_array_foreach(list, i, text)
		strs_add(ret, json_is_string(text) ? json_string_value(text) : "");
}

static int remove_run(const json_t *request, int output_fd, struct err *err)
{
	auto_strs struct strs names = STRS_INIT;
	struct pack_remove what = {
		.state_dir = jx_str(request, "state_dir"),
		.force = jx_bool(request, "force", false),
		.all = jx_bool(request, "all", false),
		.uses = in_use,
		.uses_arg = (char *)jx_str(request, "state_dir"),
		.on_event = verb_on_event,
	};
	int r;

	if (jx_arr(request, "names") && !json_array_size(jx_arr(request, "names")))
		return err_set(err, ERR_INPUT, "no image is named");
	read_strs(jx_arr(request, "names"), &names);
	read_strs(jx_arr(request, "labels"), &what.filter.labels);
	read_strs(jx_arr(request, "not_labels"), &what.filter.not_labels);
	what.filter.before_ns = jx_int(request, "before_ns", 0);
	what.names = (const char *const *)names.v;
	what.n_names = names.n;
	r = pack_remove(&what, err);
	image_filter_done(&what.filter);
	return r < 0 ? -1 : 0;
}

const struct verb verb_remove = { "remove", remove_run };
