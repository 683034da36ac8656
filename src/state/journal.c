/* journal.c - the writer.
 *
 * One writer (whoever holds the project's lock), line by line (lines.h). Not fsynced line by line: a killed
 * process loses nothing, and after a power cut the containers are gone anyway; compaction, which replaces
 * everything there is, is synced. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "lines.h"
#include "reserve.h"

enum { COMPACT_BYTES = 256 * 1024, COMPACT_FULL_BYTES = 32 * 1024 };

#define NEXT "journal.next" /* what compaction makes, until it is the journal */

struct journal {
	int dir_fd; /* ours, a duplicate */
	int fd;
	off_t size;
	off_t compacted_size; /* after the last compaction; 0: not known */
	bool compacting;
	struct buf since; /* what was appended since the compaction in progress began */
	struct reserve reserve;
};

static int open_file(struct journal *j, struct err *err)
{
	auto_close int fd = -1;
	off_t size;

	if (lines_open(j->dir_fd, "journal", "the journal", &fd, &size, err) < 0)
		return -1;
	j->fd = take_fd(&fd);
	j->size = size;
	return 0;
}

int journal_open(int state_fd, struct journal **ret, struct err *err)
{
	struct journal *j = xcalloc(1, sizeof *j);

	j->fd = -1;
	j->dir_fd = fcntl(state_fd, F_DUPFD_CLOEXEC, 3);
	if (j->dir_fd < 0) {
		err_sys(err, errno, "keep the state directory open");
		journal_close(j);
		return -1;
	}
	unlinkat(j->dir_fd, NEXT, 0); /* of a compaction that was killed */
	if (open_file(j, err) < 0) {
		journal_close(j);
		return -1;
	}
	j->reserve.dir_fd = j->dir_fd;
	reserve_hold(&j->reserve);
	*ret = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		close(j->fd);
	if (j->dir_fd >= 0)
		close(j->dir_fd);
	buf_done(&j->since);
	free(j);
}

/* {"t":now,"key":value} and a newline. */
static int add_line(struct buf *b, const char *key, const json_t *value, struct err *err)
{
	auto_free char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!text)
		return err_set(err, ERR_FAIL, "a journal line of kind '%s' cannot be written as text", key);
	buf_printf(b, "{\"t\":%lld,\"%s\":", (long long)clock_wall_ns(), key);
	buf_str(b, text);
	buf_str(b, "}\n");
	return 0;
}

/* On a full disk the reserve is what there is room in. */
static int append_somehow(struct journal *j, int fd, off_t *size, const struct buf *text, struct err *err)
{
	auto_err struct err why = ERR_INIT;

	while (lines_append(fd, size, text->p, text->len, "the journal", &why) < 0) {
		if ((why.errnum != ENOSPC && why.errnum != EDQUOT) || !reserve_give_up(&j->reserve))
			return err_move(err, &why);
		err_done(&why);
	}
	return 0;
}

int journal_append(struct journal *j, const char *key, const json_t *value, struct err *err)
{
	auto_buf struct buf line = BUF_INIT;

	if (add_line(&line, key, value, err) < 0)
		return -1;
	if (append_somehow(j, j->fd, &j->size, &line, err) < 0)
		return -1;
	if (j->compacting)
		buf_add(&j->since, line.p, line.len);
	else
		reserve_hold(&j->reserve);
	return 0;
}

/* ------------------------------------------------------------------ compaction */

bool journal_wants_compaction(const struct journal *j)
{
	off_t most = reserve_is_full(&j->reserve) ? COMPACT_BYTES : COMPACT_FULL_BYTES;

	return !j->compacting && j->size > most && j->size > 2 * j->compacted_size;
}

static int add_world(struct buf *text, const struct world *w, struct err *err)
{
	if (w->project && add_line(text, "project", w->project, err) < 0)
		return -1;
	map_each(&w->units, it)
	{
		auto_json json_t *unit = unit_rec_to_json(it->value);

		if (add_line(text, "unit", unit, err) < 0)
			return -1;
	}
	return 0;
}

int journal_compact_begin(struct journal *j, const struct world *w, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	auto_err struct err why = ERR_INIT;

	j->compacted_size = j->size; /* whether it succeeds or not: the next try is when it has grown as much again */
	if (add_world(&text, w, err) < 0)
		return -1;
	while (path_write(j->dir_fd, NEXT, text.p ? text.p : "", text.len, 0600, 0, &why) < 0) {
		if ((why.errnum != ENOSPC && why.errnum != EDQUOT) || !reserve_give_up(&j->reserve)) {
			err_move(err, &why);
			return err_wrap(err, "compact the journal");
		}
		err_done(&why);
	}
	j->compacting = true;
	return 0;
}

int journal_compact_sync(const struct journal *j, struct err *err)
{
	auto_close int fd = openat(j->dir_fd, NEXT, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(err, errno, "compact the journal");
	return 0;
}

/* What was appended meanwhile goes behind the world that the new file begins with. It is opened before it gets its name: a journal that
 * could not be opened afterwards would leave us writing to the one that nobody finds any more. */
static int change_over(struct journal *j, struct err *err)
{
	auto_close int fd = -1;
	off_t size;

	if (lines_open(j->dir_fd, NEXT, "the journal", &fd, &size, err) < 0)
		return -1;
	if (j->since.len && append_somehow(j, fd, &size, &j->since, err) < 0)
		return -1;
	if (renameat(j->dir_fd, NEXT, j->dir_fd, "journal") < 0)
		return err_sys(err, errno, "compact the journal");
	close(j->fd);
	j->fd = take_fd(&fd);
	j->size = j->compacted_size = size;
	return 0;
}

int journal_compact_end(struct journal *j, bool synced, struct err *err)
{
	int r = synced ? change_over(j, err) : 0;

	j->compacting = false;
	buf_done(&j->since);
	if (r < 0 || !synced) {
		unlinkat(j->dir_fd, NEXT, 0);
		return r;
	}
	j->reserve.again_ns = 0; /* there is room now, if only for a moment */
	reserve_hold(&j->reserve);
	return 0;
}
