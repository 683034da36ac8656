/* dirs.c - the two roots and what stands below them.
 *
 * Roots are 0711: a container's user may need to pass through them (a bind mount is resolved by the runtime
 * as root, but an unpacked root file system is not always), nobody may list them. Projects are 0700. */
#include "dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

enum { ROOT_MODE = 0711, PROJECT_MODE = 0700 };

struct place {
	const char *env; /* override */
	const char *as_root;
	const char *xdg; /* variable that holds the base when not root */
};

static const struct place state_place = {"DAVIT_STATE_DIR", "/var/lib/davit", "XDG_DATA_HOME"};
static const struct place run_place = {"DAVIT_RUN_DIR", "/run/davit", "XDG_RUNTIME_DIR"};

/* What the base directory is when its XDG variable is not set; NULL with err when it cannot be told. */
static char *xdg_fallback(const struct place *p, struct err *err)
{
	const char *home = getenv("HOME");

	if (p == &run_place)
		return xasprintf("/run/user/%u", (unsigned)geteuid());
	if (home && home[0] == '/')
		return path_join(home, ".local/share");
	err_set(err, ERR_USAGE, "HOME is not set, so there is no place for state");
	err_hint(err, "set HOME or use --state-dir");
	return NULL;
}

static char *absolute(const char *path, struct err *err)
{
	auto_free char *cwd = NULL;

	if (path[0] == '/')
		return path_join("/", path);
	cwd = getcwd(NULL, 0);
	if (!cwd) {
		err_sys(err, errno, "find the current directory, to which '%s' is relative", path);
		return NULL;
	}
	return path_join(cwd, path);
}

static char *place_find(const struct place *p, const char *opt, struct err *err)
{
	auto_free char *fallback = NULL;
	const char *base;

	if (!opt || !*opt)
		opt = getenv(p->env);
	if (opt && *opt)
		return absolute(opt, err);
	if (geteuid() == 0)
		return xstrdup(p->as_root);
	base = getenv(p->xdg);
	if (!base || base[0] != '/') { /* the XDG specification says to ignore relative ones */
		fallback = xdg_fallback(p, err);
		if (!fallback)
			return NULL;
		base = fallback;
	}
	return path_join(base, "davit");
}

int dirs_init(const char *state_opt, const char *run_opt, struct dirs *ret, struct err *err)
{
	struct dirs d = {0};

	d.state = place_find(&state_place, state_opt, err);
	if (!d.state)
		return -1;
	d.run = place_find(&run_place, run_opt, err);
	if (!d.run) {
		dirs_done(&d);
		return -1;
	}
	*ret = d;
	return 0;
}

bool dirs_usual(const struct dirs *d)
{
	return STREQ(d->state, state_place.as_root) && STREQ(d->run, run_place.as_root);
}

void dirs_done(struct dirs *d)
{
	free(d->state);
	free(d->run);
	*d = (struct dirs){0};
}

/* One directory; an existing one keeps its mode, which its owner may have chosen. */
static int make_dir(int dir_fd, const char *path, mode_t mode, struct err *err)
{
	if (mkdirat(dir_fd, path, mode) == 0) {
		if (fchmodat(dir_fd, path, mode, 0) < 0) /* whatever the umask is */
			return err_sys(err, errno, "set the mode of '%s'", path);
		return 0;
	}
	if (errno == EEXIST)
		return 0;
	return err_sys(err, errno, "make directory '%s'", path);
}

static int make_root(const char *root, struct err *err)
{
	auto_free char *parent = xstrdup(root);
	auto_free char *projects = path_join(root, "projects");
	char *slash = strrchr(parent, '/');

	if (slash && slash != parent) {
		*slash = '\0';
		if (path_mkdirs(AT_FDCWD, parent, 0755, err) < 0)
			return -1;
	}
	if (make_dir(AT_FDCWD, root, ROOT_MODE, err) < 0)
		return -1;
	return make_dir(AT_FDCWD, projects, ROOT_MODE, err);
}

/* Opens the project's directory below root; *ret_fd is -1 when it is absent and not to be made. */
static int open_project(const char *root, const char *path, bool make, int *ret_fd, struct err *err)
{
	int fd;

	if (make && (make_root(root, err) < 0 || make_dir(AT_FDCWD, path, PROJECT_MODE, err) < 0))
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno != ENOENT || make))
		return err_sys(err, errno, "open '%s'", path);
	*ret_fd = fd;
	return 0;
}

static bool name_is_project(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n && n <= 255 && !name[n] && name[0] != '_' && name[0] != '-';
}

int pdirs_open(const struct dirs *d, const char *name, bool make, struct pdirs *ret, struct err *err)
{
	struct pdirs p = {.state_fd = -1, .run_fd = -1};

	if (!name_is_project(name))
		return err_set(err, ERR_USAGE, "'%s' is not a project name", name);
	p.name = xstrdup(name);
	p.state_root = xstrdup(d->state);
	p.run_root = xstrdup(d->run);
	p.state = xasprintf("%s/projects/%s", d->state, name);
	p.run = xasprintf("%s/projects/%s", d->run, name);
	if (open_project(d->state, p.state, make, &p.state_fd, err) < 0 ||
		open_project(d->run, p.run, make, &p.run_fd, err) < 0) {
		pdirs_done(&p);
		return err_wrap(err, "project '%s'", name);
	}
	*ret = p;
	return 0;
}

void pdirs_done(struct pdirs *p)
{
	if (!p->name) /* zeroed, never opened: its descriptors are not ours */
		return;
	free(p->name);
	free(p->state_root);
	free(p->run_root);
	free(p->state);
	free(p->run);
	if (p->state_fd >= 0)
		close(p->state_fd);
	if (p->run_fd >= 0)
		close(p->run_fd);
	*p = (struct pdirs){.state_fd = -1, .run_fd = -1};
}

/* Adds the projects below root to the set. */
static int collect(const char *root, struct map *set, struct err *err)
{
	auto_free char *path = path_join(root, "projects");
	auto_closedir DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir) {
		if (errno == ENOENT)
			return 0;
		return err_sys(err, errno, "list '%s'", path);
	}
	while ((e = readdir(dir)))
		if (name_is_project(e->d_name))
			map_set(set, e->d_name, set);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int dirs_projects(const struct dirs *d, char ***ret, struct err *err)
{
	struct map set = MAP_INIT;
	char **list;

	if (collect(d->state, &set, err) < 0 || collect(d->run, &set, err) < 0) {
		map_done(&set, NULL);
		return -1;
	}
	list = xcalloc(set.n + 1, sizeof *list);
	for (size_t i = 0; i < set.n; i++)
		list[i] = xstrdup(set.items[i].key);
	qsort(list, set.n, sizeof *list, by_name);
	map_done(&set, NULL);
	*ret = list;
	return 0;
}
