/* verb_import.c - a root file system in a tar archive becomes an image.
 *
 *	"name": what messages call the archive, which is standard input
 *	"ref", "message", "platform": may be absent; "changes": [line, …]
 *
 *	{"ev":"warn","msg"} {"ev":"imported","id"} */
#include <unistd.h>

#include "../image/image.h"
#include "../pack/pack.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "verb.h"

static int name_of(const char *text, char **ret, struct err *err)
{
	struct image_ref r;

	if (!text)
		return 0;
	if (ref_parse(text, &r, err) < 0)
		return -1;
	if (r.digest)
		err_set(err, ERR_INPUT, "image reference '%s' has a digest: a name that is given has a tag only", text);
	else
		*ret = ref_format(&r);
	ref_done(&r);
	return *ret ? 0 : -1;
}

static int import_run(const json_t *request, int output_fd, struct err *err)
{
	const json_t *list = jx_arr(request, "changes"), *line;
	auto_free const char **changes = xcalloc(json_array_size(list) + 1, sizeof *changes);
	auto_free char *ref = NULL;
	struct pack_import what = {
		.state_dir = jx_str(request, "state_dir"),
		.fd = STDIN_FILENO,
		.message = jx_str(request, "message"),
		.changes = changes,
		.limits = PACK_LIMITS,
		.on_event = verb_on_event,
	};
	size_t i;

	json_array_foreach(list, i, line)
		changes[what.n_changes++] = json_is_string(line) ? json_string_value(line) : "";
	platform_host(&what.platform);
	if (jx_need_str(request, "name", &what.name, err) < 0 || name_of(jx_str(request, "ref"), &ref, err) < 0 ||
	    (jx_str(request, "platform") && platform_parse(jx_str(request, "platform"), &what.platform, err) < 0))
		return -1;
	what.ref = ref;
	return pack_import(&what, err);
}

const struct verb verb_import = { "import", import_run };
