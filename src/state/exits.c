/* exits.c - reading what the keeper saw.
 *
 * The keeper keeps two files bounded: `exits`, and `exits.old` which it was before. The first line of a file
 * is "= BASE": how many bytes of records were written before this file's own. So an offset counts bytes since
 * the project's start, header lines left out; it means the same before and after a rotation, and a reader
 * that starts at 0 gets all that is kept of both files. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/log.h"
#include "../util/path.h"

enum { EXITS_MAX = 16 << 20, LINE_MAX_BYTES = 128, TRIES = 4 };

struct exits_file {
	bool there;
	off_t head; /* length of the header line */
	off_t base;
	off_t start; /* the offset of text[0] */
	struct buf text;
	size_t lines; /* of it in complete lines */
};

/* Reads `n` unsigned numbers separated by one blank each; the line ends after the last. */
static bool read_numbers(const char *p, const char *end, uint64_t *ret, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = 0;
		const char *start = p;

		for (; p < end && *p >= '0' && *p <= '9' && p - start < 19; p++)
			v = v * 10 + (uint64_t)(*p - '0');
		if (p == start)
			return false;
		ret[i] = v;
		if (i + 1 < n && (p >= end || *p++ != ' '))
			return false;
	}
	return p == end;
}

/* The header line, if the file has one. */
static void take_head(int fd, struct exits_file *f)
{
	char head[32];
	ssize_t n = pread(fd, head, sizeof head, 0);
	const char *nl = n > 2 && memcmp(head, "= ", 2) == 0 ? memchr(head, '\n', (size_t)n) : NULL;
	uint64_t base;

	if (!nl || !read_numbers(head + 2, nl, &base, 1))
		return;
	f->head = nl - head + 1;
	f->base = (off_t)base;
}

/* Reads what a file has from `offset` on. */
static int load(int run_fd, const char *name, off_t offset, struct exits_file *f, struct err *err)
{
	auto_close int fd = openat(run_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	const char *nl;

	*f = (struct exits_file){0};
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "open '%s'", name);
	take_head(fd, f);
	f->there = true;
	f->start = offset > f->base ? offset : f->base;
	if (lseek(fd, f->head + f->start - f->base, SEEK_SET) < 0)
		return err_sys(err, errno, "read '%s'", name);
	if (path_read_fd(fd, EXITS_MAX, &f->text, err) < 0) {
		buf_done(&f->text);
		return err_wrap(err, "read '%s'", name);
	}
	nl = f->text.len ? memrchr(f->text.p, '\n', f->text.len) : NULL;
	f->lines = nl ? (size_t)(nl - f->text.p) + 1 : 0;
	return 0;
}

struct exits_files {
	struct exits_file now, old;
};

static void files_done(struct exits_files *f)
{
	buf_done(&f->now.text);
	buf_done(&f->old.text);
}

/* Loads both so that they fit together: `exits` first, so that a rotation in between shows as a gap or an
 * overlap. */
static int load_both(int run_fd, off_t offset, struct exits_files *f, struct err *err)
{
	for (int i = 0; i < TRIES; i++) {
		if (load(run_fd, "exits", offset, &f->now, err) < 0)
			return -1;
		if (f->now.there && (offset >= f->now.base || f->now.base == 0))
			return 0;
		if (load(run_fd, "exits.old", offset, &f->old, err) < 0)
			return -1;
		if (!f->now.there || !f->old.there || f->old.start + (off_t)f->old.lines == f->now.base)
			return 0;
		files_done(f);
		*f = (struct exits_files){0};
	}
	/* Torn apart for good (somebody removed a file): what is there still counts. */
	if (load(run_fd, "exits", offset, &f->now, err) < 0 ||
		load(run_fd, "exits.old", offset, &f->old, err) < 0)
		return -1;
	return 0;
}

static void give_line(
	const char *line, const char *end, void (*on_exit)(const struct exit_rec *, void *), void *ctx)
{
	uint64_t v[4];

	if (end - line > LINE_MAX_BYTES || !read_numbers(line, end, v, 4) || v[0] > INT32_MAX ||
		v[2] > 255 + 128) {
		log_warn("exits: a line that is not a record is skipped");
		return;
	}
	on_exit(&(struct exit_rec){.proc = {.pid = (pid_t)v[0], .start = v[1]},
			.status = (int)v[2],
			.at_ns = (int64_t)v[3]},
		ctx);
}

/* Gives the records of one file and moves *offset behind them. */
static void give_file(const struct exits_file *f, off_t *offset,
	void (*on_exit)(const struct exit_rec *, void *), void *ctx)
{
	for (size_t at = 0; at < f->lines;) {
		const char *line = f->text.p + at, *nl = memchr(line, '\n', f->lines - at);

		give_line(line, nl, on_exit, ctx);
		at += (size_t)(nl - line) + 1;
	}
	if (f->lines)
		*offset = f->start + (off_t)f->lines;
}

int exits_read(int run_fd, off_t *offset, void (*on_exit)(const struct exit_rec *, void *ctx), void *ctx,
	struct err *err)
{
	struct exits_files f = {0};

	if (run_fd < 0)
		return 0;
	if (load_both(run_fd, *offset, &f, err) < 0) {
		files_done(&f);
		return -1;
	}
	give_file(&f.old, offset, on_exit, ctx);
	give_file(&f.now, offset, on_exit, ctx);
	files_done(&f);
	return 0;
}
