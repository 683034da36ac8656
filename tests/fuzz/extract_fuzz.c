/* Any bytes as an archive that goes into a container's directory, after its headers' checksums have been put right: refused with a reason, or
 * unpacked; and nothing beside the container's tree changes, though its directory has links that lead out as far as they can. */
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/pack/extract.h"
#include "../../src/util/auto.h"
#include "outside.h"

static void make_tree(int root_fd)
{
	require(mkdirat(root_fd, "t", 0755) == 0 && mkdirat(root_fd, "t/dir", 0755) == 0);
	require(symlinkat("../../../out", root_fd, "t/up") == 0 && symlinkat("/../out", root_fd, "t/link") == 0);
	require(symlinkat(top, root_fd, "t/abs") == 0 && symlinkat("/proc/self/root", root_fd, "t/proc") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_close int blob_fd = memfd_create("archive", MFD_CLOEXEC), root_fd = -1;
	auto_free unsigned char *copy = malloc(size + 1);
	auto_err struct err err = ERR_INIT;
	struct extract what = { .target = "/t", .keep_owner = size % 2 };

	if (top_fd < 0)
		make_places();
	memcpy(copy, data, size);
	mend(copy, size);
	require(mkdirat(top_fd, "in", 0755) == 0);
	root_fd = openat(top_fd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_tree(root_fd);
	require(root_fd >= 0 && pwrite(blob_fd, copy, size, 0) == (ssize_t)size);
	what.fd = blob_fd;
	what.root_fd = root_fd;
	require((extract_here(&what, &err) < 0) == (err.msg != NULL));
	require(same(out_fd, &out_was) && same(victim_fd, &victim_was));
	require(path_remove_tree(top_fd, "in", NULL) == 0);
	return 0;
}
