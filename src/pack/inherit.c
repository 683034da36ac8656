#include "inherit.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "../image/store.h"
#include "../util/auto.h"
#include "../util/mem.h"

/* Real images need some thousands: most of such directories are in the layer just below, or in none. */
enum { LOOKUPS_MAX = 4000000 };

enum look { ABSENT, HIDDEN, FOUND };

struct heritage {
	const struct stage *stage;
	const struct staged_layer *layers;
	size_t n, lookups;
};

static int open_dir(int dir_fd, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
}

/* The directory of a layer: staged, or in the store. */
static int open_layer(const struct heritage *h, const struct pack_layer *l)
{
	auto_free char *name = xasprintf("layers/%s", l->chain);

	for (size_t i = 0; i < h->n; i++)
		if (STREQ(h->layers[i].layer->chain, l->chain))
			return open_dir(h->stage->fd, h->layers[i].dir);
	return open_dir(h->stage->images_fd, name);
}

static bool is_opaque(int fd)
{
	char value[2];

	return fgetxattr(fd, store_trusted_xattrs() ? "trusted.overlay.opaque" : "user.overlay.opaque", value, sizeof value) > 0;
}

/* HIDDEN: something of this layer keeps what lower ones have there from being seen. */
static enum look look(struct heritage *h, int layer_fd, const char *path, struct stat *ret)
{
	auto_close int fd = open_dir(layer_fd, *path ? path : ".");
	auto_free char *part = xstrdup(path);

	h->lookups++;
	if (fd >= 0)
		return fstat(fd, ret) == 0 ? FOUND : HIDDEN;
	if (is_opaque(layer_fd))
		return HIDDEN;
	for (char *end = part; *end; *end = '/', end++) {
		auto_close int step = -1;
		end += strcspn(end, "/");
		if (!*end)
			break;
		*end = '\0';
		step = open_dir(layer_fd, part);
		h->lookups++;
		if (step < 0 && errno == ENOENT)
			return ABSENT;
		if (step < 0 || is_opaque(step))
			return HIDDEN;
	}
	return faccessat(layer_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? HIDDEN : ABSENT;
}

/* In the nearest layer below that has it. */
static enum look find(struct heritage *h, const struct pack_layer *l, const char *path, struct stat *ret)
{
	while ((l = l->below)) {
		auto_close int fd = open_layer(h, l);
		enum look r = fd < 0 ? HIDDEN : look(h, fd, path, ret);
		if (r != ABSENT)
			return r;
	}
	return ABSENT;
}

static int give(int layer_fd, const char *path, const struct stat *st, struct err *err)
{
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };
	auto_close int fd = open_dir(layer_fd, *path ? path : ".");

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0; /* a later entry of the layer put something else there */
	if (fd < 0 || fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 || futimens(fd, times) < 0)
		return err_sys(err, errno, "give a directory its owner, mode and time");
	return 0;
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return n > 0 && strncmp(path, dir, n) == 0 && path[n] == '/';
}

static int inherit_layer(struct heritage *h, const struct staged_layer *l, struct err *err)
{
	auto_close int fd = open_dir(h->stage->fd, l->dir);
	const char *absent = ""; /* nothing that is below this one is in the layers below */

	if (fd < 0)
		return err_sys(err, errno, "open the unpacked layer");
	for (size_t i = 0; i < l->implied.n; i++) {
		const char *path = l->implied.v[i];
		struct stat st;
		if (is_below(path, absent))
			continue;
		if (find(h, l->layer, path, &st) != FOUND)
			absent = path;
		else if (give(fd, path, &st, err) < 0)
			return -1;
		if (h->lookups > LOOKUPS_MAX)
			return err_set(err, ERR_INPUT, "too many directories are left out of its layers");
	}
	return 0;
}

int inherit(const struct stage *s, const struct staged_layer *layers, size_t n, struct err *err)
{
	struct heritage h = { s, layers, n, 0 };

	for (size_t i = 0; i < n; i++)
		if (layers[i].layer->below && inherit_layer(&h, &layers[i], err) < 0)
			return err_wrap(err, "layer 'sha256:%s'", layers[i].layer->diff_hex);
	return 0;
}
