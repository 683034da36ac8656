/* attr_service.c - the rows of a service. Tables are in the order in which the reference prints them. */
/* clang-format off: a row is a line, a table has columns */
#include "attr_rows.h"
#include "canon.h"

static const struct attr hook[] = {
	{ "command",     A_CMD,  M_REPLACE, AF_REQ | AF_NULL | AF_KEEP, .help = "what to run" },
	{ "user",        A_STR,  M_REPLACE, .help = "user to run as" },
	{ "privileged",  A_BOOL, M_REPLACE, .help = "run with all privileges" },
	{ "working_dir", A_STR,  M_REPLACE, .help = "directory to run in" },
	{ "environment", A_KV,   M_DEEP,    AF_UNSET | AF_ONCE, .help = "variables for the command" },
	{ 0 }
};
static const struct attr hook_item = { "", A_OBJ, M_REPLACE, .kids = hook };

static const struct attr init_hook[] = {
	{ "command",       A_CMD,  M_REPLACE, AF_NULL, .help = "what to run" },
	{ "environment",   A_KV,   M_DEEP,    AF_UNSET | AF_ONCE, .help = "variables for the command" },
	{ "image",         A_STR,  M_REPLACE, .help = "image of the init container" },
	{ "per_replica",   A_BOOL, M_REPLACE, .help = "run once per replica" },
	{ "privileged",    A_BOOL, M_REPLACE, .help = "run with all privileges" },
	{ "user",          A_STR,  M_REPLACE, .help = "user to run as" },
	{ "working_dir",   A_STR,  M_REPLACE, .help = "directory to run in" },
	{ 0 }
};
static const struct attr init_hook_item = { "", A_OBJ, M_REPLACE, .kids = init_hook };

/* ------------------------------------------------------------------ blkio_config */

static const struct attr blkio_limit[] = {
	{ "path", A_STR,  M_REPLACE, AF_KEEP | AF_ALWAYS, .print = "Path", .help = "device" },
	{ "rate", A_SIZE, M_REPLACE, AF_KEEP | AF_ALWAYS, .print = "Rate", .help = "bytes or operations a second" },
	{ 0 }
};
static const struct attr blkio_weight[] = {
	{ "path",   A_STR, M_REPLACE, AF_KEEP | AF_ALWAYS, .print = "Path", .help = "device" },
	{ "weight", A_INT, M_REPLACE, AF_BARE | AF_RAW | AF_POS | AF_KEEP | AF_ALWAYS, .print = "Weight", .help = "weight, 10 to 1000" },
	{ 0 }
};
static const struct attr blkio_limit_item = { "", A_OBJ, M_REPLACE, AF_NOX, .kids = blkio_limit };
static const struct attr blkio_weight_item = { "", A_OBJ, M_REPLACE, AF_NOX, .kids = blkio_weight };
static const struct attr blkio[] = {
	{ "weight",            A_INT, M_REPLACE, AF_BARE | AF_RAW | AF_POS, .help = "weight, 10 to 1000" },
	{ "weight_device",     A_SEQ, M_APPEND, .kids = &blkio_weight_item, .help = "weight for a device" },
	{ "device_read_bps",   A_SEQ, M_APPEND, .kids = &blkio_limit_item, .help = "bytes read a second" },
	{ "device_read_iops",  A_SEQ, M_APPEND, .kids = &blkio_limit_item, .help = "reads a second" },
	{ "device_write_bps",  A_SEQ, M_APPEND, .kids = &blkio_limit_item, .help = "bytes written a second" },
	{ "device_write_iops", A_SEQ, M_APPEND, .kids = &blkio_limit_item, .help = "writes a second" },
	{ 0 }
};

/* ------------------------------------------------------------------ build */

static const struct attr context_value = { "", A_STR, M_REPLACE, AF_CTX };
static const struct attr build[] = {
	{ "context",             A_STR, M_REPLACE, AF_CTX, .help = "directory or URL to build from" },
	{ "dockerfile",          A_STR, M_REPLACE, .help = "the Dockerfile, relative to the context" },
	{ "dockerfile_inline",   A_STR, M_REPLACE, .help = "text of the Dockerfile" },
	{ "entitlements",        A_SEQ, M_APPEND, .kids = attr_str_item, .help = "privileges of the build" },
	{ "args",                A_KV,  M_DEEP,    AF_UNSET | AF_SET, .help = "build arguments" },
	{ "no_cache_filter",     A_SEQ, M_UNIQUE,  AF_ONE, .kids = attr_str_item,
	  .help = "stages to build without cache" },
	{ "provenance",          A_SCALAR, M_REPLACE, .canon = canon_attest, .help = "provenance attestation" },
	{ "sbom",                A_SCALAR, M_REPLACE, .canon = canon_attest, .help = "SBOM attestation" },
	{ "ssh",                 A_SEQ, M_BY_KEY,  AF_RAW, .kids = attr_str_item, .item_key = key_name, .canon = canon_ssh,
	  .help = "SSH agents or keys" },
	{ "labels",              A_KV,  M_DEEP,    .help = "labels of the image" },
	{ "cache_from",          A_SEQ, M_APPEND, .kids = attr_str_item,
	  .help = "where to look for cached layers" },
	{ "cache_to",            A_SEQ, M_APPEND, .kids = attr_str_item,
	  .help = "where to store cached layers" },
	{ "no_cache",            A_BOOL, M_REPLACE, .help = "build without cache" },
	{ "additional_contexts", A_KV,  M_DEEP,    AF_CTX, .kids = &context_value,
	  .help = "more named contexts" },
	{ "pull",                A_BOOL, M_REPLACE, .help = "always pull the base images" },
	{ "extra_hosts",         A_SEQ, M_UNIQUE,  AF_SORT | AF_RAW, .kids = attr_str_item, .canon = canon_extra_hosts,
	  .help = "host names during the build" },
	{ "isolation",           A_STR, M_REPLACE, AF_NOTE, .help = "isolation technology (Windows)" },
	{ "network",             A_STR, M_REPLACE, .help = "network of the build" },
	{ "target",              A_STR, M_REPLACE, .help = "stage to build" },
	{ "secrets",             A_SEQ, M_APPEND, .kids = &attr_file_ref_item, .canon = canon_file_refs,
	  .help = "secrets for the build" },
	{ "shm_size",            A_SIZE, M_REPLACE, .help = "size of /dev/shm" },
	{ "tags",                A_SEQ, M_UNIQUE, .kids = attr_str_item, .item_key = key_name, .help = "more names of the image" },
	{ "ulimits",             A_MAP, M_DEEP,    .kids = &attr_build_ulimit, .help = "limits of the build" },
	{ "platforms",           A_SEQ, M_APPEND, .kids = attr_str_item, .help = "platforms to build for" },
	{ "privileged",          A_BOOL, M_REPLACE, .help = "privileged build" },
	{ 0 }
};

/* ------------------------------------------------------------------ deploy */

static const struct attr device_request[] = {
	{ "capabilities", A_SEQ, M_REFUSE, .kids = attr_str_item,
	  .help = "what the device must be able to do" },
	{ "driver",       A_STR, M_REPLACE, .help = "device driver" },
	{ "count",        A_INT, M_REPLACE, .canon = canon_count, .help = "how many, or all" },
	{ "device_ids",   A_SEQ, M_REFUSE, .kids = attr_str_item, .help = "which ones" },
	{ "options",      A_KV,  M_DEEP,    AF_ONCE, .help = "options of the driver" },
	{ 0 }
};
static const struct attr reservation_item = { "", A_OBJ, M_REPLACE, AF_XLESS, .kids = device_request,
	.canon = canon_reservation };

static const struct attr gpu_item = { "", A_OBJ, M_REPLACE, AF_OPEN | AF_XLESS, .kids = device_request,
	.canon = canon_device_request };

static const struct attr discrete[] = {
	{ "kind",  A_STR, M_REPLACE, AF_KEEP | AF_ALWAYS, .help = "kind of resource" },
	{ "value", A_INT, M_REPLACE, AF_KEEP | AF_ALWAYS | AF_FRAC, .help = "how many" },
	{ 0 }
};
static const struct attr generic[] = {
	{ "discrete_resource_spec", A_OBJ, M_DEEP, AF_KEEP, .kids = discrete, .help = "countable resource" },
	{ 0 }
};
static const struct attr generic_item = { "", A_OBJ, M_REPLACE, .kids = generic };

static const struct attr limits[] = {
	{ "cpus",   A_NUM,  M_REPLACE, .help = "processors" },
	{ "memory", A_SIZE, M_REPLACE, AF_QUOTED, .help = "memory" },
	{ "pids",   A_INT,  M_REPLACE, .help = "processes" },
	{ 0 }
};
static const struct attr reservations[] = {
	{ "cpus",              A_NUM,  M_REPLACE, AF_NOTE, .help = "processors" },
	{ "memory",            A_SIZE, M_REPLACE, AF_QUOTED, .help = "memory" },
	{ "devices",           A_SEQ,  M_APPEND, AF_LATER, .kids = &reservation_item,
	  .help = "devices such as GPUs" },
	{ "generic_resources", A_SEQ,  M_APPEND, AF_NOTE, .kids = &generic_item,
	  .help = "resources of your own" },
	{ 0 }
};
static const struct attr resources[] = {
	{ "limits",       A_OBJ, M_DEEP, AF_KEEP, .kids = limits, .help = "upper limits" },
	{ "reservations", A_OBJ, M_DEEP, AF_KEEP, .kids = reservations, .help = "what must be there" },
	{ 0 }
};
static const struct attr update[] = {
	{ "parallelism",       A_INT, M_REPLACE, AF_KEEP | AF_POS, .help = "containers at a time" },
	{ "delay",             A_DUR, M_REPLACE, .help = "pause between groups" },
	{ "failure_action",    A_STR, M_REPLACE, .help = "what to do after a failure" },
	{ "monitor",           A_DUR, M_REPLACE, .help = "watch a new task that long" },
	{ "max_failure_ratio", A_NUM, M_REPLACE, .help = "failures to tolerate" },
	{ "order",             A_STR, M_REPLACE, AF_ENUM, .words = "start-first|stop-first",
	  .help = "which first" },
	{ 0 }
};
static const struct attr restart_policy[] = {
	{ "condition",    A_STR, M_REPLACE, .help = "none, on-failure or any" },
	{ "delay",        A_DUR, M_REPLACE, AF_KEEP, .help = "pause before a restart" },
	{ "max_attempts", A_INT, M_REPLACE, AF_KEEP | AF_POS, .help = "give up after that many" },
	{ "window",       A_DUR, M_REPLACE, AF_KEEP, .help = "when a restart counts as a success" },
	{ 0 }
};
static const struct attr preference[] = {
	{ "spread", A_STR, M_REPLACE, .help = "label to spread over" },
	{ 0 }
};
static const struct attr preference_item = { "", A_OBJ, M_REPLACE, .kids = preference };
static const struct attr placement[] = {
	{ "constraints",           A_SEQ, M_APPEND, .kids = attr_str_item, .help = "where to run" },
	{ "preferences",           A_SEQ, M_APPEND, .kids = &preference_item, .help = "where to run rather" },
	{ "max_replicas_per_node", A_INT, M_REPLACE, AF_POS, .help = "containers per node" },
	{ 0 }
};
static const struct attr deploy[] = {
	{ "mode",            A_STR, M_REPLACE, .help = "replicated or global" },
	{ "replicas",        A_INT, M_REPLACE, AF_KEEP | AF_POS, .help = "number of containers" },
	{ "labels",          A_KV,  M_DEEP,    .help = "labels of the service" },
	{ "update_config",   A_OBJ, M_DEEP,    AF_KEEP, .kids = update, .help = "how to update" },
	{ "rollback_config", A_OBJ, M_DEEP,    AF_KEEP, .kids = update,
	  .help = "how to roll back" },
	{ "resources",       A_OBJ, M_DEEP,    AF_KEEP | AF_VALUE, .kids = resources,
	  .help = "limits and reservations" },
	{ "restart_policy",  A_OBJ, M_DEEP,    AF_KEEP, .kids = restart_policy, .help = "when to restart" },
	{ "placement",       A_OBJ, M_DEEP,    AF_KEEP | AF_VALUE | AF_NOTE, .kids = placement,
	  .help = "where to run" },
	{ "endpoint_mode",   A_STR, M_REPLACE, AF_NOTE, .help = "vip or dnsrr" },
	{ 0 }
};

/* ------------------------------------------------------------------ develop */

static const struct attr watch[] = {
	{ "path",         A_STR, M_REPLACE, AF_REQ | AF_PATH, .canon = canon_filled,
	  .help = "file or directory to watch" },
	{ "action",       A_STR, M_REPLACE, AF_REQ | AF_ENUM,
	  .words = "rebuild|sync|restart|sync+restart|sync+exec", .help = "what to do" },
	{ "target",       A_STR, M_REPLACE, .help = "where it is in the container" },
	{ "exec",         A_OBJ, M_DEEP,    AF_KEEP | AF_VALUE, .kids = hook, .help = "command for sync+exec" },
	{ "include",      A_SEQ, M_APPEND,  AF_ONE | AF_ONCE, .kids = attr_str_item, .help = "what to watch" },
	{ "ignore",       A_SEQ, M_APPEND,  AF_ONE | AF_ONCE, .kids = attr_str_item, .help = "what not to watch" },
	{ "initial_sync", A_BOOL, M_REPLACE, AF_BARE, .help = "sync at the start" },
	{ 0 }
};
static const struct attr watch_item = { "", A_OBJ, M_REPLACE, .kids = watch };
static const struct attr develop[] = {
	{ "watch", A_SEQ, M_APPEND, .kids = &watch_item, .help = "rules for `watch`" },
	{ 0 }
};

/* ------------------------------------------------------------------ the rest, by name */

static const struct attr credential_spec[] = {
	{ "config",   A_STR, M_REPLACE, .help = "name of a config" },
	{ "file",     A_STR, M_REPLACE, .help = "file" },
	{ "registry", A_STR, M_REPLACE, .help = "Windows registry" },
	{ 0 }
};
static const struct attr dependency[] = {
	{ "condition", A_STR,  M_REPLACE, AF_REQ | AF_ENUM,
	  .words = "service_started|service_healthy|service_completed_successfully",
	  .help = "what to wait for" },
	{ "restart",   A_BOOL, M_REPLACE, .help = "restart when it is restarted" },
	{ "required",  A_BOOL, M_REPLACE, AF_BARE | AF_KEEP, .help = "fail when it is missing" },
	{ 0 }
};
static const struct attr dependency_item = { "", A_OBJ, M_DEEP, AF_KEEP, .kids = dependency };

static const struct attr device[] = {
	{ "source",      A_STR, M_REPLACE, AF_REQ, .help = "device of the host" },
	{ "target",      A_STR, M_REPLACE, .help = "device in the container" },
	{ "permissions", A_STR, M_REPLACE, .help = "r, w, m" },
	{ 0 }
};
static const struct attr device_item = { "", A_OBJ, M_REPLACE, .kids = device };

static const struct attr env_file[] = {
	{ "format",   A_STR,  M_REPLACE, .help = "raw: no quotes, no variables" },
	{ "path",     A_STR,  M_REPLACE, AF_REQ | AF_PATH, .help = "the file" },
	{ "required", A_BOOL, M_REPLACE, AF_KEEP, .help = "fail when it is missing" },
	{ 0 }
};
static const struct attr env_file_item = { "", A_OBJ, M_REPLACE, AF_NOX, .kids = env_file };
static const struct attr label_file_item = { "", A_STR, M_REPLACE, AF_PATH };

static const struct attr extends[] = {
	{ "file",    A_STR, M_REPLACE, .help = "the file it is in" },
	{ "service", A_STR, M_REPLACE, .help = "the service to start from" },
	{ 0 }
};

static const struct attr healthcheck[] = {
	{ "test",           A_SEQ,  M_REPLACE, AF_RAW, .kids = attr_str_item, .canon = canon_test,
	  .help = "the check" },
	{ "timeout",        A_DUR,  M_REPLACE, AF_KEEP, .help = "a check may take that long" },
	{ "interval",       A_DUR,  M_REPLACE, AF_KEEP, .help = "time between two checks" },
	{ "retries",        A_INT,  M_REPLACE, AF_KEEP | AF_POS | AF_FRAC, .help = "failures that make it unhealthy" },
	{ "start_period",   A_DUR,  M_REPLACE, AF_KEEP, .help = "failures do not count that long" },
	{ "start_interval", A_DUR,  M_REPLACE, AF_KEEP, .help = "time between two checks at first" },
	{ "disable",        A_BOOL, M_REPLACE, .help = "no health check, not even the image's" },
	{ 0 }
};

static const struct attr logging[] = {
	{ "driver",  A_STR, M_REPLACE, .help = "logging driver" },
	{ "options", A_MAP, M_DEEP,    AF_NOX, .kids = &attr_option_or_null, .help = "options of the driver" },
	{ 0 }
};

static const struct attr service_model[] = {
	{ "endpoint_var", A_STR, M_REPLACE, .help = "variable for the URL" },
	{ "model_var",    A_STR, M_REPLACE, .help = "variable for the name" },
	{ 0 }
};
static const struct attr service_model_item = { "", A_OBJ, M_DEEP, AF_NULL | AF_KEEP, .kids = service_model };

static const struct attr membership[] = {
	{ "aliases",         A_SEQ, M_UNIQUE, .kids = attr_str_item, .item_key = key_name, .help = "more names in this network" },
	{ "driver_opts",     A_MAP, M_DEEP,    AF_LATER | AF_NOX, .kids = &attr_option, .help = "options of the driver" },
	{ "gw_priority",     A_INT, M_REPLACE, AF_BARE | AF_FRAC, .help = "whose gateway is the default route" },
	{ "interface_name",  A_STR, M_REPLACE, AF_LATER, .help = "name of the interface" },
	{ "ipv4_address",    A_STR, M_REPLACE, .help = "fixed address" },
	{ "ipv6_address",    A_STR, M_REPLACE, .help = "fixed address" },
	{ "link_local_ips",  A_SEQ, M_UNIQUE, AF_LATER, .kids = attr_str_item, .item_key = key_name, .help = "link-local addresses" },
	{ "mac_address",     A_STR, M_REPLACE, .help = "MAC address" },
	{ "priority",        A_INT, M_REPLACE, AF_BARE | AF_FRAC, .help = "order of joining" },
	{ 0 }
};
static const struct attr membership_item = { "", A_OBJ, M_DEEP, AF_NULL | AF_KEEP, .kids = membership };

static const struct attr port[] = {
	{ "name",         A_STR,  M_REPLACE, .help = "name of the port" },
	{ "mode",         A_STR,  M_REPLACE, .help = "ingress or host" },
	{ "host_ip",      A_STR,  M_REPLACE, .help = "address of the host" },
	{ "target",       A_INT,  M_REPLACE, .help = "port of the container" },
	{ "published",    A_TEXT, M_REPLACE, .canon = canon_published, .help = "port of the host" },
	{ "protocol",     A_STR,  M_REPLACE, .help = "tcp, udp or sctp" },
	{ "app_protocol", A_STR,  M_REPLACE, .help = "protocol of the application" },
	{ 0 }
};
static const struct attr port_item = { "", A_OBJ, M_REPLACE, AF_RAW, .kids = port, .canon = canon_port };

static const struct attr provider_option = { "", A_SEQ, M_REPLACE, AF_RAW, .kids = attr_scalar_item,
	.canon = canon_provider_option };
static const struct attr provider[] = {
	{ "type",    A_STR, M_REPLACE, AF_REQ, .help = "which provider" },
	{ "options", A_MAP, M_DEEP,    .kids = &provider_option, .help = "options of the provider" },
	{ 0 }
};

static const struct attr mount_bind[] = {
	{ "selinux",          A_STR,  M_REPLACE, AF_ENUM, .words = "z|Z", .help = "SELinux label" },
	{ "propagation",      A_STR,  M_REPLACE, .help = "mount propagation" },
	{ "create_host_path", A_BOOL, M_REPLACE, .help = "make the directory when it is missing" },
	{ "recursive",        A_STR,  M_REPLACE, AF_ENUM, .words = "enabled|disabled|writable|readonly",
	  .help = "mounts below it" },
	{ 0 }
};
static const struct attr mount_volume[] = {
	{ "labels",  A_KV,   M_DEEP,    AF_ONCE, .help = "labels of an anonymous volume" },
	{ "nocopy",  A_BOOL, M_REPLACE, .help = "do not copy what the image has there" },
	{ "subpath", A_STR,  M_REPLACE, .help = "directory in the volume" },
	{ 0 }
};
static const struct attr mount_tmpfs[] = {
	{ "size", A_SIZE, M_REPLACE, AF_POS, .help = "bytes at most" },
	{ "mode", A_INT,  M_REPLACE, AF_RAW, .canon = canon_mode_int, .help = "permissions" },
	{ 0 }
};
static const struct attr mount_image[] = {
	{ "subpath", A_STR, M_REPLACE, .help = "directory in the image" },
	{ 0 }
};
static const struct attr mount[] = {
	{ "type",        A_STR,  M_REPLACE, AF_REQ | AF_ENUM,
	  .words = "bind|volume|tmpfs|cluster|npipe|image", .help = "sort of mount" },
	{ "source",      A_STR,  M_REPLACE, .help = "path of the host, name of a volume, image" },
	{ "target",      A_STR,  M_REPLACE, .help = "path in the container" },
	{ "read_only",   A_BOOL, M_REPLACE, .help = "mount read-only" },
	{ "consistency", A_STR,  M_REPLACE, .help = "consistency (Docker Desktop)" },
	{ "bind",        A_OBJ,  M_DEEP,    AF_KEEP, .kids = mount_bind, .help = "options of a bind mount" },
	{ "volume",      A_OBJ,  M_DEEP,    AF_KEEP, .kids = mount_volume,
	  .help = "options of a volume mount" },
	{ "tmpfs",       A_OBJ,  M_DEEP,    AF_KEEP, .kids = mount_tmpfs, .help = "options of a tmpfs" },
	{ "image",       A_OBJ,  M_DEEP,    AF_KEEP, .kids = mount_image,
	  .help = "options of an image mount" },
	{ 0 }
};
static const struct attr mount_item = { "", A_OBJ, M_REPLACE, .kids = mount };

static const struct attr service[] = {
	{ "profiles",          A_SEQ,  M_UNIQUE, .kids = attr_str_item, .item_key = key_name,
	  .help = "profiles that enable the service" },
	{ "annotations",       A_KV,   M_DEEP,    .help = "annotations of the container" },
	{ "attach",            A_BOOL, M_REPLACE, AF_KEEP, .help = "whether `up` shows its output" },
	{ "build",             A_OBJ,  M_DEEP,    AF_KEEP, .kids = build, .canon = canon_build,
	  .help = "how to build the image" },
	{ "develop",           A_OBJ,  M_DEEP,    AF_NULL | AF_KEEP, .kids = develop,
	  .help = "rules for `watch`" },
	{ "blkio_config",      A_OBJ,  M_DEEP,    AF_KEEP | AF_LATER | AF_NOX, .kids = blkio, .help = "block I/O limits" },
	{ "cap_add",           A_SEQ,  M_UNIQUE, .kids = attr_str_item, .item_key = key_name, .help = "capabilities to add" },
	{ "cap_drop",          A_SEQ,  M_UNIQUE, .kids = attr_str_item, .item_key = key_name, .help = "capabilities to drop" },
	{ "cgroup_parent",     A_STR,  M_REPLACE, AF_LATER, .help = "parent cgroup" },
	{ "cgroup",            A_STR,  M_REPLACE, AF_ENUM, .words = "host|private",
	  .help = "cgroup namespace" },
	{ "cpu_count",         A_INT,  M_REPLACE, AF_POS | AF_NOTE,
	  .help = "number of processors (Windows)" },
	{ "cpu_percent",       A_INT,  M_REPLACE, AF_NOTE, .max = 100,
	  .help = "share of the processors (Windows)" },
	{ "cpu_period",        A_INT,  M_REPLACE, AF_FRAC, .help = "CFS period in µs" },
	{ "cpu_quota",         A_INT,  M_REPLACE, AF_FRAC, .help = "CFS quota in µs" },
	{ "cpu_rt_period",     A_INT,  M_REPLACE, AF_FRAC, .help = "real-time period in µs" },
	{ "cpu_rt_runtime",    A_INT,  M_REPLACE, AF_FRAC, .help = "real-time runtime in µs" },
	{ "cpus",              A_NUM,  M_REPLACE, .help = "number of processors" },
	{ "cpuset",            A_STR,  M_REPLACE, .help = "which processors" },
	{ "cpu_shares",        A_INT,  M_REPLACE, AF_FRAC, .help = "relative weight" },
	{ "command",           A_CMD,  M_REPLACE, AF_NULL | AF_KEEP | AF_ALWAYS,
	  .help = "command, instead of the image's" },
	{ "configs",           A_SEQ,  M_BY_KEY, .kids = &attr_file_ref_item, .canon = canon_file_refs,
	  .item_key = key_file_ref, .help = "configs to mount" },
	{ "container_name",    A_STR,  M_REPLACE, .canon = canon_name, .help = "name of the container" },
	{ "credential_spec",   A_OBJ,  M_DEEP,    AF_KEEP | AF_NOTE, .kids = credential_spec,
	  .help = "managed service account (Windows)" },
	{ "depends_on",        A_MAP,  M_DEEP,    AF_DOTTED, .kids = &dependency_item,
	  .canon = canon_depends_on, .help = "services to start first" },
	{ "deploy",            A_OBJ,  M_DEEP,    AF_NULL | AF_KEEP, .kids = deploy,
	  .help = "replicas, limits, restart policy" },
	{ "device_cgroup_rules", A_SEQ, M_REFUSE, .kids = attr_str_item,
	  .help = "rules of the device cgroup" },
	{ "devices",           A_SEQ,  M_BY_KEY, .kids = &device_item, .canon = canon_devices,
	  .item_key = key_target, .help = "devices of the host" },
	{ "dns",               A_SEQ,  M_UNIQUE,  AF_ONE, .kids = attr_str_item, .item_key = key_name, .canon = canon_dns,
	  .help = "DNS servers" },
	{ "dns_opt",           A_SEQ,  M_UNIQUE, .kids = attr_str_item, .item_key = key_name, .help = "resolver options" },
	{ "dns_search",        A_SEQ,  M_UNIQUE,  AF_ONE | AF_RAW, .kids = attr_str_item, .item_key = key_name,
	  .help = "DNS search domains" },
	{ "domainname",        A_STR,  M_REPLACE, .help = "domain name" },
	{ "entrypoint",        A_CMD,  M_REPLACE, AF_NULL | AF_KEEP | AF_ALWAYS,
	  .help = "entry point, instead of the image's" },
	{ "provider",          A_OBJ,  M_DEEP,    AF_NOTE | AF_KEEP, .kids = provider,
	  .help = "somebody else runs the service" },
	{ "environment",       A_KV,   M_DEEP,    AF_UNSET, .help = "variables for the process" },
	{ "env_file",          A_SEQ,  M_BY_KEY, .kids = &env_file_item, .canon = canon_env_file,
	  .item_key = key_path, .help = "files with variables" },
	{ "expose",            A_SEQ,  M_UNIQUE, .kids = attr_text_item, .item_key = key_expose, .help = "ports for other services" },
	{ "extends",           A_OBJ,  M_REPLACE, AF_HIDE | AF_OPEN, .kids = extends, .canon = canon_extends,
	  .help = "service to start from" },
	{ "external_links",    A_SEQ,  M_REFUSE,  AF_LATER, .kids = attr_str_item,
	  .help = "containers outside the project" },
	{ "extra_hosts",       A_SEQ,  M_UNIQUE,  AF_SORT | AF_RAW, .kids = attr_str_item, .canon = canon_extra_hosts,
	  .help = "more host names" },
	{ "group_add",         A_SEQ,  M_REFUSE, .kids = attr_text_item, .help = "more groups of the user" },
	{ "gpus",              A_SEQ,  M_APPEND,  AF_LATER, .kids = &gpu_item, .canon = canon_gpus,
	  .help = "GPUs to use" },
	{ "hostname",          A_STR,  M_REPLACE, .help = "host name" },
	{ "healthcheck",       A_OBJ,  M_DEEP,    AF_KEEP, .kids = healthcheck,
	  .help = "how to find out whether it works" },
	{ "image",             A_STR,  M_REPLACE, .help = "image to run" },
	{ "init",              A_BOOL, M_REPLACE, AF_KEEP, .help = "run an init process" },
	{ "ipc",               A_STR,  M_REPLACE, .help = "IPC namespace" },
	{ "isolation",         A_STR,  M_REPLACE, AF_NOTE, .help = "isolation technology (Windows)" },
	{ "labels",            A_KV,   M_DEEP,    .help = "labels of the container" },
	{ "label_file",        A_SEQ,  M_APPEND,  AF_ONE, .kids = &label_file_item,
	  .help = "files with labels" },
	{ "links",             A_SEQ,  M_UNIQUE, .kids = attr_str_item, .item_key = key_name,
	  .help = "services under another name" },
	{ "logging",           A_OBJ,  M_LOGGING, AF_KEEP, .kids = logging, .help = "where the output goes" },
	{ "mem_limit",         A_SIZE, M_REPLACE, AF_FRAC, .help = "memory at most" },
	{ "mem_reservation",   A_SIZE, M_REPLACE, .help = "memory under pressure" },
	{ "memswap_limit",     A_SIZE, M_REPLACE, AF_FRAC, .help = "memory and swap at most" },
	{ "mem_swappiness",    A_SIZE, M_REPLACE, .help = "willingness to swap, 0 to 100" },
	{ "mac_address",       A_STR,  M_REPLACE, .help = "MAC address" },
	{ "models",            A_MAP,  M_DEEP,    AF_NOTE | AF_DOTTED, .kids = &service_model_item,
	  .canon = canon_models, .help = "language models to use" },
	{ "network_mode",      A_STR,  M_REPLACE, .help = "network namespace" },
	{ "networks",          A_MAP,  M_DEEP,    AF_DOTTED, .kids = &membership_item,
	  .canon = canon_networks, .help = "networks to join" },
	{ "oom_kill_disable",  A_BOOL, M_REPLACE, .help = "never kill for lack of memory" },
	{ "oom_score_adj",     A_INT,  M_REPLACE, .min = -1000, .max = 1000, .help = "who is killed first, -1000 to 1000" },
	{ "pid",               A_STR,  M_REPLACE, AF_NULL, .help = "PID namespace" },
	{ "pids_limit",        A_INT,  M_REPLACE, AF_FRAC, .help = "processes at most" },
	{ "platform",          A_STR,  M_REPLACE, .help = "platform to run on" },
	{ "ports",             A_SEQ,  M_BY_KEY, .kids = &port_item, .canon = canon_ports,
	  .item_key = key_port, .help = "ports to publish" },
	{ "privileged",        A_BOOL, M_REPLACE, .help = "all privileges" },
	{ "pull_policy",       A_STR,  M_REPLACE, .canon = canon_pull_policy,
	  .help = "when to pull the image" },
	{ "pull_refresh_after", A_STR, M_REPLACE, AF_HIDE | AF_LATER,
	  .help = "age after which the image is pulled again" },
	{ "read_only",         A_BOOL, M_REPLACE, .help = "read-only root file system" },
	{ "restart",           A_STR,  M_REPLACE, .help = "no, always, on-failure[:N] or unless-stopped" },
	{ "runtime",           A_STR,  M_REPLACE, .help = "OCI runtime" },
	{ "scale",             A_INT,  M_REPLACE, AF_KEEP | AF_POS, .help = "number of containers" },
	{ "secrets",           A_SEQ,  M_BY_KEY, .kids = &attr_file_ref_item, .canon = canon_service_secrets,
	  .item_key = key_file_ref, .help = "secrets to mount" },
	{ "security_opt",      A_SEQ,  M_REFUSE, .kids = attr_str_item, .help = "security options" },
	{ "shm_size",          A_SIZE, M_REPLACE, AF_FRAC, .help = "size of /dev/shm" },
	{ "stdin_open",        A_BOOL, M_REPLACE, .help = "keep standard input open" },
	{ "stop_grace_period", A_DUR,  M_REPLACE, AF_KEEP, .help = "wait before SIGKILL" },
	{ "stop_signal",       A_STR,  M_REPLACE, .help = "signal that asks it to stop" },
	{ "storage_opt",       A_MAP,  M_DEEP,    AF_NOTE | AF_NOX, .kids = &attr_text_or_null,
	  .help = "options of the storage driver" },
	{ "sysctls",           A_KV,   M_DEEP,    .help = "kernel parameters" },
	{ "tmpfs",             A_SEQ,  M_UNIQUE,  AF_ONE | AF_RAW, .kids = attr_str_item, .item_key = key_name,
	  .help = "temporary file systems" },
	{ "tty",               A_BOOL, M_REPLACE, .help = "a terminal" },
	{ "ulimits",           A_MAP,  M_DEEP,    .kids = &attr_ulimit,
	  .help = "resource limits of processes" },
	{ "use_api_socket",    A_BOOL, M_REPLACE, AF_BARE | AF_NOTE, .help = "mount the engine's socket" },
	{ "user",              A_STR,  M_REPLACE, .help = "user to run as" },
	{ "userns_mode",       A_STR,  M_REPLACE, .help = "user namespace" },
	{ "uts",               A_STR,  M_REPLACE, .help = "UTS namespace" },
	{ "volumes",           A_SEQ,  M_BY_KEY, .kids = &mount_item, .canon = canon_volumes,
	  .item_key = key_target, .help = "volumes and directories to mount" },
	{ "volumes_from",      A_SEQ,  M_REFUSE, .kids = attr_str_item, .help = "mounts of another service" },
	{ "working_dir",       A_STR,  M_REPLACE, .help = "working directory" },
	{ "post_start",        A_SEQ,  M_APPEND, .kids = &hook_item,
	  .help = "commands after the start" },
	{ "pre_start",         A_SEQ,  M_APPEND, .kids = &init_hook_item,
	  .help = "containers to run before the start" },
	{ "pre_stop",          A_SEQ,  M_APPEND, .kids = &hook_item,
	  .help = "commands before the stop" },
	{ 0 }
};

const struct attr attr_service = { "", A_OBJ, M_DEEP, AF_KEEP, .kids = service, .help = "a service" };
