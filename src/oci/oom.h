/* oom.h - who was killed for want of memory, as the kernel tells it.
 *
 * That somebody of a cgroup was killed is a counter: "oom_kill" in memory.events of cgroup v2 (with everything below, Linux 4.19), and in
 * memory.oom_control of v1 (Linux 4.13). It is raised before the victim gets its signal. What says when to look is inotify on v2; on v1
 * an eventfd, which comes a moment before the kill, and not for want of memory of the whole host.
 *
 * Who it was stands in the kernel's log alone (/dev/kmsg, for root with CAP_SYSLOG): the line "oom-kill:…task_memcg=…,task=…,pid=…"
 * (Linux 5.0, left out when there are many) and then "Killed process PID (NAME) total-vm:…". The pid is the first pid namespace's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "oci.h"

struct oom_victim {
	int64_t pid;
	char name[64];
	char cgroup[512];                /* from the root of its hierarchy: "/davit/demo/web-1"; "": not known */
	bool told;                       /* whoever looked for it has taken note */
	bool figures;                    /* of its memory, in KiB */
	int64_t total_kb, anon_kb, file_kb, shmem_kb;
};

/* How many were killed in the cgroup since it was made; -1: not known. */
int64_t oom_count(const char *cgroup);
int64_t oom_count_at(int root_fd, enum oci_cgroup_mode mode, const char *cgroup);
/* v1: an eventfd that becomes readable, and again when the cgroup is removed; -1: there is none. */
int oom_eventfd(const char *cgroup);
/* v2: a watch of the inotify descriptor; it also comes when only little memory is left, up to 100 times a second. -1. */
int oom_inotify(int ino, const char *cgroup);

/* The newest victims, as a ring. */
enum { OOM_VICTIMS = 32 };
struct oom_log {
	int fd;                          /* /dev/kmsg, -1: not open */
	struct oom_victim v[OOM_VICTIMS];
	size_t n;                        /* ever; the next one is v[n % OOM_VICTIMS] */
};
/* from_start: with all that the kernel still has; else from now on. Not being allowed to is fine: then nobody is ever known. */
void oom_log_open(struct oom_log *l, bool from_start);
/* Takes what there is, at most some thousand lines. */
void oom_log_read(struct oom_log *l);
/* One line of the kernel's log, without its head; others than those two are passed over. */
void oom_log_line(struct oom_log *l, const char *line);
/* Of those who were in this cgroup or below it and are not told: the nth from the newest (0). NULL: not known. */
struct oom_victim *oom_log_find(struct oom_log *l, const char *cgroup, size_t nth);
