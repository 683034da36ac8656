#include "partial.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/hash.h"
#include "../util/mem.h"
#include "../util/str.h"

#define FILE_PREFIX "blob-"

char *partial_file(const char *hex)
{
	return xasprintf(FILE_PREFIX "%s", hex);
}

static bool is_hex(const char *name)
{
	return strlen(name) == HASH_HEX_LEN && strspn(name, "0123456789abcdef") == HASH_HEX_LEN;
}

/* -1: no regular file of that name. */
static int64_t bytes_of(int dir_fd, const char *name, struct stat *ret)
{
	return fstatat(dir_fd, name, ret, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(ret->st_mode) ? ret->st_size : -1;
}

static bool is_blob(int images_fd, const char *hex)
{
	auto_free char *name = xasprintf("blobs/sha256/%s", hex);

	return faccessat(images_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_dir(int images_fd)
{
	return openat(images_fd, PARTIAL_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* ------------------------------------------------------------------ in and out */

static void keep(int images_fd, int stage_fd, int dir_fd, const char *file)
{
	const char *hex = file + strlen(FILE_PREFIX);
	struct stat new, old;

	if (bytes_of(stage_fd, file, &new) <= 0 || is_blob(images_fd, hex) || bytes_of(dir_fd, hex, &old) >= new.st_size)
		return;
	utimensat(stage_fd, file, NULL, AT_SYMLINK_NOFOLLOW); /* its days begin now */
	renameat(stage_fd, file, dir_fd, hex);
}

void partial_keep(int images_fd, int stage_fd)
{
	int list_fd = openat(stage_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = list_fd < 0 ? NULL : fdopendir(list_fd);
	auto_close int dir_fd = open_dir(images_fd);
	struct dirent *e;

	while (d && dir_fd >= 0 && (e = readdir(d)))
		if (str_starts(e->d_name, FILE_PREFIX) && is_hex(e->d_name + strlen(FILE_PREFIX)))
			keep(images_fd, stage_fd, dir_fd, e->d_name);
}

uint64_t partial_take(int images_fd, int stage_fd, const char *hex, uint64_t max)
{
	auto_free char *file = partial_file(hex);
	auto_close int dir_fd = open_dir(images_fd);
	struct stat st;
	int64_t n;

	if (dir_fd < 0 || renameat2(dir_fd, hex, stage_fd, file, RENAME_NOREPLACE) < 0)
		return 0;
	n = bytes_of(stage_fd, file, &st);
	if (n > 0 && (uint64_t)n <= max)
		return (uint64_t)n;
	unlinkat(stage_fd, file, 0);
	return 0;
}

/* ------------------------------------------------------------------ what is there */

static uint64_t each(int images_fd, bool (*goes)(int images_fd, const char *hex, const struct stat *st))
{
	int fd = open_dir(images_fd);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint64_t sum = 0;
	struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d))) {
		if (!is_hex(e->d_name) || bytes_of(fd, e->d_name, &st) < 0)
			continue;
		sum += (uint64_t)st.st_size;
		if (goes && goes(images_fd, e->d_name, &st))
			unlinkat(fd, e->d_name, 0);
	}
	return sum;
}

/* One that is from tomorrow is from a time when the clock was wrong. */
static bool is_old(int images_fd, const char *hex, const struct stat *st)
{
	int64_t age_s = clock_wall_ns() / SEC_NS - st->st_mtim.tv_sec;

	return age_s > PARTIAL_DAYS * 86400 || age_s < -86400 || is_blob(images_fd, hex);
}

static bool is_any(int images_fd, const char *hex, const struct stat *st)
{
	return true;
}

void partial_expire(int images_fd)
{
	each(images_fd, is_old);
}

uint64_t partial_bytes(int images_fd)
{
	return each(images_fd, NULL);
}

uint64_t partial_drop(int images_fd)
{
	return each(images_fd, is_any);
}
