/* The address book: one JSON file per network below STATE/networks, each change made under one flock and
 * written beside and renamed, so that readers never see half a file. Files are small, and are read anew for
 * each call: other supervisors change them too.
 *
 * An entry: {"name", "project", "bridge", "subnet", "gateway", "ip_range", "internal", "mtu", "addrs":
 * {"PROJECT/SLOT": "172.18.0.2"}}. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/clock.h"
#include "../src/util/hash.h"
#include "../src/util/json.h"
#include "../src/util/mem.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "ipam_entry.h"
#include "ipam_patience.h"
#include "net.h"
#include "pool.h"

enum { LOCK_PATIENCE_MS = 2000, LOCK_STEP_MS = 2, FILE_MAX_BYTES = 16 * 1024 * 1024 };

struct ipam {
	int dir_fd;
	char *state_dir; /* resolved: it is part of a bridge's identity */
	int patience_ms;
};

void ipam_set_patience(struct ipam *p, int ms)
{
	p->patience_ms = ms;
}

int ipam_open(const char *state_dir, struct ipam **ret, struct err *err)
{
	auto_free char *dir = path_join(state_dir, "networks");
	struct ipam p = { .dir_fd = -1, .patience_ms = LOCK_PATIENCE_MS };
	if (path_open_dir(AT_FDCWD, dir, 0755, &p.dir_fd, err) < 0)
		return err_wrap(err, "address book");
	p.state_dir = realpath(state_dir, NULL);
	if (!p.state_dir) {
		close(p.dir_fd);
		return err_sys(err, errno, "resolve '%s'", state_dir);
	}
	*ret = xmalloc(sizeof **ret);
	**ret = p;
	return 0;
}

int ipam_look(const char *state_dir, struct ipam **ret, struct err *err)
{
	auto_free char *dir = path_join(state_dir, "networks");
	struct ipam p = { .dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .patience_ms = LOCK_PATIENCE_MS };
	*ret = NULL;
	if (p.dir_fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "open the address book '%s'", dir);
	p.state_dir = realpath(state_dir, NULL);
	*ret = xmalloc(sizeof **ret);
	**ret = p;
	return 0;
}

void ipam_close(struct ipam *p)
{
	if (!p)
		return;
	close(p->dir_fd);
	free(p->state_dir);
	free(p);
}

/* --- the lock --- */

static int lock_busy(int fd, int patience_ms, struct err *err)
{
	char pid[32] = "";
	ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
	if (n > 0)
		pid[strcspn(pid, "\n")] = 0;
	err_set(err, ERR_BUSY, "the address book of networks has been locked by process %s for %d ms",
		*pid ? pid : "?", patience_ms);
	return err_hint(err, "it is held only for a moment; is that process stopped?");
}

/* The descriptor is the lock: closing it releases. */
static int book_lock(struct ipam *p, struct err *err)
{
	auto_close int fd = openat(p->dir_fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(err, errno, "open the address book's lock");
	int64_t deadline = clock_mono_ns() + p->patience_ms * MS_NS;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(err, errno, "lock the address book");
		if (clock_mono_ns() > deadline)
			return lock_busy(fd, p->patience_ms, err);
		nanosleep(&(struct timespec){ .tv_nsec = LOCK_STEP_MS * MS_NS }, NULL);
	}
	char pid[32];
	int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n) {
		/* a full disk: it is a lock all the same, and those who wait for it just cannot tell for whom */
	}
	return take_fd(&fd);
}

void ipam_sweep(struct ipam *p)
{
	auto_close int fd = openat(p->dir_fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		path_sweep(p->dir_fd);
}

/* --- entries --- */

/* Names become file names. */
static int entry_file(const char *network, char *buf, size_t size, struct err *err)
{
	if (!*network || *network == '.' || strchr(network, '/') || strlen(network) > 200)
		return err_set(err, ERR_INPUT, "'%s' cannot be the name of a network", network);
	snprintf(buf, size, "%s.json", network);
	return 0;
}

static int entry_load(struct ipam *p, const char *network, json_t **ret, struct err *err)
{
	char file[256];
	if (entry_file(network, file, sizeof file, err) < 0)
		return -1;
	if (jx_load(p->dir_fd, file, FILE_MAX_BYTES, ret, err) < 0)
		return err_wrap(err, "network '%s'", network);
	return 0;
}

/* 1: there is none. */
static int entry_find(struct ipam *p, const char *network, json_t **ret, struct err *err)
{
	auto_err struct err e = ERR_INIT;
	if (entry_load(p, network, ret, &e) == 0)
		return 0;
	return e.kind == ERR_NOT_FOUND ? 1 : err_move(err, &e);
}

static int entry_store(struct ipam *p, const json_t *entry, struct err *err)
{
	char file[256];
	const char *name = jx_str(entry, "name");
	if (entry_file(name ? name : "", file, sizeof file, err) < 0)
		return -1;
	if (jx_store(p->dir_fd, file, entry, 0644, 0, err) < 0)
		return err_wrap(err, "network '%s'", name);
	return 0;
}

/* Calls fn for the entry of each network; stops at the first that does not say 0. Files that cannot be read
 * are an error: to choose a subnet without knowing all others would be wrong. */
typedef int entry_fn(const json_t *entry, void *arg, struct err *err);
static int entries_each(struct ipam *p, entry_fn *fn, void *arg, struct err *err)
{
	int fd = openat(p->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(err, errno, "read the address book");
	struct dirent *e;
	int r = 0;
	while (r == 0 && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !str_ends(e->d_name, ".json"))
			continue;
		auto_json json_t *entry = NULL;
		auto_err struct err why = ERR_INIT;
		if (jx_load(p->dir_fd, e->d_name, FILE_MAX_BYTES, &entry, &why) == 0)
			r = fn(entry, arg, err);
		else if (why.kind != ERR_NOT_FOUND) /* forgotten meanwhile, by another */
			r = err_move(err, &why);
	}
	return r;
}

/* --- networks --- */

struct overlap {
	const char *self;
	struct pool *pool;     /* asked for */
	struct subnets *taken; /* collects, when a subnet is to be chosen */
};

static int check_overlap(const json_t *entry, void *arg, struct err *err)
{
	struct overlap *o = arg;
	struct pool other;
	const char *name = jx_str(entry, "name");
	if (entry_pool(entry, &other, err) < 0)
		return -1;
	if (o->taken)
		subnets_add(o->taken, other.subnet, other.prefix);
	else if (!str_eq(name, o->self) && pool_overlaps(o->pool, other.subnet, other.prefix))
		return err_set(err, ERR_EXISTS, "network '%s': its subnet overlaps '%s' of network '%s'",
			o->self, jx_str(entry, "subnet"), name);
	return 0;
}

static int choose_pool(struct ipam *p, const struct net_spec *spec, struct pool *ret, struct err *err)
{
	if (spec->subnet) {
		if (pool_parse(spec->subnet, spec->gateway, spec->ip_range, ret, err) < 0)
			return err_wrap(err, "network '%s'", spec->name);
		return entries_each(
			p, check_overlap, &(struct overlap){ .self = spec->name, .pool = ret }, err);
	}
	auto_subnets struct subnets taken = { 0 };
	if (subnets_of_host(&taken, err) < 0 ||
		entries_each(
			p, check_overlap, &(struct overlap){ .self = spec->name, .taken = &taken }, err) < 0)
		return -1;
	return pool_choose(&taken, ret, err);
}

static void bridge_name(const struct ipam *p, const struct net_spec *spec, char ret[static NET_IFNAMSIZ])
{
	char hex[HASH_HEX_LEN + 1];
	if (spec->bridge_name) {
		snprintf(ret, NET_IFNAMSIZ, "%s", spec->bridge_name);
		return;
	}
	auto_free char *identity = xasprintf("%s\n%s", p->state_dir, spec->name);
	hash_sha256_hex(identity, strlen(identity), hex);
	snprintf(ret, NET_IFNAMSIZ, "dv%.10s", hex);
}

static int check_bridge_name(const struct net_spec *spec, struct err *err)
{
	const char *b = spec->bridge_name;
	if (!b || (*b && strlen(b) < NET_IFNAMSIZ && !strpbrk(b, "/ \t\n\"") && !STREQ(b, ".") &&
			  !STREQ(b, "..")))
		return 0;
	return err_set(
		err, ERR_INPUT, "network '%s': '%s' cannot be the name of an interface", spec->name, b);
}

static int entry_new(struct ipam *p, const struct net_spec *spec, json_t **ret, struct err *err)
{
	struct pool pool;
	char bridge[NET_IFNAMSIZ], text[20], gateway[16];
	if (check_bridge_name(spec, err) < 0 || choose_pool(p, spec, &pool, err) < 0)
		return -1;
	bridge_name(p, spec, bridge);
	pool_subnet_format(&pool, text);
	net_addr_format(pool.gateway, gateway);
	json_t *e = json_object();
	jx_set_str(e, "name", spec->name);
	jx_set_str(e, "project", spec->project);
	jx_set_str(e, "bridge", bridge);
	jx_set_str(e, "subnet", text);
	jx_set_str(e, "gateway", gateway);
	jx_set_str(e, "ip_range", spec->ip_range);
	json_object_set_new(e, "addrs", json_object());
	*ret = e;
	return 0;
}

/* What may change between two `up` without a new network: whether it is internal, and its MTU. */
static int entry_update(struct ipam *p, const struct net_spec *spec, json_t *e, bool fresh, struct err *err)
{
	bool same =
		!fresh && jx_bool(e, "internal", false) == spec->internal && jx_int(e, "mtu", 0) == spec->mtu;
	if (same)
		return 0;
	jx_set_bool(e, "internal", spec->internal);
	jx_set_int(e, "mtu", spec->mtu);
	return entry_store(p, e, err);
}

static int network_own(struct ipam *p, const struct net_spec *spec, json_t **ret, struct err *err)
{
	int r = entry_find(p, spec->name, ret, err);
	if (r < 0 || (r == 0 && entry_matches(spec, *ret, err) < 0))
		return -1;
	if (r == 1 && entry_new(p, spec, ret, err) < 0)
		return -1;
	return entry_update(p, spec, *ret, r == 1, err);
}

int ipam_network(struct ipam *p, const struct net_spec *spec, struct net *ret, struct err *err)
{
	auto_json json_t *entry = NULL;
	auto_close int lock = book_lock(p, err);
	if (lock < 0)
		return -1;
	if (spec->external) {
		int r = entry_find(p, spec->name, &entry, err);
		if (r < 0)
			return -1;
		if (r == 1)
			return err_set(err, ERR_NOT_FOUND, "external network '%s' is not there", spec->name);
	} else if (network_own(p, spec, &entry, err) < 0) {
		return -1;
	}
	return entry_net(entry, spec->external, ret, err);
}

int ipam_check(struct ipam *p, const struct net_spec *spec, struct net *ret, struct err *err)
{
	auto_json json_t *entry = NULL;
	int r = p ? entry_find(p, spec->name, &entry, err) : 1;
	if (r != 0)
		return r < 0 ? -1 : IPAM_ABSENT;
	if (!spec->external && entry_matches(spec, entry, err) < 0)
		return -1;
	return entry_net(entry, spec->external, ret, err);
}

int ipam_forget(struct ipam *p, const char *network, struct err *err)
{
	char file[256];
	auto_close int lock = book_lock(p, err);
	if (lock < 0 || entry_file(network, file, sizeof file, err) < 0)
		return -1;
	if (unlinkat(p->dir_fd, file, 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "forget network '%s'", network);
	return 0;
}

/* --- addresses --- */

static const char *holder_of(json_t *addrs, const char *text)
{
	const char *who;
	json_t *v;
	json_object_foreach(addrs, who, v) if (str_eq(json_string_value(v), text)) return who;
	return NULL;
}

static int take_wanted(json_t *addrs, const struct pool *pool, const char *network, const char *who,
	const char *want, uint32_t *ret, struct err *err)
{
	char text[16];
	if (net_addr_parse(want, ret) < 0)
		return err_set(err, ERR_INPUT, "'%s' is not an IPv4 address", want);
	if (!pool_usable(pool, *ret))
		return err_set(err, ERR_INPUT, "address '%s' cannot be had in network '%s'", want, network);
	net_addr_format(*ret, text);
	const char *holder = holder_of(addrs, text);
	if (holder && !STREQ(holder, who))
		return err_set(err, ERR_EXISTS, "address '%s' of network '%s' belongs to '%s'", text, network,
			holder);
	return 0;
}

static int take_lowest(
	json_t *addrs, const struct pool *pool, const char *network, uint32_t *ret, struct err *err)
{
	size_t n = 0;
	auto_free uint32_t *taken = xcalloc(json_object_size(addrs) + 1, sizeof *taken);
	const char *who;
	json_t *v;
	json_object_foreach(addrs, who,
		v) if (json_is_string(v) && net_addr_parse(json_string_value(v), &taken[n]) == 0) n++;
	if (pool_lowest(pool, taken, n, ret) == 0)
		return 0;
	return err_set(err, ERR_BUSY, "network '%s' has no free address left (%zu are taken)", network, n);
}

static json_t *entry_addrs(json_t *entry)
{
	json_t *addrs = jx_obj(entry, "addrs");
	if (!addrs)
		json_object_set_new(entry, "addrs", addrs = json_object());
	return addrs;
}

int ipam_take(struct ipam *p, const char *network, const char *who, const char *want, uint32_t *ret_addr,
	struct err *err)
{
	auto_json json_t *entry = NULL;
	struct pool pool;
	uint32_t addr;
	char text[16];
	auto_close int lock = book_lock(p, err);
	if (lock < 0 || entry_load(p, network, &entry, err) < 0 || entry_pool(entry, &pool, err) < 0)
		return -1;
	json_t *addrs = entry_addrs(entry);
	const char *have = jx_str(addrs, who);
	if (have && (!want || STREQ(have, want)) && net_addr_parse(have, &addr) == 0 &&
		pool_usable(&pool, addr)) {
		*ret_addr = addr;
		return 0;
	}
	if (want ? take_wanted(addrs, &pool, network, who, want, &addr, err) < 0
		 : take_lowest(addrs, &pool, network, &addr, err) < 0)
		return -1;
	net_addr_format(addr, text);
	jx_set_str(addrs, who, text);
	if (entry_store(p, entry, err) < 0)
		return -1;
	*ret_addr = addr;
	return 0;
}

void ipam_release(struct ipam *p, const char *network, const char *who)
{
	auto_json json_t *entry = NULL;
	auto_close int lock = book_lock(p, NULL);
	if (lock < 0 || entry_load(p, network, &entry, NULL) < 0)
		return;
	if (json_object_del(entry_addrs(entry), who) == 0)
		entry_store(p, entry, NULL);
}

struct listing {
	const char *project;
	json_t *list;
};

/* Whether somebody of another project has an address in it. */
static bool is_shared(const json_t *entry)
{
	const char *project = jx_str(entry, "project"), *who;
	size_t n = project ? strlen(project) : 0;
	const json_t *addr;

	json_object_foreach(jx_obj(entry, "addrs"), who, addr)
		if (!project || strncmp(who, project, n) || who[n] != '/')
			return true;
	return false;
}

static int list_entry(const json_t *entry, void *arg, struct err *err)
{
	static const char *const keys[] = { "name", "bridge", "subnet", "gateway", "project" };
	struct listing *l = arg;
	if (l->project && !str_eq(jx_str(entry, "project"), l->project))
		return 0;
	json_t *o = json_object();
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		jx_set_str(o, keys[i], jx_str(entry, keys[i]));
	jx_set_bool(o, "shared", is_shared(entry));
	if (jx_obj(entry, "addrs"))
		json_object_set(o, "addrs", jx_obj(entry, "addrs"));
	json_array_append_new(l->list, o);
	return 0;
}

json_t *ipam_list(struct ipam *p, const char *project)
{
	struct listing l = { .project = project, .list = json_array() };
	if (p)
		entries_each(p, list_entry, &l, NULL);
	return l.list;
}
