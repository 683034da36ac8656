/* spec_sec.c - security_opt, and the parts of /proc and /sys a container does not see or cannot write. */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "spec.h"

/* What tells of the host or reaches its hardware. */
static const char *const masked[] = {
	"/proc/asound",
	"/proc/acpi",
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/sys/firmware",
	"/sys/devices/virtual/powercap",
};
static const char *const readonly[] = {
	"/proc/bus",
	"/proc/fs",
	"/proc/irq",
	"/proc/sys",
	"/proc/sysrq-trigger",
};

/* The value behind "name=" or "name:" (docker takes both), NULL when opt is another. A bare name has the
 * value "". */
static const char *opt_value(const char *opt, const char *name)
{
	size_t n = strlen(name);
	if (strncmp(opt, name, n) != 0)
		return NULL;
	if (opt[n] == '\0')
		return opt + n;
	return opt[n] == '=' || opt[n] == ':' ? opt + n + 1 : NULL;
}

static int parse_no_new(const char *opt, const char *v, struct spec_sec *sec, struct err *err)
{
	if (!*v || STREQ(v, "true") || STREQ(v, "1"))
		sec->no_new_privileges = true;
	else if (STREQ(v, "false") || STREQ(v, "0"))
		sec->no_new_privileges = false;
	else
		return err_set(err, ERR_INPUT, "security option '%s' is neither true nor false", opt);
	return 0;
}

static int parse_seccomp(const char *opt, const char *v, struct spec_sec *sec, struct err *err)
{
	sec->no_seccomp = STREQ(v, "unconfined");
	sec->seccomp_file = NULL;
	if (sec->no_seccomp || STREQ(v, "builtin"))
		return 0;
	if (*v != '/')
		return err_set(
			err, ERR_INPUT, "security option '%s': the profile's path is not absolute", opt);
	sec->seccomp_file = v;
	return 0;
}

static void parse_apparmor(const struct spec_ctx *c, const char *opt, const char *v, struct spec_sec *sec)
{
	if (STREQ(v, "unconfined"))
		return;
	if (c->host->apparmor)
		sec->apparmor = v;
	else
		spec_warn(c, "security option '%s' has no effect: this kernel has no AppArmor", opt);
}

static int parse_opt(const struct spec_ctx *c, const char *opt, struct spec_sec *sec, struct err *err)
{
	const char *v;
	if ((v = opt_value(opt, "no-new-privileges")))
		return parse_no_new(opt, v, sec, err);
	if ((v = opt_value(opt, "seccomp")))
		return parse_seccomp(opt, v, sec, err);
	if ((v = opt_value(opt, "apparmor"))) {
		parse_apparmor(c, opt, v, sec);
		return 0;
	}
	if (opt_value(opt, "label")) {
		if (c->host->selinux)
			spec_warn(c, "security option '%s' is ignored: davit sets no SELinux labels", opt);
		return 0;
	}
	if ((v = opt_value(opt, "systempaths")) && STREQ(v, "unconfined")) {
		sec->unconfined_paths = true;
		return 0;
	}
	err_set(err, ERR_INPUT, "unknown security option '%s'", opt);
	return err_hint(err, "known are no-new-privileges, seccomp, apparmor, label, systempaths");
}

int spec_security(const struct spec_ctx *c, struct spec_sec *ret, struct err *err)
{
	*ret = (struct spec_sec){0};
	for (size_t i = 0; c->spec->security_opt && c->spec->security_opt[i]; i++)
		if (parse_opt(c, c->spec->security_opt[i], ret, err) < 0)
			return -1;
	return 0;
}

/* One per processor, and on machines without the driver none: a mask for each that is not there would only
 * cost time. */
static void mask_thermal(json_t *a)
{
	auto_closedir DIR *d = opendir("/sys/devices/system/cpu");
	const struct dirent *e;
	while (d && (e = readdir(d))) {
		unsigned cpu;
		if (!str_starts(e->d_name, "cpu") || str_uint(e->d_name + 3, 0, 1U << 20, &cpu) < 0)
			continue;
		auto_free char *path = xasprintf("/sys/devices/system/cpu/cpu%u/thermal_throttle", cpu);
		if (access(path, F_OK) == 0)
			json_array_append_new(a, json_string(path));
	}
}

void spec_paths(const struct spec_ctx *c, const struct spec_sec *sec, json_t *linux_obj)
{
	if (c->spec->privileged || sec->unconfined_paths)
		return;
	json_t *m = json_array(), *r = json_array();
	for (size_t i = 0; i < ARRAY_LEN(masked); i++)
		json_array_append_new(m, json_string(masked[i]));
	mask_thermal(m);
	for (size_t i = 0; i < ARRAY_LEN(readonly); i++)
		json_array_append_new(r, json_string(readonly[i]));
	json_object_set_new(linux_obj, "maskedPaths", m);
	/* crun gives v1 a tmpfs of its own to mount the hierarchies in, and leaves that one writable */
	if (oci_host()->mode == CGROUP_V1 || oci_host()->mode == CGROUP_HYBRID)
		json_array_append_new(r, json_string("/sys/fs/cgroup"));
	json_object_set_new(linux_obj, "readonlyPaths", r);
}
