/* How it works: each resource is one entry, updated by the supervisor's steps. On a terminal the entries
 * are a block at the bottom of the screen that is rewritten in place: one write(2) that moves up over the
 * old block, writes each line and clears the rest of it, so nothing flickers. Lines are cut to the
 * terminal's width; when the terminal was made narrower since, the old lines have wrapped, so their widths
 * are kept to know how many rows to go up. More entries than rows: those that are still working are shown
 * first. */
#include "ui.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "../util/tty.h"
#include "../util/visible.h"

enum state { WORKING, DONE, FAILED };

struct entry {
	char *title;                     /* "Container demo-web-1" */
	char *status, *text;
	enum state state;
	int64_t began_ns, ended_ns;
};

struct progress {
	struct ui *ui;
	const char *verb;
	struct map entries;              /* title → struct entry */
	size_t *drawn, n_drawn;          /* widths of the lines on the screen */
	bool dirty;
};

struct progress *progress_new(struct ui *ui, const char *verb)
{
	struct progress *p = xcalloc(1, sizeof *p);

	p->ui = ui;
	p->verb = verb;
	return p;
}

static void entry_free(void *arg)
{
	struct entry *e = arg;

	free(e->title);
	free(e->status);
	free(e->text);
	free(e);
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->dirty)
		progress_draw(p);
	map_done(&p->entries, entry_free);
	free(p->drawn);
	free(p);
}

static enum state state_of(const char *status)
{
	if (STREQ(status, "Error"))
		return FAILED;
	if (STREQ(status, "Recreate") || (str_ends(status, "ing") && !STREQ(status, "Running") && !STREQ(status, "Restarting")))
		return WORKING;
	return DONE;
}

static struct entry *entry_get(struct progress *p, const char *kind, const char *name)
{
	char *title = xasprintf("%s %s", kind, name);
	struct entry *e;

	if (*title >= 'a' && *title <= 'z')
		*title = (char)(*title - 'a' + 'A');
	e = map_get(&p->entries, title);
	if (e) {
		free(title);
		return e;
	}
	e = xcalloc(1, sizeof *e);
	e->title = title;
	e->began_ns = clock_mono_ns();
	map_set(&p->entries, title, e);
	return e;
}

static void plain_line(const struct entry *e)
{
	auto_buf struct buf b = BUF_INIT;

	buf_printf(&b, " %s  %s%s%s\n", e->title, e->status, e->text ? "  " : "", e->text ? e->text : "");
	ui_stderr(&b);
}

static void json_line(const struct entry *e)
{
	auto_buf struct buf b = BUF_INIT;

	buf_str(&b, "{\"id\":");
	buf_json(&b, e->title);
	buf_str(&b, ",\"status\":");
	buf_json(&b, e->state == WORKING ? "Working" : e->state == DONE ? "Done" : "Error");
	buf_str(&b, ",\"text\":");
	buf_json(&b, e->status);
	if (e->text) {
		buf_str(&b, ",\"details\":");
		buf_json(&b, e->text);
	}
	buf_str(&b, "}\n");
	ui_stderr(&b);
}

void progress_step(struct progress *p, const char *kind, const char *name, const char *status,
		   const char *text)
{
	struct entry *e = entry_get(p, kind, name);
	auto_free char *shown = visible_copy(text);

	if (str_eq(e->status, status) && str_eq(e->text, shown))
		return;
	free(e->status);
	free(e->text);
	e->status = xstrdup(status);
	e->text = take(shown);
	e->state = state_of(status);
	e->ended_ns = clock_mono_ns();
	p->dirty = true;
	if (p->ui->progress == PROGRESS_PLAIN)
		plain_line(e);
	else if (p->ui->progress == PROGRESS_JSON)
		json_line(e);
}

/* --- the block --- */

static size_t add_line(struct buf *out, const char *text, size_t columns)
{
	buf_str(out, text);
	buf_str(out, "\033[K\n");
	return columns;
}

static size_t format_entry(const struct progress *p, const struct entry *e, size_t title_width, size_t width,
			   int64_t now_ns, struct buf *out)
{
	static const char *const spinner[] = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" };
	bool colour = p->ui->colour_err;
	int64_t spent_ns = (e->state == WORKING ? now_ns : e->ended_ns) - e->began_ns;
	const char *mark = e->state == DONE	? "✔"
			   : e->state == FAILED ? "✘"
						: spinner[now_ns / (100 * MS_NS) % 10];
	enum ui_colour c = e->state == DONE ? C_GREEN : e->state == FAILED ? C_RED : C_CYAN;
	auto_buf struct buf b = BUF_INIT, line = BUF_INIT;
	auto_free char *body = NULL, *clock = xasprintf("%.1fs", (double)spent_ns / SEC_NS);
	size_t body_width = width > strlen(clock) + 6 ? width - strlen(clock) - 6 : 1, used;

	buf_printf(&b, "%-*s  %s%s%s", (int)title_width, e->title, e->status, e->text ? "  " : "",
		   e->text ? e->text : "");
	body = ui_ellipsis(b.p, body_width);
	used = ui_width(body, strlen(body));
	buf_printf(&line, " %s%s%s %s%*s %s%s%s ", ui_on(colour, c), mark, ui_off(colour), body,
		   (int)(body_width - used), "", ui_on(colour, C_BLUE), clock, ui_off(colour));
	return add_line(out, line.p, width > 1 ? width - 1 : 1);
}

static size_t count_done(const struct progress *p)
{
	size_t n = 0;

	map_each(&p->entries, it)
		n += ((struct entry *)it->value)->state == DONE;
	return n;
}

/* Fills widths (room for one per entry and two more) when given. Returns the number of lines. */
static size_t format_block(const struct progress *p, size_t width, size_t rows, int64_t now_ns,
			   size_t *widths, struct buf *out)
{
	size_t room = rows > 3 ? rows - 3 : 1, title_width = 0, working = 0, shown = 0, settled_room, n = 0;
	auto_free char *head = xasprintf("[+] %s %zu/%zu", p->verb, count_done(p), p->entries.n);

	map_each(&p->entries, it) {
		const struct entry *e = it->value;

		title_width = strlen(e->title) > title_width ? strlen(e->title) : title_width;
		working += e->state != DONE;
	}
	settled_room = p->entries.n <= room ? room : room > working ? room - working : 0;
	widths[n++] = add_line(out, head, strlen(head));
	map_each(&p->entries, it) {
		const struct entry *e = it->value;

		if (shown == room || (e->state == DONE && settled_room == 0))
			continue;
		settled_room -= e->state == DONE;
		shown++;
		widths[n++] = format_entry(p, e, title_width, width, now_ns, out);
	}
	if (shown < p->entries.n) {
		auto_free char *more = xasprintf("   … %zu more", p->entries.n - shown);

		widths[n++] = add_line(out, more, strlen(more));
	}
	return n;
}

void progress_format(const struct progress *p, size_t width, size_t rows, int64_t now_ns, struct buf *out)
{
	auto_free size_t *widths = xcalloc(p->entries.n + 2, sizeof *widths);

	format_block(p, width, rows, now_ns, widths, out);
}

static void go_up(struct progress *p, size_t width, struct buf *out)
{
	size_t rows = 0;

	for (size_t i = 0; i < p->n_drawn; i++)
		rows += p->drawn[i] ? (p->drawn[i] + width - 1) / width : 1;
	if (rows)
		buf_printf(out, "\033[%zuA\r", rows);
	p->n_drawn = 0;
}

static size_t screen(size_t *ret_rows)
{
	struct winsize ws = { 0 };
	int width = tty_width(STDERR_FILENO);

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_row == 0)
		ws.ws_row = 24;
	*ret_rows = ws.ws_row;
	return width > 20 ? (size_t)width : 80;
}

void progress_draw(struct progress *p)
{
	auto_buf struct buf b = BUF_INIT;
	size_t rows, width;

	/* at rest the block stays as it is */
	if (p->ui->progress != PROGRESS_TTY || progress_timeout_ms(p) < 0)
		return;
	p->dirty = false;
	width = screen(&rows);
	go_up(p, width, &b);
	free(p->drawn);
	p->drawn = xcalloc(p->entries.n + 2, sizeof *p->drawn);
	p->n_drawn = format_block(p, width, rows, clock_mono_ns(), p->drawn, &b);
	buf_str(&b, "\033[J");
	ui_stderr(&b);
}

void progress_hide(struct progress *p)
{
	auto_buf struct buf b = BUF_INIT;
	size_t rows;

	if (!p->n_drawn)
		return;
	go_up(p, screen(&rows), &b);
	buf_str(&b, "\033[J");
	p->dirty = true;
	ui_stderr(&b);
}

static bool moving(const struct progress *p)
{
	map_each(&p->entries, it)
		if (((struct entry *)it->value)->state == WORKING)
			return true;
	return p->dirty;
}

int progress_timeout_ms(const struct progress *p)
{
	return p->ui->progress == PROGRESS_TTY && moving(p) ? 100 : -1;
}
