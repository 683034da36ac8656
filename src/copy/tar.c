/* tar.c - the sink that is a tar archive. Only writes: nothing here reads a foreign format. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/mem.h"
#include "attrs.h"
#include "content.h"
#include "tarhead.h"
#include "walk.h"

enum { HOLD = 256 << 10, SMALL = 64 << 10 };

struct tar {
	int fd;
	struct copy_count *count;
	struct buf out;      /* not written yet */
	char *room;
};

static int flush(struct tar *t, struct err *err)
{
	if (fd_write_all(t->fd, t->out.p, t->out.len) < 0)
		return err_sys(err, errno, "write the archive");
	t->out.len = 0;
	return 0;
}

static int add_zeros(struct tar *t, uint64_t n, struct err *err)
{
	static const char zeros[4096];

	while (n > 0) {
		size_t piece = n < sizeof zeros ? (size_t)n : sizeof zeros;

		buf_add(&t->out, zeros, piece);
		n -= piece;
		if (t->out.len > HOLD && flush(t, err) < 0)
			return -1;
	}
	return 0;
}

/* The header said how long it is; what it has lost since then is zeros. */
static int add_content(struct tar *t, int fd, uint64_t size, struct err *err)
{
	uint64_t sent = 0;

	if (size <= SMALL) {
		char *to = buf_room(&t->out, (size_t)size);
		ssize_t n = pread(fd, to, (size_t)size, 0);

		if (n < 0)
			return err_sys(err, errno, "read");
		t->out.len += (size_t)n;
		sent = (uint64_t)n;
	} else if (flush(t, err) < 0 || content_send(fd, t->fd, size, t->room, &sent, err) < 0) {
		return -1;
	}
	t->count->bytes += sent;
	return add_zeros(t, size - sent + tar_padding(size), err);
}

static int add_xattr(void *arg, const char *name, const void *value, size_t n, struct err *err)
{
	auto_free char *key = xasprintf("SCHILY.xattr.%s", name);

	tarhead_record(arg, key, value, n);
	return 0;
}

static int entry(void *arg, const struct copy_entry *e, struct err *err)
{
	static const struct copy_rules all = { .keep_privilege = true };
	struct tar *t = arg;
	struct tarhead h = { .path = *e->path ? e->path : ".", .link = e->same_as ? e->same_as : e->link, .hard = e->same_as, .st = e->st };
	bool content = S_ISREG(e->st.st_mode) && !e->same_as;
	auto_close int fd = content ? copy_reopen(e->fd, O_RDONLY) : -1;

	if (content && (fd < 0 || fstat(fd, &h.st) < 0))
		return err_sys(err, errno, "open it");
	if ((content || S_ISDIR(e->st.st_mode)) && attrs_each(e->fd, &all, t->room, add_xattr, &h.records, err) < 0)
		return -1;
	tarhead(&h, &t->out);
	buf_done(&h.records);
	if (content && add_content(t, fd, (uint64_t)h.st.st_size, err) < 0)
		return -1;
	return t->out.len > HOLD ? flush(t, err) : 0;
}

static int leave(void *arg, const struct copy_entry *e, struct err *err)
{
	return 0;
}

static int add_top(struct tar *t, const struct copy_source *from, struct err *err)
{
	const struct copy_entry top = { .path = "", .name = "", .fd = from->fd, .st = from->st };

	return entry(t, &top, err);
}

int copy_tar(const struct copy_source *from, int fd, bool with_top, struct copy_count *count, struct err *err)
{
	struct tar t = { .fd = fd, .count = count, .room = xmalloc(CONTENT_ROOM) };
	struct copy_sink sink = { .arg = &t, .entry = entry, .leave = leave };
	int r = -1;

	fd_raise_limit();
	with_top &= !from->name && S_ISDIR(from->st.st_mode);
	if ((!with_top || add_top(&t, from, err) == 0) && copy_walk(from, from->name, &sink, count, err) == 0 &&
	    add_zeros(&t, 2 * TAR_BLOCK, err) == 0)
		r = flush(&t, err);
	buf_done(&t.out);
	free(t.room);
	return r;
}
