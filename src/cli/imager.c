#include "imager.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/proc.h"

enum { LINE_MAX_BYTES = 1 << 20, READ_BYTES = 16 << 10, END_MS = 30000 };

/* Beside this program, or where it was installed to. */
static int find_program(char **ret, struct err *err)
{
	static const char *const places[] = { "davit-image", "../libexec/davit/davit-image" };
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (n < 0)
		return err_sys(err, errno, "find this program");
	self[n] = 0;
	slash = strrchr(self, '/');      /* also cuts off " (deleted)": replaced by a newer one meanwhile */
	if (slash)
		*slash = 0;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		auto_free char *path = xasprintf("%s/%s", self, places[i]);

		if (access(path, X_OK) == 0) {
			*ret = take(path);
			return 0;
		}
	}
	err_set(err, ERR_NOT_FOUND, "'davit-image' is not installed beside 'davit'");
	return err_hint(err, "install davit again: 'make install'");
}

/* The request as a file in memory: nobody waits for a reader, nobody else sees it. */
static int write_request(const struct cli *c, json_t *request, int *ret_fd, struct err *err)
{
	auto_free char *text = NULL;
	auto_close int fd = memfd_create("davit-request", MFD_CLOEXEC);
	size_t n;

	jx_set_str(request, "state_dir", c->dirs.state);
	text = json_dumps(request, JSON_COMPACT);
	if (!text)
		return err_set(err, ERR_INPUT, "the request to davit-image has text that is not UTF-8");
	n = strlen(text);
	if (fd < 0 || fd_write_all(fd, text, n) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		err_sys(err, errno, "write the request to davit-image");
	else
		*ret_fd = take_fd(&fd);
	explicit_bzero(text, n);
	return *ret_fd < 0 ? -1 : 0;
}

static int start(struct cli *c, const struct imager *what, int request_fd, struct child *ret, int *ret_fd, struct err *err)
{
	auto_free char *program = NULL, *request_no = xasprintf("%d", request_fd), *output_no = xasprintf("%d", what->output_fd);
	const char *argv[] = { "davit-image", what->verb, request_no, what->output_fd >= 0 ? output_no : NULL, NULL };
	int pass[] = { request_fd, what->output_fd }, ends[2];
	auto_close int in = -1, out = -1;
	struct spawn s = { .argv = argv, .pass = pass, .n_pass = what->output_fd >= 0 ? 2 : 1, .die_with_parent = true };

	if (find_program(&program, err) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	in = ends[0];
	out = ends[1];
	if (s.n_pass == 2 && pass[0] > pass[1]) {
		pass[0] = what->output_fd;
		pass[1] = request_fd;
	}
	s.file = program;
	s.stdio[0] = what->input_fd;
	s.stdio[1] = out;
	s.stdio[2] = STDERR_FILENO;
	if (proc_spawn(&s, ret, err) < 0)
		return -1;
	*ret_fd = take_fd(&in);
	return 0;
}

static int on_line(const struct imager *what, const char *line, size_t n, struct err *err)
{
	auto_json json_t *ev = NULL;

	if (jx_parse(line, n, &ev, err) < 0)
		return err_wrap(err, "davit-image");
	if (!str_eq(jx_str(ev, "ev"), "error"))
		return what->on_event ? what->on_event(what->arg, ev, err) : 0;
	err_set(err, err_kind_parse(jx_str(ev, "kind") ? jx_str(ev, "kind") : ""), "%s",
		jx_str(ev, "msg") ? jx_str(ev, "msg") : "davit-image failed");
	return jx_str(ev, "hint") ? err_hint(err, "%s", jx_str(ev, "hint")) : -1;
}

static int take_lines(const struct imager *what, struct buf *in, struct err *err)
{
	char *end;

	while (in->len && (end = memchr(in->p, '\n', in->len))) {
		if (on_line(what, in->p, (size_t)(end - in->p), err) < 0)
			return -1;
		buf_consume(in, (size_t)(end - in->p) + 1);
	}
	return in->len > LINE_MAX_BYTES ? err_set(err, ERR_PROTO, "davit-image speaks nonsense") : 0;
}

/* 1: there is something to read. */
static int wait_for_it(const struct imager *what, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, what->tick_ms ? what->tick_ms(what->arg) : -1) != 0)
		return 1;
	if (what->on_tick)
		what->on_tick(what->arg);
	return 0;
}

static int read_events(const struct imager *what, int fd, struct err *err)
{
	auto_buf struct buf in = BUF_INIT;

	for (;;) {
		ssize_t n;

		if (!wait_for_it(what, fd))
			continue;
		n = read(fd, buf_room(&in, READ_BYTES), READ_BYTES);
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read from davit-image");
		in.len += (size_t)n;
		in.p[in.len] = '\0';
		if (take_lines(what, &in, err) < 0)
			return -1;
	}
}

static int run(struct cli *c, const struct imager *what, struct err *err)
{
	auto_close int request_fd = -1, events = -1;
	struct child child;
	int r, status = 0;

	if (write_request(c, what->request, &request_fd, err) < 0 || start(c, what, request_fd, &child, &events, err) < 0)
		return -1;
	r = read_events(what, events, err);
	close(take_fd(&events));
	if (r < 0)                       /* what it still does is of no use, and what it leaves the next one clears away */
		proc_pidfd_signal(child.pidfd, SIGKILL);
	/* It has said all that it had to say; until then there was no deadline of ours, since its own name who is slow, and a download takes as
	 * long as it takes. Ctrl-C ends it with us: it dies with this process. */
	if (proc_wait(&child, END_MS, "davit-image", &status, r < 0 ? NULL : err) < 0)
		r = -1;
	close(child.pidfd);
	if (r < 0)
		return -1;
	return status ? err_set(err, ERR_FAIL, "davit-image ended with status %d", status) : 0;
}

int imager_run(struct cli *c, const struct imager *what, struct err *err)
{
	int r = run(c, what, err);

	json_decref(what->request);
	return r;
}
