/* health.c - health checks: a second, small machine beside the unit's (health.h). */
#include "exec_in.h"
#include "health.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/visible.h"

enum { SAID_MAX = 200, ADOPTED_MS = 500 };

static void arm_us(struct event *ev, int64_t us)
{
	struct timeval tv = { .tv_sec = us / 1000000, .tv_usec = us % 1000000 };

	evtimer_add(ev, &tv);
}

static int64_t age_ms(const struct health *h, int64_t now_ns)
{
	return (now_ns - h->u->rec.started_mono) / MS_NS;
}

/* The next probe, with those of others that are due at about the same time. The loop counts from when it woke, if it is not told. */
static void arm_together(struct health *h, int64_t pause_ms)
{
	event_base_update_cache_time(h->u->s->base);
	arm_us(h->timer, health_together(pause_ms * 1000, clock_mono_ns() / 1000));
}

/* ------------------------------------------------------------------ what is remembered */

/* The last line that says something: what comes before it is progress, or a traceback. */
static char *last_line(const char *said)
{
	auto_buf struct buf b = BUF_INIT;
	size_t end = strlen(said), from;

	while (end && strchr("\r\n\t ", said[end - 1]))
		end--;
	for (from = end; from && said[from - 1] != '\n' && said[from - 1] != '\r';)
		from--;
	from += strspn(said + from, " \t");
	if (end <= from)
		return NULL;
	visible(&b, said + from, end - from > SAID_MAX ? SAID_MAX : end - from);
	return buf_take(&b);
}

static void note_said(struct unit *u, const char *said)
{
	auto_free char *line = said ? last_line(said) : NULL;

	if (!line || str_eq(u->rec.health_said, line))
		return;
	log_info("%s: health check said: %s", u->rec.slot, line);
	free(u->rec.health_said);
	u->rec.health_said = take(line);
}

/* On disk before anybody hears of it; a healthy one that stays healthy costs no write, nor does one that stays unhealthy. */
static void note_state(struct health *h)
{
	struct unit *u = h->u;
	const char *word = health_words[h->st.is];
	bool changed = !str_eq(u->rec.health, word);
	unsigned fails = h->st.fails < h->rules.retries ? h->st.fails : h->rules.retries;

	if (!changed && u->rec.health_fails == fails)
		return;
	u->rec.health_fails = fails;
	if (changed) {
		free(u->rec.health);
		u->rec.health = xstrdup(word);
		unit_save(u);
		unit_event(u, EV_HEALTH, clock_wall_ns(), word, NULL);
		txn_on_unit(u->s, u);
	} else {
		unit_save(u);
	}
}

/* ------------------------------------------------------------------ probing */

void health_probed(struct health *h, bool ok, const char *said)
{
	int64_t now = clock_mono_ns(), pause;

	h->ops->drop(h);
	evtimer_del(h->deadline);
	health_judge(&h->rules, &h->st, age_ms(h, h->begun_ns), ok);
	if (!ok)
		note_said(h->u, said);
	else
		h->held_back = false;
	note_state(h);
	pause = health_pause(&h->rules, &h->st, age_ms(h, now), (now - h->begun_ns) / MS_NS);
	if (h->ops->together && h->st.is != HEALTH_STARTING)
		arm_together(h, pause);
	else
		timer_arm(h->timer, pause);
	if (!ok && h->st.is == HEALTH_UNHEALTHY)
		unhealthy_act(h);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct health *h = arg;

	h->ops->overdue(h);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct health *h = arg;
	auto_err struct err err = ERR_INIT;

	h->begun_ns = clock_mono_ns();
	timer_arm(h->deadline, h->u->launch.health_timeout_ms);
	if (h->ops->begin(h, &err) < 0)
		health_probed(h, false, err_msg(&err));
}

/* ------------------------------------------------------------------ beginning and end */

static enum health_is parse(const char *word)
{
	enum health_is is = HEALTH_STARTING;

	for (int i = 0; word && i < HEALTH_NSTATES; i++)
		if (STREQ(word, health_words[i]))
			is = (enum health_is)i;
	return is;
}

static struct health_rules rules_of(const struct launch *l)
{
	return (struct health_rules){
		.interval_ms = l->health_interval_ms, .start_period_ms = l->health_start_period_ms,
		.start_interval_ms = l->health_start_interval_ms, .retries = (unsigned)l->health_retries,
	};
}

void health_reset(struct unit *u)
{
	free(u->rec.health);
	u->rec.health = u->launch.health ? xstrdup(health_words[HEALTH_STARTING]) : NULL;
	free(u->rec.health_said);
	u->rec.health_said = NULL;
	u->rec.health_fails = 0;
}

/* What the last supervisor knew goes on from there. Its probe, if one was in flight, counts for nothing. */
void health_start(struct unit *u)
{
	struct health *h;

	health_stop(u);
	if (!u->launch.health) {
		health_reset(u);
		return;
	}
	if (!u->rec.health)
		health_reset(u);
	h = u->health = xcalloc(1, sizeof *h);
	h->u = u;
	h->ns_fd = h->spare_fd = -1;
	h->ops = u->launch.probe.kind == PROBE_NONE ? &probe_exec : &probe_sock;
	h->rules = rules_of(&u->launch);
	h->st = (struct health_state){ .is = parse(u->rec.health), .fails = u->rec.health_fails };
	h->timer = evtimer_new(u->s->base, on_timer, h);
	h->deadline = evtimer_new(u->s->base, on_deadline, h);
	if (!u->s->adopting) {
		timer_arm(h->timer, 0);
		return;
	}
	exec_in_kill(u, "probe");
	unhealthy_resume(u);
	timer_arm(h->timer, h->rules.interval_ms < ADOPTED_MS ? h->rules.interval_ms : ADOPTED_MS);
}

void health_stop(struct unit *u)
{
	struct health *h = u->health;

	if (!h)
		return;
	u->health = NULL;
	h->ops->drop(h);
	event_free(h->timer);
	event_free(h->deadline);
	if (h->ns_fd >= 0)
		close(h->ns_fd);
	if (h->spare_fd >= 0)
		close(h->spare_fd);
	free(h);
}
