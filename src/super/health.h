/* health.h - private to the health files of src/super: the machine, the probes it starts, what it does about the unhealthy.
 *
 * health.c is the machine of one container: it starts a probe, hears of its result, sets rec.health and arms the next. What a result means
 * and when to look again is health_rules.c, pure. A probe is a command in the container (probe_exec.c) or a socket in its network
 * (probe_sock.c). unhealthy.c does what x-davit.on_unhealthy asks for. */
#pragma once

#include "sup.h"

/* ------------------------------------------------------------------ health_rules.c */

enum health_is { HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY, HEALTH_NSTATES };
extern const char *const health_words[HEALTH_NSTATES];   /* as in rec.health, and as Docker says it */

struct health_rules {
	int64_t interval_ms, start_period_ms, start_interval_ms;
	unsigned retries;
};

struct health_state {
	enum health_is is;
	unsigned fails;                  /* in a row, of those that count */
	int64_t quick_ms;                /* pause after the next failure at first, 0: none yet */
};

/* A probe is over that began age_ms after the container did. */
void health_judge(const struct health_rules *r, struct health_state *st, int64_t age_ms, bool ok);
/* From now, age_ms after the container's start, until the next probe; the last one took took_ms. */
int64_t health_pause(const struct health_rules *r, struct health_state *st, int64_t age_ms, int64_t took_ms);
/* The pause so changed that probes of the same interval begin at the same time: by 50 ms at the most, from a second on; shorter ones by
 * half of what they are. In microseconds, by the clock that timers go by: what is due at the same moment wakes the loop once. */
int64_t health_together(int64_t pause_us, int64_t now_us);
/* Whether one more restart may be tried at now_ns: notes it in times[HEALTH_RESTARTS], monotonic, of which *n are in use. */
bool health_may_restart(int64_t *times, size_t *n, int64_t now_ns);

/* ------------------------------------------------------------------ health.c */

struct probe_ops {
	bool together;                   /* several cost less when they begin at the same time */
	/* Starts a probe, in h->run. -1: it cannot be started, and counts as failed. */
	int (*begin)(struct health *h, struct err *err);
	/* It took too long: reports. */
	void (*overdue)(struct health *h);
	/* Ends the probe in flight without a word and empties h->run; also after it has reported. */
	void (*drop)(struct health *h);
};
extern const struct probe_ops probe_exec, probe_sock;

struct health {
	struct unit *u;
	const struct probe_ops *ops;
	void *run;                       /* the probe in flight, NULL */
	struct event *timer, *deadline;
	struct health_rules rules;
	struct health_state st;
	int64_t begun_ns;                /* the probe in flight, monotonic */
	int ns_fd;                       /* probe_sock.c: the network namespace, -1: not open */
	int spare_fd;                    /* probe_sock.c: a socket in it that is not connected any more, -1: none */
	unsigned addr;                   /* probe_sock.c: which of the addresses answered last */
	bool held_back;                  /* unhealthy.c: its limit was told of */
};

/* A probe's last word. said: why it failed, one line at the most of which is kept; borrowed, may be NULL. */
void health_probed(struct health *h, bool ok, const char *said);

/* ------------------------------------------------------------------ http_status.c */
/* The status in the first n bytes of an answer; 0: too few to tell, -1: this is no HTTP. */
int http_status(const char *p, size_t n);

/* ------------------------------------------------------------------ unhealthy.c */
/* After each failed probe of one that is unhealthy. */
void unhealthy_act(struct health *h);
/* A stop that the last supervisor had decided on and not begun. */
void unhealthy_resume(struct unit *u);
