/* ship_parts.h - private to ship.c (what is sent) and ship_net.c (to whom). */
#pragma once

#include "ship.h"
#include "shipaddr.h"
#include "shipfmt.h"
#include "sup.h"

struct ship {
	struct unit *u;
	struct ship_addr addr;
	char host[256];                  /* ours, for syslog */

	struct logr *r;                  /* NULL: to be opened at `safe` */
	struct log_line line;
	bool have;                       /* a line is at hand, of which … */
	size_t at;                       /* … so many bytes were sent */
	bool flush;                      /* a line without an end is to be sent, too */
	struct buf out;                  /* messages that the socket did not take yet */

	struct log_cursor safe, sent;    /* the receiver has everything before; the socket was given everything before */
	int cursor_fd;
	size_t unsafe;                   /* bytes between the two */
	int64_t sent_mono;               /* when the socket took something last */
	int64_t check_ms;                /* pause before the receiver is asked again how far it is */

	int fd;                          /* -1: not connected */
	bool connecting;
	unsigned turn;                   /* which of the addresses of the receiver's name: each attempt takes the next */
	int64_t retry_ms;                /* last pause between two attempts */
	int64_t told_mono;               /* when trouble was said last */
	struct worker resolver;
	bool resolving;
	int64_t due_mono;                /* of the timer */
	struct event *resolve_ev, *in_ev, *out_ev, *timer;
};

/* ship.c */
void ship_pump(struct ship *s);
/* What is not known to have arrived will be sent again. */
void ship_rewind(struct ship *s);
void ship_wait(struct ship *s, int64_t ms);

/* ship_net.c */
void ship_connect(struct ship *s);
/* The connection is gone, or did not come about. */
void ship_lost(struct ship *s, const char *why);
/* Whether the receiver has taken all that the socket was given. */
bool ship_all_taken(const struct ship *s);
void ship_disconnect(struct ship *s);
