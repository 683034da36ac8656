/* spec_caps.c - which capabilities a container gets. */
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/str.h"
#include "spec.h"

#define CAP_NAME(c) [c] = #c
static const char *const names[] = {
	CAP_NAME(CAP_CHOWN),
	CAP_NAME(CAP_DAC_OVERRIDE),
	CAP_NAME(CAP_DAC_READ_SEARCH),
	CAP_NAME(CAP_FOWNER),
	CAP_NAME(CAP_FSETID),
	CAP_NAME(CAP_KILL),
	CAP_NAME(CAP_SETGID),
	CAP_NAME(CAP_SETUID),
	CAP_NAME(CAP_SETPCAP),
	CAP_NAME(CAP_LINUX_IMMUTABLE),
	CAP_NAME(CAP_NET_BIND_SERVICE),
	CAP_NAME(CAP_NET_BROADCAST),
	CAP_NAME(CAP_NET_ADMIN),
	CAP_NAME(CAP_NET_RAW),
	CAP_NAME(CAP_IPC_LOCK),
	CAP_NAME(CAP_IPC_OWNER),
	CAP_NAME(CAP_SYS_MODULE),
	CAP_NAME(CAP_SYS_RAWIO),
	CAP_NAME(CAP_SYS_CHROOT),
	CAP_NAME(CAP_SYS_PTRACE),
	CAP_NAME(CAP_SYS_PACCT),
	CAP_NAME(CAP_SYS_ADMIN),
	CAP_NAME(CAP_SYS_BOOT),
	CAP_NAME(CAP_SYS_NICE),
	CAP_NAME(CAP_SYS_RESOURCE),
	CAP_NAME(CAP_SYS_TIME),
	CAP_NAME(CAP_SYS_TTY_CONFIG),
	CAP_NAME(CAP_MKNOD),
	CAP_NAME(CAP_LEASE),
	CAP_NAME(CAP_AUDIT_WRITE),
	CAP_NAME(CAP_AUDIT_CONTROL),
	CAP_NAME(CAP_SETFCAP),
	CAP_NAME(CAP_MAC_OVERRIDE),
	CAP_NAME(CAP_MAC_ADMIN),
	CAP_NAME(CAP_SYSLOG),
	CAP_NAME(CAP_WAKE_ALARM),
	CAP_NAME(CAP_BLOCK_SUSPEND),
	CAP_NAME(CAP_AUDIT_READ),
	CAP_NAME(CAP_PERFMON),
	CAP_NAME(CAP_BPF),
	CAP_NAME(CAP_CHECKPOINT_RESTORE),
};

#define BIT(cap) (UINT64_C(1) << (cap))

/* docker's fourteen */
static const uint64_t default_caps =
	BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) | BIT(CAP_MKNOD) |
	BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) |
	BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);

int spec_cap_number(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(name, names[i] + 4) == 0)
			return (int)i;
	return -1;
}

/* Those this kernel knows and this process could hand on. */
uint64_t spec_caps_all(void)
{
	uint64_t all = 0;
	for (int i = 0; i < (int)ARRAY_LEN(names); i++)
		if (prctl(PR_CAPBSET_READ, i) == 1)
			all |= BIT(i);
	return all;
}

bool spec_own_cap(int cap)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &head, data) < 0)
		return false;
	return data[cap / 32].effective & (1U << (cap % 32));
}

/* Reads one list; "ALL" sets *ret_all instead of bits. */
static int parse_list(const char *const *list, uint64_t *ret, bool *ret_all, struct err *err)
{
	*ret = 0;
	*ret_all = false;
	for (size_t i = 0; list && list[i]; i++) {
		if (strcasecmp(list[i], "ALL") == 0 || strcasecmp(list[i], "CAP_ALL") == 0) {
			*ret_all = true;
			continue;
		}
		int cap = spec_cap_number(list[i]);
		if (cap < 0)
			return err_set(err, ERR_INPUT, "unknown capability '%s'", list[i]);
		*ret |= BIT(cap);
	}
	return 0;
}

static void warn_missing(const struct spec_ctx *c, uint64_t missing)
{
	for (int i = 0; i < (int)ARRAY_LEN(names); i++)
		if (missing & BIT(i))
			spec_warn(c, "capability '%s' cannot be given: davit itself was started without it",
				names[i]);
}

int spec_caps(const struct spec_ctx *c, uint64_t *ret, struct err *err)
{
	const struct oci_spec *s = c->spec;
	uint64_t add, drop, caps, can = spec_caps_all();
	bool add_all, drop_all;
	if (parse_list(s->cap_add, &add, &add_all, err) < 0 ||
		parse_list(s->cap_drop, &drop, &drop_all, err) < 0)
		return -1;
	if (s->privileged)
		caps = can;
	else if (add_all)
		caps = can & ~drop;
	else if (drop_all)
		caps = add;
	else
		caps = (default_caps & ~drop) | add;
	warn_missing(c, add & caps & ~can);
	*ret = caps & can;
	return 0;
}

static json_t *name_array(uint64_t caps)
{
	json_t *a = json_array();
	for (int i = 0; i < (int)ARRAY_LEN(names); i++)
		if (caps & BIT(i))
			json_array_append_new(a, json_string(names[i]));
	return a;
}

/* Inheritable and ambient stay empty: what a program of another user gets, it gets from its own file. */
json_t *spec_caps_json(uint64_t caps)
{
	json_t *o = json_object();
	json_object_set_new(o, "bounding", name_array(caps));
	json_object_set_new(o, "effective", name_array(caps));
	json_object_set_new(o, "permitted", name_array(caps));
	json_object_set_new(o, "inheritable", json_array());
	json_object_set_new(o, "ambient", json_array());
	return o;
}

uint64_t spec_caps_parse_json(const json_t *list)
{
	uint64_t caps = 0;
	size_t i;
	const json_t *v;
	json_array_foreach(list, i, v)
	{
		int cap = json_is_string(v) ? spec_cap_number(json_string_value(v)) : -1;
		if (cap >= 0)
			caps |= BIT(cap);
	}
	return caps;
}
