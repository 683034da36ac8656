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

void menu_show(struct menu *m)
{
	bool colour = m && m->ui->colour_out;
	auto_buf struct buf b = BUF_INIT;

	if (!m || m->shown)
		return;
	buf_printf(&b, "%sd%s%s Detach   %s%sCtrl+C%s%s Stop%s", ui_on(colour, C_BOLD), ui_off(colour), ui_on(colour, C_DIM), ui_off(colour),
		   ui_on(colour, C_BOLD), ui_off(colour), ui_on(colour, C_DIM), ui_off(colour));
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

bool menu_wants_detach(struct menu *m)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	bool wants = false;
	char key;

	while (menu_fd(m) >= 0 && poll(&p, 1, 0) > 0) {
		m->ended = read(STDIN_FILENO, &key, 1) != 1;
		wants |= !m->ended && key == 'd';
	}
	return wants;
}
