/* meta.c - owner, mode, times and extended attributes of an unpacked entry.
 *
 * Order matters: changing the owner clears set-id bits and capabilities, so the mode comes after it and the
 * attributes last but for the times. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "../util/auto.h"
#include "name.h"
#include "tree.h"

enum { XATTR_MAX = 64 << 10, XATTRS_MAX = 256 };

/* What an image may say: capabilities, ACLs and the user's own. trusted.* and user.overlay.* would steer
 * overlayfs, security labels belong to the host. */
static bool xattr_allowed(const char *name)
{
	if (str_starts(name, "user."))
		return !str_starts(name, "user.overlay.");
	return STREQ(name, "security.capability") || STREQ(name, "system.posix_acl_access") ||
	       STREQ(name, "system.posix_acl_default");
}

static int xattrs_check(struct archive_entry *e, struct err *err)
{
	const char *name;
	const void *value;
	size_t n, total = 0, count = 0;

	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &n) == ARCHIVE_OK) {
		total += n;
		count++;
	}
	if (total > XATTR_MAX || count > XATTRS_MAX)
		return err_set(err, ERR_INPUT, "its extended attributes are more than 64 KiB or more than %d",
			XATTRS_MAX);
	return 0;
}

static int xattrs_apply(int fd, struct archive_entry *e, struct err *err)
{
	const char *name;
	const void *value;
	size_t n;

	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &n) == ARCHIVE_OK) {
		if (!name || !xattr_allowed(name))
			continue;
		if (fsetxattr(fd, name, value, n, 0) < 0 && errno != ENOTSUP && errno != EPERM) {
			auto_free char *shown = name_show(name);
			return err_sys(err, errno, "set its attribute '%s'", shown);
		}
	}
	return 0;
}

static int owner_apply(const struct made *m, struct archive_entry *e, struct err *err)
{
	int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);
	int r;

	/* the highest number is chown's "leave it" */
	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return err_set(err, ERR_INPUT, "its owner is not a number from 0 to 4294967294");
	if (m->born && uid == 0 && gid == 0)
		return 0;
	if (m->fd >= 0)
		r = fchown(m->fd, (uid_t)uid, (gid_t)gid);
	else
		r = fchownat(m->parent_fd, m->base, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW);
	if (r < 0)
		return err_sys(err, errno, "change its owner to %lld:%lld", (long long)uid, (long long)gid);
	return 0;
}

static int mode_apply(const struct made *m, struct archive_entry *e, struct err *err)
{
	mode_t mode = archive_entry_perm(e) & 07777;

	if (m->type == S_IFLNK || (m->born && !(mode & 07000)))
		return 0;
	/* no link can be at base: it was made by us a moment ago, and nobody else is in here */
	if ((m->fd >= 0 ? fchmod(m->fd, mode) : fchmodat(m->parent_fd, m->base, mode, 0)) < 0)
		return err_sys(err, errno, "change its mode");
	return 0;
}

static int time_apply(const struct made *m, struct archive_entry *e, struct err *err)
{
	struct timespec mtime = { archive_entry_mtime(e), archive_entry_mtime_nsec(e) };
	struct timespec both[2] = { mtime, mtime };
	int r;

	if (m->type == S_IFDIR)
		return 0;
	r = m->fd >= 0 ? futimens(m->fd, both) : utimensat(m->parent_fd, m->base, both, AT_SYMLINK_NOFOLLOW);
	return r < 0 ? err_sys(err, errno, "set its time") : 0;
}

static int attributes_apply(const struct made *m, struct archive_entry *e, struct err *err)
{
	auto_close int dir_fd = -1;

	if (archive_entry_xattr_count(e) == 0)
		return 0;
	if (xattrs_check(e, err) < 0)
		return -1;
	if (m->fd >= 0)
		return xattrs_apply(m->fd, e, err);
	if (m->type != S_IFDIR)
		return 0;
	dir_fd = openat(m->parent_fd, m->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0)
		return err_sys(err, errno, "open it");
	return xattrs_apply(dir_fd, e, err);
}

int meta_apply(const struct made *m, struct archive_entry *e, struct err *err)
{
	if (owner_apply(m, e, err) < 0 || mode_apply(m, e, err) < 0 || attributes_apply(m, e, err) < 0)
		return -1;
	return time_apply(m, e, err);
}
