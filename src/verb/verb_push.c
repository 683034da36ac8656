/* verb_push.c - images of the store go to their registries.
 *
 *	"images": [{"ref", "platform"?}]
 *	"tls_verify": false: any certificate will do, and plain http
 *
 *	{"ev":"image","ref","state":"pushing"|"pushed"|"failed","digest","msg","hint","kind","absent"}
 *		"absent": true when it failed because the store has no such image
 *	{"ev":"layer","image","digest","state":"waiting"|"uploading"|"pushed"|"present"|"mounted","bytes","size"}
 *	{"ev":"warn","msg"} */
#include "../transfer/push.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "verb.h"

static int push_verb(const json_t *request, int output_fd, struct err *err)
{
	const json_t *list = jx_arr(request, "images"), *o;
	auto_free struct push_image *images = xcalloc(json_array_size(list) + 1, sizeof *images);
	struct push_req req = { .images = images, .on_event = verb_on_event };
	size_t i;

	json_array_foreach(list, i, o) {
		if (jx_need_str(o, "ref", &images[req.n].ref, err) < 0)
			return err_wrap(err, "images[%zu]", i);
		images[req.n++].platform = jx_str(o, "platform");
	}
	req.state_dir = jx_str(request, "state_dir");
	req.no_verify = !jx_bool(request, "tls_verify", true);
	return push_run(&req, err);
}

const struct verb verb_push = { "push", push_verb };
