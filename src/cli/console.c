#include "console.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "../util/fd.h"

enum { CHUNK = 16 * 1024, LINGER_MS = 100 };
enum { P_IN, P_MASTER, P_WAKE, P_N };

struct flow {
	const struct console *c;
	char typed[CHUNK];               /* read from the user, not taken by the container yet */
	size_t n_typed;
	bool in_ended, out_ended, master_ended, over;
};

void console_resize(const struct console *c)
{
	struct winsize ws;

	if (ioctl(c->in, TIOCGWINSZ, &ws) == 0 && ws.ws_row && ws.ws_col)
		(void)ioctl(c->master, TIOCSWINSZ, &ws);
}

static bool not_now(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* What the container prints is the user's, byte for byte. */
static void print_some(struct flow *f)
{
	char data[CHUNK];
	ssize_t n = read(f->c->master, data, sizeof data);

	if (n == 0 || (n < 0 && !not_now()))     /* EIO: nobody has the other end open */
		f->master_ended = true;
	if (n > 0 && !f->out_ended && fd_write_all(f->c->out, data, (size_t)n) < 0)
		f->out_ended = true;
}

static void hear_some(struct flow *f)
{
	ssize_t n = read(f->c->in, f->typed, sizeof f->typed);

	if (n == 0 || (n < 0 && !not_now()))
		f->in_ended = true;
	if (n > 0)
		f->n_typed = (size_t)n;
}

static void pass_typed(struct flow *f)
{
	ssize_t n = write(f->c->master, f->typed, f->n_typed);

	if (n < 0 && !not_now())
		f->n_typed = 0;
	if (n <= 0)
		return;
	f->n_typed -= (size_t)n;
	memmove(f->typed, f->typed + n, f->n_typed);
}

static int wait_for_something(const struct flow *f, struct pollfd p[P_N])
{
	bool reads_input = !f->n_typed && !f->in_ended && !f->over;

	p[P_IN] = (struct pollfd){ .fd = reads_input ? f->c->in : -1, .events = POLLIN };
	p[P_MASTER] = (struct pollfd){ .fd = f->master_ended ? -1 : f->c->master,
		.events = (short)(POLLIN | (f->n_typed && !f->over ? POLLOUT : 0)) };
	p[P_WAKE] = (struct pollfd){ .fd = f->over ? -1 : f->c->wake_fd, .events = POLLIN };
	return poll(p, P_N, f->over ? LINGER_MS : -1);
}

/* 1: it is over. */
static int turn(struct flow *f, struct err *err)
{
	struct pollfd p[P_N];
	int n = wait_for_something(f, p);

	if (n < 0 && errno != EINTR)
		return err_sys(err, errno, "wait for the terminal");
	if (n <= 0)
		return f->over && n == 0;
	if (p[P_MASTER].revents & (POLLIN | POLLHUP | POLLERR))
		print_some(f);
	if (p[P_MASTER].revents & POLLOUT && f->n_typed)
		pass_typed(f);
	if (p[P_IN].revents)
		hear_some(f);
	if (p[P_WAKE].revents && f->c->on_wake(f->c->arg))
		f->over = true;
	return f->over && f->master_ended;
}

int console_run(const struct console *c, struct err *err)
{
	struct flow f = { .c = c };
	struct termios before, raw;
	bool is_raw = tcgetattr(c->in, &before) == 0;
	int r;

	if (is_raw) {
		raw = before;
		cfmakeraw(&raw);
		is_raw = tcsetattr(c->in, TCSANOW, &raw) == 0;
	}
	console_resize(c);
	while ((r = turn(&f, err)) == 0)
		;
	if (is_raw)
		tcsetattr(c->in, TCSADRAIN, &before);
	return r < 0 ? -1 : 0;
}
