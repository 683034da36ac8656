/* How it works: libcurl tells which sockets it waits for (on_socket) and when it wants to be called at the latest (on_timer). Whatever
 * wakes it, curl_multi_socket_action() moves all its transfers; what has ended is marked, and told when libcurl has returned (turn), so
 * that callbacks may start and cancel requests as they like. Requests beyond per_host wait in our list rather than in libcurl's, whose
 * clock for connecting would run meanwhile.
 *
 * Nothing here blocks the loop: names are looked up by threads of libcurl's (Debian builds it so), which nobody waits for (http_request.c),
 * and credential helpers run before the loop does (reg_prepare()). Descriptors that libcurl makes without close-on-exec, its wake-up pair,
 * reach nobody: whatever is executed has all but what it is given closed (proc_spawn()), and a worker that reads foreign bytes closes its
 * sockets first (confine_sockets()); an eventfd, which newer ones have in its place, would only wake a loop that does not use it. */
#include "http.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "http_parts.h"

struct http {
	struct http_conf conf;
	CURLM *multi;
	struct event *timer, *turn;
	bool inside; /* libcurl is on the stack */
	TAILQ_HEAD(, http_req) reqs;
};

static void drop(struct http_req *r)
{
	TAILQ_REMOVE(&r->h->reqs, r, link);
	http_pace_done(r);
	if (r->easy) {
		curl_multi_remove_handle(r->h->multi, r->easy);
		curl_easy_cleanup(r->easy);
	}
	curl_slist_free_all(r->fields);
	strs_done(&r->answer.fields);
	err_done(&r->err);
	free(r->origin);
	free(r);
}

static size_t count_running(const struct http *h, const char *origin)
{
	const struct http_req *r;
	size_t n = 0;

	TAILQ_FOREACH (r, &h->reqs, link)
		n += r->state == REQ_RUNNING && STREQ(r->origin, origin);
	return n;
}

static struct http_req *first(struct http *h, enum http_state state)
{
	struct http_req *r;

	TAILQ_FOREACH (r, &h->reqs, link)
		if (r->state == state)
			return r;
	return NULL;
}

static void start_waiting(struct http *h)
{
	struct http_req *r;

	TAILQ_FOREACH (r, &h->reqs, link) {
		if (r->state != REQ_WAITING || count_running(h, r->origin) >= h->conf.per_host)
			continue;
		r->state = REQ_RUNNING;
		if (curl_multi_add_handle(h->multi, r->easy) != CURLM_OK)
			abort(); /* out of memory, or we misuse it */
	}
}

/* Tells of one at a time and begins anew each time: what is told may change the list. */
static void turn(struct http *h)
{
	struct http_req *r;

	while ((r = first(h, REQ_DEAD)))
		drop(r);
	while ((r = first(h, REQ_ENDED))) {
		struct http_want want = r->want;
		struct err err = r->err;
		struct http_answer answer = r->answer;
		enum http_fault fault = r->fault;

		r->err = ERR_INIT;
		r->answer = (struct http_answer){ 0 };
		drop(r);
		want.on_done(want.arg, &answer, fault, fault == HTTP_WHOLE ? NULL : &err);
		strs_done(&answer.fields);
		err_done(&err);
	}
	start_waiting(h);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	turn(arg);
}

static void take_ended(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_req *r;

		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r) != CURLE_OK)
			continue;
		if (r->state == REQ_DEAD)
			continue;
		http_judge(r, &h->conf, m->data.result);
		r->state = REQ_ENDED;
	}
}

static void act(struct http *h, curl_socket_t fd, int what)
{
	int running;

	h->inside = true;
	curl_multi_socket_action(h->multi, fd, what, &running);
	h->inside = false;
	take_ended(h);
	turn(h);
}

/* ------------------------------------------------------------------ what libcurl waits for */

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	act(arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sock)
{
	short events = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
	struct event *ev = sock;
	struct http *h = arg;

	if (what == CURL_POLL_REMOVE) {
		if (ev)
			event_free(ev);
		curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	if (!ev) {
		ev = event_new(h->conf.base, fd, events | EV_PERSIST, on_ready, h);
		if (!ev)
			abort();
		curl_multi_assign(h->multi, fd, ev);
	} else {
		event_del(ev);
		event_assign(ev, h->conf.base, fd, events | EV_PERSIST, on_ready, h);
	}
	event_add(ev, NULL);
	return 0;
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct timeval in = { ms / 1000, ms % 1000 * 1000 };
	struct http *h = arg;

	if (ms < 0)
		evtimer_del(h->timer);
	else
		evtimer_add(h->timer, &in);
	return 0;
}

void http_end(struct http_req *r)
{
	curl_multi_remove_handle(r->h->multi, r->easy);
	r->state = REQ_ENDED;
	event_active(r->h->turn, 0, 0);
}

/* ------------------------------------------------------------------ the face */

int http_new(const struct http_conf *conf, struct http **ret, struct err *err)
{
	struct http *h;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_FAIL, "libcurl cannot be used");
	h = xcalloc(1, sizeof *h);
	h->conf = *conf;
	TAILQ_INIT(&h->reqs);
	h->multi = curl_multi_init();
	h->timer = evtimer_new(conf->base, on_due, h);
	h->turn = event_new(conf->base, -1, 0, on_turn, h);
	if (!h->multi || !h->timer || !h->turn)
		abort();
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	/* Each over TLS has all authorities in memory, some 4 MiB of them, so few are kept for whom nobody has use at the moment. */
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)conf->per_host);
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	struct http_req *r;

	if (!h)
		return;
	while ((r = TAILQ_FIRST(&h->reqs)))
		drop(r);
	curl_multi_cleanup(h->multi);
	event_free(h->timer);
	event_free(h->turn);
	free(h);
	curl_global_cleanup();
}

struct http_req *http_start(struct http *h, const struct http_want *want)
{
	struct http_req *r = xcalloc(1, sizeof *r);

	r->h = h;
	r->conf = &h->conf;
	r->want = *want;
	r->want.url = NULL;
	r->want.fields = NULL;
	r->origin = xasprintf("%d %s:%u", want->url->tls, want->url->host, want->url->port);
	r->easy = curl_easy_init();
	if (!r->easy)
		abort();
	for (size_t i = 0; want->fields && i < want->fields->n; i++)
		r->fields = curl_slist_append(r->fields, want->fields->v[i]);
	http_set_up(r, &h->conf, want->url);
	TAILQ_INSERT_TAIL(&h->reqs, r, link);
	event_active(h->turn, 0, 0);
	return r;
}

void http_cancel(struct http_req *r)
{
	if (!r)
		return;
	r->state = REQ_DEAD;
	if (!r->h->inside)
		drop(r);
	else
		event_active(r->h->turn, 0, 0);
}

/* ------------------------------------------------------------------ answers */

const char *http_field(const struct http_answer *a, const char *name, size_t n)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < a->fields.n; i++) {
		const char *f = a->fields.v[i];

		if (strncasecmp(f, name, len) == 0 && f[len] == ':' && n-- == 0)
			return f + len + 1 + strspn(f + len + 1, " \t");
	}
	return NULL;
}

int64_t http_length(const struct http_answer *a)
{
	const char *text = http_field(a, "Content-Length", 0);
	int64_t n;

	return text && str_i64(text, &n) == 0 && n >= 0 ? n : -1;
}
