/* spec_ns.c - namespaces, and the kernel parameters that live in them. */
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/str.h"
#include "spec.h"

bool spec_is_host(const char *ns)
{
	return ns && STREQ(ns, "host");
}

/* "host": none; NULL or "private": a new one; else joins the path. */
static void add_ns(json_t *a, const char *type, const char *ns)
{
	if (spec_is_host(ns))
		return;
	json_t *o = json_object();
	jx_set_str(o, "type", type);
	if (ns && *ns == '/')
		jx_set_str(o, "path", ns);
	json_array_append_new(a, o);
}

json_t *spec_namespaces(const struct spec_ctx *c)
{
	const struct oci_spec *s = c->spec;
	json_t *a = json_array();
	add_ns(a, "mount", NULL);
	add_ns(a, "pid", s->pid_ns);
	add_ns(a, "ipc", s->ipc_ns);
	add_ns(a, "uts", s->uts_ns);
	if (s->netns_path)
		add_ns(a, "network", s->netns_path);
	/* On v1 the host's is the default, as docker has it: images that read /proc/self/cgroup expect
	 * full paths there. */
	if (s->cgroup_ns || c->host->mode == CGROUP_V2)
		add_ns(a, "cgroup", s->cgroup_ns);
	return a;
}

/* Which namespace a parameter belongs to; 0: to none, it is the machine's. */
enum where { W_NOWHERE, W_NET, W_IPC, W_UTS };

static enum where where_is(const char *name)
{
	static const char *const ipc[] = {
		"kernel.msgmax",
		"kernel.msgmnb",
		"kernel.msgmni",
		"kernel.sem",
		"kernel.shmall",
		"kernel.shmmax",
		"kernel.shmmni",
		"kernel.shm_rmid_forced",
	};
	if (str_starts(name, "net."))
		return W_NET;
	if (str_starts(name, "fs.mqueue."))
		return W_IPC;
	if (STREQ(name, "kernel.domainname"))
		return W_UTS;
	for (size_t i = 0; i < ARRAY_LEN(ipc); i++)
		if (STREQ(name, ipc[i]))
			return W_IPC;
	return W_NOWHERE;
}

static int check_sysctl(const struct oci_spec *s, const char *name, struct err *err)
{
	/* The runtimes make a path of it. */
	if (!*name || strstr(name, "..") || name[0] == '.' || name[0] == '/')
		return err_set(err, ERR_INPUT, "'%s' is not the name of a kernel parameter", name);
	const char *whose = NULL;
	switch (where_is(name)) {
	case W_NOWHERE:
		err_set(err, ERR_INPUT,
			"kernel parameter '%s' belongs to the whole machine, not to a container", name);
		return err_hint(err, "set it on the host: sysctl -w %s=…", name);
	case W_NET:
		whose = s->netns_path ? NULL : "network";
		break;
	case W_IPC:
		whose = spec_is_host(s->ipc_ns) ? "ipc" : NULL;
		break;
	case W_UTS:
		whose = spec_is_host(s->uts_ns) ? "uts" : NULL;
		break;
	}
	if (whose)
		return err_set(err, ERR_INPUT,
			"kernel parameter '%s' cannot be set in the host's %s namespace", name, whose);
	return 0;
}

int spec_sysctls(const struct spec_ctx *c, json_t **ret, struct err *err)
{
	const struct oci_spec *s = c->spec;
	auto_json json_t *o = json_object();
	if (s->netns_path) {
		/* docker's defaults for a network of one's own: low ports and ping need no privilege */
		jx_set_str(o, "net.ipv4.ip_unprivileged_port_start", "0");
		jx_set_str(o, "net.ipv4.ping_group_range", "0 2147483647");
	}
	/* "domainname" came with OCI 1.1; this works with every runtime */
	if (s->domainname && *s->domainname && !spec_is_host(s->uts_ns) &&
		spec_set_text(o, "kernel.domainname", s->domainname, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n_sysctls; i++) {
		const struct oci_sysctl *k = &s->sysctls[i];
		if (check_sysctl(s, k->name, err) < 0 || spec_set_text(o, k->name, k->value, err) < 0)
			return -1;
	}
	*ret = take(o);
	return 0;
}
