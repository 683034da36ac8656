/* Any bytes as an archive that goes into a container's directory, after its headers' checksums have been put right: refused with a reason, or
 * unpacked; and nothing beside the container's tree changes, though its directory has links that lead out as far as they can. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/pack/extract.h"
#include "../../src/util/auto.h"
#include "../../src/util/path.h"
#include "fuzz.h"

enum { BLOCK = 512, CHECKSUM = 148, MAGIC = 257 };

static int top_fd = -1, out_fd, victim_fd;
static struct stat out_was, victim_was;
static char top[] = "/tmp/extract-fuzz-XXXXXX";

static void remove_places(void)
{
	path_remove_tree(AT_FDCWD, top, NULL);
}

/* top/out is what the tree in top/in would reach by "../out". */
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
	       now.st_nlink == was->st_nlink && now.st_ctim.tv_sec == was->st_ctim.tv_sec && now.st_ctim.tv_nsec == was->st_ctim.tv_nsec;
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
