/* launch_mounts.c - what is mounted into a container, but for the runtime's own. */
#include "launch_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/hash.h"
#include "../util/mem.h"
#include "../util/path.h"

static const char **options(const char *first, ...)
{
	const char **v = xcalloc(12, sizeof *v);
	va_list ap;
	size_t n = 0;

	va_start(ap, first);
	for (const char *o = first; o && n < 11; o = va_arg(ap, const char *))
		if (*o)
			v[n++] = o;
	va_end(ap);
	return v;
}

static void add_mount(struct making *c, const char *type, const char *source, const char *target, const char **opts)
{
	*XGROW(c->mounts, c->n_mounts, c->cap_mounts) =
		(struct oci_mount){ .type = type, .source = source, .target = target, .options = opts };
}

void making_bind(struct making *c, const char *source, const char *target, bool read_only)
{
	add_mount(c, "bind", source, target, options("rbind", "rprivate", read_only ? "ro" : "rw", NULL));
}

bool making_covers(const struct making *c, const char *target)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (STREQ(c->mounts[i].target, target))
			return true;
	return false;
}

/* The name that the slot's last container had for it, so that its data goes along; else a new one. */
static char *anon_name(struct making *c, const char *target)
{
	char hex[HASH_HEX_LEN + 1];

	for (size_t i = 0; i < c->u->rec.anon_volumes.n; i++) {
		const char *v = c->u->rec.anon_volumes.v[i], *eq = strrchr(v, '=');
		if (eq && strlen(target) == (size_t)(eq - v) && !strncmp(v, target, (size_t)(eq - v)))
			return xstrdup(eq + 1);
	}
	hash_random_hex(HASH_HEX_LEN / 2, hex);
	return xstrdup(hex);
}

/* A mount point of the kind of what is mounted there, empty whatever an earlier preparation left. */
static int make_point(const char *point, mode_t kind)
{
	int fd;

	umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (rmdir(point) < 0 && errno == ENOTDIR)
		unlink(point);
	if (S_ISDIR(kind))
		return mkdir(point, 0700);
	fd = open(point, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : close(fd);
}

/* Whoever may write to the volume may put a link in the way at any time. So the sub-path is walked once, inside the volume, and what was
 * found is pinned by a mount in the run directory: the runtime gets a name that nobody else can change. NULL: failed. */
static char *pin_subpath(struct making *c, const char *vol, const char *subpath, struct err *err)
{
	auto_free char *dir = super_run_path(c->s, "subpath", c->u->rec.slot);
	auto_close int vol_fd = open(vol, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int sub_fd = vol_fd < 0 ? -1 : path_open_in_root(vol_fd, subpath, O_PATH, 0);
	char *point = xasprintf("%s/%u", dir, c->n_subpaths++);
	struct stat st;
	char found[32];

	if (sub_fd < 0 || fstat(sub_fd, &st) < 0) {
		err_sys(err, errno, "open it");
		return NULL;
	}
	snprintf(found, sizeof found, "/proc/self/fd/%d", sub_fd);
	if (path_mkdirs(AT_FDCWD, dir, 0700, err) < 0)
		return NULL;
	if (make_point(point, st.st_mode) < 0 || mount(found, point, NULL, MS_BIND, NULL) < 0) {
		err_sys(err, errno, "pin it at '%s'", point);
		return NULL;
	}
	return point;
}

static int add_volume(struct making *c, const char *name, const struct mount *m, const char *target, struct err *err)
{
	char *path;

	if (vol_mount(c->s->volumes, name, err) < 0)
		return -1;
	strs_add(&c->launch.volumes, name);
	if (!(m && m->nocopy) && vol_copyup(c->s->volumes, name, c->root_fd, target, err) < 0)
		return err_wrap(err, "first content of volume '%s'", name);
	path = vol_path(c->s->volumes, name);
	if (!path)
		return err_set(err, ERR_NOT_FOUND, "volume '%s' is not there", name);
	if (m && m->subpath && !(path = pin_subpath(c, path, m->subpath, err)))
		return err_wrap(err, "sub-path '%s' of volume '%s'", m->subpath, name);
	making_bind(c, path, target, m && m->read_only);
	return 0;
}

static int add_anonymous(struct making *c, const struct mount *m, const char *target, struct err *err)
{
	char *name = anon_name(c, target);
	struct vol_spec spec = { .name = name, .project = c->s->p.name };

	if (vol_create(c->s->volumes, &spec, NULL, err) < 0)
		return -1;
	strs_printf(&c->anon, "%s=%s", target, name);
	return add_volume(c, name, m, target, err);
}

static int add_bind(struct making *c, const struct mount *m, struct err *err)
{
	const char *prop = m->propagation ? m->propagation : "rprivate";

	if (access(m->source, F_OK) < 0) {
		if (errno != ENOENT)
			return err_sys(err, errno, "bind source '%s'", m->source);
		if (!m->create_host_path) {
			err_set(err, ERR_NOT_FOUND, "bind source path does not exist: '%s'", m->source);
			return err_hint(err, "make it, or add 'bind: {create_host_path: true}'");
		}
		if (path_mkdirs(AT_FDCWD, m->source, 0755, err) < 0)
			return -1;
	}
	add_mount(c, "bind", m->source, m->target,
		  options(m->recursive_disabled ? "bind" : "rbind", prop, m->read_only ? "ro" : "rw", NULL));
	return 0;
}

static void add_tmpfs(struct making *c, const struct mount *m)
{
	const char *size = m->tmpfs_bytes > 0 ? xasprintf("size=%lld", (long long)m->tmpfs_bytes) : "";
	const char *mode = m->tmpfs_mode >= 0 ? xasprintf("mode=%llo", (long long)m->tmpfs_mode) : "";

	add_mount(c, "tmpfs", "tmpfs", m->target,
		  options("nosuid", "nodev", "noexec", m->read_only ? "ro" : "rw", size, mode, NULL));
}

/* tmpfs: "/run:size=64m,mode=1777" */
static void add_short_tmpfs(struct making *c, const char *text)
{
	char *target = xstrdup(text), *opts = strchr(target, ':');
	const char **v = xcalloc(strlen(text) + 6, sizeof *v);
	size_t n = 0;

	v[n++] = "nosuid";
	v[n++] = "nodev";
	v[n++] = "noexec";
	if (opts)
		*opts++ = 0;
	for (char *o = opts ? strtok_r(opts, ",", &opts) : NULL; o; o = strtok_r(NULL, ",", &opts))
		v[n++] = o;
	add_mount(c, "tmpfs", "tmpfs", target, v);
}

/* `run -v NAME:/path` of a volume that the file does not have: that of this very name, made when there is none. */
static int add_foreign(struct making *c, const struct mount *m, struct err *err)
{
	struct vol_spec spec = { .name = m->source, .project = c->s->p.name, .key = m->source };

	if (vol_create(c->s->volumes, &spec, NULL, err) < 0)
		return err_wrap(err, "volume '%s'", m->source);
	return add_volume(c, m->source, m, m->target, err);
}

static int add_service_mount(struct making *c, const struct mount *m, struct err *err)
{
	const struct volume *v;

	switch (m->type) {
	case MOUNT_BIND:
		return add_bind(c, m, err);
	case MOUNT_TMPFS:
		add_tmpfs(c, m);
		return 0;
	case MOUNT_VOLUME:
		if (!m->source)
			return add_anonymous(c, m, m->target, err);
		v = project_volume(c->s->model, m->source);
		if (!v && c->u->rec.run)
			return add_foreign(c, m, err);
		if (!v)
			return err_set(err, ERR_NOT_FOUND, "volume '%s' is not in the project", m->source);
		return add_volume(c, v->name, m, m->target, err);
	default:
		return err_set(err, ERR_INPUT, "a mount of this type at '%s' is not supported", m->target);
	}
}

/* volumes_from: "SERVICE[:ro]". What the other container got anonymously is found by name in its record. */
static int add_volumes_of(struct making *c, const struct service *from, bool read_only, struct err *err)
{
	const struct unit *other = service_unit(c->s, from->name, 1);

	for (size_t i = 0; i < from->n_mounts; i++) {
		struct mount m = from->mounts[i];
		m.read_only |= read_only;
		if (m.type == MOUNT_VOLUME && !m.source)
			continue;
		if (!making_covers(c, m.target) && add_service_mount(c, &m, err) < 0)
			return -1;
	}
	for (size_t i = 0; other && i < other->rec.anon_volumes.n; i++) {
		char *target = xstrdup(other->rec.anon_volumes.v[i]), *name = strrchr(target, '=');
		struct mount m = { .type = MOUNT_VOLUME, .read_only = read_only };
		if (!name)
			continue;
		*name++ = 0;
		if (!making_covers(c, target) && add_volume(c, name, &m, target, err) < 0)
			return -1;
	}
	return 0;
}

static int volumes_from(struct making *c, struct err *err)
{
	for (size_t i = 0; i < c->svc->volumes_from.n; i++) {
		char *name = xstrdup(c->svc->volumes_from.v[i]), *mode = strchr(name, ':');
		const struct service *from;
		c->attr = xasprintf("volumes_from[%zu]", i);
		if (str_starts(name, "container:"))
			return err_set(err, ERR_INPUT, "volumes of a container outside the project ('%s') are not supported", name);
		if (mode)
			*mode++ = 0;
		from = project_service(c->s->model, name);
		if (!from)
			return err_set(err, ERR_NOT_FOUND, "there is no service '%s' to take volumes from", name);
		if (add_volumes_of(c, from, mode && STREQ(mode, "ro"), err) < 0)
			return -1;
	}
	return 0;
}

int making_volumes(struct making *c, struct err *err)
{
	for (size_t i = 0; i < c->svc->n_mounts; i++) {
		c->attr = xasprintf("volumes[%zu]", i);
		if (add_service_mount(c, &c->svc->mounts[i], err) < 0)
			return -1;
	}
	for (size_t i = 0; i < c->svc->tmpfs.n; i++)
		add_short_tmpfs(c, c->svc->tmpfs.v[i]);
	if (volumes_from(c, err) < 0)
		return -1;
	c->attr = "image";
	for (size_t i = 0; i < c->img->volumes.n; i++)
		if (!making_covers(c, c->img->volumes.v[i]) && add_anonymous(c, NULL, c->img->volumes.v[i], err) < 0)
			return -1;
	return 0;
}
