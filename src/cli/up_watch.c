/* up_watch.c - the watcher beside `up` in the foreground: a davit of its own, whose words come through us, so that they do not fall into
 * progress and menu. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/mem.h"
#include "dev_rules.h"
#include "self.h"
#include "up.h"

enum { READ_BYTES = 4096, LINE_MAX_BYTES = 64 << 10 };

struct up_watch {
	struct child child;
	int fd;
	struct buf in;       /* a line that has not ended yet */
};

bool up_watch_any(const struct cli *c, const bool *scope)
{
	for (size_t i = 0; i < c->project->n_services; i++)
		if (scope[i] && c->project->services[i].n_watch)
			return true;
	return false;
}

int up_watch_check(struct cli *c, const bool *scope, struct err *err)
{
	struct dev_rules rules = { 0 };
	int r = dev_rules(c, scope, &rules, err);

	dev_rules_done(&rules);
	return r;
}

int up_watch_start(const struct cli *c, struct up_watch **ret, struct err *err)
{
	auto_strs struct strs args = STRS_INIT;
	auto_close int in = -1, out = -1;
	struct child child;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	in = ends[0];
	out = ends[1];
	strs_add(&args, "watch");
	strs_add(&args, "--no-up");
	for (size_t i = 0; i < c->args.n; i++)
		strs_add(&args, c->args.v[i]);
	if (fd_nonblock(in) < 0 || self_start(c, &args, NULL, out, &child, err) < 0)
		return err->kind ? -1 : err_sys(err, errno, "pipe");
	*ret = xcalloc(1, sizeof **ret);
	**ret = (struct up_watch){ .child = child, .fd = take_fd(&in) };
	return 0;
}

int up_watch_fd(const struct up_watch *w)
{
	return w ? w->fd : -1;
}

static void take_lines(struct up_watch *w, struct buf *lines)
{
	char *end = w->in.len ? memrchr(w->in.p, '\n', w->in.len) : NULL;
	size_t n = end ? (size_t)(end - w->in.p) + 1 : w->in.len > LINE_MAX_BYTES ? w->in.len : 0;

	if (!n)
		return;
	buf_add(lines, w->in.p, n);
	buf_consume(&w->in, n);
}

bool up_watch_take(struct up_watch *w, struct buf *lines)
{
	ssize_t n = 0;

	if (!w)
		return true;
	while ((n = read(w->fd, buf_room(&w->in, READ_BYTES), READ_BYTES)) > 0) {
		w->in.len += (size_t)n;
		take_lines(w, lines);
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

void up_watch_end(struct up_watch *w, struct buf *lines)
{
	enum { PATIENCE_MS = 5000 };
	int status;

	if (!w)
		return;
	proc_pidfd_signal(w->child.pidfd, SIGTERM);
	proc_wait(&w->child, PATIENCE_MS, "davit watch", &status, NULL);
	up_watch_take(w, lines);
	close(w->child.pidfd);
	close(w->fd);
	buf_done(&w->in);
	free(w);
}
