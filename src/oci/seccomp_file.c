/* seccomp_file.c - a user's seccomp profile, in docker's format or already in OCI's.
 *
 * How it works: docker's format is OCI's plus conditions ("includes", "excludes": capabilities,
 * architectures, kernel) and a map of architectures. The conditions are decided here, the rest is handed
 * on; what the runtime does not know is its own error. */
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/str.h"
#include "spec.h"

enum { MAX_PROFILE = 1024 * 1024, MAX_RULES = 4096 };

/* docker's words for what libseccomp calls its own */
static bool is_native(const char *arch)
{
#if defined(__x86_64__)
	static const char *const mine[] = {"amd64", "x86", "x32"};
#else
	static const char *const mine[] = {"arm64", "arm"};
#endif
	for (size_t i = 0; i < ARRAY_LEN(mine); i++)
		if (STREQ(arch, mine[i]))
			return true;
	return false;
}

static bool any_arch(const json_t *list)
{
	size_t i;
	const json_t *v;
	json_array_foreach(list, i, v) if (json_is_string(v) && is_native(json_string_value(v))) return true;
	return false;
}

/* "4.8" as 4008 */
static unsigned version(const char *text)
{
	unsigned a = 0, b = 0;
	if (sscanf(text, "%3u.%3u", &a, &b) < 1)
		return 0;
	return a * 1000 + b;
}

static bool kernel_at_least(const char *wanted)
{
	struct utsname u;
	return uname(&u) == 0 && version(u.release) >= version(wanted);
}

static bool rule_applies(const json_t *rule, uint64_t caps)
{
	const json_t *in = jx_obj(rule, "includes"), *ex = jx_obj(rule, "excludes");
	const json_t *in_caps = jx_arr(in, "caps"), *in_arches = jx_arr(in, "arches");
	const json_t *ex_caps = jx_arr(ex, "caps"), *ex_arches = jx_arr(ex, "arches");
	const char *in_kernel = jx_str(in, "minKernel"), *ex_kernel = jx_str(ex, "minKernel");
	uint64_t need = spec_caps_parse_json(in_caps);
	if (json_array_size(in_caps) > 0 && (!need || (need & caps) != need))
		return false;
	if (json_array_size(in_arches) > 0 && !any_arch(in_arches))
		return false;
	if (in_kernel && !kernel_at_least(in_kernel))
		return false;
	if (spec_caps_parse_json(ex_caps) & caps)
		return false;
	return !any_arch(ex_arches) && !(ex_kernel && kernel_at_least(ex_kernel));
}

/* One rule as OCI has it; docker's old format had "name" instead of "names". */
static json_t *clean_rule(const json_t *rule)
{
	static const char *const keep[] = {"names", "action", "errnoRet"};
	json_t *o = json_object();
	for (size_t i = 0; i < ARRAY_LEN(keep); i++)
		if (json_object_get(rule, keep[i]))
			json_object_set(o, keep[i], json_object_get(rule, keep[i]));
	if (json_array_size(jx_arr(rule, "args")) > 0)
		json_object_set(o, "args", jx_arr(rule, "args"));
	if (jx_str(rule, "name"))
		json_object_set_new(o, "names", json_pack("[s]", jx_str(rule, "name")));
	return o;
}

static int copy_rules(const json_t *from, uint64_t caps, json_t *to, struct err *err)
{
	size_t i;
	const json_t *rule;
	if (json_array_size(from) > MAX_RULES)
		return err_set(err, ERR_INPUT, "more than %d rules", MAX_RULES);
	json_array_foreach(from, i, rule)
	{
		if (!json_is_object(rule))
			return err_set(err, ERR_INPUT, "rule %zu is no object", i + 1);
		if (rule_applies(rule, caps))
			json_array_append_new(to, clean_rule(rule));
	}
	return 0;
}

static json_t *arches_of(const json_t *profile)
{
	const json_t *given = jx_arr(profile, "architectures");
	if (given)
		return json_deep_copy(given);
	json_t *a = json_array();
	for (const char *const *p = seccomp_arches(); *p; p++)
		json_array_append_new(a, json_string(*p));
	return a;
}

int seccomp_from_file(const char *path, uint64_t caps, json_t **ret, struct err *err)
{
	static const char *const keep[] = {
		"defaultAction", "defaultErrnoRet", "flags", "listenerPath", "listenerMetadata"};
	auto_json json_t *profile = NULL, *o = json_object();
	json_t *rules = json_array();
	json_object_set_new(o, "syscalls", rules);
	if (jx_load(AT_FDCWD, path, MAX_PROFILE, &profile, err) < 0)
		return -1;
	if (!jx_str(profile, "defaultAction"))
		return err_set(err, ERR_INPUT, "'defaultAction' is missing");
	for (size_t i = 0; i < ARRAY_LEN(keep); i++)
		if (json_object_get(profile, keep[i]))
			json_object_set(o, keep[i], json_object_get(profile, keep[i]));
	json_object_set_new(o, "architectures", arches_of(profile));
	if (copy_rules(jx_arr(profile, "syscalls"), caps, rules, err) < 0)
		return -1;
	*ret = take(o);
	return 0;
}
