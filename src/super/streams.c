/* streams.c - a container's output into its log.
 *
 * FIFOs outlive this process; the readers are watched only while somebody may write, since a FIFO without writers is readable for
 * ever. With a tty there is one stream, the pty's master, which the keeper holds for the next supervisor. */
#include "sup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/fd.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "run.h"
#include "ship.h"

/* A turn takes a whole pipe: so what comes on the other stream after it stays after it. */
enum { MOVES_PER_TURN = 4 };
enum { DRAIN_MOVES = 16, LOG_PAUSE_MS = 100, LOG_TELL_MS = 60 * 1000 };

static char *stream_name(const struct unit *u, const char *suffix)
{
	return xasprintf("%s.%s", u->rec.slot, suffix);
}

const char *unit_log_slot(const struct unit *u)
{
	return u->rec.init_of ? u->rec.init_of : u->rec.slot;
}

static int log_ready(struct unit *u, struct err *err)
{
	struct log_limits lim = { u->launch.log_max_bytes, u->launch.log_max_files };

	if (u->log)
		return 0;
	if (logw_open(u->s->logs_fd, unit_log_slot(u), &lim, &u->log, err) < 0)
		return -1;
	logw_share(u->log, u->s->logtee);
	if (u->launch.ship.to)
		ship_open(u);
	else
		log_cursor_forget(u->s->logs_fd, unit_log_slot(u));
	return 0;
}

char *streams_kept_name(const struct unit *u, const char *suffix)
{
	return xasprintf("%s:%s", suffix, u->rec.slot);
}

/* The keeper has it, too: what is in a pipe goes with the last who has it open, and both the container and this process may end before
 * it is read. */
static int open_reader(struct unit *u, const char *suffix, const char *fifo, int *reader, struct err *err)
{
	auto_free char *kept = streams_kept_name(u, suffix);

	if (*reader >= 0)
		return 0;
	*reader = keeper_take_fd(u->s, kept);
	if (*reader >= 0)
		return 0;
	if (stdio_open_reader(u->s->fifo_fd, fifo, reader, err) < 0)
		return -1;
	keeper_store_fd(u->s, kept, *reader);
	return 0;
}

static int open_pair(struct unit *u, const char *suffix, int *reader, int *writer, struct err *err)
{
	auto_free char *name = stream_name(u, suffix);

	if (stdio_make_fifo(u->s->fifo_fd, name, err) < 0)
		return -1;
	if (reader && open_reader(u, suffix, name, reader, err) < 0)
		return -1;
	if (writer && stdio_open_container(u->s->fifo_fd, name, writer, err) < 0)
		return -1;
	return 0;
}

/* The container holds both ends of its standard input, so that it has no end and whoever comes may write into it; or the reading one
 * only: then it ends with the client that made it, who is there already. */
static int open_stdin(struct unit *u, int *ret_fd, struct err *err)
{
	auto_free char *name = stream_name(u, "in");

	if (!run_stdin_once(u))
		return open_pair(u, "in", NULL, ret_fd, err);
	if (stdio_make_fifo(u->s->fifo_fd, name, err) < 0 || stdio_open_reader(u->s->fifo_fd, name, ret_fd, err) < 0)
		return -1;
	return fcntl(*ret_fd, F_SETFL, O_RDONLY) < 0 ? err_sys(err, errno, "open pipe '%s'", name) : 0;
}

static char *console_path(const struct unit *u)
{
	return xasprintf("%s/tmp/%s.tty", u->s->p.run, u->rec.slot);
}

int streams_open(struct unit *u, int stdio[3], struct err *err)
{
	if (log_ready(u, err) < 0)
		return -1;
	logw_end_lines(u->log);          /* of the run before */
	if (u->launch.tty) {
		auto_free char *path = console_path(u);
		if (u->console_fd >= 0)
			close(take_fd(&u->console_fd));
		return stdio_console_listen(path, &u->console_fd, err);
	}
	if (u->launch.stdin_open && open_stdin(u, &stdio[0], err) < 0)
		return -1;
	if (u->launch.log_none)
		return 0;
	if (open_pair(u, "out", &u->out_fd, &stdio[1], err) < 0)
		return -1;
	return open_pair(u, "err", &u->err_fd, &stdio[2], err);
}

/* The readers of what runs already. */
static int streams_reopen(struct unit *u, struct err *err)
{
	if (log_ready(u, err) < 0)
		return -1;
	if (u->launch.tty || u->launch.log_none)
		return 0;
	if (open_pair(u, "out", &u->out_fd, NULL, err) < 0)
		return -1;
	return open_pair(u, "err", &u->err_fd, NULL, err);
}

/* The slave of its terminal, by the master alone: what has that name in the container may be anything. */
static int open_terminal(const struct unit *u, int stdio[3], struct err *err)
{
	int fd = u->tty_fd < 0 ? -1 : ioctl(u->tty_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (u->tty_fd >= 0 && fd < 0)
		return err_sys(err, errno, "open the terminal of container '%s'", u->rec.name);
	stdio[1] = fd;
	stdio[2] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return 0;
}

int streams_writers(const struct unit *u, int stdio[3], struct err *err)
{
	auto_free char *out = stream_name(u, "out"), *error = stream_name(u, "err");

	if (u->launch.tty)
		return open_terminal(u, stdio, err);
	if (u->launch.log_none)
		return 0;
	if (stdio_open_container(u->s->fifo_fd, out, &stdio[1], err) < 0)
		return -1;
	return stdio_open_container(u->s->fifo_fd, error, &stdio[2], err);
}

/* ------------------------------------------------------------------ moving bytes */

static void look_again(evutil_socket_t fd, short what, void *arg);

static void look_after_a_pause(struct unit *u)
{
	if (!u->log_timer)
		u->log_timer = evtimer_new(u->s->base, look_again, u);
	timer_arm(u->log_timer, LOG_PAUSE_MS);
}

/* No room on the disk, say: the bytes are safe in the pipe for now. */
static void log_trouble(struct unit *u, const struct err *err)
{
	int64_t now = clock_mono_ns();

	if (!u->log_told_mono || now - u->log_told_mono > LOG_TELL_MS * MS_NS) {
		log_error("%s: log: %s; what is oldest is dropped when it must be", u->rec.slot, err_msg(err));
		u->log_told_mono = now;
	}
	look_after_a_pause(u);
}

/* As soon as there is room again, so that the event has some, too; and not for every time. */
static void tell_dropped(struct unit *u)
{
	int64_t now = clock_mono_ns();

	if (!u->log_dropped || (u->log_event_mono && now - u->log_event_mono < LOG_TELL_MS * MS_NS))
		return;
	u->log_dropped = false;
	u->log_event_mono = now;
	unit_event(u, EV_LOG_DROPPED, clock_wall_ns(), NULL, NULL);
}

/* With a tty the pipe is the terminal's, also when nobody wants to see it. */
static bool discard(int fd)
{
	char scrap[64 << 10];

	return read(fd, scrap, sizeof scrap) == 0;
}

/* Whether the stream need not be watched for now. */
static bool move_some(struct unit *u, int fd, int stream, int moves)
{
	auto_err struct err err = ERR_INIT;

	if (u->launch.log_none)
		return discard(fd);
	ship_poke(u);
	u->log_took = 0;
	if (client_holds(u))
		return true;
	while (moves-- > 0) {
		int r = logw_move(u->log, fd, stream, &err);
		u->log_took += logw_moved(u->log);
		if (r >= 0)
			tell_dropped(u);
		if (r >= 0 && r != 1)
			return r == LOGW_EOF;
		if (r < 0) {
			log_trouble(u, &err);
			if (!logw_make_room(u->log, fd, stream))
				return true;
			u->log_dropped = true;
		}
	}
	return false;
}

static void gather_for(struct unit *u, int64_t ns)
{
	const struct timeval tv = { .tv_usec = ns / 1000 };

	if (!u->gather)
		u->gather = evtimer_new(u->s->base, look_again, u);
	if (!evtimer_pending(u->gather, NULL))           /* else the other stream's moment is ours */
		evtimer_add(u->gather, &tv);
}

/* Who writes little and often writes into a pipe that holds much more. What comes on the other stream does not wait, but comes after it. */
static void take_stream(struct unit *u, int fd, int stream, struct event *ev)
{
	bool rests = move_some(u, fd, stream, MOVES_PER_TURN);
	int64_t pause = pace_pause(&u->log_pace[stream - 1], u->log_took, clock_mono_ns());

	if (pause && !rests)
		gather_for(u, pause);
	if (rests || pause)
		event_del(ev);
}

static void take_gathered(struct unit *u, int fd, int stream, struct event *ev)
{
	if (ev && !event_pending(ev, EV_READ, NULL))
		move_some(u, fd, stream, MOVES_PER_TURN);
}

static void on_out(evutil_socket_t fd, short what, void *arg)
{
	struct unit *u = arg;

	take_gathered(u, u->err_fd, 2, u->err_ev);
	take_stream(u, fd, 1, u->out_ev);
}

static void on_err(evutil_socket_t fd, short what, void *arg)
{
	struct unit *u = arg;

	take_gathered(u, u->out_fd, 1, u->out_ev);
	take_stream(u, fd, 2, u->err_ev);
}

static void on_tty(evutil_socket_t fd, short what, void *arg)
{
	struct unit *u = arg;

	take_stream(u, fd, 1, u->tty_ev);
}

/* Also what was dropped is to be told, though nothing more may come. */
static void look_again(evutil_socket_t fd, short what, void *arg)
{
	struct unit *u = arg;

	if (u->log_due) {
		streams_adopt(u);
		return;
	}
	streams_watch(u);
	if (u->out_ev)
		on_out(u->out_fd, EV_READ, u);
	if (u->err_ev)
		on_err(u->err_fd, EV_READ, u);
	if (u->tty_ev)
		on_tty(u->tty_fd, EV_READ, u);
}

static void watch(struct unit *u, int fd, struct event **ev, event_callback_fn cb)
{
	if (fd < 0)
		return;
	if (!*ev)
		*ev = event_new(u->s->base, fd, EV_READ | EV_PERSIST, cb, u);
	event_add(*ev, NULL);
}

void streams_watch(struct unit *u)
{
	watch(u, u->out_fd, &u->out_ev, on_out);
	watch(u, u->err_fd, &u->err_ev, on_err);
	watch(u, u->tty_fd, &u->tty_ev, on_tty);
}

void streams_go_on(struct unit *u)
{
	if (u->log && u->rec.run && unit_has_process(u->state) && !client_holds(u))
		look_again(-1, EV_TIMEOUT, u);
}

static char *tty_name(const struct unit *u)
{
	return xasprintf("tty:%s", u->rec.slot);
}

void streams_adopt(struct unit *u)
{
	auto_free char *tty = tty_name(u);
	auto_err struct err err = ERR_INIT;
	bool first = !u->log_due;

	if (u->tty_fd < 0)
		u->tty_fd = keeper_take_fd(u->s, tty);
	u->log_due = streams_reopen(u, &err) < 0;
	if (!u->log_due) {
		streams_watch(u);
		return;
	}
	if (first)
		log_error("%s: output: %s; it waits in the pipes until that is mended", u->rec.slot, err_msg(&err));
	look_after_a_pause(u);
}

/* The runtime has sent the pty's master before `create` returned. */
void streams_console(struct unit *u)
{
	auto_err struct err err = ERR_INIT;
	auto_free char *name = tty_name(u);
	auto_free char *path = console_path(u);
	struct winsize window;

	if (u->console_fd < 0)
		return;
	if (stdio_console_receive(u->console_fd, &u->tty_fd, &err) < 0)
		log_error("%s: terminal: %s", u->rec.slot, err_msg(&err));
	close(take_fd(&u->console_fd));
	unlink(path);
	if (u->tty_fd < 0)
		return;
	fd_nonblock(u->tty_fd);
	if (run_window(u, &window))
		(void)ioctl(u->tty_fd, TIOCSWINSZ, &window);
	keeper_store_fd(u->s, name, u->tty_fd);
	streams_watch(u);
}

static void unwatch(struct event **ev, int *fd)
{
	if (*ev)
		event_free(take(*ev));
	if (*fd >= 0)
		close(take_fd(fd));
}

static void tty_close(struct unit *u)
{
	auto_free char *name = tty_name(u);

	if (u->tty_fd < 0)
		return;
	unwatch(&u->tty_ev, &u->tty_fd);
	keeper_drop_fd(u->s, name);
}

void streams_catch_up(struct unit *u)
{
	const int fds[] = { u->out_fd, u->err_fd, u->tty_fd };

	for (size_t i = 0; u->log && i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			move_some(u, fds[i], i == 1 ? 2 : 1, 1);
}

void streams_drain(struct unit *u)
{
	if (u->log && u->out_fd >= 0)
		move_some(u, u->out_fd, 1, DRAIN_MOVES);
	if (u->log && u->err_fd >= 0)
		move_some(u, u->err_fd, 2, DRAIN_MOVES);
	if (u->log && u->tty_fd >= 0)
		move_some(u, u->tty_fd, 1, DRAIN_MOVES);
	tty_close(u);
	ship_flush(u);
	if (u->log_timer)
		evtimer_del(u->log_timer);
	if (u->gather)
		evtimer_del(u->gather);
	if (u->out_ev)
		event_del(u->out_ev);
	if (u->err_ev)
		event_del(u->err_ev);
}

static void close_reader(struct unit *u, const char *suffix, struct event **ev, int *fd)
{
	auto_free char *kept = streams_kept_name(u, suffix);

	if (*fd >= 0)
		keeper_drop_fd(u->s, kept);
	unwatch(ev, fd);
}

void streams_close(struct unit *u)
{
	close_reader(u, "out", &u->out_ev, &u->out_fd);
	close_reader(u, "err", &u->err_ev, &u->err_fd);
	if (u->log_timer)
		event_free(take(u->log_timer));
	if (u->gather)
		event_free(take(u->gather));
	if (u->tty_ev)
		event_free(take(u->tty_ev));
	if (u->tty_fd >= 0)
		close(take_fd(&u->tty_fd));
	if (u->console_fd >= 0)
		close(take_fd(&u->console_fd));
	ship_close(u);
	logw_close(u->log);
	u->log = NULL;
}
