/* launch_work.c - from (service, image, slot) to a bundle, in a worker: it may block, and its memory ends with it, so nothing is
 * released one by one. What Docker does with an image's configuration and a service's attributes is done in the functions named *_of. */
#include "sup.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
enum { SECRET_MAX = 4 << 20 };

struct ctx {
	struct super *s;
	struct unit *u;
	const struct service *svc;
	struct image *img;
	const char *attr;                /* what the step at hand is about */
	char *dir, *bundle, *mountpoint;
	int dir_fd, bundle_fd, root_fd;
	struct image_user user;
	struct strs args, env, anon;
	struct oci_mount *mounts;
	size_t n_mounts, cap_mounts;
	struct launch launch;
	json_t *warnings;
};

/* ------------------------------------------------------------------ arguments and environment */

static void add_all(struct strs *to, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strs_add(to, v[i]);
}

/* As the engine merges them: an entrypoint of the service's own drops the image's command; an emptied one only the image's entrypoint. */
static int args_of(struct ctx *c, struct err *err)
{
	const struct service *svc = c->svc;
	bool own_entry = svc->entrypoint.set && svc->entrypoint.n;

	if (svc->entrypoint.set)
		add_all(&c->args, svc->entrypoint.v, svc->entrypoint.n);
	else
		add_all(&c->args, c->img->entrypoint.v, c->img->entrypoint.n);
	if (svc->command.set)
		add_all(&c->args, svc->command.v, svc->command.n);
	else if (!own_entry)
		add_all(&c->args, c->img->cmd.v, c->img->cmd.n);
	c->attr = "command";
	if (!c->args.n) {
		err_set(err, ERR_INPUT, "there is no command to run");
		return err_hint(err, "image '%s' has none: give the service a command", svc->image);
	}
	return 0;
}

static void env_set(struct strs *env, const char *name, const char *value)
{
	size_t n = strlen(name);
	char *text = value ? xasprintf("%s=%s", name, value) : NULL;

	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->v[i], name, n) || env->v[i][n] != '=')
			continue;
		if (text) {
			env->v[i] = text;
			return;
		}
		memmove(&env->v[i], &env->v[i + 1], (env->n - i) * sizeof *env->v);
		env->n--;
		return;
	}
	if (text)
		strs_take(env, text);
}

static bool env_has(const struct strs *env, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], name, n) && env->v[i][n] == '=')
			return true;
	return false;
}

static char *hostname_of(const struct ctx *c)
{
	char own[HOST_NAME_MAX + 1] = "";

	if (c->svc->hostname)
		return c->svc->hostname;
	if (c->svc->network_mode && STREQ(c->svc->network_mode, "host") && gethostname(own, sizeof own - 1) == 0)
		return xstrdup(own);
	return xstrndup(c->u->rec.id, 12);
}

static void env_of(struct ctx *c)
{
	env_set(&c->env, "PATH", DEFAULT_PATH);
	env_set(&c->env, "HOSTNAME", hostname_of(c));
	if (c->svc->tty)
		env_set(&c->env, "TERM", "xterm");
	for (size_t i = 0; i < c->img->env.n; i++) {
		char *copy = xstrdup(c->img->env.v[i]), *eq = strchr(copy, '=');
		if (!eq)
			continue;
		*eq = 0;
		env_set(&c->env, copy, eq + 1);
	}
	for (size_t i = 0; i < c->svc->environment.n; i++)
		env_set(&c->env, c->svc->environment.v[i].key, c->svc->environment.v[i].value);
	if (!env_has(&c->env, "HOME"))
		env_set(&c->env, "HOME", c->user.home ? c->user.home : "/");
}

/* ------------------------------------------------------------------ mounts */

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

static void add_mount(struct ctx *c, const char *type, const char *source, const char *target, const char **opts)
{
	*XGROW(c->mounts, c->n_mounts, c->cap_mounts) =
		(struct oci_mount){ .type = type, .source = source, .target = target, .options = opts };
}

static void add_bound(struct ctx *c, const char *source, const char *target, bool read_only)
{
	add_mount(c, "bind", source, target, options("rbind", "rprivate", read_only ? "ro" : "rw", NULL));
}

static bool covered(const struct ctx *c, const char *target)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (STREQ(c->mounts[i].target, target))
			return true;
	return false;
}

/* The name that the slot's last container had for it, so that its data goes along; else a new one. */
static char *anon_name(struct ctx *c, const char *target)
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

static int add_volume(struct ctx *c, const char *name, const struct mount *m, const char *target, struct err *err)
{
	char *path;

	if (vol_mount(c->s->volumes, name, err) < 0)
		return -1;
	if (!(m && m->nocopy) && vol_copyup(c->s->volumes, name, c->root_fd, target, err) < 0)
		return err_wrap(err, "first content of volume '%s'", name);
	path = vol_path(c->s->volumes, name);
	if (!path)
		return err_set(err, ERR_NOT_FOUND, "volume '%s' is not there", name);
	if (m && m->subpath) {
		struct stat st;
		auto_close int vol_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		auto_close int sub_fd = vol_fd < 0 ? -1 : path_open_in_root(vol_fd, m->subpath, O_PATH, 0);
		if (sub_fd < 0 || fstat(sub_fd, &st) < 0)
			return err_sys(err, errno, "sub-path '%s' of volume '%s'", m->subpath, name);
		path = xasprintf("%s/%s", path, m->subpath);
	}
	add_bound(c, path, target, m && m->read_only);
	return 0;
}

static int add_anonymous(struct ctx *c, const struct mount *m, const char *target, struct err *err)
{
	char *name = anon_name(c, target);
	struct vol_spec spec = { .name = name, .project = c->s->p.name };

	if (vol_create(c->s->volumes, &spec, NULL, err) < 0)
		return -1;
	strs_printf(&c->anon, "%s=%s", target, name);
	return add_volume(c, name, m, target, err);
}

static int add_bind(struct ctx *c, const struct mount *m, struct err *err)
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

static void add_tmpfs(struct ctx *c, const struct mount *m)
{
	const char *size = m->tmpfs_bytes > 0 ? xasprintf("size=%lld", (long long)m->tmpfs_bytes) : "";
	const char *mode = m->tmpfs_mode >= 0 ? xasprintf("mode=%llo", (long long)m->tmpfs_mode) : "";

	add_mount(c, "tmpfs", "tmpfs", m->target,
		  options("nosuid", "nodev", "noexec", m->read_only ? "ro" : "rw", size, mode, NULL));
}

/* tmpfs: "/run:size=64m,mode=1777" */
static void add_short_tmpfs(struct ctx *c, const char *text)
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

static int add_service_mount(struct ctx *c, const struct mount *m, struct err *err)
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
		if (!v)
			return err_set(err, ERR_NOT_FOUND, "volume '%s' is not in the project", m->source);
		return add_volume(c, v->name, m, m->target, err);
	default:
		return err_set(err, ERR_INPUT, "a mount of this type at '%s' is not supported", m->target);
	}
}

/* volumes_from: "SERVICE[:ro]". What the other container got anonymously is found by name in its record. */
static int add_volumes_of(struct ctx *c, const struct service *from, bool read_only, struct err *err)
{
	const struct unit *other = unit_get(c->s, xasprintf("%s-1", from->name));

	for (size_t i = 0; i < from->n_mounts; i++) {
		struct mount m = from->mounts[i];
		m.read_only |= read_only;
		if (m.type == MOUNT_VOLUME && !m.source)
			continue;
		if (!covered(c, m.target) && add_service_mount(c, &m, err) < 0)
			return -1;
	}
	for (size_t i = 0; other && i < other->rec.anon_volumes.n; i++) {
		char *target = xstrdup(other->rec.anon_volumes.v[i]), *name = strrchr(target, '=');
		struct mount m = { .type = MOUNT_VOLUME, .read_only = read_only };
		if (!name)
			continue;
		*name++ = 0;
		if (!covered(c, target) && add_volume(c, name, &m, target, err) < 0)
			return -1;
	}
	return 0;
}

static int volumes_from(struct ctx *c, struct err *err)
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

static int volumes_of(struct ctx *c, struct err *err)
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
		if (!covered(c, c->img->volumes.v[i]) && add_anonymous(c, NULL, c->img->volumes.v[i], err) < 0)
			return -1;
	return 0;
}

/* ------------------------------------------------------------------ secrets and configs */

static const struct file_object *object_called(const struct file_object *v, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (STREQ(v[i].key, key))
			return &v[i];
	return NULL;
}

static unsigned id_or_0(const char *text)
{
	unsigned v = 0;

	if (text)
		str_uint(text, 0, UINT32_MAX, &v);
	return v;
}

/* A file that keeps its owner and mode is bound as it is, so that what is written there later is seen; anything else is a copy on tmpfs. */
static int add_file(struct ctx *c, const struct file_ref *r, const struct file_object *o, const char *where,
		    unsigned n, struct err *err)
{
	const char *target = r->target ? r->target : r->source;
	auto_free char *dir = xasprintf("%s/secrets/%s", c->s->p.run, c->u->rec.slot);
	char *name = xasprintf("%u", n);
	auto_buf struct buf data = BUF_INIT;
	auto_close int fd = -1;

	if (*target != '/')
		target = xasprintf("%s%s", where, target);
	if (o->file && !r->uid && !r->gid && r->mode < 0) {
		if (access(o->file, F_OK) < 0)
			return err_sys(err, errno, "file '%s'", o->file);
		add_bound(c, o->file, target, true);
		return 0;
	}
	if (o->file && path_read(AT_FDCWD, o->file, SECRET_MAX, &data, err) < 0)
		return -1;
	if (!o->file)
		buf_str(&data, o->content ? o->content : "");
	if (path_open_dir(AT_FDCWD, dir, 0711, &fd, err) < 0)
		return -1;
	if (secret_write(fd, name, data.p ? data.p : "", data.len, id_or_0(r->uid), id_or_0(r->gid),
			 r->mode < 0 ? 0444 : (unsigned)r->mode, err) < 0)
		return -1;
	add_bound(c, xasprintf("%s/%s", dir, name), target, true);
	return 0;
}

static int files_of(struct ctx *c, const struct file_ref *refs, size_t n_refs, const struct file_object *objs,
		    size_t n_objs, const char *what, const char *where, unsigned base, struct err *err)
{
	for (size_t i = 0; i < n_refs; i++) {
		const struct file_object *o = object_called(objs, n_objs, refs[i].source);
		c->attr = xasprintf("%s[%zu]", what, i);
		if (!o || o->external)
			return err_set(err, ERR_NOT_FOUND, "there is no '%s' to give to the container", refs[i].source);
		if (add_file(c, &refs[i], o, where, base + (unsigned)i, err) < 0)
			return err_wrap(err, "'%s'", refs[i].source);
	}
	return 0;
}

/* ------------------------------------------------------------------ /etc/hosts, resolv.conf, hostname */

static const char *gateway_text(const struct ctx *c)
{
	char *text = xcalloc(1, 16);

	for (size_t i = 0; i < c->s->n_nets && c->u->rec.n_addrs; i++)
		if (STREQ(c->s->nets[i].name, c->u->rec.addrs[0].network))
			net_addr_format(c->s->nets[i].gateway, text);
	return *text ? text : "127.0.0.1";
}

static int etc_file(struct ctx *c, const char *name, const char *text, struct err *err)
{
	if (path_write(c->bundle_fd, name, text, strlen(text), 0644, 0, err) < 0)
		return -1;
	if (!covered(c, xasprintf("/etc/%s", name)))
		add_bound(c, xasprintf("%s/%s", c->bundle, name), xasprintf("/etc/%s", name), c->svc->read_only);
	return 0;
}

/* Ours serves every namespace that has an address, also for those who join it. */
static bool has_resolver(const struct ctx *c)
{
	const char *mode = c->svc->network_mode;
	const struct unit *other;

	if (!mode || !str_starts(mode, "service:"))
		return c->u->rec.n_addrs > 0;
	other = unit_get(c->s, xasprintf("%s-1", mode + strlen("service:")));
	return other && other->rec.n_addrs > 0;
}

static int etc_of(struct ctx *c, struct err *err)
{
	const struct service *svc = c->svc;
	struct hosts_entry *extra = xcalloc(svc->n_extra_hosts + 1, sizeof *extra);
	uint32_t *addrs = xcalloc(c->u->rec.n_addrs + 1, sizeof *addrs);
	char *host = hostname_of(c);

	for (size_t i = 0; i < svc->n_extra_hosts; i++) {
		const struct host_entry *e = &svc->extra_hosts[i];
		extra[i] = (struct hosts_entry){ e->host, STREQ(e->ip, "host-gateway") ? gateway_text(c) : e->ip };
	}
	for (size_t i = 0; i < c->u->rec.n_addrs; i++)
		addrs[i] = c->u->rec.addrs[i].addr;
	if (etc_file(c, "hosts", hosts_text(host, svc->domainname, addrs, c->u->rec.n_addrs, extra,
					    svc->n_extra_hosts), err) < 0 ||
	    etc_file(c, "hostname", xasprintf("%s\n", host), err) < 0)
		return -1;
	return etc_file(c, "resolv.conf",
			resolv_text(has_resolver(c), (const char *const *)svc->dns.v,
				    (const char *const *)svc->dns_search.v, (const char *const *)svc->dns_opt.v),
			err);
}

/* ------------------------------------------------------------------ what is remembered */

static const char *option(const struct kvs *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (STREQ(l->v[i].key, key))
			return l->v[i].value;
	return NULL;
}

static int64_t ms(int64_t own_ns, int64_t image_ns, int64_t otherwise_ms)
{
	if (own_ns >= 0)
		return own_ns / MS_NS;
	return image_ns > 0 ? image_ns / MS_NS : otherwise_ms;
}

/* The check's command, empty when there is none. */
static struct strs health_test(struct ctx *c)
{
	const struct healthcheck *h = &c->svc->healthcheck;
	struct strs out = STRS_INIT;
	char *const *v = h->given && h->test.set ? h->test.v : c->img->health.test.v;
	size_t n = h->given && h->test.set ? h->test.n : c->img->health.test.n;

	if ((h->given && h->disable) || !n || STREQ(v[0], "NONE"))
		return out;
	if (STREQ(v[0], "CMD-SHELL")) {
		strs_add(&out, "/bin/sh");
		strs_add(&out, "-c");
	}
	add_all(&out, v + 1, n - 1);
	return out;
}

static void remember_health(struct ctx *c)
{
	const struct healthcheck *h = &c->svc->healthcheck;
	const struct image_health *ih = &c->img->health;
	struct launch *l = &c->launch;

	l->health_interval_ms = ms(h->interval_ns > 0 ? h->interval_ns : -1, ih->interval_ns, 30000);
	l->health_timeout_ms = ms(h->timeout_ns > 0 ? h->timeout_ns : -1, ih->timeout_ns, 30000);
	l->health_start_period_ms = ms(h->start_period_ns, ih->start_period_ns, 0);
	l->health_start_interval_ms = ms(h->start_interval_ns > 0 ? h->start_interval_ns : -1,
					 ih->start_interval_ns, 5000);
	l->health_retries = h->retries > 0 ? h->retries : ih->retries > 0 ? ih->retries : 3;
}

static void remember_names(struct ctx *c)
{
	const struct service *svc = c->svc;

	for (size_t i = 0; i < svc->n_networks; i++) {
		const struct network *n = project_network(c->s->model, svc->networks[i].network);
		struct launch_net *ln;
		if (!n)
			continue;
		ln = XGROW(c->launch.nets, c->launch.n_nets, c->launch.cap_nets);
		ln->network = xstrdup(n->name);
		strs_add(&ln->names, svc->name);
		strs_add(&ln->names, c->u->rec.name);
		strs_addn(&ln->names, c->u->rec.id, 12);
		if (svc->hostname)
			strs_add(&ln->names, svc->hostname);
		add_all(&ln->names, svc->networks[i].aliases.v, svc->networks[i].aliases.n);
	}
	for (size_t i = 0; i < svc->links.n; i++) {
		char *copy = xstrdup(svc->links.v[i]), *alias = strchr(copy, ':');
		if (!alias)
			continue;
		*alias++ = 0;
		strs_printf(&c->launch.links, "%s=%s", alias, copy);
	}
	add_all(&c->launch.dns, svc->dns.v, svc->dns.n);
}

static void remember_log_driver(struct ctx *c)
{
	const char *driver = c->svc->log_driver;

	c->launch.log_none = driver && STREQ(driver, "none");
	if (!driver || !*driver || c->launch.log_none || STREQ(driver, "json-file") || STREQ(driver, "local"))
		return;
	json_array_append_new(c->warnings, json_string(xasprintf("logging driver '%s' is not supported: its logs are kept as those "
								 "of 'local' are, and 'davit logs' shows them", driver)));
}

static int remember(struct ctx *c, struct err *err)
{
	const struct service *svc = c->svc;
	const char *size = option(&svc->log_options, "max-size"), *files = option(&svc->log_options, "max-file");
	struct launch *l = &c->launch;
	const char *sig = svc->stop_signal ? svc->stop_signal : c->img->stop_signal;

	l->stop_signal = xstrdup(sig ? sig : "SIGTERM");
	c->attr = "stop_signal";
	if (signal_number(l->stop_signal) < 0)
		return err_set(err, ERR_INPUT, "there is no signal '%s'", l->stop_signal);
	l->grace_ms = svc->stop_grace_ns >= 0 ? svc->stop_grace_ns / MS_NS : 10000;
	l->restart = svc->restart;
	remember_log_driver(c);
	l->tty = svc->tty;
	l->stdin_open = svc->stdin_open;
	l->runtime = xstrdup(svc->runtime);
	l->cgroup = xasprintf("%s/%s/%s", svc->cgroup_parent ? svc->cgroup_parent : "davit", c->s->p.name,
			      c->u->rec.slot);
	c->attr = "logging";
	if (size && str_size(size, &l->log_max_bytes) < 0)
		return err_set(err, ERR_INPUT, "log option max-size '%s' is not a size", size);
	if (files && str_uint(files, 1, 1000, &l->log_max_files) < 0)
		return err_set(err, ERR_INPUT, "log option max-file '%s' is not a number from 1 to 1000", files);
	remember_health(c);
	remember_names(c);
	return 0;
}

/* ------------------------------------------------------------------ the bundle */

static const char *const *list(const struct strv *v)
{
	return (const char *const *)v->v;
}

static struct oci_limits limits_of(const struct service *svc)
{
	const struct limits *l = &svc->limits;
	struct oci_limits out = {
		.mem_bytes = l->mem_bytes, .mem_reservation_bytes = l->mem_reservation_bytes,
		.memswap_bytes = l->memswap_bytes, .mem_swappiness = l->mem_swappiness,
		.cpu_shares = l->cpu_shares, .cpu_quota_us = l->cpu_quota_us, .cpu_period_us = l->cpu_period_us,
		.cpu_rt_runtime_us = l->cpu_rt_runtime_us, .cpu_rt_period_us = l->cpu_rt_period_us,
		.cpuset = l->cpuset, .pids = l->pids, .oom_kill_disable = l->oom_kill_disable,
	};

	if (l->cpus > 0) {
		out.cpu_period_us = 100000;
		out.cpu_quota_us = (int64_t)(l->cpus * 100000 + 0.5);
	}
	return out;
}

/* "host", "service:NAME" → the path of that one's namespace, NULL: an own one. */
static int namespace_of(struct ctx *c, const char *mode, const char *kind, const char **ret, struct err *err)
{
	const struct unit *other;

	*ret = NULL;
	if (!mode || !*mode || STREQ(mode, "private") || STREQ(mode, "shareable") || STREQ(mode, "none"))
		return 0;
	if (STREQ(mode, "host")) {
		*ret = "host";
		return 0;
	}
	c->attr = kind;
	if (!str_starts(mode, "service:"))
		return err_set(err, ERR_INPUT, "%s mode '%s' is not supported", kind, mode);
	other = unit_get(c->s, xasprintf("%s-1", mode + strlen("service:")));
	if (!other || !unit_has_process(other->state))
		return err_set(err, ERR_NOT_FOUND, "service '%s', whose %s namespace is to be joined, is not running",
			       mode + strlen("service:"), kind);
	*ret = xasprintf("/proc/%d/ns/%s", (int)other->rec.proc.pid, kind);
	return 0;
}

static int fill_lists(struct ctx *c, struct oci_spec *spec)
{
	const struct service *svc = c->svc;
	struct oci_rlimit *rl = xcalloc(svc->n_ulimits + 1, sizeof *rl);
	struct oci_sysctl *sc = xcalloc(svc->sysctls.n + 1, sizeof *sc);
	struct oci_device *dev = xcalloc(svc->n_devices + 1, sizeof *dev);

	for (size_t i = 0; i < svc->n_ulimits; i++)
		rl[i] = (struct oci_rlimit){ svc->ulimits[i].name, svc->ulimits[i].soft, svc->ulimits[i].hard };
	for (size_t i = 0; i < svc->sysctls.n; i++)
		if (!str_starts(svc->sysctls.v[i].key, "net."))
			sc[spec->n_sysctls++] = (struct oci_sysctl){ svc->sysctls.v[i].key, svc->sysctls.v[i].value };
	for (size_t i = 0; i < svc->n_devices; i++)
		dev[i] = (struct oci_device){ svc->devices[i].source, svc->devices[i].target,
					      svc->devices[i].permissions };
	spec->rlimits = rl;
	spec->n_rlimits = svc->n_ulimits;
	spec->sysctls = sc;
	spec->devices = dev;
	spec->n_devices = svc->n_devices;
	return 0;
}

static const json_t *annotations_of(const struct ctx *c)
{
	json_t *o = c->u->rec.labels ? json_copy(c->u->rec.labels) : json_object();

	for (size_t i = 0; i < c->svc->annotations.n; i++)
		jx_set_str(o, c->svc->annotations.v[i].key,
			   c->svc->annotations.v[i].value ? c->svc->annotations.v[i].value : "");
	return o;
}

static const char *cwd_of(const struct ctx *c)
{
	if (c->svc->working_dir)
		return c->svc->working_dir;
	return c->img->working_dir && *c->img->working_dir ? c->img->working_dir : "/";
}

static int spec_of(struct ctx *c, struct oci_spec *spec, struct err *err)
{
	const struct service *svc = c->svc;

	*spec = (struct oci_spec){
		.args = (const char *const *)c->args.v, .env = (const char *const *)c->env.v,
		.cwd = cwd_of(c),
		.uid = c->user.uid, .gid = c->user.gid, .groups = c->user.groups, .n_groups = c->user.n_groups,
		.hostname = hostname_of(c), .domainname = svc->domainname,
		.rootfs = c->mountpoint, .rootfs_readonly = svc->read_only,
		.tty = svc->tty, .privileged = svc->privileged, .init = svc->init == TRI_YES,
		.cap_add = list(&svc->cap_add), .cap_drop = list(&svc->cap_drop),
		.security_opt = list(&svc->security_opt),
		.netns_path = network_netns(c->s, svc, c->u->rec.slot),
		.userns = svc->userns_mode, .mounts = c->mounts, .n_mounts = c->n_mounts,
		.shm_bytes = svc->limits.shm_bytes, .device_cgroup_rules = list(&svc->device_cgroup_rules),
		.limits = limits_of(svc), .oom_score_adj_set = svc->limits.oom_score_adj_set,
		.oom_score_adj = (int)svc->limits.oom_score_adj,
		.cgroup_path = c->launch.cgroup,
		.annotations = annotations_of(c),
	};
	fill_lists(c, spec);
	if (namespace_of(c, svc->pid, "pid", &spec->pid_ns, err) < 0 ||
	    namespace_of(c, svc->ipc, "ipc", &spec->ipc_ns, err) < 0 ||
	    namespace_of(c, svc->uts, "uts", &spec->uts_ns, err) < 0 ||
	    namespace_of(c, svc->cgroup, "cgroup", &spec->cgroup_ns, err) < 0)
		return -1;
	return 0;
}

static int write_health(struct ctx *c, struct err *err)
{
	struct strs test = health_test(c);
	struct oci_exec x = { .args = (const char *const *)test.v };

	c->attr = "healthcheck";
	c->launch.health = test.n > 0;
	if (!test.n)
		return 0;
	return oci_process_write(c->bundle_fd, "health.json", &x, err);
}

static int write_bundle(struct ctx *c, struct err *err)
{
	auto_json json_t *launch = NULL;
	struct oci_spec spec;

	if (spec_of(c, &spec, err) < 0)
		return -1;
	c->attr = NULL;
	if (oci_bundle_write(c->bundle_fd, &spec, c->warnings, err) < 0)
		return -1;
	if (write_health(c, err) < 0)
		return -1;
	launch = launch_to_json(&c->launch);
	return jx_store(c->dir_fd, "launch.json", launch, 0600, 0, err);
}

/* ------------------------------------------------------------------ in order */

static int open_root(struct ctx *c, struct err *err)
{
	struct super *s = c->s;

	c->attr = "image";
	if (!c->svc->image)
		return err_set(err, ERR_INPUT, "it has no image");
	if (image_find(s->images, c->svc->image, &c->img, err) < 0)
		return -1;
	c->attr = NULL;
	c->dir = super_container_dir(s, c->u->rec.id);
	c->bundle = super_run_path(s, "bundle", c->u->rec.id);
	c->mountpoint = super_run_path(s, "rootfs", c->u->rec.slot);
	if (path_open_dir(AT_FDCWD, c->dir, 0700, &c->dir_fd, err) < 0 ||
	    path_open_dir(AT_FDCWD, c->bundle, 0711, &c->bundle_fd, err) < 0 ||
	    path_mkdirs(AT_FDCWD, c->mountpoint, 0700, err) < 0 ||
	    rootfs_mount(s->images, c->img, c->dir, c->mountpoint, err) < 0)
		return -1;
	c->root_fd = open(c->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->root_fd < 0)
		return err_sys(err, errno, "open '%s'", c->mountpoint);
	c->attr = "user";
	return image_user(c->root_fd, c->svc->user ? c->svc->user : c->img->user, list(&c->svc->group_add), &c->user,
			  err);
}

/* The working directory is there, as the engine has it. */
static int make_cwd(struct ctx *c, struct err *err)
{
	auto_close int fd = path_mkdirs_in_root(c->root_fd, cwd_of(c), 0755);

	c->attr = "working_dir";
	if (fd < 0)
		return err_sys(err, errno, "working directory '%s'", cwd_of(c));
	return 0;
}

static int build(struct ctx *c, struct err *err)
{
	const struct project *m = c->s->model;

	if (open_root(c, err) < 0 || make_cwd(c, err) < 0 || args_of(c, err) < 0)
		return -1;
	env_of(c);
	if (volumes_of(c, err) < 0 ||
	    files_of(c, c->svc->secrets, c->svc->n_secrets, m->secrets, m->n_secrets, "secrets", "/run/secrets/", 0,
		     err) < 0 ||
	    files_of(c, c->svc->configs, c->svc->n_configs, m->configs, m->n_configs, "configs", "/", 10000, err) < 0)
		return -1;
	c->attr = NULL;
	if (etc_of(c, err) < 0 || remember(c, err) < 0)
		return -1;
	return write_bundle(c, err);
}

static char *command_text(const struct strs *args)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < args->n && b.len < 4096; i++)
		buf_printf(&b, "%s%s", i ? " " : "", args->v[i]);
	return buf_take(&b);
}

int launch_work(void *arg, json_t **ret, struct err *err)
{
	const struct launch_job *job = arg;
	struct ctx c = { .s = job->s, .u = job->u, .svc = job->svc, .dir_fd = -1, .bundle_fd = -1, .root_fd = -1 };
	struct err why = ERR_INIT;
	int r;

	c.warnings = json_array();
	*ret = json_object();
	r = build(&c, &why);
	json_object_set_new(*ret, "anon", json_array());
	for (size_t i = 0; i < c.anon.n; i++)
		json_array_append_new(jx_arr(*ret, "anon"), json_string(c.anon.v[i]));
	if (r < 0) {
		jx_set_str(*ret, "failed", err_msg(&why));
		jx_set_str(*ret, "kind", err_kind_str(why.kind));
		jx_set_str(*ret, "hint", why.hint);
		jx_set_str(*ret, "attr", c.attr);
		return 0;
	}
	json_object_set_new(*ret, "launch", launch_to_json(&c.launch));
	jx_set_str(*ret, "image_id", c.img->id);
	jx_set_str(*ret, "command", command_text(&c.args));
	json_object_set_new(*ret, "warnings", c.warnings);
	return 0;
}
