/* verb_pull.c - images from registries into the store.
 *
 *	"images": [{"ref", "platform", "policy", "newer_than_ns", "optional"}, …]
 *		"platform": "linux/arm64"; absent: this machine's
 *		"policy": "always" (which is what is done without it): the registry is asked; "missing": not when the store has the image
 *		"newer_than_ns": not when it was found to be right since then (wall time; image.h, pulled_ns)
 *		"optional": true: it can be had in another way (built), so a registry that does not answer is asked once, and not for long
 *	"tls_verify": false: any certificate will do, and plain http where https is not spoken
 *	"parallel": downloads at a time, 1 to 64; absent: 6
 *	"images_at_once": further images wait until one has come to its end; absent: no limit
 *	"quiet": true: no events of layers
 *
 *	{"ev":"image","ref","platform","state",…}     ref and platform as they were asked for, platform "" for none
 *		"resolving"
 *		"pulling", "pulled", "present"        with "digest" (of the index, or else of the manifest) and "id"; present: nothing was fetched
 *		"failed"                              with "kind", "msg", "hint"
 *	{"ev":"layer","image","platform","digest","state","bytes","size","unpacked","resumed"}     image: the ref; at most ten times a second for each
 *		layer
 *		"waiting", "downloading" (and unpacked meanwhile), "unpacking", "done", "present"
 *		"bytes" of "size" are here, "unpacked" of these are unpacked already; "resumed" of them an earlier pull has brought, absent: none
 *	{"ev":"warn","msg"}                           a mirror that fails, a registry that makes us wait, an image for another machine
 *
 * Each image ends in "pulled", "present" or "failed", whatever becomes of the others. When one has failed, exit status 1 and as "error" what
 * became of the first one. */
#include "../transfer/pull.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "verb.h"

enum { IMAGES_MAX = 4096 };

static int read_image(const json_t *o, struct pull_image *ret, struct err *err)
{
	const char *policy = jx_str(o, "policy");

	if (jx_need_str(o, "ref", &ret->ref, err) < 0)
		return -1;
	ret->platform = jx_str(o, "platform");
	ret->newer_than_ns = jx_int(o, "newer_than_ns", 0);
	ret->optional = jx_bool(o, "optional", false);
	ret->policy = PULL_ALWAYS;
	if (policy && STREQ(policy, "missing"))
		ret->policy = PULL_MISSING;
	else if (policy && !STREQ(policy, "always"))
		return err_set(err, ERR_INPUT, "there is no policy '%s'", policy);
	return 0;
}

static int pull_verb_run(const json_t *request, int output_fd, struct err *err)
{
	const json_t *list = jx_arr(request, "images"), *item;
	int64_t parallel = jx_int(request, "parallel", 0), at_once = jx_int(request, "images_at_once", 0);
	auto_free struct pull_image *images = NULL;
	struct pull what = {
		.state_dir = jx_str(request, "state_dir"),
		.n_images = json_array_size(list),
		.no_verify = !jx_bool(request, "tls_verify", true),
		.quiet = jx_bool(request, "quiet", false),
		.on_event = verb_on_event,
	};
	size_t i;

	if (!what.n_images || what.n_images > IMAGES_MAX)
		return err_set(err, ERR_INPUT, "'images' is not a list of 1 to %d images", IMAGES_MAX);
	if (parallel < 0 || parallel > PULL_PARALLEL_MAX)
		return err_set(err, ERR_INPUT, "'parallel' is not a number from 1 to %d", PULL_PARALLEL_MAX);
	what.parallel = (unsigned)parallel;
	what.images_at_once = at_once > 0 && at_once < IMAGES_MAX ? (unsigned)at_once : 0;
	what.images = images = xcalloc(what.n_images, sizeof *images);
	json_array_foreach(list, i, item)
		if (read_image(item, &images[i], err) < 0)
			return -1;
	return pull_run(&what, err);
}

const struct verb verb_pull = { "pull", pull_verb_run };
