/* prompt.c - how it works: signals are blocked but while it waits, so that none comes between looking and waiting; one that comes is taken
 * note of, the terminal is restored, and then it is sent again to have its usual effect. */
#include "prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "ui.h"

enum { ANSWER_MAX = 4096 };

static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	caught = sig;
}

struct before { /* what is to be restored */
	struct sigaction actions[ARRAY_LEN(watched)];
	sigset_t mask;
	struct termios terminal;
	bool hidden;
};

static void watch(struct before *b)
{
	const struct sigaction note = { .sa_handler = on_signal };
	sigset_t all;

	caught = 0;
	sigemptyset(&all);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		sigaddset(&all, watched[i]);
	sigprocmask(SIG_BLOCK, &all, &b->mask);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		sigaction(watched[i], NULL, &b->actions[i]);
		if (b->actions[i].sa_handler != SIG_IGN)
			sigaction(watched[i], &note, NULL);
	}
}

static void unwatch(const struct before *b)
{
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		sigaction(watched[i], &b->actions[i], NULL);
	if (caught)
		raise(caught);   /* it comes when the mask allows it */
	sigprocmask(SIG_SETMASK, &b->mask, NULL);
}

static int hide(struct before *b, struct err *err)
{
	struct termios quiet;

	if (tcgetattr(STDIN_FILENO, &b->terminal) < 0)
		return err_sys(err, errno, "ask at the terminal");
	quiet = b->terminal;
	quiet.c_lflag &= (tcflag_t)~ECHO;
	quiet.c_lflag |= ECHONL | ICANON;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
		return err_sys(err, errno, "ask at the terminal");
	b->hidden = true;
	return 0;
}

/* The length of the line; -1: *err, or a signal was caught. */
static ssize_t read_answer(char answer[static ANSWER_MAX], const sigset_t *while_waiting, struct err *err)
{
	size_t len = 0;

	while (len < ANSWER_MAX) {
		struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
		ssize_t n;

		if (ppoll(&p, 1, NULL, while_waiting) < 0) {
			if (caught)
				return -1;
			continue;
		}
		n = read(STDIN_FILENO, answer + len, 1);
		if (n == 0 && len == 0)
			return err_set(err, ERR_INPUT, "the terminal ended before there was an answer");
		if (n < 0)
			return err_sys(err, errno, "read from the terminal");
		if (n == 0 || answer[len] == '\n')
			return (ssize_t)len;
		len++;
	}
	return err_set(err, ERR_INPUT, "the answer is longer than %d bytes", ANSWER_MAX - 1);
}

/* 1: a signal has come meanwhile, and it was not our end. */
static int ask_once(const char *text, bool hidden, char answer[static ANSWER_MAX], struct err *err)
{
	struct before b = { 0 };
	ssize_t n = -1;

	watch(&b);
	if (!hidden || hide(&b, err) == 0) {
		if (fd_write_all(STDOUT_FILENO, text, strlen(text)) < 0)
			err_sys(err, errno, "write to standard output");
		else
			n = read_answer(answer, &b.mask, err);
	}
	if (b.hidden)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &b.terminal);
	unwatch(&b);
	if (n >= 0)
		answer[n] = '\0';
	return n < 0 && caught ? 1 : n < 0 ? -1 : 0;
}

int prompt_line(const char *text, bool hidden, char **ret, struct err *err)
{
	char answer[ANSWER_MAX];
	int r;

	do
		r = ask_once(text, hidden, answer, err);
	while (r > 0);
	if (r == 0)
		*ret = xstrdup(answer);
	explicit_bzero(answer, sizeof answer);
	return r;
}

bool prompt_sure(const char *text)
{
	auto_buf struct buf b = BUF_INIT;
	char answer[16] = "";

	buf_printf(&b, "%s.\nAre you sure? [yN] ", text);
	ui_stderr(&b);
	if (!fgets(answer, sizeof answer, stdin)) {
		auto_buf struct buf said = BUF_INIT;

		buf_str(&said, "\nnobody answered: nothing is removed; --force does not ask\n");
		ui_stderr(&said);
		return false;
	}
	answer[strcspn(answer, "\r\n")] = 0;
	return STREQ(answer, "y") || STREQ(answer, "Y") || STREQ(answer, "yes");
}
