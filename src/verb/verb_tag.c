/* verb_tag.c - an image gets another name.
 *
 *	"source": a name, a digest or an id; "target": the name. No events. */
#include "../pack/pack.h"
#include "../util/json.h"
#include "verb.h"

static int tag_run(const json_t *request, int output_fd, struct err *err)
{
	const char *source, *target;

	if (jx_need_str(request, "source", &source, err) < 0 || jx_need_str(request, "target", &target, err) < 0)
		return -1;
	return pack_tag(jx_str(request, "state_dir"), source, target, err);
}

const struct verb verb_tag = { "tag", tag_run };
