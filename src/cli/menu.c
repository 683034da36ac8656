#include "menu.h"

#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"

struct menu {
	struct ui *ui;
	struct termios before;
	enum menu_watch watch;
	bool shown, ended;               /* ended: the terminal gives no more keys */
};

struct menu *menu_new(struct ui *ui)
{
	struct termios keys;
	struct menu *m;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp())
		return NULL;
	m = xcalloc(1, sizeof *m);
	m->ui = ui;
	if (tcgetattr(STDIN_FILENO, &m->before) < 0) {
		free(m);
		return NULL;
	}
	keys = m->before;
	keys.c_lflag &= (tcflag_t)~(ICANON | ECHO);      /* ISIG stays: Ctrl-C is a signal */
	keys.c_cc[VMIN] = 1;
	keys.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
	return m;
}

void menu_free(struct menu *m)
{
	if (!m)
		return;
	menu_hide(m);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &m->before);
	free(m);
}

static void add_key(const struct menu *m, const char *key, const char *what, struct buf *out)
{
	bool colour = m->ui->colour_out;

	buf_printf(out, "%s%s%s%s%s %s%s", out->len ? "   " : "", ui_on(colour, C_BOLD), key, ui_off(colour), ui_on(colour, C_DIM), what,
		   ui_off(colour));
}

void menu_show(struct menu *m)
{
	auto_buf struct buf b = BUF_INIT;

	if (!m || m->shown)
		return;
	if (m->watch != MENU_NO_WATCH)
		add_key(m, "w", m->watch == MENU_WATCHED ? "Disable Watch" : "Enable Watch", &b);
	add_key(m, "d", "Detach", &b);
	add_key(m, "Ctrl+C", "Stop", &b);
	ui_flush(m->ui, NULL);
	ui_stderr(&b);
	m->shown = true;
}

void menu_hide(struct menu *m)
{
	auto_buf struct buf b = BUF_INIT;

	if (!m || !m->shown)
		return;
	buf_str(&b, "\r\033[K");
	ui_stderr(&b);
	m->shown = false;
}

/* Who is not in the foreground is stopped when he reads. */
int menu_fd(const struct menu *m)
{
	return m && !m->ended && tcgetpgrp(STDIN_FILENO) == getpgrp() ? STDIN_FILENO : -1;
}

char menu_key(struct menu *m)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char key = 0;

	if (menu_fd(m) < 0 || poll(&p, 1, 0) <= 0)
		return 0;
	m->ended = read(STDIN_FILENO, &key, 1) != 1;
	return m->ended ? 0 : key;
}

void menu_tell_watch(struct menu *m, enum menu_watch is)
{
	menu_hide(m);
	if (m)
		m->watch = is;
}
