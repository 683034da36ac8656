/* cgroup.h - the work of cgroup_prepare() and its siblings on any tree, so that it can be tried on one
 * made of plain files. */
#pragma once

#include "oci.h"

int cgroup_prepare_at(int root_fd, enum oci_cgroup_mode mode, const char *project, struct err *err);
int cgroup_remove_at(int root_fd, enum oci_cgroup_mode mode, const char *project, struct err *err);
/* True: the path is that of a project or of something below it, so that what it leads to may be killed. */
bool cgroup_is_ours(const char *path);

/* --- cgroup_unit.c: below a unit of systemd's --- */
enum { N_UNIT_KINDS = 2 };
extern const char *const cgroup_unit_kinds[N_UNIT_KINDS];        /* "service", "scope" */
#define CGROUP_LEAF "supervisor"         /* keeper and supervisor in a unit; a slot has a number behind its name */
char *cgroup_unit_path(const char *project, const char *kind);   /* "system.slice/davit-PROJECT.KIND"; malloc'ed */
char *cgroup_unit_in(const char *proc_cgroup, const char *project);

/* --- cgroup.c --- */
/* Writes into a control file; 0 or -1 with errno. */
int cgroup_write(int dir_fd, const char *name, const char *text);
void cgroup_enable_controllers(int dir_fd);
int cgroup_kill_at(int root_fd, enum oci_cgroup_mode mode, const char *path, struct err *err);
