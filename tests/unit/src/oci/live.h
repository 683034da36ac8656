/* live.h - a busybox container for tests, with each runtime that is installed.
 *
 * Static functions on purpose: a unit test is one file. Everything is below one temporary directory; the
 * cgroups are davit/PROJECT with a project named after the test's own pid. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../../src/oci/oci.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"
#include "../../../../src/util/str.h"

enum { DEADLINE_MS = 20000 };

struct live {
	char dir[64], project[32], rootfs[96], root[96], log[96], pid_file[96], bundle[96], cgroup[64];
	int dir_fd, bundle_fd;
	struct oci_runtime rt;
	json_t *warnings;
	pid_t pid; /* of the container */
	int out;   /* reading end of its standard output and error */
};

static const char *const live_env[] = {"PATH=/bin:/sbin", "HOME=/", NULL};

/* Fails the test with err's words. */
#define ok(call, e)                                                                                          \
	do {                                                                                                 \
		if ((call) != 0)                                                                             \
			fail_msg("%s: %s", #call, err_msg(&(e)));                                            \
	} while (0)

/* A mount namespace like a host's: its own, but with everything shared, so that a leak would be seen. */
static inline int live_private_mounts(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
}

static inline void live_link(const char *rootfs, const char *name)
{
	auto_free char *path = xasprintf("%s/bin/%s", rootfs, name);
	assert_int_equal(symlink("busybox", path), 0);
}

static inline void live_copy(const char *from, const char *to)
{
	auto_close int in = open(from, O_RDONLY | O_CLOEXEC);
	auto_close int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	assert_true(in >= 0 && out >= 0);
	char b[65536];
	ssize_t n;
	while ((n = read(in, b, sizeof b)) > 0)
		assert_int_equal(write(out, b, (size_t)n), n);
}

static inline void live_open(struct live *l, const char *runtime)
{
	static unsigned count;
	static const char *const links[] = {"sh", "sleep", "echo", "cat", "id", "ls", "true", "mount", "grep",
		"tty", "stat", "dd", "hostname", "mknod", "kill", "stty", "unshare", "ping", "wc", "cut",
		"head"};
	auto_err struct err err = ERR_INIT;
	memset(l, 0, sizeof *l);
	l->out = -1;
	snprintf(l->dir, sizeof l->dir, "/tmp/davit-oci-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	snprintf(l->project, sizeof l->project, "unit%d-%u", (int)getpid(), ++count);
	snprintf(l->rootfs, sizeof l->rootfs, "%s/rootfs", l->dir);
	snprintf(l->root, sizeof l->root, "%s/oci", l->dir);
	snprintf(l->log, sizeof l->log, "%s/log", l->dir);
	snprintf(l->pid_file, sizeof l->pid_file, "%s/pid", l->dir);
	snprintf(l->bundle, sizeof l->bundle, "%s/bundle", l->dir);
	snprintf(l->cgroup, sizeof l->cgroup, "davit/%s/web-1", l->project);
	l->dir_fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(path_mkdirs(l->dir_fd, "rootfs/bin", 0755, &err), err);
	ok(path_mkdirs(l->dir_fd, "rootfs/etc", 0755, &err), err);
	ok(path_mkdirs(l->dir_fd, "bundle", 0700, &err), err);
	l->bundle_fd = open(l->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *busybox = xasprintf("%s/bin/busybox", l->rootfs);
	live_copy("/bin/busybox", busybox);
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		live_link(l->rootfs, links[i]);
	l->warnings = json_array();
	ok(oci_runtime_find(runtime, &l->rt, &err), err);
	/* what `create` leaves behind becomes our child, as it does the keeper's */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	ok(cgroup_prepare(l->project, &err), err);
}

static inline void live_close(struct live *l)
{
	auto_err struct err err = ERR_INIT;
	if (l->out >= 0)
		close(l->out);
	ok(cgroup_remove(l->project, &err), err);
	close(l->bundle_fd);
	close(l->dir_fd);
	ok(path_remove_tree(AT_FDCWD, l->dir, &err), err);
	json_decref(l->warnings);
	oci_runtime_done(&l->rt);
}

static inline struct oci_spec live_spec(const struct live *l, const char *const *args)
{
	return (struct oci_spec){
		.args = args,
		.env = live_env,
		.hostname = "box",
		.rootfs = l->rootfs,
		.cgroup_path = l->cgroup,
		.limits = {.mem_swappiness = -1},
	};
}

static inline struct oci_call live_call(const struct live *l, enum oci_verb verb)
{
	return (struct oci_call){
		.runtime = &l->rt,
		.root = l->root,
		.id = l->project,
		.verb = verb,
		.bundle = l->bundle,
		.log_file = l->log,
		.pid_file = l->pid_file,
		.stdio = {-1, -1, -1},
	};
}

/* Runs one command of the runtime and returns its exit status. */
static inline int live_run(const struct oci_call *c)
{
	auto_err struct err err = ERR_INIT;
	struct child child;
	int status = -1;
	ok(oci_start(c, &child, &err), err);
	ok(proc_wait(&child, DEADLINE_MS, "the runtime", &status, &err), err);
	return status;
}

static inline void live_must(const struct oci_call *c)
{
	auto_err struct err err = ERR_INIT;
	int status = live_run(c);
	if (status != 0) {
		oci_failure(c, status, &err);
		fail_msg("status %d: %s", status, err_msg(&err));
	}
}

static inline pid_t live_read_pid(const struct live *l)
{
	auto_buf struct buf b = BUF_INIT;
	int64_t pid = 0;
	assert_int_equal(path_read(l->dir_fd, "pid", 32, &b, NULL), 0);
	b.p[strcspn(b.p, "\n")] = '\0';
	assert_int_equal(str_i64(b.p, &pid), 0);
	return (pid_t)pid;
}

/* create with standard output and error in a pipe; the status of `create`. */
static inline int live_create(struct live *l, const struct oci_spec *s)
{
	auto_err struct err err = ERR_INIT;
	int p[2];
	ok(oci_bundle_write(l->bundle_fd, s, l->warnings, &err), err);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	struct oci_call c = live_call(l, OCI_CREATE);
	c.stdio[1] = c.stdio[2] = p[1];
	int status = live_run(&c);
	close(p[1]);
	l->out = p[0];
	if (status == 0)
		l->pid = live_read_pid(l);
	return status;
}

static inline void live_start(struct live *l)
{
	struct oci_call c = live_call(l, OCI_START);
	live_must(&c);
}

/* What the container wrote until it closed its output, with a deadline; the caller frees it. */
static inline char *live_output(struct live *l)
{
	struct buf b = BUF_INIT;
	int64_t end = clock_mono_ns() + DEADLINE_MS * MS_NS;
	for (;;) {
		char chunk[4096];
		struct pollfd p = {.fd = l->out, .events = POLLIN};
		assert_true(clock_mono_ns() < end);
		if (poll(&p, 1, 1000) <= 0)
			continue;
		ssize_t n = read(l->out, chunk, sizeof chunk);
		if (n <= 0)
			break;
		buf_add(&b, chunk, (size_t)n);
	}
	close(l->out);
	l->out = -1;
	return buf_take(&b);
}

/* The exit status of the container's process 1, which became our child. All others are reaped too, as the
 * keeper does: a zombie left by a failed `exec` would keep the container's pid namespace, and so its
 * process 1, from ending. */
static inline int live_wait(struct live *l)
{
	int64_t end = clock_mono_ns() + DEADLINE_MS * MS_NS;
	int status;
	pid_t got;
	while ((got = waitpid(-1, &status, WNOHANG)) != l->pid) {
		assert_true(got >= 0 && clock_mono_ns() < end);
		if (got == 0)
			poll(NULL, 0, 2);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static inline void live_delete(struct live *l)
{
	struct oci_call c = live_call(l, OCI_DELETE);
	c.force = true;
	live_must(&c);
}

/* Kills process 1 and reaps it: `delete --force` alone would wait for the one who has to reap, which is
 * this process. */
static inline void live_kill(struct live *l)
{
	struct oci_call c = live_call(l, OCI_KILL);
	c.signal = "SIGKILL";
	live_must(&c);
	assert_int_equal(live_wait(l), 137);
}

/* create, start, output, exit status, delete */
static inline char *live_all(struct live *l, const struct oci_spec *s, int *ret_status)
{
	auto_err struct err err = ERR_INIT;
	int status = live_create(l, s);
	if (status != 0) {
		struct oci_call c = live_call(l, OCI_CREATE);
		oci_failure(&c, status, &err);
		fail_msg("create: %s", err_msg(&err));
	}
	live_start(l);
	char *text = live_output(l);
	*ret_status = live_wait(l);
	live_delete(l);
	return text;
}
