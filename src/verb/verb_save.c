/* verb_save.c - images go out as an archive, to the output descriptor.
 *
 *	"names": [name or id, …], "platform": may be absent. No events. */
#include "../pack/pack.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "verb.h"

static int save_run(const json_t *request, int output_fd, struct err *err)
{
	const json_t *list = jx_arr(request, "names"), *name;
	auto_free const char **names = xcalloc(json_array_size(list) + 1, sizeof *names);
	struct pack_save what = {
		.state_dir = jx_str(request, "state_dir"),
		.names = names,
		.platform = jx_str(request, "platform"),
		.fd = output_fd,
	};
	size_t i;

	json_array_foreach(list, i, name)
		names[what.n_names++] = json_is_string(name) ? json_string_value(name) : "";
	if (!what.n_names)
		return err_set(err, ERR_INPUT, "no image is named");
	if (output_fd < 0)
		return err_set(err, ERR_USAGE, "there is no descriptor to write the archive to");
	return pack_save(&what, err);
}

const struct verb verb_save = { "save", save_run };
