/* sealed.c - crun's program as a sealed copy in memory.
 *
 * So that no container can write to the host's binary through /proc/self/exe (CVE-2019-5736), crun begins each of its runs by copying
 * itself to a sealed memfd and executing that: two fifths of what a short command of its costs. When it finds that it is one already,
 * it goes on; so one copy, made here and executed again and again, does for all. The file is looked at before each use, since it may be
 * replaced by a newer one. Whatever fails: the file itself is executed, and crun does the rest. */
#include "oci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "runtime.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U                   /* Linux 6.3 */
#endif

enum { COPY_MAX = 4 << 20, ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

struct sealed {
	int fd;                          /* -1: there is no copy */
	struct stat of;                  /* the file as it was when it was copied */
	char path[48];                   /* "/proc/PID/fd/N" */
};

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A script is found by its interpreter by name, and may ask for its own. */
static bool is_elf(int fd)
{
	char magic[4];

	return pread(fd, magic, sizeof magic, 0) == sizeof magic && memcmp(magic, "\177ELF", sizeof magic) == 0;
}

static int make_memfd(void)
{
	int fd = memfd_create("crun", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	return fd < 0 && errno == EINVAL ? memfd_create("crun", MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

static int copy_of(const char *path, const struct stat *st)
{
	auto_close int from = open(path, O_RDONLY | O_CLOEXEC), to = -1;
	off_t left = st->st_size;

	if (from < 0 || st->st_size > COPY_MAX || !is_elf(from))
		return -1;
	to = make_memfd();
	while (to >= 0 && left > 0) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);
		if (n <= 0)
			return -1;
		left -= n;
	}
	if (to < 0 || fchmod(to, 0755) < 0 || fcntl(to, F_ADD_SEALS, ALL_SEALS) < 0)
		return -1;
	return take_fd(&to);
}

static void make_copy(struct sealed *x, const char *path, const struct stat *st)
{
	if (x->fd >= 0)
		close(take_fd(&x->fd));
	x->of = *st;
	x->fd = copy_of(path, st);
	if (x->fd >= 0)
		snprintf(x->path, sizeof x->path, "/proc/%d/fd/%d", (int)getpid(), x->fd);
}

void oci_runtime_seal(struct oci_runtime *r)
{
	if (!r->name || !str_starts(r->name, "crun") || r->sealed)
		return;
	r->sealed = xcalloc(1, sizeof *r->sealed);
	r->sealed->fd = -1;
}

const char *sealed_path(const struct oci_runtime *r)
{
	struct sealed *x = r->sealed;
	struct stat st;

	if (!x || stat(r->path, &st) < 0)
		return NULL;
	if (!is_same(&x->of, &st))
		make_copy(x, r->path, &st);
	return x->fd >= 0 ? x->path : NULL;
}

void sealed_drop(struct sealed *x)
{
	if (x && x->fd >= 0)
		close(take_fd(&x->fd));
}

void sealed_free(struct sealed *x)
{
	sealed_drop(x);
	free(x);
}
