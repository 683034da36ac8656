/* helper.c - how it works: what the helper is to read lies in a memory file, so that nothing can block on it; what it says is read
 * until it has ended, not until nobody holds the pipe, because helpers leave agents behind. */
#include "helper.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/proc.h"
#include "../util/secret.h"
#include "../util/str.h"
#include "../util/visible.h"

#define PREFIX "docker-credential-"
#define TOKEN_USER "<token>" /* the secret is an identity token then */

enum { SAID_MAX = 64 << 10, NAME_MAX_LEN = 64, WORDS_MAX = 300 };

struct talk {
	char *program;
	struct child child;
	int out_fd, err_fd;
	struct buf out, err;
};

static void talk_done(struct talk *t)
{
	free(t->program);
	if (t->out_fd >= 0)
		close(t->out_fd);
	if (t->err_fd >= 0)
		close(t->err_fd);
	secret_buf_done(&t->out);
	secret_buf_done(&t->err);
}
#define auto_talk __attribute__((cleanup(talk_done)))

static bool name_ok(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return false;
	return *name && strlen(name) <= NAME_MAX_LEN;
}

static int input_file(const char *text, int *ret_fd, struct err *err)
{
	auto_close int fd = memfd_create("credentials", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "write to a memory file");
	*ret_fd = take_fd(&fd);
	return 0;
}

static int start(struct talk *t, const char *verb, const char *text, struct err *err)
{
	auto_close int in = -1, out = -1, complaints = -1;
	int ends[2];
	const char *const argv[] = { t->program, verb, NULL };
	struct spawn s;

	if (input_file(text, &in, err) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	t->out_fd = ends[0];
	out = ends[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	t->err_fd = ends[0];
	complaints = ends[1];
	if (fd_nonblock(t->out_fd) < 0 || fd_nonblock(t->err_fd) < 0)
		return err_sys(err, errno, "pipe");
	s = (struct spawn){ .argv = argv, .stdio = { in, out, complaints }, .die_with_parent = true };
	if (proc_spawn(&s, &t->child, err) == 0)
		return 0;
	return err && err->errnum == ENOENT ? err_hint(err, "install %s, or take its name out of that file", t->program) : -1;
}

/* Takes what is there. false: more than a helper has to say. */
static bool take_said(int *fd, struct buf *b)
{
	ssize_t n = 1;

	while (n > 0 && b->len <= SAID_MAX) {
		n = read(*fd, buf_room(b, SAID_MAX + 1 - b->len), SAID_MAX + 1 - b->len);
		if (n > 0)
			b->len += (size_t)n;
	}
	b->p[b->len] = '\0';
	if (n == 0) {
		close(*fd);
		*fd = -1;
	}
	return b->len <= SAID_MAX;
}

/* 1: it ended, 0: it has more to say, -1: neither within the time. */
static int wait_some(struct talk *t, int64_t until_ns)
{
	struct pollfd p[] = {
		{ .fd = t->child.pidfd, .events = POLLIN },
		{ .fd = t->out_fd, .events = POLLIN },
		{ .fd = t->err_fd, .events = POLLIN },
	};
	int64_t left_ms = (until_ns - clock_mono_ns() + MS_NS - 1) / MS_NS;
	int n = poll(p, ARRAY_LEN(p), left_ms > 0 ? (int)left_ms : 0);

	if (n == 0 || (n < 0 && errno != EINTR))
		return -1;
	return n > 0 && p[0].revents ? 1 : 0;
}

/* Until it has ended. */
static int listen_to(struct talk *t, const char *verb, int timeout_ms, int *ret_status, struct err *err)
{
	const int64_t until_ns = clock_mono_in(timeout_ms);
	bool bounded = true;
	int r = 0;

	while (r == 0 && bounded) {
		r = wait_some(t, until_ns);
		if (t->out_fd >= 0)
			bounded = take_said(&t->out_fd, &t->out);
		if (t->err_fd >= 0)
			bounded = take_said(&t->err_fd, &t->err) && bounded;
	}
	if (r < 1 || !bounded)
		proc_pidfd_signal(t->child.pidfd, SIGKILL);
	if (proc_wait(&t->child, -1, t->program, ret_status, err) < 0)
		return -1;
	if (!bounded)
		return err_set(err, ERR_PROTO, "'%s %s' says more than %d bytes", t->program, verb, SAID_MAX);
	if (r < 0)
		return err_set(err, ERR_TIMEOUT, "'%s %s' did not end within %g s", t->program, verb, timeout_ms / 1000.0);
	return 0;
}

/* Runs it. 0 and its exit status. */
static int run(struct talk *t, const char *name, const char *verb, const char *text, int timeout_ms, int *ret_status,
	struct err *err)
{
	int r;

	if (!name_ok(name))
		return err_set(err, ERR_INPUT, "'%s' is not the name of a credential helper", name);
	t->program = xasprintf(PREFIX "%s", name);
	buf_room(&t->out, SAID_MAX + 1); /* a buffer that grows leaves copies */
	buf_room(&t->err, SAID_MAX + 1);
	if (start(t, verb, text, err) < 0)
		return -1;
	r = listen_to(t, verb, timeout_ms, ret_status, err);
	close(t->child.pidfd);
	return r;
}

static bool is_not_found(const struct talk *t)
{
	return strstr(t->out.p, "credentials not found") != NULL;
}

/* Its own words, on one line. Helpers complain on standard output; what looks like an answer is not repeated. */
static int complain(const struct talk *t, const char *verb, int status, struct err *err)
{
	const char *said = t->out.len && !strchr(t->out.p, '{') ? t->out.p : t->err.p;
	auto_buf struct buf shown = BUF_INIT;
	size_t n;

	said += strspn(said, " \t\r\n");
	n = strcspn(said, "\r\n");
	if (n == 0)
		return err_set(err, ERR_FAIL, "'%s %s' ended with status %d", t->program, verb, status);
	visible(&shown, said, n > WORDS_MAX ? WORDS_MAX : n);
	return err_set(err, ERR_FAIL, "'%s %s': %s", t->program, verb, shown.p);
}

static int read_answer(const struct talk *t, struct reg_creds *ret, struct err *err)
{
	auto_json json_t *j = json_loadb(t->out.p, t->out.len, 0, NULL);
	const char *user = jx_str(j, "Username"), *secret = jx_str(j, "Secret");

	if (!user || !secret)
		return err_set(err, ERR_PROTO, "'%s get' does not answer with Username and Secret", t->program);
	if (!*user && !*secret)
		return 0;
	*ret = (struct reg_creds){ .from = xstrdup(t->program) };
	if (STREQ(user, TOKEN_USER)) {
		ret->identity_token = xstrdup(secret);
	} else {
		ret->user = xstrdup(user);
		ret->password = xstrdup(secret);
	}
	return 1;
}

#define TALK_INIT ((struct talk){ .out_fd = -1, .err_fd = -1 })

int helper_get(const char *name, const char *server, int timeout_ms, struct reg_creds *ret, struct err *err)
{
	auto_talk struct talk t = TALK_INIT;
	int status;

	if (run(&t, name, "get", server, timeout_ms, &status, err) < 0)
		return -1;
	if (status == 0)
		return read_answer(&t, ret, err);
	return is_not_found(&t) ? 0 : complain(&t, "get", status, err);
}

int helper_store(const char *name, const char *server, const struct reg_creds *c, int timeout_ms, struct err *err)
{
	auto_talk struct talk t = TALK_INIT;
	auto_json json_t *j = json_object();
	auto_secret char *text = NULL;
	int status;

	json_object_set_new(j, "ServerURL", json_string(server));
	if (json_object_set_new(j, "Username", json_string(c->identity_token ? TOKEN_USER : c->user)) < 0 ||
		json_object_set_new(j, "Secret", json_string(c->identity_token ? c->identity_token : c->password)) < 0)
		return err_set(err, ERR_INPUT, "'" PREFIX "%s' takes no name or password that is not UTF-8", name);
	text = json_dumps(j, JSON_COMPACT);
	if (run(&t, name, "store", text, timeout_ms, &status, err) < 0)
		return -1;
	return status ? complain(&t, "store", status, err) : 0;
}

int helper_erase(const char *name, const char *server, int timeout_ms, struct err *err)
{
	auto_talk struct talk t = TALK_INIT;
	int status;

	if (run(&t, name, "erase", server, timeout_ms, &status, err) < 0)
		return -1;
	if (status == 0)
		return 1;
	return is_not_found(&t) ? 0 : complain(&t, "erase", status, err);
}
