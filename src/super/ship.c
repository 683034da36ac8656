/* ship.c - from lines to messages, and how far the receiver is.
 *
 * The timer is everything's: a short pause that lets lines gather, the next part of what is too much for one turn, the question whether
 * the receiver has taken all, and the next attempt to connect. */
#include "ship_parts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/mem.h"

enum {
	PIECE = 16 << 10,                /* of a line; docker's, too */
	BATCH = 64 << 10,                /* for a stream */
	WINDOW = 1 << 20,                /* not more than this is sent before it is known to have arrived */
	PER_TURN = 64,                   /* messages or batches; then others have their turn */
	GATHER_MS = 10, CHECK_MS = 10, CHECK_MAX_MS = 1000,
	LAST_TURNS = 256,                /* before it lets go */
};

void ship_wait(struct ship *s, int64_t ms)
{
	s->due_mono = clock_mono_ns() + ms * MS_NS;
	timer_arm(s->timer, ms);
}

void ship_rewind(struct ship *s)
{
	logr_close(s->r);
	s->r = NULL;
	s->have = false;
	s->unsafe = 0;
	s->sent = s->safe;
	buf_consume(&s->out, s->out.len);
}

/* ------------------------------------------------------------------ messages */

static void add_message(struct ship *s, const struct ship_msg *m)
{
	const struct unit_rec *r = &s->u->rec;
	const struct log_ship *how = &s->u->launch.ship;
	const struct log_who who = { .id = r->id, .name = r->name, .image = r->image };

	if (how->to == SHIP_JOURNALD)
		ship_format_journald(how, &who, m, &s->out);
	else if (m->len)                 /* syslog has no empty messages */
		ship_format_syslog(how, s->host, m, &s->out);
}

static void tell_missed(struct ship *s, unsigned segments)
{
	auto_free char *text = xasprintf("davit: the receiver was away too long: %u files of this log were dropped before they could be sent",
					 segments);
	const struct ship_msg m = { .text = text, .len = strlen(text), .stream = 2, .at_ns = s->line.at_ns };

	log_warn("%s: %s", s->u->rec.slot, text);
	add_message(s, &m);
}

/* Takes the next line to hand. False: there is none. */
static bool next_line(struct ship *s)
{
	auto_err struct err err = ERR_INIT;
	unsigned missed;
	int rc;

	if (!s->r && logr_resume(s->u->s->logs_fd, unit_log_slot(s->u), &s->safe, &s->r, &err) < 0) {
		log_error("%s: log: %s", s->u->rec.slot, err_msg(&err));
		return false;
	}
	rc = logr_next(s->r, s->flush, &s->line, &err);
	if (rc != 1) {
		s->flush = false;
		return false;
	}
	s->have = true;
	s->at = 0;
	missed = logr_missed(s->r);
	if (missed)
		tell_missed(s, missed);
	return true;
}

/* Puts the line at hand, or a piece of it, behind what waits. */
static void add_piece(struct ship *s)
{
	size_t left = s->line.len - s->at, n = left < PIECE ? left : PIECE;
	const struct ship_msg m = { .text = s->line.text + s->at, .len = n, .stream = s->line.stream, .at_ns = s->line.at_ns,
				    .partial = n < left || s->line.partial };

	add_message(s, &m);
	s->at += n;
	s->have = s->at < s->line.len;
}

/* True: there is something to send. A datagram is one message, so what was missed is said in one of its own. */
static bool fill(struct ship *s)
{
	bool stream = s->addr.type == SOCK_STREAM;

	while (s->out.len < (stream ? BATCH : 1)) {
		if (!s->have && (!next_line(s) || (s->out.len && !stream)))
			break;
		add_piece(s);
	}
	return s->out.len > 0;
}

/* ------------------------------------------------------------------ sending */

/* Everything at hand was given to the socket. */
static void handed_over(struct ship *s)
{
	if (!s->have && s->r)
		logr_cursor(s->r, &s->sent);
}

/* True: go on. */
static bool send_out(struct ship *s)
{
	ssize_t n = send(s->fd, s->out.p, s->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
		event_add(s->out_ev, NULL);
		if (errno == ENOBUFS)
			ship_wait(s, CHECK_MAX_MS);
		return false;
	}
	if (n < 0 && errno == EMSGSIZE) {
		log_warn("%s: a message of %zu bytes is too long for where the log is sent, and was left out", s->u->rec.slot, s->out.len);
		n = (ssize_t)s->out.len;
	}
	if (n < 0) {
		ship_lost(s, strerror(errno));
		return false;
	}
	s->unsafe += (size_t)n;
	s->sent_mono = clock_mono_ns();
	s->check_ms = CHECK_MS;
	s->retry_ms = 0;
	buf_consume(&s->out, s->addr.type == SOCK_STREAM ? (size_t)n : s->out.len);
	if (!s->out.len)
		handed_over(s);
	return true;
}

static void check(struct ship *s)
{
	if (!s->unsafe || s->out.len || !ship_all_taken(s))
		return;
	s->safe = s->sent;
	s->unsafe = 0;
	log_cursor_save(s->cursor_fd, &s->safe);
}

void ship_pump(struct ship *s)
{
	int turns = 0;
	bool full;

	if (s->fd < 0 && !s->resolving) {
		ship_connect(s);
		return;
	}
	if (s->fd < 0 || s->connecting)
		return;
	check(s);
	for (; turns < PER_TURN; turns++) {
		if (!s->out.len && (s->unsafe >= WINDOW || !fill(s)))
			break;
		if (!send_out(s))
			return;
	}
	full = s->unsafe >= WINDOW;
	check(s);
	if (turns == PER_TURN || (full && !s->unsafe)) { /* there may be more */
		ship_wait(s, 0);
	} else if (s->unsafe) {
		ship_wait(s, s->check_ms);
		s->check_ms = s->check_ms * 2 < CHECK_MAX_MS ? s->check_ms * 2 : CHECK_MAX_MS;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ship *s = arg;

	if (s->connecting)
		ship_lost(s, "it does not answer");
	else
		ship_pump(s);
}

/* ------------------------------------------------------------------ from and to the unit */

void ship_open(struct unit *u)
{
	struct ship *s = xcalloc(1, sizeof *s);
	auto_err struct err err = ERR_INIT;
	bool found;

	u->ship = s;
	s->u = u;
	s->fd = -1;
	s->check_ms = CHECK_MS;
	if (ship_addr_parse(u->launch.ship.address, &s->addr, &err) < 0) /* looked at when the container was made */
		log_error("%s: %s", u->rec.slot, err_msg(&err));
	if (gethostname(s->host, sizeof s->host - 1) < 0 || !*s->host)
		memcpy(s->host, "-", 2);
	s->cursor_fd = log_cursor_open(u->s->logs_fd, unit_log_slot(u), &s->safe, &found);
	if (!found) {
		log_end(u->s->logs_fd, unit_log_slot(u), &s->safe);
		log_cursor_save(s->cursor_fd, &s->safe);
	}
	s->sent = s->safe;
	s->timer = evtimer_new(u->s->base, on_timer, s);
	ship_wait(s, GATHER_MS);
}

void ship_poke(struct unit *u)
{
	struct ship *s = u->ship;

	if (!s || s->resolving || s->connecting || (s->out_ev && event_pending(s->out_ev, EV_WRITE, NULL)))
		return;
	if (!evtimer_pending(s->timer, NULL) || (s->fd >= 0 && s->due_mono > clock_mono_ns() + GATHER_MS * MS_NS))
		ship_wait(s, GATHER_MS);
}

void ship_flush(struct unit *u)
{
	if (u->ship)
		u->ship->flush = true;
	ship_poke(u);
}

void ship_close(struct unit *u)
{
	struct ship *s = u->ship;

	if (!s)
		return;
	u->ship = NULL;
	for (int i = 0; i < LAST_TURNS && s->fd >= 0 && !s->connecting && (s->out.len || fill(s)); i++)
		if (!send_out(s))
			break;
	check(s);
	ship_disconnect(s);
	event_free(s->timer);
	logr_close(s->r);
	buf_done(&s->out);
	ship_addr_done(&s->addr);
	if (s->cursor_fd >= 0)
		close(s->cursor_fd);
	free(s);
}
