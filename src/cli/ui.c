#include "ui.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/mem.h"
#include "../util/tty.h"
#include "../util/visible.h"

static const char *const colours[C_NCOLOURS] = {
	[C_NONE] = "",		 [C_RED] = "\033[31m",	[C_GREEN] = "\033[32m",
	[C_YELLOW] = "\033[33m", [C_BLUE] = "\033[34m", [C_MAGENTA] = "\033[35m",
	[C_CYAN] = "\033[36m",	 [C_BOLD] = "\033[1m",	[C_DIM] = "\033[2m",
};

const char *ui_on(bool colour, enum ui_colour c)
{
	return colour ? colours[c] : "";
}

const char *ui_off(bool colour)
{
	return colour ? "\033[0m" : "";
}

const char *ui_rainbow(bool colour, size_t nth)
{
	static const char *const turn[] = {
		"\033[36m", "\033[33m", "\033[32m", "\033[35m", "\033[34m",
		"\033[36;1m", "\033[33;1m", "\033[32;1m", "\033[35;1m", "\033[34;1m",
	};

	return colour ? turn[nth % (sizeof turn / sizeof *turn)] : "";
}

static int set_progress(struct ui *ui, const char *word, struct err *err)
{
	static const char *const words[] = { [PROGRESS_TTY] = "tty",
					     [PROGRESS_PLAIN] = "plain",
					     [PROGRESS_QUIET] = "quiet",
					     [PROGRESS_JSON] = "json",
					     NULL };
	const char *term = getenv("TERM");

	if (!word || STREQ(word, "auto")) {
		bool moves = isatty(STDERR_FILENO) && term && !STREQ(term, "dumb");

		ui->progress = moves ? PROGRESS_TTY : PROGRESS_PLAIN;
		return 0;
	}
	for (size_t i = 0; words[i]; i++) {
		if (STREQ(word, words[i])) {
			ui->progress = (enum ui_progress)i;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "--progress is auto, tty, plain, quiet or json, not '%s'", word);
}

int ui_init(struct ui *ui, const char *ansi, const char *progress, struct err *err)
{
	const char *word = progress ? progress : getenv("COMPOSE_PROGRESS");

	if (!ansi)
		ansi = getenv("COMPOSE_ANSI");
	if (ansi && !STREQ(ansi, "auto") && !STREQ(ansi, "never") && !STREQ(ansi, "always"))
		return err_set(err, ERR_USAGE, "--ansi is never, always or auto, not '%s'", ansi);
	ui->colour_out = tty_colour(STDOUT_FILENO, ansi);
	ui->colour_err = tty_colour(STDERR_FILENO, ansi);
	if (set_progress(ui, word && *word ? word : NULL, err) < 0)
		return -1;
	/* without control characters nothing can be redrawn */
	if (ui->progress == PROGRESS_TTY && !progress && ansi && STREQ(ansi, "never"))
		ui->progress = PROGRESS_PLAIN;
	return 0;
}

void ui_done(struct ui *ui)
{
	buf_done(&ui->problems);
	buf_done(&ui->out);
}

void ui_print(struct ui *ui, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&ui->out, fmt, ap);
	va_end(ap);
}

void ui_frame(struct ui *ui, size_t rows, bool first)
{
	auto_buf struct buf text = ui->out;
	size_t n = 0;

	ui->out = BUF_INIT;
	buf_str(&ui->out, first ? FRAME_BEGIN "\033[2J\033[H" : FRAME_BEGIN "\033[H");
	for (const char *p = text.p ? text.p : ""; *p && n + 1 < rows; n++) {
		size_t len = strcspn(p, "\n");

		buf_add(&ui->out, p, len);
		buf_str(&ui->out, "\033[K\n");
		p += len + (p[len] == '\n');
	}
	buf_str(&ui->out, "\033[J" FRAME_END);
}

int ui_flush(struct ui *ui, struct err *err)
{
	size_t len = ui->out.len;
	int r = len ? fd_write_all(STDOUT_FILENO, ui->out.p, len) : 0;
	int saved = errno;

	buf_consume(&ui->out, len);
	if (r == 0)
		return 0;
	if (saved == EPIPE) {            /* SIGPIPE is ignored by whoever started us */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
		_exit(1);
	}
	return err_sys(err, saved, "write standard output");
}

void ui_stderr(const struct buf *b)
{
	if (b->len && fd_write_all(STDERR_FILENO, b->p, b->len) < 0)
		return;                  /* there is nobody left to tell */
}

static void add_hint(const struct ui *ui, struct buf *b, const char *hint)
{
	if (hint)
		buf_printf(b, "  %shint:%s %s\n", ui_on(ui->colour_err, C_CYAN), ui_off(ui->colour_err),
			   hint);
}

/* An error without a place, as one with notes. */
static void json_err(struct ui *ui, enum diag_level level, const char *msg, char *hint)
{
	struct diag_note note = { .hint = true, .msg = hint };
	struct diag_item it = { .level = level, .msg = (char *)msg, .notes = &note, .n_notes = hint ? 1 : 0 };

	ui_json_item(ui, &DIAG_INIT, &it);
}

void ui_err(struct ui *ui, const struct err *err)
{
	auto_buf struct buf b = BUF_INIT;

	if (ui->json) {
		json_err(ui, DIAG_ERROR, err_msg(err), err->hint);
		return;
	}
	buf_printf(&b, "davit: %serror:%s %s\n", ui_on(ui->colour_err, C_RED), ui_off(ui->colour_err),
		   err_msg(err));
	add_hint(ui, &b, err->hint);
	ui_stderr(&b);
}

void ui_warn(struct ui *ui, const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT, msg = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&msg, fmt, ap);
	va_end(ap);
	if (ui->json) {
		json_err(ui, DIAG_WARNING, msg.p, NULL);
		return;
	}
	auto_free char *shown = visible_copy(msg.p);

	buf_printf(&b, "davit: %swarning:%s %s\n", ui_on(ui->colour_err, C_YELLOW), ui_off(ui->colour_err), shown);
	ui_stderr(&b);
}

void ui_diag(struct ui *ui, struct diag *d)
{
	auto_buf struct buf b = BUF_INIT;

	diag_sort(d);
	if (ui->json) {
		ui_json_diag(ui, d);
		return;
	}
	ui_diag_format(d, ui->colour_err, &b);
	ui_stderr(&b);
}

size_t ui_width(const char *s, size_t n)
{
	return str_utf8_count(s, n);
}

char *ui_ellipsis(const char *s, size_t width)
{
	struct buf b = BUF_INIT;
	size_t len = strlen(s), i, columns = 0;

	if (ui_width(s, len) <= width) {
		buf_str(&b, s);
		return buf_take(&b);
	}
	for (i = 0; i < len; i++) {
		columns += ((unsigned char)s[i] & 0xc0) != 0x80;
		if (columns == width)
			break;
	}
	buf_add(&b, s, i);
	buf_str(&b, "…");
	return buf_take(&b);
}

char *ui_ellipsis_middle(const char *s, size_t width)
{
	enum { SHORTEST = 8 };           /* there is no middle in less */
	size_t total = ui_width(s, strlen(s)), head = width / 3;
	const char *tail = s;

	if (total <= width || width < SHORTEST)
		return ui_ellipsis(s, width);
	for (size_t skip = total - (width - head - 1); *tail && (skip || (*tail & 0xc0) == 0x80); tail++)
		skip -= skip && (tail[1] & 0xc0) != 0x80;
	auto_free char *begin = ui_ellipsis(s, head + 1);
	return xasprintf("%s%s", begin, tail);
}
