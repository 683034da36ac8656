#include "attrs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/str.h"

/* Devices without their owner's consent are everybody's; a file that changes its user by set-id belonged to somebody else. */
mode_t attrs_mode(const struct stat *st, const struct copy_rules *rules)
{
	mode_t mode = st->st_mode & 07777;

	if (rules->keep_privilege)
		return mode;
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		return mode & 0600;
	return S_ISDIR(st->st_mode) ? mode : mode & ~(mode_t)(S_ISUID | S_ISGID);
}

static uid_t uid_of(const struct stat *st, const struct copy_rules *rules)
{
	return rules->keep_owner ? st->st_uid : rules->uid;
}

static gid_t gid_of(const struct stat *st, const struct copy_rules *rules)
{
	return rules->keep_owner ? st->st_gid : rules->gid;
}

/* Changing the owner clears set-id bits, so the mode comes after it. */
int attrs_own(int fd, const struct stat *st, const struct copy_rules *rules, struct err *err)
{
	if (fchown(fd, uid_of(st, rules), gid_of(st, rules)) < 0)
		return err_sys(err, errno, "change its owner");
	return fchmod(fd, attrs_mode(st, rules)) < 0 ? err_sys(err, errno, "change its mode") : 0;
}

int attrs_times(int fd, const struct stat *st, struct err *err)
{
	const struct timespec both[2] = { st->st_atim, st->st_mtim };

	return futimens(fd, both) < 0 ? err_sys(err, errno, "set its time") : 0;
}

int attrs_named(int dir_fd, const char *name, const struct stat *st, const struct copy_rules *rules, struct err *err)
{
	const struct timespec both[2] = { st->st_atim, st->st_mtim };

	if (fchownat(dir_fd, name, uid_of(st, rules), gid_of(st, rules), AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "change its owner");
	return utimensat(dir_fd, name, both, AT_SYMLINK_NOFOLLOW) < 0 ? err_sys(err, errno, "set its time") : 0;
}

/* ------------------------------------------------------------------ extended */

/* What would steer overlayfs, and labels of the host's security, never pass. */
bool attrs_allowed(const char *name, const struct copy_rules *rules)
{
	if (str_starts(name, "user."))
		return !str_starts(name, "user.overlay.");
	if (STREQ(name, "security.capability"))
		return rules->keep_privilege;
	return rules->keep_owner && (STREQ(name, "system.posix_acl_access") || STREQ(name, "system.posix_acl_default"));
}

int attrs_each(int from, const struct copy_rules *rules, char *room,
	       int (*what)(void *arg, const char *name, const void *value, size_t n, struct err *err), void *arg, struct err *err)
{
	enum { HALF = ATTRS_ROOM / 2 };
	char path[32], *value = room + HALF;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/self/fd/%d", from);
	n = listxattr(path, room, HALF);
	for (const char *name = room; n > 0 && name < room + n; name += strlen(name) + 1) {
		ssize_t len;

		if (!attrs_allowed(name, rules))
			continue;
		len = getxattr(path, name, value, HALF);
		if (len >= 0 && what(arg, name, value, (size_t)len, err) < 0)
			return -1;
	}
	return 0;
}

static int set_one(void *arg, const char *name, const void *value, size_t n, struct err *err)
{
	if (fsetxattr(*(int *)arg, name, value, n, 0) == 0 || errno == ENOTSUP || errno == EPERM)
		return 0;
	return err_sys(err, errno, "set its attribute '%s'", name);
}

int attrs_extended(int from, int to, const struct copy_rules *rules, char *room, struct err *err)
{
	return attrs_each(from, rules, room, set_one, &to, err);
}
