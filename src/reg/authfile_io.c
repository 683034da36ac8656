#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/secret.h"
#include "authfile.h"

enum { FILE_MAX = 4 << 20, LINKS_MAX = 40, LOCK_MS = 10000, LOCK_PAUSE_MS = 20 };

static int parse(const char *path, const struct buf *text, json_t **ret, struct err *err)
{
	json_error_t why;
	json_t *doc;

	if (strspn(text->p, " \t\r\n") == text->len) {
		*ret = json_object();
		return 0;
	}
	doc = json_loadb(text->p, text->len, 0, &why);
	if (!doc) /* what jansson says quotes the text near the mistake, which may be a password */
		return err_set(err, ERR_INPUT, "%s:%d:%d: this is not JSON", path, why.line, why.column);
	if (!json_is_object(doc)) {
		json_decref(doc);
		return err_set(err, ERR_INPUT, "%s: this is not a JSON object", path);
	}
	*ret = doc;
	return 0;
}

int authfile_read(const char *path, json_t **ret, struct err *err)
{
	auto_secret_buf struct buf text = BUF_INIT;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*ret = json_object();
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "'%s' is not a file", path);
	buf_room(&text, FILE_MAX + 1); /* a buffer that grows leaves copies */
	if (path_read_fd(fd, FILE_MAX, &text, err) < 0)
		return err_wrap(err, "read '%s'", path);
	return parse(path, &text, ret, err);
}

/* Where the links at the end of path lead, also when nothing is there yet. */
static int follow(const char *path, char **ret, struct err *err)
{
	auto_free char *at = xstrdup(path);

	for (int i = 0; i < LINKS_MAX; i++) {
		char target[PATH_MAX];
		ssize_t n = readlink(at, target, sizeof target - 1);
		const char *slash = strrchr(at, '/');
		char *next;

		if (n < 0 && (errno == EINVAL || errno == ENOENT)) {
			*ret = take(at);
			return 0;
		}
		if (n < 0)
			return err_sys(err, errno, "write '%s'", path);
		target[n] = '\0';
		next = target[0] == '/' || !slash ? xstrdup(target) : xasprintf("%.*s/%s", (int)(slash - at), at, target);
		free(at);
		at = next;
	}
	return err_sys(err, ELOOP, "write '%s'", path);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The lock is the directory's: the file itself is replaced by each change. */
int authfile_lock(const char *path, int *ret_fd, struct err *err)
{
	auto_free char *real = NULL, *dir = NULL;
	const int64_t until_ns = clock_mono_in(LOCK_MS);
	auto_close int fd = -1;

	if (follow(path, &real, err) < 0)
		return -1;
	dir = base_of(real) == real ? xstrdup(".") : xstrndup(real, (size_t)(base_of(real) - real));
	if (path_open_dir(AT_FDCWD, dir, 0700, &fd, err) < 0)
		return err_wrap(err, "write '%s'", path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(err, errno, "lock the directory of '%s'", path);
		if (clock_mono_ns() > until_ns)
			return err_set(err, ERR_BUSY, "somebody else has locked the directory of '%s' for %d s", path, LOCK_MS / 1000);
		poll(NULL, 0, LOCK_PAUSE_MS);
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Whoever owned the file goes on reading it: `sudo davit login` must not take a user's docker his configuration. */
static int keep_owner(int dir_fd, const char *base, int fd)
{
	struct stat old, new;

	if (fstatat(dir_fd, base, &old, 0) < 0 || fstat(fd, &new) < 0)
		return errno == ENOENT ? 0 : -1;
	return old.st_uid == new.st_uid && old.st_gid == new.st_gid ? 0 : fchown(fd, old.st_uid, old.st_gid);
}

/* One name for all: what a process that was killed left there goes with the next change. */
static int write_beside(int dir_fd, const char *base, const char *text, size_t n)
{
	auto_free char *tmp = xasprintf(".%s.davit", base);
	auto_close int fd = -1;

	unlinkat(dir_fd, tmp, 0);
	fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (fd_write_all(fd, text, n) < 0 || fd_write_all(fd, "\n", 1) < 0 || keep_owner(dir_fd, base, fd) < 0 ||
		fsync(fd) < 0 || renameat(dir_fd, tmp, dir_fd, base) < 0) {
		int why = errno;

		unlinkat(dir_fd, tmp, 0);
		errno = why;
		return -1;
	}
	return fsync(dir_fd);
}

int authfile_write(int lock_fd, const char *path, const json_t *doc, struct err *err)
{
	auto_secret char *text = json_dumps(doc, JSON_INDENT(8));
	auto_free char *real = NULL;

	if (!text)
		return err_set(err, ERR_FAIL, "write '%s': it cannot be put as JSON", path);
	if (follow(path, &real, err) < 0)
		return -1;
	if (write_beside(lock_fd, base_of(real), text, strlen(text)) < 0)
		return err_sys(err, errno, "write '%s'", path);
	return 0;
}
