/* ship.h - a container's log on its way to journald or a syslog server.
 *
 * It is sent from the log's files, behind the container's back: the container never waits for the receiver, and what the receiver could
 * not take yet stays in the log. A cursor beside the log says how far the receiver has taken it (in the receiver's socket at least; with
 * udp: 100 ms without a complaint): from there on it is sent again when the connection broke or this process was killed, so some lines may
 * come twice, and none is lost - unless the receiver stays away until the log, which is bounded, drops them; then a line says so.
 * Lines longer than 16 KiB come in pieces. */
#pragma once

struct unit;

/* After the log was opened. From the cursor on; without one, from the log's end. */
void ship_open(struct unit *u);
/* Something was added to the log. */
void ship_poke(struct unit *u);
/* The container ended: also a line without an end is sent. */
void ship_flush(struct unit *u);
/* Sends what can be sent without waiting, and lets go. */
void ship_close(struct unit *u);
