/* vol.c - the store of named volumes.
 *
 * STATE/volumes/NAME/{meta.json,_data}, and names that no volume can have: .lock (flock, held for moments by
 * whoever adds or takes away), .new (a volume in the making, renamed when it is whole), .gone-HEX (a removed
 * one whose tree is being taken down; its remover holds a flock on it, so leftovers of a crash can be told
 * from work in progress). */
#include "vol.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/util/auto.h"
#include "../src/util/clock.h"
#include "../src/util/hash.h"
#include "../src/util/json.h"
#include "../src/util/mem.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "store.h"

enum { LOCK_MS = 2000, META_MAX = 1 << 20, STORE_MODE = 0711 };

int vol_name_check(const char *name, struct err *err)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t n = strlen(name);

	if (n && n <= NAME_MAX && strspn(name, word) && strspn(name, more) == n)
		return 0;
	err_set(err, ERR_INPUT, "'%s' is not a volume name", name);
	return err_hint(err, "use letters, digits, '_', '.' and '-', with a letter or digit first");
}

int vol_open(const char *state_dir, struct vol_store **ret, struct err *err)
{
	auto_free char *path = path_join(state_dir, "volumes");
	struct vol_store *s;
	int fd;

	if (path_open_dir(AT_FDCWD, path, STORE_MODE, &fd, err) < 0)
		return err_wrap(err, "open the volumes");
	s = xcalloc(1, sizeof *s);
	s->path = take(path);
	s->fd = fd;
	*ret = s;
	return 0;
}

int vol_look(const char *state_dir, struct vol_store **ret, struct err *err)
{
	auto_free char *path = path_join(state_dir, "volumes");
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "open the volumes '%s'", path);
	*ret = xcalloc(1, sizeof **ret);
	(*ret)->path = take(path);
	(*ret)->fd = fd;
	return 0;
}

void vol_close(struct vol_store *s)
{
	if (!s)
		return;
	free(s->path);
	close(s->fd);
	free(s);
}

int vol_dir(const struct vol_store *s, const char *name)
{
	return openat(s->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int vol_meta(int vol_fd, json_t **ret, struct err *err)
{
	return jx_load(vol_fd, "meta.json", META_MAX, ret, err);
}

/* flock(2) cannot wait for so long and no longer, and who holds it does so for moments: hence by trying. */
int vol_lock(int dir_fd, const char *file, int timeout_ms, const char *what, int *ret_fd, struct err *err)
{
	auto_close int fd = openat(dir_fd, file ? file : ".",
		(file ? O_RDWR | O_CREAT : O_RDONLY | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC, 0600);
	int64_t end = clock_mono_ns() + timeout_ms * MS_NS;

	if (fd < 0)
		return err_sys(err, errno, "open the lock of %s", what);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(err, errno, "lock %s", what);
		if (clock_mono_ns() > end)
			return err_set(
				err, ERR_TIMEOUT, "another davit holds the lock of %s for too long", what);
		usleep(2000);
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

/* ------------------------------------------------------------------ create */

static json_t *make_meta(const struct vol_spec *spec)
{
	json_t *meta = json_object();
	char created[40];

	clock_format(clock_wall_ns(), created);
	jx_set_str(meta, "name", spec->name);
	jx_set_str(meta, "project", spec->project);
	jx_set_str(meta, "key", spec->key);
	jx_set_str(meta, "driver", "local");
	jx_set_str(meta, "created", created);
	json_object_set_new(meta, "labels", spec->labels ? json_deep_copy(spec->labels) : json_object());
	if (json_object_size(spec->driver_opts))
		json_object_set_new(meta, "options", json_deep_copy(spec->driver_opts));
	return meta;
}

/* Makes _data and meta.json in a directory that may have them in part. */
static int furnish(int vol_fd, const struct vol_spec *spec, struct err *err)
{
	auto_json json_t *meta = make_meta(spec);

	if (mkdirat(vol_fd, "_data", 0755) == 0) {
		if (fchmodat(vol_fd, "_data", 0755, 0) < 0) /* whatever the umask is */
			return err_sys(err, errno, "set the mode of its data");
	} else if (errno != EEXIST) {
		return err_sys(err, errno, "make its data directory");
	}
	return jx_store(vol_fd, "meta.json", meta, 0644, 0, err);
}

static int make_new(struct vol_store *s, const struct vol_spec *spec, struct err *err)
{
	auto_close int fd = -1;

	if (path_remove_tree(s->fd, ".new", err) < 0)
		return -1;
	if (mkdirat(s->fd, ".new", STORE_MODE) < 0 || fchmodat(s->fd, ".new", STORE_MODE, 0) < 0)
		return err_sys(err, errno, "make its directory");
	fd = vol_dir(s, ".new");
	if (fd < 0)
		return err_sys(err, errno, "open its directory");
	if (furnish(fd, spec, err) < 0)
		return -1;
	if (renameat(s->fd, ".new", s->fd, spec->name) < 0)
		return err_sys(err, errno, "put it in its place");
	return 0;
}

/* What a volume that is there already means for this project. */
static int use_existing(const json_t *meta, const struct vol_spec *spec, char **ret_foreign)
{
	const char *project = jx_str(meta, "project");

	if (ret_foreign && !spec->external && !str_eq(project, spec->project))
		*ret_foreign = xstrdup(project ? project : "");
	return VOL_EXISTS;
}

static int create_locked(
	struct vol_store *s, const struct vol_spec *spec, char **ret_foreign, struct err *err)
{
	auto_close int fd = vol_dir(s, spec->name);
	auto_json json_t *meta = NULL;
	auto_err struct err why = ERR_INIT;

	if (fd < 0 && errno != ENOENT)
		return err_sys(err, errno, "open it");
	if (fd >= 0 && vol_meta(fd, &meta, &why) == 0)
		return use_existing(meta, spec, ret_foreign);
	if (spec->external) {
		err_set(err, ERR_NOT_FOUND, "it is external, and there is none");
		return err_hint(err, "make it first, or take 'external: true' away");
	}
	if (fd < 0)
		return make_new(s, spec, err);
	if (why.errnum !=
		ENOENT) /* a meta.json that cannot be read is the user's to mend: it says whose the data is */
		return err_move(err, &why);
	return furnish(fd, spec, err); /* data that somebody put there by hand: it is kept */
}

int vol_create(struct vol_store *s, const struct vol_spec *spec, char **ret_foreign, struct err *err)
{
	auto_close int lock = -1;
	int rc;

	if (ret_foreign)
		*ret_foreign = NULL;
	if (vol_name_check(spec->name, err) < 0)
		return -1;
	if (spec->driver && !STREQ(spec->driver, "local")) {
		err_set(err, ERR_INPUT, "volume '%s': there is no driver '%s'", spec->name, spec->driver);
		return err_hint(err, "the only driver is 'local'");
	}
	if (vol_options_check(spec->driver_opts, err) < 0)
		return err_wrap(err, "volume '%s'", spec->name);
	if (vol_lock(s->fd, ".lock", LOCK_MS, "the volumes", &lock, err) < 0)
		return -1;
	rc = create_locked(s, spec, ret_foreign, err);
	return rc < 0 ? err_wrap(err, "volume '%s'", spec->name) : rc;
}

/* ------------------------------------------------------------------ look */

char *vol_path(struct vol_store *s, const char *name)
{
	auto_close int fd = -1;

	if (vol_name_check(name, NULL) < 0)
		return NULL;
	fd = vol_dir(s, name);
	if (fd < 0 || faccessat(fd, "meta.json", F_OK, 0) < 0)
		return NULL;
	return xasprintf("%s/%s/_data", s->path, name);
}

/* The entry of one volume in the list, NULL: there is no such volume, or it is another project's. */
static json_t *list_entry(struct vol_store *s, const char *name, const char *project)
{
	auto_close int fd = vol_dir(s, name);
	auto_json json_t *meta = NULL;
	auto_free char *mountpoint = NULL;
	const char *driver;
	json_t *o;

	if (fd < 0 || vol_meta(fd, &meta, NULL) < 0)
		return NULL;
	if (project && !str_eq(jx_str(meta, "project"), project))
		return NULL;
	driver = jx_str(meta, "driver");
	mountpoint = xasprintf("%s/%s/_data", s->path, name);
	o = json_object();
	jx_set_str(o, "name", name);
	jx_set_str(o, "project", jx_str(meta, "project"));
	jx_set_str(o, "key", jx_str(meta, "key"));
	jx_set_str(o, "driver", driver ? driver : "local");
	jx_set_str(o, "created", jx_str(meta, "created"));
	json_object_set_new(
		o, "labels", jx_obj(meta, "labels") ? json_incref(jx_obj(meta, "labels")) : json_object());
	jx_set_str(o, "mountpoint", mountpoint);
	return o;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

json_t *vol_list(struct vol_store *s, const char *project)
{
	auto_closedir DIR *dir = NULL;
	auto_strs struct strs names = STRS_INIT;
	json_t *list = json_array();
	struct dirent *e;
	int fd = !s ? -1 : openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return list;
	}
	while ((e = readdir(dir)))
		if (vol_name_check(e->d_name, NULL) == 0)
			strs_add(&names, e->d_name);
	if (names.n)
		qsort(names.v, names.n, sizeof *names.v, by_name);
	for (size_t i = 0; i < names.n; i++) {
		json_t *o = list_entry(s, names.v[i], project);

		if (o)
			json_array_append_new(list, o);
	}
	return list;
}

/* ------------------------------------------------------------------ remove */

/* Takes down a removed volume's tree, unless somebody else is at it. */
static int take_down(struct vol_store *s, const char *gone, struct err *err)
{
	auto_close int fd = vol_dir(s, gone);

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "open '%s'", gone);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	return path_remove_tree(s->fd, gone, err);
}

/* Its failures are no failure of who sweeps. */
void vol_sweep(struct vol_store *s)
{
	auto_closedir DIR *dir = NULL;
	struct dirent *e;
	int fd = openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir)))
		if (str_starts(e->d_name, ".gone-"))
			take_down(s, e->d_name, NULL);
}

/* Puts the volume out of sight. *ret_gone stays NULL when it was absent. */
static int detach(struct vol_store *s, const char *name, char **ret_gone, struct err *err)
{
	auto_close int lock = -1, fd = -1;
	auto_json json_t *meta = NULL;
	auto_free char *gone = NULL;
	char hex[17];

	if (vol_lock(s->fd, ".lock", LOCK_MS, "the volumes", &lock, err) < 0)
		return -1;
	fd = vol_dir(s, name);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "open it");
	vol_meta(fd, &meta, NULL); /* without one there are no options either */
	if (vol_unmount(s, name, fd, jx_obj(meta, "options"), err) < 0)
		return -1;
	hash_random_hex(8, hex);
	gone = xasprintf(".gone-%s", hex);
	if (renameat(s->fd, name, s->fd, gone) < 0)
		return err_sys(err, errno, "take it out of its place");
	*ret_gone = take(gone);
	return 0;
}

int vol_remove(struct vol_store *s, const char *name, struct err *err)
{
	auto_free char *gone = NULL;

	if (vol_name_check(name, err) < 0)
		return -1;
	if (detach(s, name, &gone, err) < 0 || (gone && take_down(s, gone, err) < 0))
		return err_wrap(err, "remove volume '%s'", name);
	vol_sweep(s);
	return 0;
}
