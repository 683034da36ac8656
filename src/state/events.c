/* events.c - the table of events, and their writer. */
#include "events.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "lines.h"

const struct event_row event_rows[] = {
	[EV_CREATE] = {"container", "create", EV_ONCE_A_CONTAINER, "it was made"},
	[EV_START] = {"container", "start", EV_ONCE_A_RUN, "its process runs"},
	[EV_RESTART] = {"container", "restart", EV_ONCE_A_RUN, "a restart that was asked for is done"},
	[EV_KILL] = {"container", "kill", EV_EACH, "it was sent a signal"},
	[EV_PAUSE] = {"container", "pause", EV_EACH, "its processes were stopped where they are"},
	[EV_UNPAUSE] = {"container", "unpause", EV_EACH, "they go on"},
	[EV_RENAME] = {"container", "rename", EV_EACH, "it has another name, as an update goes on"},
	[EV_OOM] = {"container", "oom", EV_ON_CHANGE, "the kernel killed a process of it for want of memory"},
	[EV_DIE] = {"container", "die", EV_ONCE_A_RUN, "its process has ended: how, why, and what follows"},
	[EV_STOP] = {"container", "stop", EV_ONCE_A_RUN, "a stop that was asked for is done"},
	[EV_DESTROY] = {"container", "destroy", EV_ONCE_A_CONTAINER, "it was removed"},
	[EV_HEALTH] = {"container", "health_status", EV_ON_CHANGE, "its health is another: 'health_status: healthy'"},
	[EV_WAITING] = {"container", "waiting", EV_ON_CHANGE, "it will start when what it depends on is there"},
	[EV_BACKOFF] = {"container", "backoff", EV_EACH, "it will start after a pause"},
	[EV_LOG_DROPPED] = {"container", "log_dropped", EV_EACH, "output was lost, for want of room on the disk"},
	[EV_NETWORK_CREATE] = {"network", "create", EV_EACH, "a network was made"},
	[EV_NETWORK_DESTROY] = {"network", "destroy", EV_EACH, "a network was removed"},
	[EV_VOLUME_CREATE] = {"volume", "create", EV_EACH, "a volume was made"},
	[EV_VOLUME_DESTROY] = {"volume", "destroy", EV_EACH, "a volume was removed"},
	[EV_SUPERVISOR_START] = {"supervisor", "start", EV_EACH, "the project has a supervisor"},
	[EV_SUPERVISOR_ADOPT] = {"supervisor", "adopt", EV_EACH, "a supervisor took over from one that was killed"},
	[EV_SUPERVISOR_UPGRADE] = {"supervisor", "upgrade", EV_EACH, "it makes room for another program"},
	[EV_SUPERVISOR_LOST] = {"supervisor", "lost", EV_EACH, "events could not be written"},
	[EV_SUPERVISOR_GAVE_UP] = {"supervisor", "gave_up", EV_EACH, "a request during which it was killed again and again is not gone on with"},
};
static_assert(ARRAY_LEN(event_rows) == EV_NKINDS, "a row for every kind");

int event_kind_parse(const char *type, const char *action)
{
	size_t n = action ? strcspn(action, ":") : 0;

	for (int i = 0; type && action && i < EV_NKINDS; i++)
		if (STREQ(event_rows[i].type, type) && strlen(event_rows[i].action) == n &&
			strncmp(event_rows[i].action, action, n) == 0)
			return i;
	return -1;
}

/* --- the writer --- */

struct events {
	int dir_fd; /* ours, a duplicate */
	int fd;
	off_t size;
	int64_t lost;
};

static const char what[] = "the events";

int events_open(int state_fd, struct events **ret, struct err *err)
{
	struct events *e = xcalloc(1, sizeof *e);

	e->fd = -1;
	e->dir_fd = fcntl(state_fd, F_DUPFD_CLOEXEC, 3);
	if (e->dir_fd < 0)
		err_sys(err, errno, "keep the state directory open");
	if (e->dir_fd < 0 || lines_open(e->dir_fd, "events", what, &e->fd, &e->size, err) < 0) {
		events_close(e);
		return -1;
	}
	*ret = e;
	return 0;
}

void events_close(struct events *e)
{
	if (!e)
		return;
	if (e->fd >= 0)
		close(e->fd);
	if (e->dir_fd >= 0)
		close(e->dir_fd);
	free(e);
}

/* The full file becomes events.old. For a moment there are no events, which readers know (events_read.c). When there is no room for
 * a new file, there is none for lines either. */
static void rotate(struct events *e)
{
	auto_close int fd = openat(
		e->dir_fd, "events.new", O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || renameat(e->dir_fd, "events", e->dir_fd, "events.old") < 0 ||
		renameat(e->dir_fd, "events.new", e->dir_fd, "events") < 0)
		return;
	close(e->fd);
	e->fd = take_fd(&fd);
	e->size = 0;
}

static int append(struct events *e, const json_t *event, struct err *err)
{
	auto_free char *text = json_dumps(event, JSON_COMPACT);
	auto_buf struct buf line = BUF_INIT;

	if (!text)
		return err_set(err, ERR_FAIL, "an event cannot be written as text");
	buf_str(&line, text);
	buf_char(&line, '\n');
	if (e->size > 0 && e->size + (off_t)line.len > EVENTS_MAX)
		rotate(e);
	return lines_append(e->fd, &e->size, line.p, line.len, what, err);
}

static void tell_lost(struct events *e)
{
	const struct event_row *row = &event_rows[EV_SUPERVISOR_LOST];
	auto_free char *n = xasprintf("%lld", (long long)e->lost);
	auto_json json_t *o = json_pack("{s:I,s:s,s:s,s:s,s:{s:s}}", "t", (json_int_t)clock_wall_ns(), "type", row->type,
		"action", row->action, "id", "", "attributes", "events", n);

	if (append(e, o, NULL) == 0)
		e->lost = 0;
}

int events_append(struct events *e, const json_t *event, struct err *err)
{
	if (e->lost)
		tell_lost(e);
	if (append(e, event, err) == 0)
		return 0;
	e->lost++;
	return -1;
}
