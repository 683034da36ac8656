/* spec.h - the parts of a config.json, each made by one file; only spec.c puts them together.
 *
 * The spec_* functions that can fail return -1 with err; those that make JSON return a new reference. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "oci.h"

struct spec_ctx {
	const struct oci_spec *spec;
	const struct oci_host *host;
	json_t *warnings;
};

/* Adds a warning unless it is there already. */
void spec_warn(const struct spec_ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- spec_json.c: JSON that jansson alone cannot do --- */
/* Stands for the largest uint64, which jansson cannot hold; only as "soft" or "hard" of a resource limit. */
#define SPEC_RLIM_INFINITY (-INT64_MAX)
int spec_store(int dir_fd, const char *name, const json_t *j, struct err *err);
int spec_load(int dir_fd, const char *name, json_t **ret, struct err *err);
/* An array of the NULL-terminated list (NULL: empty). ERR_INPUT when one is not UTF-8; `what` names it in
 * the message. */
int spec_strings(const char *const *list, const char *what, json_t **ret, struct err *err);
/* o[key] = s, with the same check. */
int spec_set_text(json_t *o, const char *key, const char *s, struct err *err);
/* The size of a process's terminal (runtime-spec, process.consoleSize). */
void spec_set_console_size(json_t *process, unsigned rows, unsigned cols);

/* --- spec_caps.c --- */
/* Bits by capability number, as in linux/capability.h. What this process itself may not give is left out,
 * with a warning when the user asked for it by name. */
int spec_caps(const struct spec_ctx *c, uint64_t *ret, struct err *err);
uint64_t spec_caps_all(void);
json_t *spec_caps_json(uint64_t caps);
uint64_t spec_caps_parse_json(const json_t *names);
int spec_cap_number(const char *name); /* "CAP_KILL" or "kill"; -1: unknown */
bool spec_own_cap(int cap);	       /* effective in this process */

/* --- spec_sec.c --- */
struct spec_sec {
	bool no_new_privileges, unconfined_paths, no_seccomp;
	const char *seccomp_file, *apparmor;
};
int spec_security(const struct spec_ctx *c, struct spec_sec *ret, struct err *err);
void spec_paths(const struct spec_ctx *c, const struct spec_sec *sec, json_t *linux_obj);

/* --- seccomp.c, seccomp_file.c --- */
json_t *seccomp_default(uint64_t caps);
/* A profile in the format of docker's --security-opt seccomp=FILE (or already in OCI's), for these
 * capabilities. */
int seccomp_from_file(const char *path, uint64_t caps, json_t **ret, struct err *err);
const char *const *seccomp_arches(void); /* "SCMP_ARCH_X86_64", …: native first */

/* --- spec_proc.c --- */
int spec_process(
	const struct spec_ctx *c, const struct spec_sec *sec, uint64_t caps, json_t **ret, struct err *err);

/* --- spec_mounts.c --- */
int spec_mounts(const struct spec_ctx *c, json_t **ret, struct err *err);
/* "rslave", "shared" or NULL: what the root needs for the propagation its mounts ask for. */
const char *spec_propagation(const struct oci_spec *s);

/* --- spec_res.c, spec_dev.c --- */
int spec_resources(const struct spec_ctx *c, json_t **ret, struct err *err);
/* linux.devices, and the allow list for linux.resources.devices. */
int spec_devices(const struct spec_ctx *c, json_t **ret_nodes, json_t **ret_rules, struct err *err);

/* --- spec_ns.c --- */
json_t *spec_namespaces(const struct spec_ctx *c);
int spec_sysctls(const struct spec_ctx *c, json_t **ret, struct err *err);
bool spec_is_host(const char *ns);
