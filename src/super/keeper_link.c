/* keeper_link.c - this end of the socket to the keeper (src/keeper/keeper.h). */
#include "sup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "../keeper/keeper.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/fd.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "activity.h"
#include "program.h"

enum { FIRST_WORD_MS = 2000, LAST_WORD_MS = 2000 };

struct message {
	char type;
	char name[KEEPER_NAME_MAX + 1];
	int fd;
};

struct keeper_msg {
	struct keeper_msg *next;
	int fd;                  /* of its own; -1: none */
	size_t n;
	char raw[];
};

/* 1: a message, 0: none now, -1: the keeper is gone. */
static int receive(struct super *s, struct message *m)
{
	char raw[1 + KEEPER_NAME_MAX];
	int fds[1];
	size_t n_fds = 1;
	ssize_t n = fd_recv(s->keeper_fd, raw, sizeof raw, fds, &n_fds);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	memset(m, 0, sizeof *m);
	m->type = raw[0];
	memcpy(m->name, raw + 1, (size_t)n - 1);
	m->fd = n_fds ? fds[0] : -1;
	return 1;
}

static void keep(struct super *s, struct message *m)
{
	intptr_t old;

	if (m->fd < 0)
		return;
	old = (intptr_t)map_set(&s->kept_fds, m->name, (void *)(intptr_t)(m->fd + 1));
	if (old)
		close((int)old - 1);
}

/* Our children are told of our end, but not when this process becomes another program; and one that is told may take a moment. */
static void cut_short(struct super *s)
{
	map_each(&s->units, it)
		activity_cut_short(it->value);
	network_cut_short(s);
}

/* A supervisor without its keeper takes the keeper's place; the new keeper starts a new supervisor, which adopts everything. */
static void replace_keeper(struct super *s)
{
	log_warn("the keeper is gone: becoming one");
	auto_free char *self = program_self();

	cut_short(s);
	event_del(s->keeper_ev);
	close(take_fd(&s->keeper_fd));
	super_become_keeper(s, self);
}

static void on_end_of_kept(struct super *s, const struct message *m)
{
	s->keeper_tries = strchr(m->name, KEEPER_TRIES);
	s->went_back = strchr(m->name, KEEPER_BACK);
	if (s->went_back)
		log_warn("a program that was to take over did not come up: this is the one before again");
}

static void on_keeper(evutil_socket_t fd, short what, void *arg)
{
	struct super *s = arg;
	struct message m;
	int r;

	while ((r = receive(s, &m)) == 1)
		if (m.type == KEEPER_FD_IS)
			keep(s, &m);
	exits_collect(s);
	if (r < 0)
		replace_keeper(s);
}

void keeper_link_lock(struct super *s)
{
	s->lock_fd = fcntl(KEEPER_LOCK_FD, F_GETFD) < 0 ? -1 : KEEPER_LOCK_FD;
	if (s->lock_fd >= 0)
		fd_cloexec(s->lock_fd, 1);
}

/* The descriptors that the last supervisor left come first, then '.'. The keeper has sent them before it started us. */
void keeper_link_start(struct super *s)
{
	struct message m = { 0 };
	struct pollfd p = { .fd = KEEPER_FD, .events = POLLIN };

	s->keeper_fd = KEEPER_FD;
	fd_nonblock(KEEPER_FD);
	fd_cloexec(KEEPER_FD, 1);
	while (m.type != KEEPER_FD_END) {
		int r = receive(s, &m);
		if (r < 0 || (r == 0 && poll(&p, 1, FIRST_WORD_MS) <= 0))
			break;
		if (r == 1 && m.type == KEEPER_FD_IS)
			keep(s, &m);
	}
	if (m.type == KEEPER_FD_END)
		on_end_of_kept(s, &m);
	s->keeper_ev = event_new(s->base, s->keeper_fd, EV_READ | EV_PERSIST, on_keeper, s);
	event_add(s->keeper_ev, NULL);
}

static bool tell_on(int sock, const char *raw, size_t n, int fd)
{
	return fd_send(sock, raw, n, &fd, fd >= 0) >= 0;
}

static void on_keeper_writable(evutil_socket_t fd, short what, void *arg)
{
	struct super *s = arg;

	while (s->keeper_out) {
		struct keeper_msg *m = s->keeper_out;
		if (!tell_on(s->keeper_fd, m->raw, m->n, m->fd) && errno == EAGAIN)
			return;
		s->keeper_out = m->next;
		if (m->fd >= 0)
			close(m->fd);
		free(m);
	}
	event_del(s->keeper_out_ev);
}

/* The socket is full, as the keeper is slow or stopped: what is to be kept waits here, in order, with a descriptor of its own. */
static void tell_later(struct super *s, const char *raw, size_t n, int fd)
{
	struct keeper_msg *m = xcalloc(1, sizeof *m + n), **end = &s->keeper_out;

	m->n = n;
	m->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, KEEPER_FD + 1) : -1;
	memcpy(m->raw, raw, n);
	while (*end)
		end = &(*end)->next;
	*end = m;
	if (!s->keeper_out_ev)
		s->keeper_out_ev = event_new(s->base, s->keeper_fd, EV_WRITE | EV_PERSIST, on_keeper_writable, s);
	event_add(s->keeper_out_ev, NULL);
}

static void tell(struct super *s, char type, const char *text, int fd)
{
	char raw[1 + KEEPER_PATH_MAX];
	size_t n = strnlen(text, KEEPER_PATH_MAX);

	if (s->keeper_fd < 0)
		return;
	raw[0] = type;
	memcpy(raw + 1, text, n);
	if (!s->keeper_out && tell_on(s->keeper_fd, raw, n + 1, fd))
		return;
	if (s->keeper_out || errno == EAGAIN)
		tell_later(s, raw, n + 1, fd);
	else
		log_warn("keeper: cannot hand over '%s': %s", text, strerror(errno));
}

void keeper_store_fd(struct super *s, const char *name, int fd)
{
	tell(s, KEEPER_FD_IS, name, fd);
}

void keeper_drop_fd(struct super *s, const char *name)
{
	tell(s, KEEPER_FD_DROP, name, -1);
}

int keeper_take_fd(struct super *s, const char *name)
{
	return (int)(intptr_t)map_remove(&s->kept_fds, name) - 1;
}

void keeper_drop_unclaimed(struct super *s)
{
	for (size_t i = 0; i < s->kept_fds.n; i++) {
		close((int)(intptr_t)s->kept_fds.items[i].value - 1);
		keeper_drop_fd(s, s->kept_fds.items[i].key);
		s->ports_dropped_mono = clock_mono_ns();
	}
	map_done(&s->kept_fds, NULL);
}

static void feed(int sock, const char *name, int fd)
{
	auto_free char *raw = xasprintf("%c%s", KEEPER_FD_IS, name);

	if (fd >= 0 && !tell_on(sock, raw, strlen(raw), fd))
		log_warn("the next keeper will not have '%s': %s", name, strerror(errno));
}

int keeper_feed(struct super *s)
{
	const int room = 16 << 20;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -1;
	/* nobody reads before the exec */
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
	map_each(&s->units, it) {
		struct unit *u = it->value;
		auto_free char *tty = xasprintf("tty:%s", u->rec.slot), *init = init_name(u);
		auto_free char *udp = xasprintf("dns:%s:udp", u->rec.slot), *tcp = xasprintf("dns:%s:tcp", u->rec.slot);
		auto_free char *out = streams_kept_name(u, "out"), *err = streams_kept_name(u, "err");
		int udp_fd = -1, tcp_fd = -1;
		feed(pair[0], tty, u->tty_fd);
		feed(pair[0], out, u->out_fd);
		feed(pair[0], err, u->err_fd);
		if (u->pidfd >= 0)
			feed(pair[0], init, u->pidfd);
		if (dns_slot_sockets(s->dns, u->rec.slot, &udp_fd, &tcp_fd) == 0) {
			feed(pair[0], udp, udp_fd);
			feed(pair[0], tcp, tcp_fd);
		}
		for (size_t i = 0; u->port_fds && i < u->rec.n_ports; i++) {
			auto_free char *port = network_port_name(u, i);
			feed(pair[0], port, u->port_fds[i]);
		}
	}
	close(pair[0]);
	fd_cloexec(pair[1], 0);
	return pair[1];
}

void keeper_well(struct super *s)
{
	auto_close int self = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	if (self >= 0)
		tell(s, KEEPER_WELL, "", self);
}

/* All that waits for a slow keeper, and as long as it takes: what it does not hear is lost with us. */
static void flush(struct super *s)
{
	struct pollfd p = { .fd = s->keeper_fd, .events = POLLOUT };

	while (s->keeper_out && poll(&p, 1, LAST_WORD_MS) > 0)
		on_keeper_writable(s->keeper_fd, 0, s);
}

/* The socket pair was made by the keeper; a parent that is not the keeper is none of our business. */
static void kill_keeper(struct super *s)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(s->keeper_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == getppid())
		kill(peer.pid, SIGKILL);
}

/* An old keeper knows nothing of trials: the one that it would start again is either at that path already, or the keeper goes, too. */
void keeper_next(struct super *s, const char *program)
{
	auto_free char *self = program_self();

	cut_short(s);
	if (s->keeper_tries) {
		keeper_well(s);
		tell(s, KEEPER_NEXT, program, -1);
	}
	flush(s);
	if (s->keeper_tries || STREQ(self, program))
		_exit(KEEPER_STATUS_NEXT);
	log_warn("the keeper is too old to start '%s': it is replaced, too", program);
	kill_keeper(s);
	super_become_keeper(s, program);
}
