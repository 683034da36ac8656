/* shipfmt.h - one message to a log server, in its own words. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../util/buf.h"
#include "logopt.h"

struct ship_msg {
	const char *text;
	size_t len;
	int stream;                      /* 1: information, 2: an error */
	int64_t at_ns;
	bool partial;                    /* more of its line follows in the next one, or this line was not ended */
};

/* journald's native protocol: the fields that docker's driver sends. A message is a datagram. */
void ship_format_journald(const struct log_ship *s, const struct log_who *who, const struct ship_msg *m, struct buf *out);
/* A line of RFC 3164 or RFC 5424, with a newline at its end. The host's name is borrowed. */
void ship_format_syslog(const struct log_ship *s, const char *host, const struct ship_msg *m, struct buf *out);
