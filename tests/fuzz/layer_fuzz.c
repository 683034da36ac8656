/* Any bytes as a layer, after its headers' checksums have been put right: refused with a reason, or unpacked; and nothing beside its
 * directory changes. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/pack/name.h"
#include "../../src/pack/tree.h"
#include "../../src/util/auto.h"
#include "../../src/util/path.h"
#include "fuzz.h"

enum { BLOCK = 512, CHECKSUM = 148, MAGIC = 257 };

static int top_fd = -1, out_fd, victim_fd;
static struct stat out_was, victim_was;

static char top[] = "/tmp/layer-fuzz-XXXXXX";

static void remove_places(void)
{
	path_remove_tree(AT_FDCWD, top, NULL);
}

/* "out" is what a layer in "in" would reach by "../out". */
static void make_places(void)
{
	umask(0);
	require(mkdtemp(top) != NULL && atexit(remove_places) == 0);
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(mkdirat(top_fd, "out", 0755) == 0);
	out_fd = openat(top_fd, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	victim_fd = openat(out_fd, "victim", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	require(victim_fd >= 0 && fstat(out_fd, &out_was) == 0 && fstat(victim_fd, &victim_was) == 0);
}

static bool same(int fd, const struct stat *was)
{
	struct stat now;

	return fstat(fd, &now) == 0 && now.st_mode == was->st_mode && now.st_uid == was->st_uid && now.st_size == was->st_size &&
	       now.st_nlink == was->st_nlink && now.st_ctim.tv_sec == was->st_ctim.tv_sec &&
	       now.st_ctim.tv_nsec == was->st_ctim.tv_nsec;
}

static void mend(unsigned char *p, size_t n)
{
	for (; n >= BLOCK; p += BLOCK, n -= BLOCK) {
		unsigned sum = 0;
		char text[8];
		if (memcmp(p + MAGIC, "ustar", 5) != 0)
			continue;
		memset(p + CHECKSUM, ' ', 8);
		for (size_t i = 0; i < BLOCK; i++)
			sum += p[i];
		snprintf(text, sizeof text, "%06o", sum);
		memcpy(p + CHECKSUM, text, 7);
	}
}

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
