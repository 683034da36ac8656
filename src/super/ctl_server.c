/* ctl_server.c - requests in, events out.
 *
 * A client makes one request; its answer is a stream of events (ctl.h). What a client does not read is kept up to a bound, then the client
 * is let go: nobody's terminal can hold the supervisor up. */
#include "sup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/version.h"
#include "attend.h"
#include "ctl_kill.h"
#include "ctl_pause.h"
#include "run.h"
#include "txn.h"

enum { OUT_MAX = 8 << 20, CLIENTS_MAX = 256, REST_MS = 200, EV_ANY = EV_READ | EV_PERSIST };

struct client {
	struct super *s;
	int fd;
	struct event *in_ev, *out_ev;
	struct ctl_in in;
	struct buf out;
	bool asked;                      /* its one request has come */
	bool subscribed;
	bool closing;                    /* the last event is in `out` */
	char **waits;                    /* op wait: services, NULL-terminated; NULL: not waiting */
	struct killing *killing;         /* op kill; NULL: not waiting */
	struct attendant *attendant;     /* op run and attach: of a container; NULL: of none */
	int pass_fd;                     /* goes with the byte of `out` at pass_at; -1: none */
	size_t pass_at;
	struct client *next;
};

static void client_free(struct client *c)
{
	struct super *s = c->s;

	for (struct client **p = &s->clients; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			break;
		}
	txn_client_gone(s, c);
	event_free(c->in_ev);
	event_free(c->out_ev);
	close(c->fd);
	ctl_in_done(&c->in);
	buf_done(&c->out);
	for (char **w = c->waits; w && *w; w++)
		free(*w);
	free(c->waits);
	killing_free(c->killing);
	if (c->pass_fd >= 0)
		close(c->pass_fd);
	attend_end(c->attendant);
	if (!c->asked)                   /* it died, and may have made something before */
		run_sweep_soon(s);
	free(c);
}

/* What lies before the byte that a descriptor goes with is sent without it; the socket does not block. */
static ssize_t send_some(struct client *c, int fd)
{
	ssize_t n;

	if (c->pass_fd < 0 || c->pass_at)
		return send(fd, c->out.p, c->pass_fd < 0 ? c->out.len : c->pass_at, MSG_NOSIGNAL | MSG_DONTWAIT);
	n = fd_send(fd, c->out.p, c->out.len, &c->pass_fd, 1);
	if (n > 0)
		close(take_fd(&c->pass_fd));
	return n;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	ssize_t n = send_some(c, fd);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		client_free(c);
		return;
	}
	buf_consume(&c->out, (size_t)n);
	c->pass_at -= (size_t)n < c->pass_at ? (size_t)n : c->pass_at;
	if (c->out.len)
		return;
	event_del(c->out_ev);
	if (c->closing)
		client_free(c);
}

void client_send(struct client *c, json_t *event)
{
	size_t n;

	if (c && !c->closing && c->out.len < OUT_MAX) {
		auto_free char *frame = event ? ctl_frame(event, &n) : NULL;
		if (frame) {
			buf_add(&c->out, frame, n);
			event_add(c->out_ev, NULL);
		}
	}
	json_decref(event);
}

void client_send_fd(struct client *c, json_t *event, int fd)
{
	if (c && fd >= 0 && c->pass_fd < 0) {
		c->pass_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		c->pass_at = c->out.len;
	}
	client_send(c, event);
}

static void client_end(struct client *c)
{
	if (c)
		c->closing = true;
}

void client_done(struct client *c)
{
	client_send(c, json_pack("{s:s}", "ev", "done"));
	client_end(c);
}

void client_fail(struct client *c, const struct err *err, const char *service, const char *attr)
{
	json_t *e = json_object();

	jx_set_str(e, "ev", "error");
	jx_set_str(e, "kind", err_kind_str(err->kind));
	jx_set_str(e, "msg", err_msg(err));
	jx_set_str(e, "hint", err->hint);
	jx_set_str(e, "service", service);
	jx_set_str(e, "attr", attr);
	client_send(c, e);
	client_end(c);
}

/* ------------------------------------------------------------------ publishing */

static void to_all(struct super *s, struct client *also, json_t *event)
{
	for (struct client *c = s->clients; c; c = c->next)
		if (c->subscribed || c == also)
			client_send(c, json_incref(event));
	json_decref(event);
}

void publish_step(struct super *s, struct client *c, const char *kind, const char *name, const char *service,
		  const char *status, const char *text)
{
	json_t *e = json_object();

	jx_set_str(e, "ev", "step");
	jx_set_str(e, "kind", kind);
	jx_set_str(e, "name", name);
	jx_set_str(e, "service", service);
	jx_set_str(e, "status", status);
	jx_set_str(e, "text", text);
	to_all(s, c, e);
}

void publish_event(struct super *s, struct unit *u, json_t *event)
{
	json_t *e = json_object();

	jx_set_str(e, "ev", u ? "unit" : "event");
	if (u) {
		auto_free char *what = xstrndup(jx_str(event, "action"), strcspn(jx_str(event, "action"), ":"));
		jx_set_str(e, "what", what);
		json_object_set_new(e, "unit", unit_rec_to_json(&u->rec));
	}
	json_object_set_new(e, "event", event);
	to_all(s, NULL, e);
}

void publish_warn(struct super *s, struct client *c, const char *service, const char *msg)
{
	json_t *e = json_object();

	log_warn("%s%s%s", service ? service : "", service ? ": " : "", msg);
	jx_set_str(e, "ev", "warn");
	jx_set_str(e, "service", service);
	jx_set_str(e, "msg", msg);
	to_all(s, c ? c : txn_client(s), e);
}

/* ------------------------------------------------------------------ requests */

static bool service_runs(struct super *s, const char *service)
{
	map_each(&s->units, it) {
		const struct unit *u = it->value;
		if (STREQ(u->rec.service, service) && !u->rec.init_of && !u->rec.run && u->state != U_STOPPED && u->state != U_FAILED &&
		    u->state != U_ABSENT)
			return true;
	}
	return false;
}

static void tell_exits(struct super *s, struct client *c)
{
	for (char **w = c->waits; *w; w++)
		map_each(&s->units, it) {
			const struct unit *u = it->value;
			if (!STREQ(u->rec.service, *w) || !u->rec.name || u->rec.init_of || u->rec.run)
				continue;
			client_send(c, json_pack("{s:s,s:s,s:s,s:i}", "ev", "exited", "service", u->rec.service, "name",
						 u->rec.name, "code", u->rec.exit_code));
		}
}

static bool all_stopped(struct super *s, struct client *c)
{
	for (char **w = c->waits; *w; w++)
		if (service_runs(s, *w))
			return false;
	return true;
}

void waiters_check(struct super *s)
{
	for (struct client *c = s->clients; c; c = c->next) {
		if (c->killing && !c->closing)
			killing_look(c->killing);
		if (c->attendant && !c->closing)
			attend_look(c->attendant);
		if (!c->waits || c->closing || !all_stopped(s, c))
			continue;
		tell_exits(s, c);
		client_done(c);
	}
}

static void begin_wait(struct client *c, const json_t *req)
{
	const json_t *names = jx_arr(req, "services"), *v;
	size_t i;

	c->waits = xcalloc(json_array_size(names) + 1, sizeof *c->waits);
	json_array_foreach(names, i, v)
		c->waits[i] = xstrdup(json_is_string(v) ? json_string_value(v) : "");
	waiters_check(c->s);
}

bool ctl_names_service(const json_t *req, const char *service)
{
	const json_t *names = jx_arr(req, "services"), *v;
	size_t i;

	json_array_foreach(names, i, v)
		if (json_is_string(v) && STREQ(json_string_value(v), service))
			return true;
	return !json_array_size(names);
}

static void refuse(struct client *c, const json_t *req)
{
	json_t *e = replace_about(c->s);
	auto_free char *msg = xasprintf("the supervisor is of davit v%s and speaks versions %d to %d of the protocol, not %lld",
					davit_version.number, davit_version.wire_oldest, davit_version.wire,
					(long long)jx_int(req, "v", 0));
	auto_free char *hint = xasprintf("use davit v%s, or put this one in its place with 'davit upgrade'", davit_version.number);

	jx_set_str(e, "ev", "error");
	jx_set_str(e, "kind", err_kind_str(ERR_PROTO));
	jx_set_str(e, "msg", msg);
	jx_set_str(e, "hint", hint);
	client_send(c, e);
	client_end(c);
}

static void dispatch(struct client *c, json_t *req)
{
	const char *op = jx_str(req, "op");
	auto_err struct err err = ERR_INIT;

	if (op && STREQ(op, "ping")) {
		client_send(c, replace_about(c->s));
		client_done(c);
	} else if (op && STREQ(op, "upgrade")) {
		replace_request(c, c->s, req);
	} else if (!op || !ctl_understands(req)) {
		refuse(c, req);
	} else if (origin_check(c->s, req, &err) < 0) {
		client_fail(c, &err, NULL, NULL);
	} else if (STREQ(op, "subscribe")) {
		c->subscribed = true;
	} else if (STREQ(op, "evidence")) {
		evidence_seen(c->s->txn);
		client_done(c);
	} else if (STREQ(op, "wait")) {
		begin_wait(c, req);
	} else if (STREQ(op, "kill")) {
		c->killing = killing_begin(c->s, c, req);
	} else if (STREQ(op, "pause") || STREQ(op, "unpause")) {
		pause_request(c->s, c, req, STREQ(op, "pause"));
	} else if (STREQ(op, "attach")) {
		c->attendant = attend_request(c->s, c, req);
	} else if (!answer_again(c->s, c, req)) {
		txn_submit(c->s, c, json_incref(req));
	}
}

/* Who is attached may say more than the one request. */
static void hear_more(struct client *c)
{
	auto_err struct err err = ERR_INIT;
	int r = 0;

	while (!c->closing) {
		auto_json json_t *msg = NULL;
		r = ctl_parse(&c->in, &msg, &err);
		if (r != 1)
			break;
		attend_hear(c->attendant, msg);
	}
	if (r < 0)
		client_free(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	auto_err struct err err = ERR_INIT;
	auto_json json_t *req = NULL;
	int r = ctl_fill(&c->in, fd, &err);

	if (r == 0)
		return;
	if (r == 1 && c->attendant && !c->closing) {
		hear_more(c);
		return;
	}
	if (r != 1 || c->asked) {        /* it went away, or says more than it may */
		client_free(c);
		return;
	}
	r = ctl_parse(&c->in, &req, &err);
	if (r == 0)
		return;
	c->asked = true;
	if (r < 0)
		client_fail(c, &err, NULL, NULL);
	else
		dispatch(c, req);
}

static void listen_again(evutil_socket_t fd, short what, void *arg)
{
	struct super *s = arg;

	if (s->listen_ev)
		event_add(s->listen_ev, NULL);
}

/* Who waits to be accepted is there the next turn, too: without descriptors, say, that would be every turn. */
static void rest(struct super *s, const struct err *why)
{
	const struct timeval pause = { .tv_usec = REST_MS * 1000 };

	log_warn("control socket: %s", err_msg(why));
	event_del(s->listen_ev);
	event_base_once(s->base, -1, EV_TIMEOUT, listen_again, s, &pause);
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct super *s = arg;
	auto_err struct err err = ERR_INIT;
	struct client *c;
	size_t n = 0;
	int cfd = -1;

	if (ctl_accept(fd, &cfd, &err) != 1) {
		if (err.kind)
			rest(s, &err);
		return;
	}
	for (c = s->clients; c; c = c->next)
		n++;
	if (n >= CLIENTS_MAX) {
		close(cfd);
		return;
	}
	fd_nonblock(cfd);
	c = xcalloc(1, sizeof *c);
	c->s = s;
	c->fd = cfd;
	c->pass_fd = -1;
	c->in_ev = event_new(s->base, cfd, EV_ANY, on_readable, c);
	c->out_ev = event_new(s->base, cfd, EV_WRITE | EV_PERSIST, on_writable, c);
	c->next = s->clients;
	s->clients = c;
	event_add(c->in_ev, NULL);
}

int ctl_server_start(struct super *s, struct err *err)
{
	if (ctl_listen(s->p.run_fd, &s->listen_fd, err) < 0)
		return -1;
	s->listen_ev = event_new(s->base, s->listen_fd, EV_ANY, on_connection, s);
	event_add(s->listen_ev, NULL);
	return 0;
}

void client_outlives_keeper(struct client *c)
{
	keeper_store_fd(c->s, "last client", c->fd);
}

void client_attend(struct client *c, struct unit *u)
{
	c->attendant = attend_begin(c, u);
	attend_look(c->attendant);
}

bool client_attends(const struct unit *u)
{
	for (const struct client *c = u->s->clients; c; c = c->next)
		if (!c->closing && attend_is_of(c->attendant, u))
			return true;
	return false;
}

bool client_holds(const struct unit *u)
{
	for (const struct client *c = u->s->clients; c; c = c->next)
		if (!c->closing && attend_holds(c->attendant, u))
			return true;
	return false;
}

bool clients_have_output(const struct super *s)
{
	for (const struct client *c = s->clients; c; c = c->next)
		if (c->out.len)
			return true;
	return false;
}

void ctl_server_deaf(struct super *s)
{
	if (s->listen_ev)
		event_free(take(s->listen_ev));
	if (s->listen_fd >= 0)
		close(take_fd(&s->listen_fd));
}
