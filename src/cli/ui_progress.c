/* How it works: each resource is one entry, updated by the supervisor's steps. On a terminal the entries
 * are a block at the bottom of the screen that is rewritten in place: one write(2) that moves up over the
 * old block, writes each line (ui_block.c) and clears the rest of it, so nothing flickers. Lines are cut to the
 * terminal's width; when the terminal was made narrower since, the old lines have wrapped, so their widths
 * are kept to know how many rows to go up. */
#include "ui_progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "../util/tty.h"
#include "../util/visible.h"

enum { JSON_PACE_MS = 200 };   /* how often the bytes of a part are told */

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
	map_done(&e->parts, entry_free);
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

static enum entry_state state_of(const char *status)
{
	if (STREQ(status, "Error"))
		return FAILED;
	if (STREQ(status, "Warning"))
		return WARNED;
	if (STREQ(status, "Recreate") || (str_ends(status, "ing") && !STREQ(status, "Running") && !STREQ(status, "Restarting")))
		return WORKING;
	return DONE;
}

/* The one of that title, which is taken. */
static struct entry *entry_get(struct map *entries, char *title)
{
	struct entry *e = map_get(entries, title);

	if (e) {
		free(title);
		return e;
	}
	e = xcalloc(1, sizeof *e);
	e->title = title;
	e->began_ns = clock_mono_ns();
	map_set(entries, title, e);
	return e;
}

static struct entry *whole_get(struct progress *p, const char *kind, const char *name)
{
	char *title = xasprintf("%s %s", kind, name);

	if (*title >= 'a' && *title <= 'z')
		*title = (char)(*title - 'a' + 'A');
	return entry_get(&p->entries, title);
}

static void plain_line(const struct entry *e)
{
	auto_buf struct buf b = BUF_INIT;

	buf_printf(&b, " %s  %s%s%s\n", e->title, e->status, e->text ? "  " : "", e->text ? e->text : "");
	ui_stderr(&b);
}

static void json_field(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, "%s\"%s\":", b->len ? "," : "{", key);
	buf_json(b, value);
}

/* As docker compose's, key for key. */
static void json_line(const struct entry *e, const struct entry *whole)
{
	static const char *const states[] = { [WORKING] = "Working", [DONE] = "Done", [WARNED] = "Warning", [FAILED] = "Error" };
	auto_buf struct buf b = BUF_INIT;

	json_field(&b, "id", e->title);
	if (whole)
		json_field(&b, "parent_id", whole->title);
	json_field(&b, "status", states[e->state]);
	json_field(&b, "text", e->status);
	if (e->text)
		json_field(&b, "details", e->text);
	if (e->size)
		buf_printf(&b, ",\"current\":%ju,\"total\":%ju,\"percent\":%u", (uintmax_t)e->bytes, (uintmax_t)e->size,
			   (unsigned)((double)e->bytes / (double)e->size * 100));
	buf_str(&b, "}\n");
	ui_stderr(&b);
}

static void set_state(struct progress *p, struct entry *e, const char *status, char *text)
{
	free(e->status);
	free(e->text);
	e->status = xstrdup(status);
	e->text = text;
	e->state = state_of(status);
	e->ended_ns = clock_mono_ns();
	p->dirty = true;
}

void progress_step(struct progress *p, const char *kind, const char *name, const char *status,
		   const char *text)
{
	struct entry *e = whole_get(p, kind, name);
	auto_free char *shown = visible_copy(text);

	if (str_eq(e->status, status) && str_eq(e->text, shown))
		return;
	set_state(p, e, status, take(shown));
	if (p->ui->progress == PROGRESS_PLAIN)
		plain_line(e);
	else if (p->ui->progress == PROGRESS_JSON)
		json_line(e, NULL);
}

void progress_note(struct progress *p, const char *kind, const char *name, const char *text)
{
	struct entry *e = whole_get(p, kind, name);

	if (e->state != WORKING || !e->status)
		return;
	free(e->text);
	e->text = xstrdup(text);
}

void progress_part(struct progress *p, const char *kind, const char *name, const struct progress_part *part)
{
	const struct entry *whole = whole_get(p, kind, name);
	struct entry *e = entry_get(&((struct entry *)whole)->parts, xstrdup(part->name));
	bool changed = !str_eq(e->status, part->status);
	int64_t now = clock_mono_ns();

	e->bytes = part->bytes < part->size ? part->bytes : part->size;
	e->size = part->size;
	if (changed)
		set_state(p, e, part->status, NULL);
	free(e->text);
	e->text = xstrdup(part->text);
	if (p->ui->progress != PROGRESS_JSON || (!changed && now - e->told_ns < JSON_PACE_MS * MS_NS))
		return;
	e->told_ns = now;
	json_line(e, whole);
}

/* --- on the screen --- */

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
	buf_str(&b, FRAME_BEGIN);
	go_up(p, width, &b);
	free(p->drawn);
	p->drawn = xcalloc(block_lines_max(p), sizeof *p->drawn);
	p->n_drawn = block_format(p, width, rows, clock_mono_ns(), p->drawn, &b);
	buf_str(&b, "\033[J" FRAME_END);
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
