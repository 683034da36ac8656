#include "contents.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "generation.h"

#define DIR_NAME "contents"

/* It becomes the name of a file. */
static bool is_digest(const char *text)
{
	return text && strlen(text) == HASH_HEX_LEN && strspn(text, "0123456789abcdef") == HASH_HEX_LEN;
}

/* Whether that is what is in the file, which waits for nobody: a FIFO, say, has nothing to tell. */
static bool read_if(const char *file, const char *digest, struct buf *ret, struct stat *st)
{
	auto_close int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char hex[HASH_HEX_LEN + 1];

	if (fd < 0 || fstat(fd, st) < 0 || !S_ISREG(st->st_mode) || path_read_fd(fd, CONTENTS_MAX, ret, NULL) < 0)
		return false;
	hash_sha256_hex(ret->p ? ret->p : "", ret->len, hex);
	return STREQ(hex, digest);
}

bool contents_are_kept(int state_fd, const char *digest)
{
	auto_free char *name = is_digest(digest) ? xasprintf(DIR_NAME "/%s", digest) : NULL;

	return name && faccessat(state_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* It has its name when it is whole. */
static void put(int dir_fd, const char *digest, const struct buf *text, const struct stat *st)
{
	auto_free char *beside = xasprintf(".%s", digest);

	if (path_write(dir_fd, beside, text->p ? text->p : "", text->len, 0600, 0, NULL) < 0)
		return;
	if (fchownat(dir_fd, beside, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat(dir_fd, beside, st->st_mode & 0777, 0) < 0 ||
	    renameat(dir_fd, beside, dir_fd, digest) < 0)
		unlinkat(dir_fd, beside, 0);
}

void contents_keep(int state_fd, const char *digest, const char *file)
{
	auto_buf struct buf text = BUF_INIT;
	auto_close int fd = -1;
	struct stat st;

	if (!is_digest(digest) || contents_are_kept(state_fd, digest) || !read_if(file, digest, &text, &st))
		return;
	if (path_open_dir(state_fd, DIR_NAME, 0700, &fd, NULL) == 0)
		put(fd, digest, &text, &st);
}

char *contents_instead(int state_fd, const char *digest, const char *file)
{
	auto_buf struct buf text = BUF_INIT;
	struct stat st;

	if (!contents_are_kept(state_fd, digest) || read_if(file, digest, &text, &st))
		return NULL;
	return xasprintf(DIR_NAME "/%s", digest);
}

/* ------------------------------------------------------------------ which are needed */

void contents_prune(int state_fd)
{
	int fd = openat(state_fd, DIR_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	auto_strs struct strs needed = STRS_INIT;
	const json_t *digest;
	struct generations l;
	size_t k;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	generations_list(state_fd, &l);
	for (size_t i = 0; i < l.n; i++)
		json_array_foreach(l.v[i].contents, k, digest)
			if (json_is_string(digest))
				strs_add(&needed, json_string_value(digest));
	generations_done(&l);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (!STREQ(e->d_name, ".") && !STREQ(e->d_name, "..") && !strs_has(&needed, e->d_name))
			unlinkat(fd, e->d_name, 0);
}
