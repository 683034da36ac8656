#include "stage.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../image/store.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "partial.h"

#define STAGE_PREFIX ".load-"
#define GONE_PREFIX ".gone-"
#define BESIDE_PREFIX ".tmp-" /* path_write() */

enum { LOCK_MS = 10000, LOCK_STEP_MS = 20 };

/* 0 and the locked descriptor; 1: somebody holds it, or it is gone. */
static int take_dir(int images_fd, const char *name, int *ret_fd)
{
	auto_close int fd = openat(images_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat a, b;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 1;
	/* somebody may have removed it between open and flock */
	if (fstat(fd, &a) < 0 || fstatat(images_fd, name, &b, AT_SYMLINK_NOFOLLOW) < 0 ||
		a.st_ino != b.st_ino)
		return 1;
	*ret_fd = take_fd(&fd);
	return 0;
}

static bool is_ours(const char *name)
{
	return str_starts(name, STAGE_PREFIX) || str_starts(name, GONE_PREFIX);
}

static unsigned sweep(int images_fd)
{
	int dup_fd = openat(images_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = dup_fd < 0 ? NULL : fdopendir(dup_fd);
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d))) {
		auto_err struct err why = ERR_INIT;
		auto_close int fd = -1;
		if (!is_ours(e->d_name) || take_dir(images_fd, e->d_name, &fd) != 0)
			continue;
		if (str_starts(e->d_name, STAGE_PREFIX))
			partial_keep(images_fd, fd);
		if (path_remove_tree(images_fd, e->d_name, &why) < 0)
			log_warn("left behind by a process that died: %s", err_msg(&why));
		n++;
	}
	return n;
}

/* A directory that only we have; its flock tells others so. ret is as large as stage.name. */
static int make_own(const struct stage *s, const char *prefix, char *ret, int *ret_fd, struct err *err)
{
	for (int tries = 0; tries < 100; tries++) {
		char random[17];
		hash_random_hex(8, random);
		snprintf(ret, sizeof s->name, "%s%s", prefix, random);
		if (mkdirat(s->images_fd, ret, 0700) < 0 && errno != EEXIST)
			return err_sys(err, errno, "make a directory in '%s'", s->images_path);
		if (take_dir(s->images_fd, ret, ret_fd) == 0)
			return 0;
	}
	return err_set(err, ERR_BUSY, "no working directory can be made in '%s'", s->images_path);
}

int stage_index(const struct stage *s, json_t **ret, struct err *err)
{
	const struct image_store store = { s->images_path, s->images_fd };

	if (store_index(&store, ret, err) < 0)
		return -1;
	if (faccessat(s->images_fd, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
		jx_store(s->images_fd, "index.json", *ret, 0644, PATH_SYNC, err) == 0)
		return 0;
	json_decref(take(*ret));
	return err_wrap(err, "image store '%s'", s->images_path);
}

/* Before layers/, which says that there was one. That it is lost is said by who needs it. */
static int make_index(const struct stage *s, struct err *err)
{
	auto_json json_t *index = NULL;
	struct err why = ERR_INIT;
	auto_close int lock = -1;

	if (faccessat(s->images_fd, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (stage_lock(s, &lock, err) < 0)
		return -1;
	if (stage_index(s, &index, &why) < 0 && why.kind != ERR_INPUT)
		return err_move(err, &why);
	err_done(&why);
	return 0;
}

static int make_layout(struct stage *s, struct err *err)
{
	if (make_index(s, err) < 0)
		return -1;
	if (path_mkdirs(s->images_fd, "blobs/sha256", 0755, err) < 0 ||
		path_mkdirs(s->images_fd, "layers", 0700, err) < 0 ||
		path_mkdirs(s->images_fd, "l", 0700, err) < 0 ||
		path_mkdirs(s->images_fd, PARTIAL_DIR, 0700, err) < 0)
		return err_wrap(err, "image store '%s'", s->images_path);
	return 0;
}

int stage_store(const char *state_dir, struct stage *ret, struct err *err)
{
	struct stage s = { .images_fd = -1, .fd = -1 };

	s.images_path = path_join(state_dir, "images");
	/* 0700: what an image brings with set-user-id must not be within reach of the host's users */
	if (path_mkdirs(AT_FDCWD, state_dir, 0711, err) < 0 ||
		path_open_dir(AT_FDCWD, s.images_path, 0700, &s.images_fd, err) < 0 || make_layout(&s, err) < 0) {
		stage_close(&s);
		return -1;
	}
	s.swept = sweep(s.images_fd);
	partial_expire(s.images_fd);
	*ret = s;
	return 0;
}

int stage_look(const char *state_dir, struct stage *ret, struct err *err)
{
	struct err why = ERR_INIT;
	int r = stage_store(state_dir, ret, &why);

	if (r < 0 && why.errnum != EROFS)
		return err_move(err, &why);
	err_done(&why);
	if (r == 0) {
		ret->readonly = faccessat(ret->images_fd, ".", W_OK, 0) < 0 && errno == EROFS;
		return 0;
	}
	*ret = (struct stage){ .images_path = path_join(state_dir, "images"), .images_fd = -1, .fd = -1, .readonly = true };
	ret->images_fd = open(ret->images_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->images_fd >= 0 || errno == ENOENT)
		return 0;
	err_sys(err, errno, "open the image store '%s'", ret->images_path);
	stage_close(ret);
	return -1;
}

int stage_open(const char *state_dir, struct stage *ret, struct err *err)
{
	struct stage s;

	if (stage_store(state_dir, &s, err) < 0)
		return -1;
	if (make_own(&s, STAGE_PREFIX, s.name, &s.fd, err) < 0) {
		stage_close(&s);
		return -1;
	}
	*ret = s;
	return 0;
}

int stage_gone(const struct stage *s, char *ret, int *ret_fd, struct err *err)
{
	return make_own(s, GONE_PREFIX, ret, ret_fd, err);
}

void stage_close(struct stage *s)
{
	auto_err struct err why = ERR_INIT;

	if (s->fd >= 0) {
		partial_keep(s->images_fd, s->fd);
		if (path_remove_tree(s->images_fd, s->name, &why) < 0)
			log_warn("%s", err_msg(&why));
		close(s->fd);
		/* of one that was killed a moment before this began, a worker may have lived a moment longer, and held its lock */
		sweep(s->images_fd);
	}
	if (s->images_fd >= 0)
		close(s->images_fd);
	free(s->images_path);
	*s = (struct stage){ .images_fd = -1, .fd = -1 };
}

/* ------------------------------------------------------------------ what is there */

bool stage_has(const struct stage *s, const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	return faccessat(s->images_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int stage_list(const struct stage *s, const char *dir, struct strs *ret, struct err *err)
{
	int fd = openat(s->images_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d)
		return s->images_fd < 0 || errno == ENOENT ? 0 : err_sys(err, errno, "list '%s/%s'", s->images_path, dir);
	while ((errno = 0, e = readdir(d)))
		if (!STREQ(e->d_name, ".") && !STREQ(e->d_name, ".."))
			strs_add(ret, e->d_name);
	return errno ? err_sys(err, errno, "list '%s/%s'", s->images_path, dir) : 0;
}

int stage_layout(const struct stage *s, struct err *err)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}\n";

	if (faccessat(s->images_fd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return path_write(s->images_fd, "oci-layout", layout, sizeof layout - 1, 0644, PATH_SYNC, err) < 0
		? err_wrap(err, "image store '%s'", s->images_path) : 0;
}

/* ------------------------------------------------------------------ the lock */

/* The process that /proc/locks names for this file: "1: FLOCK  ADVISORY  WRITE 708 08:01:13 0 EOF". 0:
 * unknown. */
static unsigned lock_holder(int fd)
{
	auto_buf struct buf locks = BUF_INIT;
	auto_free char *file = NULL;
	struct stat st;
	unsigned pid;

	if (fstat(fd, &st) < 0 || path_read(AT_FDCWD, "/proc/locks", 4 << 20, &locks, NULL) < 0 || !locks.p)
		return 0;
	file = xasprintf(
		" %02x:%02x:%llu ", major(st.st_dev), minor(st.st_dev), (unsigned long long)st.st_ino);
	for (char *save, *line = strtok_r(locks.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strstr(line, file) && sscanf(line, "%*s FLOCK %*s %*s %u", &pid) == 1)
			return pid;
	return 0;
}

static int held(const struct stage *s, int fd, struct err *err)
{
	auto_buf struct buf comm = BUF_INIT;
	unsigned pid = lock_holder(fd);
	auto_free char *path = xasprintf("/proc/%u/comm", pid);

	if (!pid || path_read(AT_FDCWD, path, 64, &comm, NULL) < 0 || !comm.p)
		return err_set(err, ERR_TIMEOUT, "the image store '%s' is locked for more than 10 s",
			s->images_path);
	comm.p[strcspn(comm.p, "\n")] = '\0';
	return err_set(err, ERR_TIMEOUT,
		"the image store '%s' is locked by process %u ('%s') for more than 10 s", s->images_path, pid,
		comm.p);
}

/* index.json and oci-layout are written under the lock only: what is half written now is a dead process'. */
static void sweep_beside(const struct stage *s)
{
	int fd = openat(s->images_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (str_starts(e->d_name, BESIDE_PREFIX))
			unlinkat(fd, e->d_name, 0);
}

/* Others may write where this process cannot. */
static int open_lock(const struct stage *s)
{
	if (s->readonly)
		return openat(s->images_fd, ".lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return openat(s->images_fd, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int stage_lock(const struct stage *s, int *ret_fd, struct err *err)
{
	auto_close int fd = open_lock(s);
	int64_t until = clock_mono_ns() + LOCK_MS * MS_NS;

	if (fd < 0 && s->readonly && (errno == ENOENT || s->images_fd < 0))
		return 0;
	if (fd < 0)
		return err_sys(err, errno, "open the lock of '%s'", s->images_path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(err, errno, "lock '%s'", s->images_path);
		if (clock_mono_ns() > until)
			return held(s, fd, err);
		poll(NULL, 0, LOCK_STEP_MS);
	}
	sweep_beside(s);
	*ret_fd = take_fd(&fd);
	return 0;
}
