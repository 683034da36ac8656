/* model.h - struct project: what the user wants, fully resolved.
 *
 * Made by compose/lower from the canonical tree (either the user's files or the wire form), immutable afterwards; everything in it
 * lives in the project's arena and is released by project_free(). Lists are arrays with a count; NULL text means "not given";
 * absent numbers have the value named beside them. Names follow the Compose Specification; units are in the names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pos.h"

struct arena;
struct node;

struct strv {                   /* v[n] is NULL, so it can be an argv; set: the attribute was given (maybe empty) */
	char **v;
	size_t n;
	bool set;
};

struct kv {
	char *key;
	char *value;            /* NULL: named without a value ("FOO" in environment that is set nowhere) */
};
struct kvs {                    /* sorted by key unless said otherwise */
	struct kv *v;
	size_t n;
};

enum tristate { TRI_UNSET = -1, TRI_NO = 0, TRI_YES = 1 };

/* A port of a service. One item per published mapping; ranges of the short syntax are spread as the reference does. */
struct port {
	struct pos pos;
	char *name, *app_protocol;
	char *host_ip;          /* NULL: all addresses */
	unsigned target;        /* container port 1-65535 */
	unsigned published_min, published_max;  /* host port; 0,0: any free one; a range: the first free one */
	bool published;         /* false: `target` alone was given (any free host port) */
	char *protocol;         /* "tcp", "udp" */
	char *mode;             /* "ingress", "host" */
};

enum mount_type { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS, MOUNT_IMAGE, MOUNT_CLUSTER, MOUNT_NPIPE };
struct mount {
	struct pos pos;
	enum mount_type type;
	char *source;           /* bind: absolute host path; volume: key of project.volumes, NULL: anonymous */
	char *target;           /* absolute path in the container */
	bool read_only;
	char *consistency;
	char *propagation;      /* bind.propagation, NULL: rprivate */
	bool create_host_path;  /* bind: make a missing source (short syntax, or asked for) */
	char *selinux;
	bool recursive_disabled;
	bool nocopy;            /* volume.nocopy */
	char *subpath;          /* volume.subpath */
	int64_t tmpfs_bytes;    /* -1: not given */
	int64_t tmpfs_mode;     /* permission bits, -1: not given */
};

struct service_network {        /* a service's membership of a network */
	struct pos pos;
	char *network;          /* key of project.networks */
	struct strv aliases;
	char *ipv4_address, *ipv6_address, *mac_address, *interface_name;
	struct strv link_local_ips;
	struct kvs driver_opts;
	double priority;        /* higher first; the first gives the default route */
	double gw_priority;
};

enum dep_condition { DEP_STARTED, DEP_HEALTHY, DEP_COMPLETED };
struct dependency {
	struct pos pos;
	char *service;
	enum dep_condition condition;
	bool restart;           /* restart this service when the dependency is restarted or recreated */
	bool required;          /* false: a warning when it is missing or fails */
};

struct healthcheck {
	bool given;             /* the attribute is there (else the image's is used) */
	bool disable;
	struct strv test;       /* ["CMD", …], ["CMD-SHELL", text] or ["NONE"]; not set: the image's */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;   /* -1: not given */
	int64_t retries;        /* -1: not given */
};

/* x-davit.probe: a health check through a socket in place of a command, with the times of `healthcheck`. */
enum probe_kind { PROBE_NONE, PROBE_HTTP, PROBE_TCP };
struct probe {
	enum probe_kind kind;
	unsigned port;          /* in the container, 1-65535 */
	char *path, *host;      /* http: what is asked for and the Host header, both as they are sent; else NULL */
	unsigned status_min, status_max;        /* http: the answers that are good */
};
/* x-davit.on_unhealthy */
enum unhealthy_action { UNHEALTHY_NONE, UNHEALTHY_RESTART, UNHEALTHY_STOP };

enum restart_kind { RESTART_NO, RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_UNLESS_STOPPED };
struct restart_policy {
	enum restart_kind kind;
	int64_t max_attempts;   /* on-failure:N; 0: unlimited */
	int64_t delay_ns;       /* deploy.restart_policy.delay; -1: docker's back-off */
	int64_t window_ns;      /* deploy.restart_policy.window; -1: not given */
};

enum failure_action { FAILURE_PAUSE, FAILURE_CONTINUE, FAILURE_ROLLBACK };
struct update_config {          /* deploy.update_config, rollback_config; absent values are filled in */
	bool given;
	bool start_first;
	unsigned parallelism;   /* 0: all at once */
	int64_t delay_ns;
	int64_t monitor_ns;     /* -1: not given */
	double max_failure_ratio;
	enum failure_action action;
};

struct ulimit {
	char *name;
	int64_t soft, hard;     /* -1: unlimited */
};

struct limits {                 /* zero or -1 as said: not given. deploy.resources and the service's own attributes, merged */
	int64_t mem_bytes;              /* 0 */
	int64_t mem_reservation_bytes;  /* 0 */
	int64_t memswap_bytes;          /* 0; -1: unlimited */
	int64_t mem_swappiness;         /* -1 */
	double cpus;                    /* 0 */
	int64_t cpu_shares, cpu_quota_us, cpu_period_us;   /* 0 */
	int64_t cpu_rt_runtime_us, cpu_rt_period_us;       /* 0 */
	char *cpuset;
	int64_t pids;                   /* 0; -1: unlimited */
	int64_t shm_bytes;              /* 0: the default of 64 MiB */
	bool oom_kill_disable;
	bool oom_score_adj_set;
	int64_t oom_score_adj;
};

struct file_ref {               /* a config or secret in a service */
	struct pos pos;
	char *source;           /* key of project.configs or .secrets */
	char *target;           /* absolute path or a name (below /run/secrets for secrets, / for configs); NULL: the default */
	char *uid, *gid;        /* NULL: 0 */
	int64_t mode;           /* -1: 0444 */
};

struct host_entry {             /* extra_hosts */
	char *host, *ip;        /* ip may be "host-gateway" */
};

struct device {
	char *source, *target, *permissions;
};

struct hook {                   /* a command around the life of a container: one item of pre_start, post_start or pre_stop */
	struct pos pos;
	struct strv command;    /* not set (pre_start only): what the image runs by itself */
	char *image;            /* pre_start: of the container that runs it, NULL: the service's */
	char *user;             /* NULL: the container's; of a pre_start with its own image: that image's */
	char *working_dir;      /* NULL: the container's */
	struct kvs environment; /* beside the container's, or instead of it */
	bool privileged;
	bool per_replica;       /* pre_start: before each container; false: once, before the service's first one */
};

enum watch_action { WATCH_REBUILD, WATCH_SYNC, WATCH_RESTART, WATCH_SYNC_RESTART, WATCH_SYNC_EXEC };
struct watch_rule {             /* one item of develop.watch */
	struct pos pos;
	enum watch_action action;
	char *path;             /* absolute; a file or a directory */
	char *target;           /* where it is in the container; NULL: of what is not synchronised */
	struct strv include, ignore;    /* patterns as in .dockerignore, relative to path */
	bool initial_sync;
	struct hook exec;       /* sync+exec: command not set when there is none */
};

struct build {
	bool given;
	bool names_image;       /* the service has no image of its own: service.image is PROJECT-SERVICE */
	struct pos pos, context_pos, dockerfile_pos;
	char *context;          /* absolute, or a URL as it was written */
	char *dockerfile;       /* as it was written; NULL with dockerfile_inline */
	char *dockerfile_inline, *target, *network, *isolation;
	char *provenance, *sbom;     /* "true", "false", "mode=max"; NULL: not said */
	struct kvs args, labels;
	struct kvs additional_contexts;  /* name → absolute path, URL, "service:NAME" … */
	struct strv cache_from, cache_to, no_cache_filter, ssh /* "default", "ID=PATH" as written */, tags, platforms, entitlements;
	struct host_entry *extra_hosts;  size_t n_extra_hosts;
	struct file_ref *secrets;        size_t n_secrets;
	struct ulimit *ulimits;          size_t n_ulimits;
	int64_t shm_bytes;      /* 0: the builder's default */
	bool no_cache, pull, privileged;
};

struct service {
	char *name;
	struct pos pos;                  /* of its key */
	struct pos image_pos, command_pos, entrypoint_pos, healthcheck_pos;

	char *image;                     /* PROJECT-SERVICE when only build is given; NULL: there is none (a provider) */
	struct build build;
	char *platform, *pull_policy;
	char *container_name;
	struct strv command, entrypoint; /* set and n == 0: emptied on purpose */
	struct kvs environment;          /* env_file and environment, resolved */
	struct kvs labels, annotations;
	char *user, *working_dir;
	char *hostname, *domainname;
	enum tristate init;
	bool privileged, read_only, tty, stdin_open;
	bool attach;                     /* default true */
	struct strv cap_add, cap_drop, security_opt, group_add, expose, tmpfs;
	struct strv dns, dns_search, dns_opt;
	struct host_entry *extra_hosts;  size_t n_extra_hosts;
	struct port *ports;              size_t n_ports;
	struct mount *mounts;            size_t n_mounts;   /* `volumes` of the service */
	struct strv volumes_from;
	struct service_network *networks; size_t n_networks;   /* `default` is filled in; empty with network_mode */
	char *network_mode;              /* NULL, "none", "host", "bridge", "service:NAME", "container:NAME" */
	char *mac_address;
	char *pid, *ipc, *uts, *cgroup, *cgroup_parent, *userns_mode, *runtime;
	struct strv links, external_links;
	struct dependency *depends_on;   size_t n_depends_on;   /* with the implied ones; sorted by name */
	struct healthcheck healthcheck;
	struct probe probe;
	enum unhealthy_action on_unhealthy;
	struct restart_policy restart;
	char *restart_unknown;           /* what stands there and is no policy (RESTART_NO is in force); else NULL */
	const char *restart_place;       /* of that: "restart" or "deploy/restart_policy/condition" */
	char *stop_signal;               /* NULL: the image's, else SIGTERM */
	int64_t stop_grace_ns;           /* -1: 10 s */
	struct limits limits;
	struct ulimit *ulimits;          size_t n_ulimits;
	struct kvs sysctls;
	struct device *devices;          size_t n_devices;
	struct strv device_cgroup_rules;
	char *log_driver;                /* NULL: json-file */
	struct kvs log_options;
	struct file_ref *configs;        size_t n_configs;
	struct file_ref *secrets;        size_t n_secrets;
	struct hook *pre_start;          size_t n_pre_start;     /* in the order in which they run */
	struct hook *post_start;         size_t n_post_start;
	struct watch_rule *watch;        size_t n_watch;
	struct hook *pre_stop;           size_t n_pre_stop;
	struct strv profiles;
	struct update_config update, rollback;
	unsigned replicas;               /* scale or deploy.replicas, default 1 */
	char *config_hash;               /* SHA-256 of what requires a new container when it changes; `x-` keys, replicas, restart
	                                    policy, depends_on and the like are left out; NULL until project_hash(). Behind it, where
	                                    the contents of its configs and secrets are known, a dot and theirs: see config_same() */
};

struct ipam_config {
	char *subnet, *gateway, *ip_range;
	struct kvs aux_addresses;
};

struct network {
	char *key;                       /* in the file */
	char *name;                      /* PROJECT_KEY unless `name` is given */
	struct pos pos;
	char *driver;
	struct kvs driver_opts, labels;
	bool external, internal, attachable;
	enum tristate enable_ipv4, enable_ipv6;
	struct ipam_config *ipam;        size_t n_ipam;
};

struct volume {
	char *key, *name;
	struct pos pos;
	char *driver;
	struct kvs driver_opts, labels;
	bool external;
	bool hidden;                     /* `config` does not know it: "v:/data" is a drive of Windows to the reference */
};

struct file_object {                     /* a top-level config or secret */
	char *key, *name;
	struct pos pos;
	char *file;                      /* absolute path */
	char *environment;               /* name of the variable */
	char *content;                   /* inline, or the variable's value once resolved */
	char *digest;                    /* SHA-256 of what is in the file, as of project_digest_contents(); NULL: not known */
	bool external;
};

struct project {
	struct arena *arena;
	struct node *root;               /* the canonical tree this was made from; what `config` prints */
	struct node *disabled_root;      /* the services that profiles took out of it; NULL: none */
	bool raw;                        /* variables were left alone: a dollar in the texts is just that */
	char *name;
	char *working_dir;               /* absolute: the project directory */
	struct strv files;               /* the compose files, absolute ("-": standard input) */
	struct service *services;        size_t n_services;      /* sorted by name; enabled ones only */
	struct service *disabled;        size_t n_disabled;      /* by profiles */
	struct network *networks;        size_t n_networks;      /* sorted by key; used ones only */
	struct volume *volumes;          size_t n_volumes;
	struct file_object *configs;     size_t n_configs;
	struct file_object *secrets;     size_t n_secrets;
};

void project_free(struct project *p);    /* NULL is fine */
const struct service *project_service(const struct project *p, const char *name);    /* NULL: there is none */
const struct network *project_network(const struct project *p, const char *key);
const struct volume *project_volume(const struct project *p, const char *key);
/* Fills in every service's config_hash. Apart from compose_load() because it costs a third as much, and
 * only who got the project over the wire compares; there it is filled in. */
void project_hash(struct project *p);
/* Reads the files behind configs and secrets and notes down what they are like inside; their digests travel in the wire form. */
void project_digest_contents(struct project *p);
/* The same, but what is noted down already stays where is_kept() says so. */
void project_digest_others(struct project *p, bool (*is_kept)(void *arg, const char *digest), void *arg);
/* Whether two config_hashes (either may be NULL) are of the same configuration. Contents count when both know them. */
bool config_same(const char *a, const char *b);
/* It says nothing of contents where the other one, which is the same otherwise, does. */
bool config_lacks_contents(const char *hash, const char *other);
