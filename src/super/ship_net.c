/* ship_net.c - the connection to whoever takes logs: it comes and goes.
 *
 * A local socket connects at once or not at all; a host's name is resolved by a worker, since that may take long. What fails is tried again
 * after a pause that doubles, and said once in a while. */
#include "ship_parts.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static const char *const syslog_sockets[] = { "/dev/log", "/run/log", "/run/syslog" };

enum { RETRY_MS = 100, RETRY_MAX_MS = 5000, TELL_MS = 60 * 1000, CONNECT_MS = 10 * 1000, QUIET_MS = 100 };

static const char *receiver(const struct ship *s)
{
	if (s->u->launch.ship.to == SHIP_JOURNALD)
		return "journald";
	return s->u->launch.ship.address ? s->u->launch.ship.address : "syslog";
}

static void end_resolving(struct ship *s)
{
	if (s->resolve_ev)
		event_free(take(s->resolve_ev));
	s->resolving = false;
}

void ship_disconnect(struct ship *s)
{
	if (s->resolving)
		worker_abort(&s->resolver);
	end_resolving(s);
	if (s->in_ev)
		event_free(take(s->in_ev));
	if (s->out_ev)
		event_free(take(s->out_ev));
	if (s->fd >= 0)
		close(take_fd(&s->fd));
	s->connecting = false;
}

void ship_lost(struct ship *s, const char *why)
{
	int64_t now = clock_mono_ns();

	if (!s->told_mono || now - s->told_mono > TELL_MS * MS_NS) {
		log_warn("%s: the log cannot be sent to %s: %s; it is kept and sent later", s->u->rec.slot, receiver(s), why);
		s->told_mono = now;
	}
	ship_disconnect(s);
	ship_rewind(s);
	s->turn++;
	s->retry_ms = s->retry_ms ? s->retry_ms * 2 : RETRY_MS;
	if (s->retry_ms > RETRY_MAX_MS)
		s->retry_ms = RETRY_MAX_MS;
	ship_wait(s, s->retry_ms);
}

/* ------------------------------------------------------------------ the socket's news */

/* A receiver says nothing; that it can be read means that it is gone. */
static void on_in(evutil_socket_t fd, short what, void *arg)
{
	struct ship *s = arg;
	char any[256];
	ssize_t n = recv(fd, any, sizeof any, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (n == 0 && s->addr.type == SOCK_STREAM))
		ship_lost(s, n < 0 ? strerror(errno) : "it closed the connection");
}

static void on_out(evutil_socket_t fd, short what, void *arg)
{
	struct ship *s = arg;
	int why = 0;
	socklen_t n = sizeof why;

	if (s->connecting) {
		evtimer_del(s->timer);
		s->connecting = false;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) < 0 || why) {
			ship_lost(s, strerror(why ? why : errno));
			return;
		}
	}
	ship_pump(s);
}

static void connected(struct ship *s, int fd, bool at_once)
{
	s->fd = fd;
	s->in_ev = event_new(s->u->s->base, fd, EV_READ | EV_PERSIST, on_in, s);
	s->out_ev = event_new(s->u->s->base, fd, EV_WRITE, on_out, s);
	event_add(s->in_ev, NULL);
	event_add(s->out_ev, NULL);
	s->connecting = !at_once;
	if (s->connecting)
		ship_wait(s, CONNECT_MS);
}

bool ship_all_taken(const struct ship *s)
{
	int waiting = 0;

	if (s->addr.family == AF_UNSPEC && s->addr.type == SOCK_DGRAM)
		return clock_mono_ns() - s->sent_mono >= QUIET_MS * MS_NS;
	return ioctl(s->fd, SIOCOUTQ, &waiting) == 0 && waiting == 0;
}

/* ------------------------------------------------------------------ hosts */

static int connect_ip(struct ship *s, const char *ip)
{
	const struct addrinfo hints = { .ai_socktype = s->addr.type, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;
	int fd = -1, rc;

	if (getaddrinfo(ip, s->addr.port, &hints, &found) != 0)
		return -1;
	rc = ship_connect_inet(found->ai_addr, found->ai_addrlen, s->addr.type, &fd);
	freeaddrinfo(found);
	if (rc < 0)
		ship_lost(s, strerror(errno));
	else
		connected(s, fd, s->addr.type == SOCK_DGRAM);
	return 0;
}

/* Who listens at 127.0.0.1 is `localhost`, too, which is ::1 first. */
static const struct addrinfo *of_turn(const struct addrinfo *all, unsigned turn)
{
	const struct addrinfo *a;
	unsigned n = 0;

	for (a = all; a; a = a->ai_next)
		n++;
	for (a = all, turn %= n; turn > 0; turn--)
		a = a->ai_next;
	return a;
}

static int resolve_work(void *arg, json_t **ret, struct err *err)
{
	const struct ship *s = arg;
	const struct ship_addr *a = &s->addr;
	const struct addrinfo hints = { .ai_socktype = a->type }, *one;
	struct addrinfo *found;
	char ip[64];
	int rc = getaddrinfo(a->host, a->port, &hints, &found);

	if (rc == 0) {
		one = of_turn(found, s->turn);
		rc = getnameinfo(one->ai_addr, one->ai_addrlen, ip, sizeof ip, NULL, 0, NI_NUMERICHOST);
	}
	if (rc != 0)
		return err_set(err, ERR_NOT_FOUND, "host '%s': %s", a->host, gai_strerror(rc));
	*ret = json_string(ip);
	return 0;
}

static void on_resolved(evutil_socket_t fd, short what, void *arg)
{
	struct ship *s = arg;
	auto_err struct err err = ERR_INIT;
	auto_json json_t *ip = NULL;

	if (what & EV_TIMEOUT) {
		ship_lost(s, "its name is not resolved in time");
		return;
	}
	if (!worker_read(&s->resolver))
		return;
	end_resolving(s);
	if (worker_finish(&s->resolver, &ip, &err) < 0)
		ship_lost(s, err_msg(&err));
	else if (!json_is_string(ip) || connect_ip(s, json_string_value(ip)) < 0)
		ship_lost(s, "its name has no address");
}

static void connect_host(struct ship *s)
{
	const struct timeval limit = { .tv_sec = CONNECT_MS / 1000 };
	auto_err struct err err = ERR_INIT;

	if (connect_ip(s, s->addr.host) == 0)
		return;
	if (worker_start(resolve_work, s, &s->resolver, &err) < 0) {
		ship_lost(s, err_msg(&err));
		return;
	}
	s->resolving = true;
	s->resolve_ev = event_new(s->u->s->base, s->resolver.fd, EV_READ | EV_PERSIST | EV_TIMEOUT, on_resolved, s);
	event_add(s->resolve_ev, &limit);
}

/* ------------------------------------------------------------------ local sockets */

/* Syslog daemons differ in where they listen, and how. */
static int connect_syslog(struct ship *s, int *ret_fd)
{
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM };

	for (size_t i = 0; i < ARRAY_LEN(syslog_sockets) * ARRAY_LEN(types); i++) {
		s->addr.type = types[i % ARRAY_LEN(types)];
		if (ship_connect_unix(syslog_sockets[i / ARRAY_LEN(types)], s->addr.type, ret_fd) == 0)
			return 0;
	}
	return -1;
}

void ship_connect(struct ship *s)
{
	int fd = -1, rc;

	if (s->addr.family == AF_UNSPEC) {
		connect_host(s);
		return;
	}
	if (s->u->launch.ship.to == SHIP_JOURNALD)
		rc = ship_connect_unix(JOURNAL_SOCKET, SOCK_DGRAM, &fd);
	else if (s->addr.path)
		rc = ship_connect_unix(s->addr.path, s->addr.type, &fd);
	else
		rc = connect_syslog(s, &fd);
	if (rc < 0)
		ship_lost(s, strerror(errno));
	else
		connected(s, fd, true);
}
