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

static int xattrs_apply(int fd, struct archive_entry *e, struct err *err)
{
	const char *name;
	const void *value;
	size_t n, total = 0, count = 0;

	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &n) == ARCHIVE_OK) {
		total += n;
		if (total > XATTR_MAX || ++count > XATTRS_MAX)
			return err_set(err, ERR_INPUT,
				"its extended attributes are more than 64 KiB or more than %d", XATTRS_MAX);
		if (!name || !xattr_allowed(name))
			continue;
		if (fsetxattr(fd, name, value, n, 0) < 0 && errno != ENOTSUP && errno != EPERM)
			return err_sys(err, errno, "set an extended attribute");
	}
	return 0;
}

static int owner_apply(int parent_fd, const char *base, int fd, struct archive_entry *e, struct err *err)
{
	int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);
	int r;

	/* the highest number is chown's "leave it" */
	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return err_set(err, ERR_INPUT, "its owner is not a number from 0 to 4294967294");
	if (fd >= 0)
		r = fchown(fd, (uid_t)uid, (gid_t)gid);
	else
		r = fchownat(parent_fd, base, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW);
	if (r < 0)
		return err_sys(err, errno, "change its owner to %lld:%lld", (long long)uid, (long long)gid);
	return 0;
}

static int times_apply(int parent_fd, const char *base, int fd, struct archive_entry *e, struct err *err)
{
	struct timespec mtime = { archive_entry_mtime(e), archive_entry_mtime_nsec(e) };
	struct timespec both[2] = { mtime, mtime };
	int r = fd >= 0 ? futimens(fd, both) : utimensat(parent_fd, base, both, AT_SYMLINK_NOFOLLOW);

	if (r < 0)
		return err_sys(err, errno, "set its time");
	return 0;
}

int meta_apply(int parent_fd, const char *base, int fd, struct archive_entry *e, struct err *err)
{
	mode_t type = archive_entry_filetype(e), mode = archive_entry_perm(e) & 07777;
	auto_close int dir_fd = -1;
	int r;

	if (type == AE_IFDIR && archive_entry_xattr_count(e) > 0) {
		dir_fd = openat(parent_fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir_fd < 0)
			return err_sys(err, errno, "open it");
		fd = dir_fd;
	}
	if (owner_apply(parent_fd, base, fd, e, err) < 0)
		return -1;
	if (type == AE_IFLNK)
		return times_apply(parent_fd, base, fd, e, err);
	/* no link can be at base: it was made by us a moment ago, and nobody else is in here */
	r = fd >= 0 ? fchmod(fd, mode) : fchmodat(parent_fd, base, mode, 0);
	if (r < 0)
		return err_sys(err, errno, "change its mode");
	if (fd >= 0 && xattrs_apply(fd, e, err) < 0)
		return -1;
	return times_apply(parent_fd, base, fd, e, err);
}
