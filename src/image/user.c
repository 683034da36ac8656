/* user.c - "app:grp" → numbers, by the rootfs' own passwd and group files.
 *
 * The rules are those of Docker's exec user: a name or number that has a passwd entry takes the group and
 * home of the first such entry; a number without one is taken as it is, with group 0 and home "/"; without an
 * explicit group the user is in every group that lists its name. The primary group is among the supplementary
 * ones, as Docker does it since CVE-2022-36109: a file that denies a group must not become accessible by
 * leaving the group out. */
#include "image.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"

enum { DB_MAX = 16 << 20, GROUPS_MAX = 8192 }; /* each new group is compared with those there are */
#define ID_MAX 2147483647u		       /* what Docker and the Linux tools around it accept */

struct lookup {
	const char *user;  /* NULL: user 0 */
	const char *group; /* NULL: not given */
	struct image_user u;
	size_t cap;
	bool found_user, found_group;
};

/* A missing file is an empty one. */
static int db_read(int root_fd, const char *path, struct buf *ret, struct err *err)
{
	struct stat st;
	auto_close int fd = path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return err_sys(err, errno, "open the image's %s", path);
	}
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat the image's %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "the image's %s is not a regular file", path);
	if (path_read_fd(fd, DB_MAX, ret, err) < 0)
		return err_wrap(err, "the image's %s", path);
	return 0;
}

/* Cuts the next line off, without blanks around it; NULL at the end. Empty lines and comments are passed
 * over. */
static char *next_line(char **at)
{
	while (*at && **at) {
		char *line = *at, *end = strchr(line, '\n');
		*at = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		line += strspn(line, " \t\r");
		for (end = line + strlen(line); end > line && strchr(" \t\r", end[-1]);)
			*--end = '\0';
		if (*line && *line != '#')
			return line;
	}
	return NULL;
}

/* Splits at ':' into at most n fields, missing ones are empty. */
static void split_fields(char *line, char **fields, size_t n)
{
	static char none[1];

	for (size_t i = 0; i < n; i++) {
		char *end = line ? strchr(line, ':') : NULL;
		fields[i] = line ? line : none;
		if (end)
			*end++ = '\0';
		line = end;
	}
}

static bool id_parse(const char *s, unsigned *ret)
{
	return s && str_uint(s, 0, ID_MAX, ret) == 0;
}

static bool group_has(const struct image_user *u, unsigned gid)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return true;
	return false;
}

static void group_add(struct lookup *l, unsigned gid)
{
	if (l->u.n_groups < GROUPS_MAX && !group_has(&l->u, gid))
		*XGROW(l->u.groups, l->u.n_groups, l->cap) = gid;
}

static void find_user(struct lookup *l, char *passwd)
{
	unsigned want = 0, uid, gid;
	bool by_id = !l->user || id_parse(l->user, &want);

	for (char *line; (line = next_line(&passwd));) {
		char *f[7];
		split_fields(line, f, ARRAY_LEN(f));
		if (!id_parse(f[2], &uid) || !id_parse(f[3], &gid))
			continue;
		if (!(l->user && STREQ(f[0], l->user)) && !(by_id && uid == want))
			continue;
		l->u.uid = uid;
		l->u.gid = gid;
		l->u.name = xstrdup(f[0]);
		l->u.home = xstrdup(*f[5] ? f[5] : "/");
		l->found_user = true;
		return;
	}
	if (by_id)
		l->u.uid = want;
}

static bool list_has(char *list, const char *name)
{
	for (char *save, *item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save))
		if (STREQ(item, name))
			return true;
	return false;
}

/* The explicit group, or every group that lists the user's name. */
static void find_groups(struct lookup *l, const char *group_db, struct strs *members)
{
	auto_free char *text = xstrdup(group_db);
	char *at = text;
	unsigned want, gid;
	bool by_id = id_parse(l->group, &want);

	for (char *line; (line = next_line(&at));) {
		char *f[4];
		split_fields(line, f, ARRAY_LEN(f));
		if (!id_parse(f[2], &gid))
			continue;
		if (!l->group) {
			if (l->u.name && list_has(f[3], l->u.name))
				strs_printf(members, "%u", gid);
		} else if (STREQ(f[0], l->group) || (by_id && gid == want)) {
			l->u.gid = gid;
			l->found_group = true;
			return;
		}
	}
	if (by_id) {
		l->u.gid = want;
		l->found_group = true;
	}
}

static int extra_group(struct lookup *l, const char *group_db, const char *name, struct err *err)
{
	auto_free char *text = xstrdup(group_db);
	char *at = text;
	unsigned gid;

	for (char *line; (line = next_line(&at));) {
		char *f[4];
		split_fields(line, f, ARRAY_LEN(f));
		if (STREQ(f[0], name) && id_parse(f[2], &gid)) {
			group_add(l, gid);
			return 0;
		}
	}
	if (!id_parse(name, &gid))
		return err_set(err, ERR_INPUT, "unable to find group '%s' in the image's /etc/group", name);
	group_add(l, gid);
	return 0;
}

static int resolve(struct lookup *l, int root_fd, const char *const *extra, struct err *err)
{
	auto_buf struct buf passwd = BUF_INIT, group = BUF_INIT;
	auto_strs struct strs members = STRS_INIT;
	unsigned n;

	if (db_read(root_fd, "/etc/passwd", &passwd, err) < 0 ||
		db_read(root_fd, "/etc/group", &group, err) < 0)
		return -1;
	find_user(l, passwd.p);
	if (!l->found_user && l->user && !id_parse(l->user, &n))
		return err_set(
			err, ERR_INPUT, "unable to find user '%s' in the image's /etc/passwd", l->user);
	find_groups(l, group.p ? group.p : "", &members);
	if (l->group && !l->found_group)
		return err_set(
			err, ERR_INPUT, "unable to find group '%s' in the image's /etc/group", l->group);
	group_add(l, l->u.gid);
	for (size_t i = 0; i < members.n; i++)
		if (id_parse(members.v[i], &n))
			group_add(l, n);
	for (; extra && *extra; extra++)
		if (extra_group(l, group.p ? group.p : "", *extra, err) < 0)
			return -1;
	if (!l->u.home)
		l->u.home = xstrdup("/");
	return 0;
}

int image_user(int root_fd, const char *user, const char *const *extra_groups, struct image_user *ret,
	struct err *err)
{
	auto_free char *spec = xstrdup(user ? user : "");
	char *colon = strchr(spec, ':');
	struct lookup l = { 0 };

	if (colon) {
		*colon = '\0';
		l.group = colon[1] ? colon + 1 : NULL;
	}
	l.user = *spec ? spec : NULL;
	if (resolve(&l, root_fd, extra_groups, err) < 0) {
		image_user_done(&l.u);
		return -1;
	}
	*ret = l.u;
	return 0;
}

void image_user_done(struct image_user *u)
{
	free(u->groups);
	free(u->home);
	free(u->name);
	*u = (struct image_user){ 0 };
}
