/* mount.c - what the local driver's options mean: `type`, `o` and `device` are those of mount(8), mounted on
 * the volume's _data.
 *
 * A volume with options that is a mount point was mounted by us; one without options never is. "bind" needs
 * two calls when there are flags to set, because the kernel ignores flags in the first. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/json.h"
#include "../src/util/mem.h"
#include "../src/util/str.h"
#include "store.h"

enum { MOUNT_LOCK_MS = 10000, UNMOUNT_TRIES = 16 };

struct flag {
	const char *word;
	unsigned long set, clear;
};

static const struct flag flags[] = {
	{"defaults", 0, 0},
	{"bind", MS_BIND, 0},
	{"rbind", MS_BIND | MS_REC, 0},
	{"ro", MS_RDONLY, 0},
	{"rw", 0, MS_RDONLY},
	{"nosuid", MS_NOSUID, 0},
	{"suid", 0, MS_NOSUID},
	{"nodev", MS_NODEV, 0},
	{"dev", 0, MS_NODEV},
	{"noexec", MS_NOEXEC, 0},
	{"exec", 0, MS_NOEXEC},
	{"sync", MS_SYNCHRONOUS, 0},
	{"async", 0, MS_SYNCHRONOUS},
	{"dirsync", MS_DIRSYNC, 0},
	{"noatime", MS_NOATIME, 0},
	{"atime", 0, MS_NOATIME},
	{"nodiratime", MS_NODIRATIME, 0},
	{"diratime", 0, MS_NODIRATIME},
	{"relatime", MS_RELATIME, 0},
	{"norelatime", 0, MS_RELATIME},
	{"strictatime", MS_STRICTATIME, 0},
};

struct mount_spec {
	const char *type, *device;
	unsigned long set;
	struct buf data; /* what is no flag: for the file system */
};

int vol_options_check(const json_t *options, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)options, key, value)
	{
		if (!STREQ(key, "type") && !STREQ(key, "o") && !STREQ(key, "device")) {
			err_set(err, ERR_INPUT, "the local driver has no option '%s'", key);
			return err_hint(err, "it knows 'type', 'o' and 'device', as mount(8) does");
		}
		if (!json_is_string(value))
			return err_set(err, ERR_INPUT, "option '%s' is not text", key);
	}
	if (json_object_size(options) && !jx_str(options, "device"))
		return err_set(err, ERR_INPUT, "the local driver's options lack 'device'");
	return 0;
}

/* The kernel wants addr= as a number. */
static int resolve(const char *host, struct buf *data, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	char text[INET6_ADDRSTRLEN];
	int rc = getaddrinfo(host, NULL, &hints, &found);

	if (rc)
		return err_set(err, ERR_FAIL, "resolve '%s': %s", host, gai_strerror(rc));
	rc = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(found);
	if (rc)
		return err_set(err, ERR_FAIL, "resolve '%s': %s", host, gai_strerror(rc));
	buf_printf(data, "addr=%s", text);
	return 0;
}

static int take_option(struct mount_spec *m, const char *word, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (STREQ(word, flags[i].word)) {
			m->set = (m->set | flags[i].set) & ~flags[i].clear;
			return 0;
		}
	if (m->data.len)
		buf_char(&m->data, ',');
	if (str_starts(word, "addr="))
		return resolve(word + 5, &m->data, err);
	buf_str(&m->data, word);
	return 0;
}

static int parse_options(const json_t *options, struct mount_spec *m, struct err *err)
{
	auto_free char *text = xstrdup(jx_str(options, "o"));
	char *rest = text, *word;

	m->type = jx_str(options, "type");
	m->device = jx_str(options, "device");
	while ((word = strsep(&rest, ",")))
		if (*word && take_option(m, word, err) < 0)
			return -1;
	if (!m->device)
		return err_set(err, ERR_INPUT, "the local driver's options lack 'device'");
	if (!m->type)
		m->type = "none";
	return 0;
}

static int do_mount(const struct mount_spec *m, const char *target, struct err *err)
{
	bool bind = m->set & MS_BIND;
	unsigned long first = bind ? m->set & (MS_BIND | MS_REC) : m->set;

	if (bind && m->device[0] != '/')
		return err_set(
			err, ERR_INPUT, "device '%s' of a bind mount is not an absolute path", m->device);
	if (mount(m->device, target, m->type, first, m->data.p) < 0) {
		int why = errno;

		err_sys(err, why, "mount '%s' (type '%s')", m->device, m->type);
		if (why == ENOENT && bind)
			err_hint(err, "make the directory '%s' first", m->device);
		else if (why == ENODEV)
			err_hint(err, "this kernel has no file system '%s'", m->type);
		return -1;
	}
	if (bind && (m->set & ~(unsigned long)(MS_BIND | MS_REC)) &&
		mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | (m->set & ~(unsigned long)MS_REC), NULL) <
			0) {
		err_sys(err, errno, "mount '%s' with its options", m->device);
		umount2(target, UMOUNT_NOFOLLOW | MNT_DETACH);
		return -1;
	}
	return 0;
}

/* 1: something is mounted on _data, 0: nothing, -1: errno. */
static int is_mounted(int vol_fd)
{
	struct statx sx;

	if (statx(vol_fd, "_data", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &sx) < 0)
		return errno == ENOENT ? 0 : -1;
	return (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

int vol_mount(struct vol_store *s, const char *name, struct err *err)
{
	auto_close int fd = -1, lock = -1;
	auto_json json_t *meta = NULL;
	auto_free char *target = NULL;
	struct mount_spec m = {0};
	int rc;

	if (vol_name_check(name, err) < 0)
		return -1;
	fd = vol_dir(s, name);
	if (fd < 0)
		return err_sys(err, errno, "volume '%s'", name);
	if (vol_meta(fd, &meta, err) < 0)
		return err_wrap(err, "volume '%s'", name);
	if (!jx_obj(meta, "options"))
		return 0;
	if (vol_lock(fd, NULL, MOUNT_LOCK_MS, "the volume", &lock, err) < 0)
		return err_wrap(err, "volume '%s'", name);
	rc = is_mounted(fd);
	if (rc > 0)
		return 0;
	if (rc < 0)
		return err_sys(err, errno, "volume '%s': look at its data", name);
	target = xasprintf("%s/%s/_data", s->path, name);
	rc = parse_options(jx_obj(meta, "options"), &m, err);
	if (rc == 0)
		rc = do_mount(&m, target, err);
	buf_done(&m.data);
	return rc < 0 ? err_wrap(err, "volume '%s'", name) : 0;
}

int vol_unmount(struct vol_store *s, const char *name, int vol_fd, const json_t *options, struct err *err)
{
	auto_free char *target = xasprintf("%s/%s/_data", s->path, name);

	for (int i = 0; i < UNMOUNT_TRIES; i++) {
		int rc = is_mounted(vol_fd);

		if (rc == 0)
			return 0;
		if (rc < 0)
			return err_sys(err, errno, "look at '%s'", target);
		if (!options || i > 0) /* ours is one mount */
			break;
		if (umount2(target, UMOUNT_NOFOLLOW) < 0)
			return err_sys(err, errno, "unmount '%s'", target);
	}
	err_set(err, ERR_BUSY, "something else is mounted on '%s'", target);
	return err_hint(err, "unmount it first");
}

int vol_let_go(struct vol_store *s, const char *name, struct err *err)
{
	auto_close int fd = -1, lock = -1;
	auto_json json_t *meta = NULL;

	if (vol_name_check(name, err) < 0)
		return -1;
	fd = vol_dir(s, name);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "volume '%s'", name);
	if (vol_meta(fd, &meta, err) < 0 || !jx_obj(meta, "options"))
		return 0;
	if (vol_lock(fd, NULL, MOUNT_LOCK_MS, "the volume", &lock, err) < 0 ||
	    vol_unmount(s, name, fd, jx_obj(meta, "options"), err) < 0)
		return err_wrap(err, "volume '%s'", name);
	return 0;
}
