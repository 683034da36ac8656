/* cgroup.h - the work of cgroup_prepare() and its siblings on any tree, so that it can be tried on one
 * made of plain files. */
#pragma once

#include <dirent.h>

#include "oci.h"

#define CGROUP_DAVIT "davit"             /* below it the projects, on hosts without systemd */

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
bool cgroup_is_dots(const char *name);
DIR *cgroup_open_dir(int dir_fd, const char *name);
int cgroup_open_root(int *ret_fd, struct err *err);
/* Calls fn for the root directory of each hierarchy and stops at the first failure. name: "" on v2, else of the hierarchy's directory. */
typedef int cgroup_hierarchy_fn(int fd, const char *name, void *arg, struct err *err);
int cgroup_each_hierarchy(int root_fd, enum oci_cgroup_mode mode, cgroup_hierarchy_fn *fn, void *arg, struct err *err);
/* Writes into a control file; 0 or -1 with errno. */
int cgroup_write(int dir_fd, const char *name, const char *text);
void cgroup_enable_controllers(int dir_fd);
int cgroup_kill_at(int root_fd, enum oci_cgroup_mode mode, const char *path, struct err *err);
int cgroup_freeze_at(int root_fd, enum oci_cgroup_mode mode, const char *path, bool frozen, struct err *err);

/* --- cgroup_look.c --- */
void cgroup_usage_at(int root_fd, enum oci_cgroup_mode mode, const char *path, struct cgroup_usage *ret);
