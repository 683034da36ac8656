/* Any bytes as a layer, after its headers' checksums have been put right: refused with a reason, or unpacked; and nothing beside its
 * directory changes. */
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/pack/name.h"
#include "../../src/pack/tree.h"
#include "../../src/util/auto.h"
#include "outside.h"

static void check_clean(const char *path)
{
	auto_free char *clean = NULL;

	require(name_clean(path, &clean, NULL) == 0 && STREQ(clean, path));
}

static int unpack(struct tree *t, struct stream *s, struct err *err)
{
	struct archive_entry *e;
	char hex[HASH_HEX_LEN + 1];
	int r;

	while ((r = stream_next(s, &e, err)) > 0)
		if (tree_add(t, s, e, err) < 0)
			return -1;
	return r < 0 || tree_finish(t, err) < 0 ? -1 : stream_finish(s, hex, err);
}

static void layer(int blob_fd, int root_fd)
{
	const struct pack_limits limits = { .entries = 100, .bytes = 1 << 20, .file = 1 << 20 };
	auto_err struct err err = ERR_INIT;
	struct stream *s;
	struct tree t;
	int r;

	if (stream_open(&(struct source){ .fd = blob_fd }, limits.bytes, true, &s, &err) < 0) {
		require(err.msg != NULL);
		return;
	}
	r = tree_init(&t, root_fd, &limits, &err);
	if (r == 0)
		r = unpack(&t, s, &err);
	require((r < 0) == (err.msg != NULL));
	map_each(&t.dirs, it)
		check_clean(it->key);
	tree_done(&t);
	stream_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_close int blob_fd = memfd_create("layer", MFD_CLOEXEC), root_fd = -1;
	auto_free unsigned char *copy = malloc(size + 1);

	if (top_fd < 0)
		make_places();
	memcpy(copy, data, size);
	mend(copy, size);
	require(mkdirat(top_fd, "in", 0755) == 0);
	root_fd = openat(top_fd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(root_fd >= 0 && pwrite(blob_fd, copy, size, 0) == (ssize_t)size);
	layer(blob_fd, root_fd);
	require(same(out_fd, &out_was) && same(victim_fd, &victim_was));
	require(path_remove_tree(top_fd, "in", NULL) == 0);
	return 0;
}
