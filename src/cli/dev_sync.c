#include "dev_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/proc.h"
#include "../util/visible.h"
#include "container_root.h"
#include "service_units.h"

struct job {
	struct cli *c;
	const struct dev_files *files;
	/* of the container at hand */
	int root_fd;
	char *parent;        /* the directory that was used last */
	int parent_fd;
	size_t failed;
	struct err why;      /* the first of them */
};

static const struct copy_root host = { .fd = AT_FDCWD, .name = "" };

void dev_files_done(struct dev_files *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].host);
		free(l->v[i].target);
	}
	free(l->v);
	*l = (struct dev_files){ 0 };
}

static void leave_parent(struct job *j)
{
	free(take(j->parent));
	if (j->parent_fd >= 0)
		close(take_fd(&j->parent_fd));
}

/* The directory that the file is in, made when it is missing, unless it is only to be removed from it. 1: it is not there. */
static int enter_parent(struct job *j, const char *target, bool make, const char **ret_base, struct err *err)
{
	const char *slash = strrchr(target, '/');
	auto_free char *dir = slash == target ? xstrdup("/") : xstrndup(target, (size_t)(slash - target));

	*ret_base = slash + 1;
	if (j->parent && STREQ(j->parent, dir))
		return 0;
	leave_parent(j);
	j->parent_fd = make ? path_mkdirs_in_root(j->root_fd, dir, 0755) : path_open_in_root(j->root_fd, dir, O_PATH | O_DIRECTORY, 0);
	if (j->parent_fd < 0)
		return !make && (errno == ENOENT || errno == ENOTDIR) ? 1 : err_sys(err, errno, "directory '%s'", dir);
	j->parent = take(dir);
	return 0;
}

static int remove_one(struct job *j, const struct dev_file *f, struct err *err)
{
	const char *base;
	int r = enter_parent(j, f->target, false, &base, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (!f->top)
		return path_remove_tree(j->parent_fd, base, err);
	return unlinkat(j->parent_fd, base, 0) == 0 || errno == ENOENT || errno == EISDIR ? 0 : err_sys(err, errno, "remove it");
}

static int make_dir(struct job *j, const struct dev_file *f, const struct copy_source *s, struct err *err)
{
	const char *base;
	struct stat st;
	int r = f->top ? 1 : enter_parent(j, f->target, true, &base, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (fstatat(j->parent_fd, base, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
		unlinkat(j->parent_fd, base, 0);         /* there is a directory in its place now */
	if (mkdirat(j->parent_fd, base, s->st.st_mode & 0777) < 0)
		return errno == EEXIST ? 0 : err_sys(err, errno, "make the directory");
	return fchownat(j->parent_fd, base, s->st.st_uid, s->st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ? err_sys(err, errno, "change its owner") : 0;
}

static int copy_one(struct job *j, const struct dev_file *f, const struct copy_source *s, struct err *err)
{
	const struct copy_rules rules = { .keep_owner = true, .keep_privilege = true };
	struct copy_count count = { 0 };
	struct copy_place to = { 0 };
	const char *base;

	if (S_ISSOCK(s->st.st_mode))
		return 0;
	if (enter_parent(j, f->target, true, &base, err) < 0)
		return -1;
	to = (struct copy_place){ .dir_fd = j->parent_fd, .name = (char *)(uintptr_t)base, .shown = f->target };
	if (copy_tree(s, &to, &rules, &count, err) == 0)
		return 0;
	if (err->kind != ERR_EXISTS || f->top)
		return -1;
	err_done(err);                   /* a directory was there, and on the host there is a file in its place now */
	return path_remove_tree(j->parent_fd, base, err) < 0 ? -1 : copy_tree(s, &to, &rules, &count, err);
}

static int sync_one(struct job *j, const struct dev_file *f, struct err *err)
{
	struct copy_source s = { .fd = -1 };
	int r;

	if (copy_source_open(&host, f->host, false, &s, err) < 0) {
		bool gone = err->kind == ERR_NOT_FOUND || err->errnum == ENOTDIR;

		copy_source_done(&s);
		if (!gone)
			return -1;
		err_done(err);
		return remove_one(j, f, err);
	}
	r = S_ISDIR(s.st.st_mode) ? make_dir(j, f, &s, err) : copy_one(j, f, &s, err);
	copy_source_done(&s);
	return r;
}

static void failed(struct job *j, struct err *err, const char *what)
{
	auto_free char *shown = visible_copy(what);

	err_wrap(err, "'%s'", shown);
	if (!j->failed++)
		err_move(&j->why, err);
	err_done(err);
}

static void sync_container(struct job *j, const struct unit_rec *r, struct container_root *root)
{
	struct err err = ERR_INIT;

	if (container_root_open(j->c, r, root, &err) < 0)
		failed(j, &err, r->name);
	j->root_fd = root->fd;
	for (size_t i = 0; root->fd >= 0 && i < j->files->n; i++)
		if (sync_one(j, &j->files->v[i], &err) < 0)
			failed(j, &err, j->files->v[i].target);
	leave_parent(j);
	container_root_done(root);
}

static int sync_work(void *arg, json_t **ret, struct err *err)
{
	struct job *j = arg;
	struct container_root root = { .fd = -1 };
	struct units units = { 0 };

	if (units_of_service(j->c, j->files->service, (struct opt_int){ 0 }, UNITS_ORDINARY, &units, err) < 0)
		return -1;
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < units.n; i++)
		sync_container(j, units.v[i], &root);
	units_done(&units);
	*ret = json_object();
	jx_set_int(*ret, "failed", (int64_t)j->failed);
	jx_set_str(*ret, "why", j->failed ? err_msg(&j->why) : NULL);
	jx_set_str(*ret, "hint", j->why.hint);
	return 0;
}

int dev_sync(struct cli *c, const struct dev_files *files, struct err *err)
{
	struct job j = { .c = c, .files = files, .root_fd = -1, .parent_fd = -1 };
	auto_json json_t *told = NULL;
	int64_t n;

	if (worker_run(sync_work, &j, -1, &told, err) < 0)
		return -1;
	n = jx_int(told, "failed", 0);
	if (n)
		ui_warn(&c->ui, "service '%s': %jd of %zu files could not be synchronised, the first one: %s", files->service, (intmax_t)n, files->n,
			jx_str(told, "why") ? jx_str(told, "why") : "unknown");
	return 0;
}
