/* tool.c - see tool.h. unshare(1) makes the process namespace, since a program's first process must be born in it. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/proc.h"

enum { OUT_MAX = 16 << 20, READ_BYTES = 64 << 10, CLEAR_MS = 60000 };

/* In the child: a copy of all mounts, without the tree that the runtime would stumble over. */
static int hide_unified(void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return umount2("/sys/fs/cgroup/unified", MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT ? -1 : 0;
}

static int start(const struct build_host *host, const struct strs *argv, int out, int err_fd, struct child *ret, struct err *err)
{
	static const char *const around[] = { "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc" };
	auto_free const char **words = xcalloc(ARRAY_LEN(around) + argv->n + 1, sizeof *words);
	struct spawn s = {
		.argv = words,
		.stdio = { -1, out, err_fd },
		.new_session = true,     /* Ctrl-C is ours to deal with */
		.die_with_parent = true,
		.before_exec = host->hide_unified ? hide_unified : NULL,
	};

	memcpy(words, around, sizeof around);
	for (size_t i = 0; i < argv->n; i++)
		words[ARRAY_LEN(around) + i] = argv->v[i];
	return proc_spawn(&s, ret, err);
}

static int read_all(int fd, struct buf *out, struct err *err)
{
	for (;;) {
		ssize_t n = read(fd, buf_room(out, READ_BYTES), READ_BYTES);

		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read from a builder");
		out->len += (size_t)n;
		out->p[out->len] = '\0';
		if (out->len > OUT_MAX)
			return err_set(err, ERR_PROTO, "a builder speaks without an end");
	}
}

int tool_run(const struct build_host *host, const struct strs *argv, int out_fd, struct buf *ret_out, struct err *err)
{
	auto_close int in = -1, out = -1;
	struct child child;
	int ends[2], status = 0, r = 0;

	if (ret_out && pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	if (ret_out) {
		in = ends[0];
		out = ends[1];
	}
	if (start(host, argv, ret_out ? out : out_fd, out_fd, &child, err) < 0)
		return -1;
	if (ret_out) {
		close(take_fd(&out));
		r = read_all(in, ret_out, err);
		close(take_fd(&in));
	}
	if (proc_wait(&child, -1, argv->v[0], &status, r < 0 ? NULL : err) < 0)
		r = -1;
	close(child.pidfd);
	return r < 0 ? -1 : status;
}

int tool_clear(const struct build_host *host, const struct strs *argv, struct err *err)
{
	struct child child;
	int status = 0, r;

	if (start(host, argv, -1, -1, &child, err) < 0)
		return -1;
	r = proc_wait(&child, CLEAR_MS, argv->v[0], &status, err);
	close(child.pidfd);
	return r < 0 ? -1 : status;
}

int tool_must(const struct build_host *host, const struct strs *argv, int out_fd, struct buf *ret_out, struct err *err)
{
	int status = tool_run(host, argv, out_fd, ret_out, err);
	size_t verb = 1;

	if (status <= 0)
		return status;
	while (verb + 1 < argv->n && argv->v[verb][0] == '-')
		verb++;
	return err_set(err, ERR_FAIL, "'%s %s' ended with status %d", argv->v[0], argv->v[verb], status);
}
