/* spec.c - config.json: the whole of it, put together from its parts. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "oci.h"
#include "seccomp.h"
#include "spec.h"

void spec_warn(const struct spec_ctx *c, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	size_t i;
	const json_t *w;
	bool known = false;
	json_array_foreach(c->warnings, i, w) known = known || str_eq(json_string_value(w), text);
	if (!known && c->warnings)
		json_array_append_new(c->warnings, json_string(text));
	free(text);
}

static int check(const struct oci_spec *s, struct err *err)
{
	if (!s->args || !s->args[0])
		return err_set(err, ERR_INPUT, "no command: neither the image nor the service has one");
	if (!*s->args[0])
		return err_set(err, ERR_INPUT, "the command's first word is empty");
	if (!s->rootfs || *s->rootfs != '/')
		return err_set(
			err, ERR_INPUT, "root directory '%s' is not absolute", s->rootfs ? s->rootfs : "");
	if (s->cwd && *s->cwd && *s->cwd != '/')
		return err_set(err, ERR_INPUT, "working directory '%s' is not absolute", s->cwd);
	if (s->userns && !STREQ(s->userns, "host") && *s->userns)
		return err_set(
			err, ERR_INPUT, "user namespace '%s' is not supported (only 'host')", s->userns);
	if (!s->cgroup_path || !*s->cgroup_path || *s->cgroup_path == '/')
		return err_set(err, ERR_INPUT, "cgroup path '%s' is not relative",
			s->cgroup_path ? s->cgroup_path : "");
	return 0;
}

/* A precompiled form beside the profile; the annotation is crun's (see seccomp_bpf.c). Always set or
 * removed, so that it cannot come from elsewhere and replace the profile unseen. */
static void annotate_seccomp(json_t *annotations, const json_t *profile, bool is_default)
{
	static const char key[] = "run.oci.seccomp_bpf_data";
	auto_free char *bpf = profile && is_default ? seccomp_compile_base64(profile) : NULL;
	json_object_del(annotations, key);
	jx_set_str(annotations, key, bpf);
}

static int set_seccomp(
	const struct spec_ctx *c, const struct spec_sec *sec, uint64_t caps, json_t *lin, struct err *err)
{
	json_t *profile = NULL;
	if (sec->no_seccomp || (c->spec->privileged && !sec->seccomp_file))
		return 0;
	if (!c->host->seccomp) {
		spec_warn(c, "this kernel has no seccomp filters: the container may make any system call");
		return 0;
	}
	if (sec->seccomp_file) {
		if (seccomp_from_file(sec->seccomp_file, caps, &profile, err) < 0)
			return err_wrap(err, "seccomp profile '%s'", sec->seccomp_file);
	} else {
		profile = seccomp_default(caps);
	}
	json_object_set_new(lin, "seccomp", profile);
	return 0;
}

static int linux_part(
	const struct spec_ctx *c, const struct spec_sec *sec, uint64_t caps, json_t **ret, struct err *err)
{
	auto_json json_t *lin = json_object();
	json_t *sysctls = NULL, *nodes = NULL, *rules = NULL, *resources = NULL;

	json_object_set_new(lin, "namespaces", spec_namespaces(c));
	if (spec_sysctls(c, &sysctls, err) < 0)
		return -1;
	json_object_set_new(lin, "sysctl", sysctls);
	if (spec_resources(c, &resources, err) < 0)
		return -1;
	json_object_set_new(lin, "resources", resources);
	if (spec_devices(c, &nodes, &rules, err) < 0)
		return -1;
	json_object_set_new(lin, "devices", nodes);
	if (rules)
		json_object_set_new(resources, "devices", rules);
	if (c->host->mode != CGROUP_NONE) {
		auto_free char *path = xasprintf("/%s", c->spec->cgroup_path);
		if (spec_set_text(lin, "cgroupsPath", path, err) < 0)
			return -1;
	}
	jx_set_str(lin, "rootfsPropagation", spec_propagation(c->spec));
	spec_paths(c, sec, lin);
	if (set_seccomp(c, sec, caps, lin, err) < 0)
		return -1;
	*ret = take(lin);
	return 0;
}

static int root_part(const struct oci_spec *s, json_t *config, struct err *err)
{
	json_t *root = json_object();
	json_object_set_new(config, "root", root);
	jx_set_bool(root, "readonly", s->rootfs_readonly);
	return spec_set_text(root, "path", s->rootfs, err);
}

int oci_bundle_write(int bundle_fd, const struct oci_spec *spec, json_t *warnings, struct err *err)
{
	const struct spec_ctx c = {.spec = spec, .host = oci_host(), .warnings = warnings};
	struct spec_sec sec;
	uint64_t caps;
	json_t *part = NULL;
	auto_json json_t *config = json_pack("{ss}", "ociVersion", "1.0.2");

	if (check(spec, err) < 0 || spec_caps(&c, &caps, err) < 0 || spec_security(&c, &sec, err) < 0)
		return -1;
	if (spec_process(&c, &sec, caps, &part, err) < 0)
		return -1;
	json_object_set_new(config, "process", part);
	if (root_part(spec, config, err) < 0)
		return -1;
	/* The runtimes refuse to name the host. */
	if (!spec_is_host(spec->uts_ns) && spec->hostname &&
		spec_set_text(config, "hostname", spec->hostname, err) < 0)
		return -1;
	if (spec_mounts(&c, &part, err) < 0)
		return -1;
	json_object_set_new(config, "mounts", part);
	if (linux_part(&c, &sec, caps, &part, err) < 0)
		return -1;
	json_object_set_new(config, "linux", part);
	json_t *annotations = spec->annotations ? json_deep_copy(spec->annotations) : json_object();
	json_object_set_new(config, "annotations", annotations);
	annotate_seccomp(annotations, json_object_get(part, "seccomp"), !sec.seccomp_file);
	return spec_store(bundle_fd, "config.json", config, err);
}

int oci_bundle_rebind(int bundle_fd, const char *from, const char *to, struct err *err)
{
	auto_json json_t *config = NULL;
	json_t *mount;
	size_t i;

	if (spec_load(bundle_fd, "config.json", &config, err) < 0)
		return -1;
	json_array_foreach(jx_arr(config, "mounts"), i, mount)
		if (str_eq(jx_str(mount, "source"), from))
			json_object_set_new(mount, "source", json_string(to));
	return spec_store(bundle_fd, "config.json", config, err);
}
