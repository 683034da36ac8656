/* joined.c - how it works: one loop polls a signalfd, the supervisor, the log, our standard input, and whatever has bytes to be written and
 * room for them. Nothing that is written to blocks for longer than a piece that poll() said there is room for. */
#include "joined.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "../state/events.h"
#include "../state/lograw.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "act.h"
#include "joined_keys.h"

enum { CHUNK = 64 << 10, TYPED = 16 << 10, AGAIN_MS = 50, LOOK_MS = 100, PATIENT_TRIES = 40, INTERRUPTS_MAX = 3, LEAVE_MS = 10000 };
enum { P_SIGNAL, P_CTL, P_LOG, P_IN, P_TARGET, P_OUT, P_ERR, P_N };

struct output {
	char data[CHUNK];
	size_t n, at;
	int fd;
	bool in_pieces;                  /* no regular file: only so much is sure not to block */
};

struct join {
	struct joined *j;
	struct output out[2];
	char typed[TYPED + KEYS_MAX];
	size_t n_typed, at_typed;
	bool in_ended, tty, raw, over, detached, left;
	struct termios before;
	struct keys keys;
	int master, pidfd, code;
	unsigned asked, tries;
	uint32_t told_seq;               /* the segment of the log that the supervisor knows we are in */
};

int joined_signals(sigset_t *ret_old, struct err *err)
{
	static const int all[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		sigaddset(&set, all[i]);
	sigprocmask(SIG_BLOCK, &set, ret_old);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(err, errno, "watch for signals") : fd;
}

int joined_check_keys(const char *keys, struct err *err)
{
	struct keys k;

	return keys_parse(keys, &k, err);
}

/* ------------------------------------------------------------------ the terminal */

static void resize(const struct join *x)
{
	struct winsize w;

	if (x->master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row && w.ws_col)
		(void)ioctl(x->master, TIOCSWINSZ, &w);
}

static void make_raw(struct join *x)
{
	struct termios raw;

	if (!x->tty || x->raw || !x->j->pass_input || tcgetattr(STDIN_FILENO, &x->before) < 0)
		return;
	raw = x->before;
	cfmakeraw(&raw);
	x->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void put_keys(const char *keys, struct buf *b)
{
	for (; *keys; keys += strspn(keys, ",")) {
		size_t n = strcspn(keys, ",");

		buf_printf(b, "%.*s ", (int)n, keys);
		keys += n;
	}
}

/* What is typed goes to the container, Ctrl-C included. */
static void greet(struct join *x)
{
	const char *name = take(x->j->greeting_for);
	auto_buf struct buf b = BUF_INIT;

	if (!name || !isatty(STDERR_FILENO) || x->j->c->ui.progress == PROGRESS_QUIET)
		return;
	buf_printf(&b, "Attached to %s. ", name);
	if (x->tty && x->j->pass_input && isatty(STDIN_FILENO))
		put_keys(x->j->detach_keys ? x->j->detach_keys : "ctrl-p,ctrl-q", &b);
	else if (!x->j->pass_signals)
		buf_str(&b, "Ctrl-C ");
	else
		buf_str(&b, "Ctrl-C reaches it; with --sig-proxy=false it ");
	buf_printf(&b, "lets go of it and leaves it running.%s\n", x->raw ? "\r" : "");
	ui_stderr(&b);
}

static void make_cooked(struct join *x)
{
	if (x->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &x->before);
	x->raw = false;
}

/* ------------------------------------------------------------------ the supervisor */

static void on_attached(struct join *x, const json_t *e)
{
	const struct proc_id proc = { .pid = (pid_t)jx_int(e, "pid", 0), .start = (uint64_t)jx_int(e, "start", 0) };
	auto_close int fd = ctl_take_fd(x->j->ctl);

	x->tries = 0;
	x->tty = jx_bool(e, "tty", false);
	if (x->pidfd < 0 && proc.pid > 0)
		x->pidfd = proc_pidfd(&proc);
	if (x->master < 0 && x->tty) {
		x->master = take_fd(&fd);
		if (x->master >= 0)
			fd_nonblock(x->master);
		resize(x);
		make_raw(x);
	}
	greet(x);                        /* who reads it may type the keys at once: they are no longer the terminal's to interpret */
}

bool joined_history(const struct cli *c, const char *slot, int *ret_code)
{
	auto_free char *projects = xasprintf("%s/projects", c->dirs.state);
	struct evr *r = evr_new(projects, c->name, false);
	bool found = false;
	json_t *e;

	while (evr_next(r, &e) == 1) {
		const char *code = jx_str(jx_obj(e, "attributes"), "exitCode");
		unsigned n;
		if (str_eq(jx_str(e, "slot"), slot) && str_eq(jx_str(e, "action"), "die")) {
			found = true;
			*ret_code = code && str_uint(code, 0, 255, &n) == 0 ? (int)n : -1;
		}
		json_decref(e);
	}
	evr_free(r);
	return found;
}

/* Nobody can say it any more but the project's history. */
static int ask_history(struct join *x, struct err *err)
{
	x->over = joined_history(x->j->c, x->j->slot, &x->code);
	if (!x->over)
		return err_wrap(err, "nobody knows how the container ended");
	err_done(err);
	return 0;
}

static int on_event(struct join *x, const json_t *e, struct err *err)
{
	const char *ev = jx_str(e, "ev");

	if (str_eq(ev, "attached")) {
		on_attached(x, e);
	} else if (str_eq(ev, "exited")) {
		x->over = true;
		x->code = (int)jx_int(e, "code", -1);
	} else if (str_eq(ev, "error")) {
		ctl_error(e, err);
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		return ask_history(x, err);
	}
	return 0;
}

static void lose(struct join *x)
{
	ctl_close(x->j->ctl);
	x->j->ctl = NULL;
}

/* Its keeper starts another one in a moment; one whose keeper is gone, too, is started by us. */
static int connect_again(struct join *x, struct err *err)
{
	auto_json json_t *req = json_pack("{s:s,s:s,s:i}", "op", "attach", "slot", x->j->slot, "seq", (int)x->told_seq);
	auto_err struct err why = ERR_INIT;
	struct cli *c = x->j->c;
	int r = x->tries++ < PATIENT_TRIES ? ctl_connect(c->pdirs.run_fd, &x->j->ctl, &why) : act_connect(c, &x->j->ctl, &why);

	if (r == 0 && ctl_send(x->j->ctl, req, &why) == 0)
		return 0;
	if (r == 0)
		lose(x);
	return x->tries > PATIENT_TRIES + ACT_TRIES ? err_move(err, &why) : 0;
}

static int take_events(struct join *x, struct err *err)
{
	while (x->j->ctl && !x->over) {
		auto_json json_t *e = NULL;
		auto_err struct err why = ERR_INIT;
		int r = ctl_recv(x->j->ctl, 0, &e, &why);

		if (r == 0)
			return 0;
		if (r < 0)
			lose(x);
		else if (on_event(x, e, err) < 0)
			return -1;
	}
	return 0;
}

/* ------------------------------------------------------------------ signals */

static void kill_it(const struct join *x, int sig)
{
	if (x->pidfd >= 0)
		proc_pidfd_signal(x->pidfd, sig);
}

/* Who asks for the third time wants an end, and one whose terminal is gone has nobody to stay for. */
static void on_signals(struct join *x)
{
	struct signalfd_siginfo si;

	while (read(x->j->signal_fd, &si, sizeof si) == sizeof si) {
		int sig = (int)si.ssi_signo;

		if (sig == SIGWINCH) {
			resize(x);
			continue;
		}
		if (x->j->pass_signals)
			kill_it(x, sig);
		x->asked += sig == SIGINT || sig == SIGTERM;
		if (x->j->pass_signals && x->asked >= INTERRUPTS_MAX)
			kill_it(x, SIGKILL);
		if (sig == SIGHUP || !x->j->pass_signals) {
			x->left = true;
			x->code = 128 + sig;
		}
	}
}

/* ------------------------------------------------------------------ bytes */

/* What is before it need not be kept for us. */
static void tell_place(struct join *x)
{
	uint32_t seq = lograw_segment(x->j->log);
	auto_json json_t *msg = NULL;

	if (!x->j->all_of_it || !x->j->ctl || x->over || seq <= x->told_seq)
		return;
	msg = json_pack("{s:s,s:i}", "op", "read", "seq", (int)seq);
	x->told_seq = seq;
	if (ctl_send(x->j->ctl, msg, NULL) < 0)
		lose(x);
}

static void fill(struct join *x)
{
	lograw_heard(x->j->log);
	for (int s = 0; s < 2; s++)
		if (!x->out[s].n) {
			x->out[s].at = 0;
			x->out[s].n = lograw_read(x->j->log, s + 1, x->out[s].data, CHUNK);
		}
	tell_place(x);
}

/* As any program ends whose reader has gone; the container stays. */
static void reader_gone(struct join *x)
{
	make_cooked(x);
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}

static int write_out(struct join *x, struct output *o, struct err *err)
{
	size_t n = o->in_pieces && o->n > PIPE_BUF ? PIPE_BUF : o->n;
	ssize_t done = write(o->fd, o->data + o->at, n);

	if (done < 0 && errno == EPIPE)
		reader_gone(x);
	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (done < 0)
		return err_sys(err, errno, "write to standard %s", o->fd == STDERR_FILENO ? "error" : "output");
	o->at += (size_t)done;
	o->n -= (size_t)done;
	return 0;
}

static int target(const struct join *x)
{
	return x->tty ? x->master : x->j->in_fd;
}

/* A standard input that the client made ends with it; a terminal, and what others may write into, does not. */
static void end_input(struct join *x)
{
	x->in_ended = true;
	if (x->j->in_fd >= 0)
		close(take_fd(&x->j->in_fd));
}

static void hear(struct join *x)
{
	char data[TYPED];
	ssize_t n = read(STDIN_FILENO, data, sizeof data);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		end_input(x);
	} else if (n > 0) {
		x->at_typed = 0;
		x->n_typed = (size_t)n;
		if (x->raw)
			x->detached = keys_filter(&x->keys, data, (size_t)n, x->typed, &x->n_typed);
		else
			memcpy(x->typed, data, (size_t)n);
	}
}

static void pass_typed(struct join *x)
{
	ssize_t n = write(target(x), x->typed + x->at_typed, x->n_typed);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		x->n_typed = 0;
		end_input(x);
	}
	if (n <= 0)
		return;
	x->at_typed += (size_t)n;
	x->n_typed -= (size_t)n;
}

/* ------------------------------------------------------------------ the loop */

static struct pollfd when(bool wanted, int fd, short events)
{
	return (struct pollfd){ .fd = wanted ? fd : -1, .events = events };
}

static int wait_for_something(const struct join *x, struct pollfd p[P_N], struct err *err)
{
	bool quiet = !x->out[0].n && !x->out[1].n, hears = x->j->pass_input && target(x) >= 0 && !x->in_ended;
	int timeout_ms = x->over && quiet ? 0 : !x->j->ctl && !x->over ? AGAIN_MS : lograw_fd(x->j->log) < 0 && quiet ? LOOK_MS : -1;

	p[P_SIGNAL] = when(true, x->j->signal_fd, POLLIN);
	p[P_CTL] = when(x->j->ctl && !x->over, x->j->ctl ? ctl_fd(x->j->ctl) : -1, POLLIN);
	p[P_LOG] = when(quiet && !x->over, lograw_fd(x->j->log), POLLIN);
	p[P_IN] = when(hears && !x->n_typed && !x->over, STDIN_FILENO, POLLIN);
	p[P_TARGET] = when(x->n_typed && !x->over, target(x), POLLOUT);
	p[P_OUT] = when(x->out[0].n, STDOUT_FILENO, POLLOUT);
	p[P_ERR] = when(x->out[1].n, STDERR_FILENO, POLLOUT);
	if (poll(p, P_N, timeout_ms) < 0 && errno != EINTR)
		return err_sys(err, errno, "wait for the container");
	return 0;
}

static int turn(struct join *x, struct err *err)
{
	struct pollfd p[P_N] = { 0 };

	if (wait_for_something(x, p, err) < 0)
		return -1;
	on_signals(x);
	if (!x->j->ctl && !x->over && connect_again(x, err) < 0)
		return -1;
	if (take_events(x, err) < 0)
		return -1;
	if (p[P_TARGET].revents && x->n_typed)
		pass_typed(x);
	if (p[P_IN].revents)
		hear(x);
	for (int s = 0; s < 2; s++)
		if (p[P_OUT + s].revents && write_out(x, &x->out[s], err) < 0)
			return -1;
	return 0;
}

/* What it wrote is in the log by the time that its end is told: so when there is no more after that, that was all. */
static int run(struct join *x, struct err *err)
{
	for (;;) {
		bool over = x->over;

		fill(x);
		if ((over && !x->out[0].n && !x->out[1].n) || x->left || x->detached)
			return 0;
		if (turn(x, err) < 0)
			return -1;
	}
}

static void init_output(struct output *o, int fd)
{
	struct stat st;

	o->fd = fd;
	o->in_pieces = fstat(fd, &st) < 0 || !S_ISREG(st.st_mode);
}

static void done(struct join *x)
{
	struct joined *j = x->j;

	make_cooked(x);
	if (x->master >= 0)
		close(x->master);
	if (x->pidfd >= 0)
		close(x->pidfd);
	end_input(x);
	ctl_close(j->ctl);
	lograw_close(j->log);
	j->ctl = NULL;
	j->log = NULL;
}

/* All was read. What is to be removed is gone when we are. */
static void leave(struct join *x)
{
	auto_json json_t *req = json_pack("{s:s}", "op", "leave");
	int64_t end_ns = clock_mono_ns() + LEAVE_MS * MS_NS;
	auto_err struct err err = ERR_INIT;
	int r = x->j->ctl && x->over ? ctl_send(x->j->ctl, req, &err) : -1;

	while (r == 0 && clock_mono_ns() < end_ns) {
		auto_json json_t *e = NULL;
		r = ctl_recv(x->j->ctl, (int)((end_ns - clock_mono_ns()) / MS_NS) + 1, &e, &err) == 1 && !str_eq(jx_str(e, "ev"), "done") ? 0 : 1;
	}
}

static void tell_missed(const struct join *x)
{
	if (lograw_missed(x->j->log))
		ui_warn(&x->j->c->ui, "its output came faster than it was taken: %u segments of its log were dropped unread",
			lograw_missed(x->j->log));
}

int joined_run(struct joined *j, const json_t *attached, bool *ret_detached, struct err *err)
{
	auto_free struct join *x = xcalloc(1, sizeof *x);
	int r = 0;

	x->j = j;
	x->told_seq = j->all_of_it;
	x->master = x->pidfd = x->code = -1;
	init_output(&x->out[0], STDOUT_FILENO);
	init_output(&x->out[1], STDERR_FILENO);
	signal(SIGPIPE, SIG_IGN);
	keys_parse(j->detach_keys, &x->keys, NULL);
	if (attached)
		on_attached(x, attached);
	r = run(x, err);
	if (r == 0)
		leave(x);
	tell_missed(x);
	*ret_detached = x->detached;
	done(x);
	if (r < 0)
		return -1;
	if (x->detached)
		return 0;
	return x->code >= 0 ? x->code : err_set(err, ERR_FAIL, "nobody knows how the container ended");
}
