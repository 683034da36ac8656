/* spec_mounts.c - what is mounted into the container, in the order in which it must be.
 *
 * How it works: the file systems every Linux program expects come first, then the caller's mounts sorted
 * by the depth of their targets, so that one never hides another that was mounted below it. A mount of the
 * caller's on the target of a default one takes its place; one on all of /dev takes the place of
 * everything in it. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "spec.h"

enum { DEFAULT_SHM_BYTES = 64 * 1024 * 1024 };

struct entry {
	char *target; /* normalised, owned */
	const struct oci_mount *m;
	unsigned depth;
	size_t place; /* in the caller's order, which decides between equals */
};

struct entries {
	struct entry *v;
	size_t n;
};

static void entries_done(struct entries *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->v[i].target);
	free(e->v);
}

static unsigned depth_of(const char *path)
{
	unsigned n = 0;
	for (const char *p = path; *p; p++)
		n += *p == '/' && p[1];
	return n;
}

static int by_depth(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static int collect(const struct oci_spec *s, struct entries *ret, struct err *err)
{
	ret->v = xcalloc(s->n_mounts ? s->n_mounts : 1, sizeof *ret->v);
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct oci_mount *m = &s->mounts[i];
		if (!m->target || *m->target != '/')
			return err_set(err, ERR_INPUT, "mount target '%s' is not absolute",
				m->target ? m->target : "");
		struct entry *e = &ret->v[ret->n++];
		*e = (struct entry){.target = path_join("/", m->target), .m = m, .place = i};
		e->depth = depth_of(e->target);
		if (e->depth == 0)
			return err_set(
				err, ERR_INPUT, "mount target '%s' is the container's root", m->target);
	}
	qsort(ret->v, ret->n, sizeof *ret->v, by_depth);
	return 0;
}

/* True when the caller mounts something there, or on the whole of the /dev it is in. */
static bool taken(const struct entries *e, const char *target)
{
	for (size_t i = 0; i < e->n; i++)
		if (STREQ(e->v[i].target, target) ||
			(STREQ(e->v[i].target, "/dev") && str_starts(target, "/dev/")))
			return true;
	return false;
}

/* --- the defaults --- */

/* options: separated by commas */
static json_t *mount_json(const char *target, const char *type, const char *source, const char *options)
{
	json_t *o = json_object(), *a = json_array();
	jx_set_str(o, "destination", target);
	jx_set_str(o, "type", type);
	jx_set_str(o, "source", source);
	for (const char *p = options; *p;) {
		size_t n = strcspn(p, ",");
		json_array_append_new(a, json_stringn(p, n));
		p += n + (p[n] == ',');
	}
	json_object_set_new(o, "options", a);
	return o;
}

static void add_default(json_t *list, const struct entries *e, const char *target, const char *type,
	const char *source, const char *options)
{
	if (!taken(e, target))
		json_array_append_new(list, mount_json(target, type, source, options));
}

static void add_ipc(const struct oci_spec *s, json_t *list, const struct entries *e)
{
	/* shows the queues of whichever ipc namespace the container is in */
	add_default(list, e, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	if (spec_is_host(s->ipc_ns) && access("/dev/shm", F_OK) == 0) {
		add_default(list, e, "/dev/shm", "bind", "/dev/shm", "rbind,rprivate,nosuid,noexec,nodev");
		return;
	}
	auto_free char *shm = xasprintf("nosuid,noexec,nodev,mode=1777,size=%lld",
		(long long)(s->shm_bytes > 0 ? s->shm_bytes : DEFAULT_SHM_BYTES));
	add_default(list, e, "/dev/shm", "tmpfs", "shm", shm);
}

static void add_defaults(const struct spec_ctx *c, json_t *list, const struct entries *e)
{
	const struct oci_spec *s = c->spec;
	add_default(list, e, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	add_default(list, e, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	add_default(list, e, "/dev/pts", "devpts", "devpts",
		"nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	add_default(list, e, "/sys", "sysfs", "sysfs",
		s->privileged ? "nosuid,noexec,nodev" : "nosuid,noexec,nodev,ro");
	if (c->host->mode != CGROUP_NONE && !taken(e, "/sys"))
		add_default(list, e, "/sys/fs/cgroup", "cgroup", "cgroup",
			s->privileged ? "nosuid,noexec,nodev,relatime" : "nosuid,noexec,nodev,relatime,ro");
	add_ipc(s, list, e);
}

/* --- the caller's --- */

static bool has_option(const struct oci_mount *m, const char *opt)
{
	for (size_t i = 0; m->options && m->options[i]; i++)
		if (STREQ(m->options[i], opt))
			return true;
	return false;
}

static bool is_bind(const struct oci_mount *m)
{
	return !m->type || STREQ(m->type, "bind") || STREQ(m->type, "volume");
}

static bool has_propagation(const struct oci_mount *m)
{
	static const char *const words[] = {
		"private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (has_option(m, words[i]))
			return true;
	return false;
}

static int bind_options(const struct oci_mount *m, json_t *options, struct err *err)
{
	struct stat st;
	if (!m->source || *m->source != '/')
		return err_set(err, ERR_INPUT, "source '%s' of the mount at '%s' is not absolute",
			m->source ? m->source : "", m->target);
	if (stat(m->source, &st) < 0)
		return err_sys(err, errno, "source '%s' of the mount at '%s'", m->source, m->target);
	if (!has_option(m, "bind") && !has_option(m, "rbind"))
		json_array_insert_new(options, 0, json_string("rbind"));
	if (!has_propagation(m))
		json_array_append_new(options, json_string("rprivate"));
	return 0;
}

static int add_user(const struct entry *e, json_t *list, struct err *err)
{
	const struct oci_mount *m = e->m;
	json_t *options;
	json_t *o = json_object();
	json_array_append_new(list, o);
	if (spec_strings(m->options, "mount option", &options, err) < 0)
		return err_wrap(err, "mount at '%s'", m->target);
	json_object_set_new(o, "options", options);
	if (spec_set_text(o, "destination", e->target, err) < 0)
		return -1;
	if (is_bind(m)) {
		jx_set_str(o, "type", "bind");
		if (bind_options(m, options, err) < 0)
			return -1;
		return spec_set_text(o, "source", m->source, err);
	}
	if (STREQ(m->type, "tmpfs") && json_array_size(options) == 0) {
		json_array_append_new(options, json_string("nosuid"));
		json_array_append_new(options, json_string("nodev"));
		json_array_append_new(options, json_string("noexec"));
	}
	if (spec_set_text(o, "type", m->type, err) < 0)
		return -1;
	return spec_set_text(o, "source", m->source ? m->source : m->type, err);
}

static int add_init(const struct oci_spec *s, json_t *list, struct err *err)
{
	auto_free char *source = NULL;
	if (!s->init)
		return 0;
	if (oci_init_path(&source, err) < 0)
		return -1;
	json_array_append_new(
		list, mount_json(OCI_INIT_TARGET, "bind", source, "bind,ro,rprivate,nosuid,nodev"));
	return 0;
}

int spec_mounts(const struct spec_ctx *c, json_t **ret, struct err *err)
{
	__attribute__((cleanup(entries_done))) struct entries e = {0};
	auto_json json_t *list = json_array();
	if (collect(c->spec, &e, err) < 0)
		return -1;
	add_defaults(c, list, &e);
	for (size_t i = 0; i < e.n; i++)
		if (add_user(&e.v[i], list, err) < 0)
			return -1;
	if (add_init(c->spec, list, err) < 0)
		return -1;
	*ret = take(list);
	return 0;
}

const char *spec_propagation(const struct oci_spec *s)
{
	const char *p = NULL;
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct oci_mount *m = &s->mounts[i];
		if (has_option(m, "shared") || has_option(m, "rshared"))
			return "shared";
		if (has_option(m, "slave") || has_option(m, "rslave"))
			p = "rslave";
	}
	return p;
}
