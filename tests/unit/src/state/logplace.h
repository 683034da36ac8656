/* logplace.h - a log in a directory of its own, with pipes into it: for the tests of all its parts. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/state/logfile.h"
#include "../../../../src/state/logseg.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/fd.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"
#include "../../../../src/util/str.h"

#define PLACE_FN static __attribute__((unused))
#define SLOT "web-1"

struct place {
	char path[64];
	int fd;
	int out[2], err[2]; /* pipes to the log */
	struct logw *w;
};

PLACE_FN void open_writer(struct place *p, int64_t max_bytes, unsigned max_files)
{
	struct log_limits lim = {max_bytes, max_files};

	logw_close(p->w);
	assert_int_equal(logw_open(p->fd, SLOT, &lim, &p->w, NULL), 0);
}

PLACE_FN int place_up(void **state)
{
	static struct place p;

	p = (struct place){0};
	snprintf(p.path, sizeof p.path, "/tmp/log-test-XXXXXX");
	if (!mkdtemp(p.path) || pipe2(p.out, O_CLOEXEC) < 0 || pipe2(p.err, O_CLOEXEC) < 0)
		return -1;
	fd_nonblock(p.out[0]);
	fd_nonblock(p.err[0]);
	fcntl(p.out[1], F_SETPIPE_SZ, 1 << 20);
	p.fd = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	open_writer(&p, 0, 0);
	*state = &p;
	return 0;
}

PLACE_FN int place_down(void **state)
{
	struct place *p = *state;

	logw_close(p->w);
	close(p->fd);
	for (int i = 0; i < 2; i++) {
		close(p->out[i]);
		close(p->err[i]);
	}
	return path_remove_tree(AT_FDCWD, p->path, NULL);
}

PLACE_FN void out_n(struct place *p, int stream, const char *text, size_t n)
{
	int *pipe_fds = stream == 1 ? p->out : p->err;
	int rc;

	assert_int_equal(fd_write_all(pipe_fds[1], text, n), 0);
	while ((rc = logw_move(p->w, pipe_fds[0], stream, NULL)) == 1)
		;
	assert_int_equal(rc, 0);
}

PLACE_FN void out(struct place *p, int stream, const char *text)
{
	out_n(p, stream, text, strlen(text));
}

/* All lines as "1:text|2:text|", an unfinished one with ~ in place of |. */
PLACE_FN char *drain(struct logr *r, bool flush)
{
	struct buf b = BUF_INIT;
	struct log_line l;
	int rc;

	while ((rc = logr_next(r, flush, &l, NULL)) == 1) {
		buf_printf(&b, "%d:", l.stream);
		buf_add(&b, l.text, l.len);
		buf_char(&b, l.partial ? '~' : '|');
	}
	assert_int_equal(rc, 0);
	return buf_take(&b);
}

PLACE_FN void expect(struct logr *r, bool flush, const char *want)
{
	auto_free char *got = drain(r, flush);

	assert_string_equal(got, want);
}

PLACE_FN struct logr *reader(struct place *p, int64_t since, int64_t until, int64_t tail)
{
	struct log_range range = {.since_ns = since, .until_ns = until, .tail = tail};
	struct logr *r;

	assert_int_equal(logr_open(p->fd, SLOT, &range, &r, NULL), 0);
	return r;
}

PLACE_FN void expect_log(struct place *p, int64_t tail, const char *want)
{
	struct logr *r = reader(p, 0, 0, tail);

	expect(r, true, want);
	logr_close(r);
}

PLACE_FN int slot_dir(struct place *p)
{
	return seg_open_dir(p->fd, SLOT);
}

PLACE_FN char *whole_log(struct place *p)
{
	struct logr *r = reader(p, 0, 0, -1);
	char *got = drain(r, true);

	logr_close(r);
	return got;
}
