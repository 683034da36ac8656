/* spec_dev.c - devices: which are there, and which may be used.
 *
 * How it works: the rules start with "nothing", then allow what docker allows. mknod alone is allowed for
 * all, since a node is no use without the right to open it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "spec.h"

enum { MAX_DEPTH = 8, MAX_DEVICES = 4096 };

static json_t *rule(bool allow, const char *type, int64_t major_nr, int64_t minor_nr, const char *access)
{
	json_t *o = json_object();
	jx_set_bool(o, "allow", allow);
	jx_set_str(o, "type", type);
	if (major_nr >= 0)
		jx_set_int(o, "major", major_nr);
	if (minor_nr >= 0)
		jx_set_int(o, "minor", minor_nr);
	jx_set_str(o, "access", access);
	return o;
}

static void default_rules(json_t *rules)
{
	static const struct {
		const char *type;
		int major_nr, minor_nr;
		const char *access;
	} allowed[] = {
		{"c", -1, -1, "m"}, {"b", -1, -1, "m"}, {"c", 1, 3, "rwm"}, /* null */
		{"c", 1, 5, "rwm"},					    /* zero */
		{"c", 1, 7, "rwm"},					    /* full */
		{"c", 1, 8, "rwm"},					    /* random */
		{"c", 1, 9, "rwm"},					    /* urandom */
		{"c", 5, 0, "rwm"},					    /* tty */
		{"c", 5, 1, "rwm"},					    /* console */
		{"c", 5, 2, "rwm"},					    /* ptmx */
		{"c", 136, -1, "rwm"},					    /* pts */
	};
	json_array_append_new(rules, rule(false, "a", -1, -1, "rwm"));
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		json_array_append_new(rules, rule(true, allowed[i].type, allowed[i].major_nr,
						     allowed[i].minor_nr, allowed[i].access));
}

static int check_access(const char *p, const char *where, struct err *err)
{
	if (!*p || strspn(p, "rwm") != strlen(p) || strlen(p) > 3)
		return err_set(err, ERR_INPUT, "device permissions '%s' of '%s' are not made of r, w and m",
			p, where);
	return 0;
}

struct out {
	json_t *nodes, *rules;
};

static void add_node(const struct out *o, const char *target, const struct stat *st, const char *access)
{
	json_t *n = json_object();
	bool chr = S_ISCHR(st->st_mode);
	jx_set_str(n, "path", target);
	jx_set_str(n, "type", chr ? "c" : "b");
	jx_set_int(n, "major", major(st->st_rdev));
	jx_set_int(n, "minor", minor(st->st_rdev));
	jx_set_int(n, "fileMode", st->st_mode & 07777);
	jx_set_int(n, "uid", st->st_uid);
	jx_set_int(n, "gid", st->st_gid);
	json_array_append_new(o->nodes, n);
	if (access)
		json_array_append_new(o->rules,
			rule(true, chr ? "c" : "b", major(st->st_rdev), minor(st->st_rdev), access));
}

/* Places in /dev that are file systems of the container's own, or made by the runtime. */
static bool is_own(const char *name)
{
	static const char *const own[] = {
		"pts", "shm", "fd", "mqueue", "console", "ptmx", ".lxc", ".lxd-mounts", ".udev"};
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (STREQ(name, own[i]))
			return true;
	return false;
}

/* All devices below a directory; links are left out, as they lead to one that is found anyway. */
static int add_tree(
	const struct out *o, int dir_fd, const char *target, const char *access, int depth, struct err *err)
{
	auto_close int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(err, errno, "read device directory '%s'", target);
	(void)take_fd(&fd);
	const struct dirent *e;
	while ((e = readdir(d))) {
		struct stat st;
		if (STREQ(e->d_name, ".") || STREQ(e->d_name, "..") || is_own(e->d_name) ||
			fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		auto_free char *path = xasprintf("%s/%s", target, e->d_name);
		if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
			if (json_array_size(o->nodes) >= MAX_DEVICES)
				return err_set(err, ERR_INPUT, "more than %d devices below '%s'", MAX_DEVICES,
					target);
			if (str_is_utf8(path, strlen(path)))
				add_node(o, path, &st, access);
		} else if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH) {
			auto_close int sub =
				openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (sub >= 0 && add_tree(o, sub, path, access, depth + 1, err) < 0)
				return -1;
		}
	}
	return 0;
}

static int add_device(const struct out *o, const struct oci_device *d, struct err *err)
{
	const char *access = d->permissions && *d->permissions ? d->permissions : "rwm";
	const char *wanted = d->target && *d->target ? d->target : d->source;
	if (check_access(access, d->source, err) < 0)
		return -1;
	if (*d->source != '/' || *wanted != '/')
		return err_set(err, ERR_INPUT, "device '%s' is not an absolute path",
			*d->source != '/' ? d->source : wanted);
	auto_free char *target = path_join("/", wanted);
	auto_close int fd = open(d->source, O_PATH | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "device '%s'", d->source);
	if (!str_is_utf8(target, strlen(target)))
		return err_set(err, ERR_INPUT, "a device's target is not UTF-8 text");
	if (S_ISDIR(st.st_mode))
		return add_tree(o, fd, target, access, 0, err);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(err, ERR_INPUT, "'%s' is not a device", d->source);
	add_node(o, target, &st, access);
	return 0;
}

static int number_or_star(const char *s, size_t n, int64_t *ret)
{
	auto_free char *t = xstrndup(s, n);
	unsigned v;
	if (STREQ(t, "*")) {
		*ret = -1;
		return 0;
	}
	if (str_uint(t, 0, 1U << 20, &v) < 0)
		return -1;
	*ret = v;
	return 0;
}

/* "c 13:* rw" */
static int add_rule(json_t *rules, const char *text, struct err *err)
{
	const char type[2] = {text[0], '\0'};
	int64_t maj, min;
	const char *nums = text + 2;
	bool ok = *type && strchr("abc", *type) && text[1] == ' ';
	size_t colon = ok ? strcspn(nums, ":") : 0, blank = ok ? strcspn(nums, " ") : 0;
	if (!ok || colon >= blank || nums[blank] != ' ' || number_or_star(nums, colon, &maj) < 0 ||
		number_or_star(nums + colon + 1, blank - colon - 1, &min) < 0) {
		err_set(err, ERR_INPUT, "device cgroup rule '%s' is not understood", text);
		return err_hint(err, "a rule looks like 'c 13:* rwm'");
	}
	if (check_access(nums + blank + 1, text, err) < 0)
		return -1;
	json_array_append_new(rules, rule(true, type, maj, min, nums + blank + 1));
	return 0;
}

/* On v2 the rules are a BPF program, which older runtimes load only after they raised their locked memory. */
static bool cannot_load_rules(const struct spec_ctx *c)
{
	struct rlimit r;
	return c->host->mode == CGROUP_V2 && !spec_own_cap(CAP_SYS_RESOURCE) &&
	       getrlimit(RLIMIT_MEMLOCK, &r) == 0 && r.rlim_max != RLIM_INFINITY;
}

static int rules_for(const struct spec_ctx *c, const struct out *o, struct err *err)
{
	const struct oci_spec *s = c->spec;
	if (s->privileged) {
		json_array_append_new(o->rules, rule(true, "a", -1, -1, "rwm"));
		auto_close int dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return dev < 0 ? 0 : add_tree(o, dev, "/dev", NULL, 0, err);
	}
	default_rules(o->rules);
	for (size_t i = 0; i < s->n_devices; i++)
		if (add_device(o, &s->devices[i], err) < 0)
			return -1;
	for (size_t i = 0; s->device_cgroup_rules && s->device_cgroup_rules[i]; i++)
		if (add_rule(o->rules, s->device_cgroup_rules[i], err) < 0)
			return -1;
	return 0;
}

int spec_devices(const struct spec_ctx *c, json_t **ret_nodes, json_t **ret_rules, struct err *err)
{
	auto_json json_t *nodes = json_array(), *rules = json_array();
	const struct out o = {nodes, rules};
	if (rules_for(c, &o, err) < 0)
		return -1;
	*ret_rules = NULL;
	if (cannot_load_rules(c))
		spec_warn(c, "access to devices is not restricted: davit lacks CAP_SYS_RESOURCE, which "
			     "cgroup v2 needs for that");
	else if (c->host->mode != CGROUP_NONE)
		*ret_rules = take(rules);
	*ret_nodes = take(nodes);
	return 0;
}
