/* probe_sock.c - a probe that is a socket: a port that accepts (tcp), or answers a GET (http). No process, no thread.
 *
 * The socket is made in the network namespace that the container is in and connects to 127.0.0.1 there; when nobody listens there, to the
 * addresses that the namespace has in its networks, and from then on first to the one that answered. One deadline, the machine's, holds
 * for all of it.
 *
 * Most of it is over at once: a connection within a machine is made while connect() runs, so a second connect() tells, and the request is
 * sent without waiting. Only the status line of the answer is looked at. The rest is read and thrown away, up to DRAIN_MAX bytes or
 * DRAIN_MS, since a server that is cut off in the middle of its answer complains in its log. A socket whose connection came to such an end
 * serves the next probe as well: the way into a namespace, a new socket and its end cost as much as a packet. */
#include "health.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/visible.h"

enum { HEAD_MAX = 64, DRAIN_MAX = 65536, DRAIN_MS = 100, LOOK_MS = 20, ADDRS_MAX = 16 };

struct sock_run {
	int fd;
	struct event *ev;
	unsigned tried;                  /* how many addresses refused */
	bool connected, watched;
	int status;                      /* of the answer, 0: not known yet */
	size_t drained, len;
	char head[HEAD_MAX];             /* the beginning of the answer */
};

static void on_event(evutil_socket_t fd, short what, void *arg);

static const struct launch_probe *wanted(const struct health *h)
{
	return &h->u->launch.probe;
}

/* The last word: why it failed. h->run is gone afterwards. */
static void failed(struct health *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void failed(struct health *h, const char *fmt, ...)
{
	auto_buf struct buf said = BUF_INIT;
	va_list ap;

	buf_printf(&said, "port %u: ", wanted(h)->port);
	va_start(ap, fmt);
	buf_vprintf(&said, fmt, ap);
	va_end(ap);
	health_probed(h, false, said.p);
}

static void wait_for(struct health *h, short what)
{
	struct sock_run *r = h->run;

	if (r->ev)
		event_free(r->ev);
	r->watched = true;
	r->ev = event_new(h->u->s->base, r->fd, what | EV_PERSIST, on_event, h);
	event_add(r->ev, NULL);
}

/* Nobody waits for the result of one that is known to be healthy or not: the answer is there, and those of others, when it is looked for
 * after a moment. That saves most of what the loop costs. */
static void look_later(struct health *h)
{
	struct sock_run *r = h->run;

	r->ev = evtimer_new(h->u->s->base, on_event, h);
	timer_arm(r->ev, LOOK_MS);
}

/* ------------------------------------------------------------------ the answer */

/* After the server's end of it nobody reads what an orderly end would say; and the server need not remember the connection for a minute.
 * So it is cut off the socket (connect(2), AF_UNSPEC), which is then as good as new, but for its options. */
static void end_abruptly(struct health *h)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	struct sock_run *r = h->run;

	if (connect(r->fd, &nobody, sizeof nobody) == 0)
		h->spare_fd = take_fd(&r->fd);
}

static void conclude(struct health *h)
{
	const struct launch_probe *p = wanted(h);
	const struct sock_run *r = h->run;

	if (r->status >= (int)p->status_min && r->status <= (int)p->status_max)
		health_probed(h, true, NULL);
	else
		failed(h, "GET %s was answered with %d", p->path, r->status);
}

static void no_http(struct health *h)
{
	const struct sock_run *r = h->run;
	auto_buf struct buf b = BUF_INIT;

	visible(&b, r->head, r->len);
	failed(h, "that is no answer of HTTP: %s", b.p);
}

/* False: it is over. */
static bool look_at_head(struct health *h)
{
	struct sock_run *r = h->run;
	int status = http_status(r->head, r->len);

	if (status < 0) {
		no_http(h);
		return false;
	}
	if (status > 0) {
		r->status = status;
		timer_arm(h->deadline, DRAIN_MS);
	}
	return true;
}

static void on_answer(struct health *h)
{
	static char page[16384];
	struct sock_run *r = h->run;
	ssize_t n;

	while ((n = recv(r->fd, page, sizeof page, 0)) > 0) {
		size_t take = (size_t)n < HEAD_MAX - r->len ? (size_t)n : HEAD_MAX - r->len;
		memcpy(r->head + r->len, page, take);
		r->len += take;
		r->drained += (size_t)n;
		if (!r->status && !look_at_head(h))
			return;
		if (r->drained >= DRAIN_MAX)
			break;
	}
	if (n < 0 && errno == EAGAIN) {
		if (!r->watched)
			wait_for(h, EV_READ);
		return;
	}
	if (n == 0)
		end_abruptly(h);
	if (r->status)
		conclude(h);
	else if (n < 0)
		failed(h, "no answer: %s", strerror(errno));
	else
		failed(h, "the connection was closed %s", r->len ? "in the middle of the answer" : "without an answer");
}

/* ------------------------------------------------------------------ connecting */

/* 127.0.0.1, then those of the slot whose namespace it is. */
static unsigned addresses(const struct health *h, uint32_t list[static ADDRS_MAX])
{
	const char *slot = wanted(h)->slot;
	const struct unit *at = slot ? unit_get(h->u->s, slot) : NULL;
	unsigned n = 0;

	list[n++] = INADDR_LOOPBACK;
	for (size_t i = 0; at && i < at->rec.n_addrs && n < ADDRS_MAX; i++)
		list[n++] = at->rec.addrs[i].addr;
	return n;
}

/* The request follows the connection at once and can say that the server's consent has come: one packet less, and the server is not
 * woken before there is something to read. On the side that connects the option does just this, in all kernels; without it all works. */
static void save_a_packet(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof on);
}

static int open_socket(struct health *h, struct err *err)
{
	const char *slot = wanted(h)->slot;
	auto_free char *pin = slot && h->ns_fd < 0 ? super_run_path(h->u->s, "netns", slot) : NULL;
	struct sock_run *r = h->run;

	if (r->ev)
		event_free(take(r->ev));
	if (r->fd >= 0)
		close(take_fd(&r->fd));
	if (h->spare_fd >= 0) {
		r->fd = take_fd(&h->spare_fd);
		return 0;
	}
	if (pin && net_ns_open(pin, &h->ns_fd, err) < 0)
		return -1;
	if (net_tcp_socket(h->ns_fd, &r->fd, err) < 0)
		return -1;
	if (wanted(h)->kind == PROBE_HTTP)
		save_a_packet(r->fd);
	return 0;
}

static void send_request(struct health *h)
{
	const struct launch_probe *p = wanted(h);
	struct sock_run *r = h->run;
	auto_buf struct buf text = BUF_INIT;

	buf_printf(&text, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: davit\r\nAccept: */*\r\nConnection: close\r\n\r\n", p->path,
		   p->host);
	if (send(r->fd, text.p, text.len, MSG_NOSIGNAL) != (ssize_t)text.len)
		failed(h, "cannot send the request: %s", strerror(errno));
	else if (h->st.is == HEALTH_STARTING || r->watched)
		wait_for(h, EV_READ);
	else
		look_later(h);
}

static void on_connected(struct health *h)
{
	struct sock_run *r = h->run;

	r->connected = true;
	h->addr += r->tried;
	if (wanted(h)->kind == PROBE_TCP)
		health_probed(h, true, NULL);
	else
		send_request(h);
}

/* One address after the other, until one takes the connection, all have refused it, or there is something to wait for. */
static void go_on_connecting(struct health *h)
{
	struct sock_run *r = h->run;
	auto_err struct err err = ERR_INIT;
	uint32_t list[ADDRS_MAX];
	unsigned n = addresses(h, list);

	for (;;) {
		struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)wanted(h)->port),
					  .sin_addr.s_addr = htonl(list[(h->addr + r->tried) % n]) };
		if (connect(r->fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EISCONN) {
			on_connected(h);
			return;
		}
		if (errno == EINPROGRESS)        /* it is over by now, as a rule */
			continue;
		if (errno == EALREADY) {
			wait_for(h, EV_WRITE);
			return;
		}
		if (++r->tried >= n) {
			failed(h, "%s", strerror(errno));
			return;
		}
		if (open_socket(h, &err) < 0) {
			failed(h, "%s", err_msg(&err));
			return;
		}
	}
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct health *h = arg;
	const struct sock_run *r = h->run;

	if (r->connected)
		on_answer(h);
	else
		go_on_connecting(h);
}

/* ------------------------------------------------------------------ a run */

static int begin(struct health *h, struct err *err)
{
	struct sock_run *r = h->run = xcalloc(1, sizeof *r);

	r->fd = -1;
	if (open_socket(h, err) < 0)
		return -1;
	go_on_connecting(h);
	return 0;
}

static void overdue(struct health *h)
{
	const struct sock_run *r = h->run;
	long long ms = h->u->launch.health_timeout_ms;

	if (r->status)
		conclude(h);
	else
		failed(h, r->connected ? "no answer within %lld ms" : "no connection within %lld ms", ms);
}

static void drop(struct health *h)
{
	struct sock_run *r = h->run;

	if (!r)
		return;
	h->run = NULL;
	if (r->ev)
		event_free(r->ev);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

const struct probe_ops probe_sock = { .together = true, .begin = begin, .overdue = overdue, .drop = drop };
