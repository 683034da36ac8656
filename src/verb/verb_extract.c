/* verb_extract.c - a tar archive on standard input is unpacked into a directory of a tree that is somebody else's, a container's.
 *
 *	"target": the directory in the tree whose root is the second descriptor; "keep_owner": else all belongs to root
 *
 *	no events */
#include <unistd.h>

#include "../pack/extract.h"
#include "../util/json.h"
#include "verb.h"

static int extract_run(const json_t *request, int output_fd, struct err *err)
{
	struct extract what = { .fd = STDIN_FILENO, .root_fd = output_fd, .keep_owner = jx_bool(request, "keep_owner", false) };

	if (output_fd < 0)
		return err_set(err, ERR_USAGE, "there is no tree to unpack into");
	return jx_need_str(request, "target", &what.target, err) < 0 ? -1 : extract(&what, err);
}

const struct verb verb_extract = { "extract", extract_run };
