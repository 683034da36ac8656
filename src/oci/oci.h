/* oci.h - how a container is run: the bundle, the runtime's commands, the cgroups, the standard streams.
 *
 * Nothing here knows compose or images: src/super fills a struct oci_spec. Sources: OCI Runtime Specification 1.0.2; Docker's default
 * capabilities, masked paths and seccomp profile as the floor of strictness. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../util/err.h"
#include "../util/proc.h"
#include "../util/str.h"

struct oci_mount {
	const char *source, *target;
	const char *type;                /* "bind", "tmpfs", "volume" is bind for us; NULL: bind */
	const char *const *options;      /* NULL-terminated: "rbind","ro","rprivate", "size=65536k", … */
};
struct oci_rlimit { const char *name; int64_t soft, hard; };   /* "nofile"; -1: unlimited */
struct oci_sysctl { const char *name, *value; };
struct oci_device { const char *source, *target, *permissions; };

struct oci_limits {                      /* 0 (or as said): not limited */
	int64_t mem_bytes, mem_reservation_bytes, memswap_bytes /* -1 unlimited */, mem_swappiness /* -1: not given */;
	int64_t cpu_shares, cpu_quota_us, cpu_period_us, cpu_rt_runtime_us, cpu_rt_period_us;
	const char *cpuset;
	int64_t pids;                    /* -1: unlimited */
	bool oom_kill_disable;
};

struct oci_spec {
	const char *const *args;         /* entrypoint + command, never empty */
	const char *const *env;          /* NAME=value */
	const char *cwd;
	unsigned uid, gid;
	const unsigned *groups;          size_t n_groups;
	const char *hostname, *domainname;
	const char *rootfs;              /* absolute path of the mounted root */
	bool rootfs_readonly;
	bool tty, privileged, init;      /* init: a small init as pid 1 (davit-keeper's twin, bind-mounted at /sbin/docker-init) */
	unsigned tty_rows, tty_cols;     /* 0: not known */
	const char *const *cap_add, *const *cap_drop;   /* NULL or NULL-terminated, with or without CAP_, "ALL" */
	const char *const *security_opt; /* "no-new-privileges[:true]", "seccomp=unconfined|FILE", "apparmor=…" (warned), "label=…" (ignored without SELinux) */
	const char *netns_path;          /* NULL: the host's network */
	const char *pid_ns, *ipc_ns, *uts_ns, *cgroup_ns;   /* NULL: own; "host"; or a path */
	const char *userns;              /* NULL or "host": none */
	const struct oci_mount *mounts;  size_t n_mounts;   /* in addition to proc, dev, sys, shm, mqueue, devpts, cgroup; in any order, sorted here */
	int64_t shm_bytes;               /* 0: 64 MiB */
	const struct oci_rlimit *rlimits; size_t n_rlimits;
	const struct oci_sysctl *sysctls; size_t n_sysctls;
	const struct oci_device *devices; size_t n_devices;
	const char *const *device_cgroup_rules;
	struct oci_limits limits;
	bool oom_score_adj_set;
	int oom_score_adj;
	const char *cgroup_path;         /* cgroup_base() + "/SLOT" */
	const json_t *annotations;       /* object of text, may be NULL */
};

/* Writes config.json into the directory. Warnings (a limit whose controller this host lacks, an ignored security_opt …) are added to the JSON array
 * `warnings` as text, each once. ERR_INPUT names the offending value. */
int oci_bundle_write(int bundle_fd, const struct oci_spec *spec, json_t *warnings, struct err *err);
/* Whatever is mounted from that source in the directory's config.json is so from another one. */
int oci_bundle_rebind(int bundle_fd, const char *from, const char *to, struct err *err);
/* The process part alone, for `exec`: {"args","env","cwd","user","terminal","capabilities",…} from a bundle's config.json with
 * what the caller changes. */
struct oci_exec {
	const char *const *args;
	const char *const *env_add;      /* NAME=value, or NAME: without that one; NULL */
	const char *cwd;                 /* NULL: the container's */
	bool user_set;
	unsigned uid, gid;
	const unsigned *groups; size_t n_groups;
	bool tty, privileged;
	unsigned tty_rows, tty_cols;     /* 0: not known */
};
int oci_process_write(int bundle_fd, const char *name, const struct oci_exec *x, struct err *err);

/* Where the init of `init: true` (the static program davit-init) lies on this host; it is found beside the running program or in ../libexec. */
#define OCI_INIT_TARGET "/sbin/docker-init"
int oci_init_path(char **ret, struct err *err);

/* --- the runtime --- */
struct oci_runtime {                     /* owned texts */
	char *name;                      /* "crun" */
	char *path;                      /* absolute */
	struct sealed *sealed;           /* NULL: path is executed as it is */
};
/* wanted NULL: $DAVIT_RUNTIME, else crun, else runc, looked up in PATH plus /usr/sbin:/sbin:/usr/local/sbin. ERR_NOT_FOUND: "no OCI runtime found", hint names the
 * package. */
int oci_runtime_find(const char *wanted, struct oci_runtime *ret, struct err *err);
void oci_runtime_done(struct oci_runtime *r);
/* For a process that calls it often: from now on oci_start() executes a copy in memory that crun need not make anew for each command
 * (sealed.c). Costs as much memory as the program is large; nothing changes for other runtimes. */
void oci_runtime_seal(struct oci_runtime *r);
/* What finds it again: its name, or its path when it does not lie where a runtime of that name is looked for. Borrowed. */
const char *oci_runtime_word(const struct oci_runtime *r);

enum oci_verb { OCI_CREATE, OCI_START, OCI_KILL, OCI_DELETE, OCI_EXEC };
struct oci_call {
	const struct oci_runtime *runtime;
	const char *root;                /* RUN/projects/PROJECT/oci: the runtime's own state */
	const char *id;                  /* container id */
	enum oci_verb verb;
	const char *bundle;              /* create: absolute directory */
	const char *pid_file;            /* create, exec: absolute */
	const char *log_file;            /* absolute; the runtime's own errors go there (JSON lines); emptied first */
	const char *console_socket;      /* create, exec with tty: absolute */
	const char *process_file;        /* exec */
	bool exec_detach;
	const char *signal;              /* kill: "SIGTERM"; kill goes to pid 1 of the container */
	bool force;                      /* delete: also a running one */
	int stdio[3];                    /* create, exec: -1 /dev/null; others ignore it */
};
/* Starts the command; in the child, a private mount namespace hides what the runtime cannot stand (crun and hybrid cgroups). The caller watches
 * ret->pidfd, sets a deadline, reaps with proc_reap(). */
int oci_start(const struct oci_call *call, struct child *ret, struct err *err);
/* After a non-zero exit: reads the log file and makes err of it: one clean sentence without the runtime's noise. "executable file not found" and the like
 * become ERR_CMD_NOT_FOUND / ERR_CMD_NOT_EXEC and name the command. Always returns -1. */
int oci_failure(const struct oci_call *call, int status, struct err *err);
/* True when the runtime itself has something to complain of in its log file: tells its own failure from the exit status of the command that
 * `exec` ran. */
bool oci_complained(const struct oci_call *call);
/* Every wait for a runtime has an end: DAVIT_RUNTIME_TIMEOUT of this process, "30s"; a minute unless it is a duration of 10 ms or more. An
 * exec's counts until its pid_file is there. */
int64_t oci_patience_ms(void);
/* ERR_USAGE when the variable is set, and to no such duration. For who starts a supervisor: that one hears of it too late. */
int oci_patience_check(struct err *err);
/* ERR_TIMEOUT: "crun create of container 'web-1' gave no answer within 1m". Always -1. */
int oci_overdue(const struct oci_runtime *r, const char *what, const char *container, struct err *err);
/* Replaces the calling process by the runtime (for `davit exec`, in a forked child or as the last thing). Only returns on failure. */
int oci_exec_here(const struct oci_call *call, struct err *err);

/* --- cgroups --- */
enum oci_cgroup_mode { CGROUP_V2, CGROUP_V1, CGROUP_HYBRID, CGROUP_NONE };
struct oci_host {
	enum oci_cgroup_mode mode;
	bool memory, cpu, cpuset, pids, io;   /* controllers that can be used for containers */
	bool seccomp, apparmor, selinux;
};
const struct oci_host *oci_host(void);    /* looked at once, cached */
/* Where the containers of a project live whose supervisor is the calling process, or would be: in the unit of systemd's that it is in
 * itself, "system.slice/davit-PROJECT.scope" or .service, else "davit/PROJECT"; malloc'ed. */
char *cgroup_base(const char *project);
bool cgroup_in_unit(const char *project);
/* Moves the calling process into the project's service or scope, if there are processes in it: 0; -1: there is none. */
int cgroup_join_unit(const char *project);
/* In a unit: what lives directly in it moves into a leaf, because a cgroup that hands controllers down may have no process of its own;
 * then they are handed down. */
int cgroup_settle(const char *project, struct err *err);
/* Makes davit/PROJECT usable (v2: enables controllers down the path). Removes the project's empty cgroups in every hierarchy afterwards. */
int cgroup_prepare(const char *project, struct err *err);
int cgroup_remove(const char *project, struct err *err);     /* all below davit/PROJECT, then it, then davit when empty; the slots of its units; kills nothing */
/* SIGKILLs everything in the cgroup (cgroup.kill or by freezing and signalling). */
int cgroup_kill(const char *cgroup_path, struct err *err);
/* Nothing in it runs until it is thawed; signals but SIGKILL wait that long, on v1 that one, too. Does not wait for the last process to stand still.
 * Sources: cgroup-v2.rst (cgroup.freeze), cgroup-v1/freezer-subsystem.rst. */
int cgroup_freeze(const char *cgroup_path, bool frozen, struct err *err);

/* Removes the cgroup of one container and what is below it, where nothing runs in it any more. */
void cgroup_remove_one(const char *cgroup_path);
/* The paths of the project's slots, "davit/PROJECT/SLOT" in any hierarchy and those in its units, each once. True when there is a
 * davit/PROJECT at all (a unit is systemd's to remove). Looks only. */
bool cgroup_list(const char *project, struct strs *ret);
/* How many processes are in the cgroup and below it, by the hierarchy that has the most; and which, as this process's pid namespace numbers
 * them (0: not in it). v is malloc'ed. */
size_t cgroup_count(const char *cgroup_path);
struct cgroup_procs { pid_t *v; size_t n, cap; };
void cgroup_procs(const char *cgroup_path, struct cgroup_procs *ret);
/* The cgroup of a slot, the one with the most processes if there are several (in units and outside); malloc'ed, NULL: none. */
char *cgroup_of_slot(const char *project, const char *slot);
/* What a cgroup uses, with all that is below it; what the host does not count is 0. Sources: Documentation/admin-guide/cgroup-v2.rst and
 * cgroup-v1/{memory,cpuacct,blkio-controller,pids}.rst. */
struct cgroup_usage {
	bool found;
	int64_t cpu_ns;
	int64_t memory, memory_limit;    /* bytes; without file pages that can be dropped at once, as docker counts; limit 0: none */
	int64_t io_read, io_written;     /* bytes, of all devices */
	int64_t pids;
};
void cgroup_usage(const char *cgroup_path, struct cgroup_usage *ret);

/* --- standard streams ---
 * FIFOs RUN/…/fifo/SLOT.out and .err exist as long as the slot: the container's descriptors are O_RDWR, so that no writer ever sees SIGPIPE and no reader's
 * death loses a byte (ENVIRONMENT, "Surviving"). */
int stdio_make_fifo(int dir_fd, const char *name, struct err *err);       /* idempotent; pipe size 1 MiB when allowed */
int stdio_open_container(int dir_fd, const char *name, int *ret_fd, struct err *err);   /* O_RDWR, blocking: what the container gets */
int stdio_open_reader(int dir_fd, const char *name, int *ret_fd, struct err *err);      /* O_RDONLY|O_NONBLOCK */
/* tty: listens on path for the runtime's message and takes the pty master out of it. */
int stdio_console_listen(const char *path, int *ret_fd, struct err *err);
int stdio_console_receive(int listen_fd, int *ret_master, struct err *err);   /* non-blocking: ERR_BUSY when nothing has come yet */
