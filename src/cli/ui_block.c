/* ui_block.c - what progress looks like on a terminal.
 *
 * Each entry is a line; below one that is at work stand its parts, as many as there is room for: those that move first, then those that wait,
 * then those that are done. More entries than rows: those that are still working are shown first. */
#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "ui_progress.h"

enum { BAR = 20, BAR_MIN_WIDTH = 80, STATUS_WIDTH = 11, SHORTEST = 8 };

static size_t add_line(struct buf *out, const char *text, size_t columns)
{
	buf_str(out, text);
	buf_str(out, "\033[K\n");
	return columns;
}

static void format_bar(uint64_t bytes, uint64_t size, struct buf *out)
{
	size_t full = bytes >= size ? BAR : (size_t)((double)bytes / (double)size * BAR);

	buf_char(out, '[');
	for (size_t i = 0; i < BAR; i++)
		buf_char(out, i < full ? '=' : i == full ? '>' : ' ');
	buf_str(out, "] ");
}

/* room: of the line, for all that stands here. The status is what people look for: it is the title that gets shorter. */
static void format_body(const struct entry *e, bool part, size_t title_width, size_t room, size_t width, struct buf *out)
{
	size_t least = STATUS_WIDTH + 2, title_room = room > least + SHORTEST ? room - least : SHORTEST;
	size_t shown_width = title_width < title_room ? title_width : title_room;
	auto_free char *title = ui_ellipsis_middle(e->title, shown_width);
	char bytes[24], size[24];

	buf_printf(out, "%s%*s  ", title, (int)(shown_width - ui_width(title, strlen(title))), "");
	if (!part || !e->size || e->state != WORKING) {
		buf_printf(out, "%s%s%s", e->status, e->text ? "  " : "", e->text ? e->text : "");
		return;
	}
	buf_printf(out, "%-*s  ", STATUS_WIDTH, e->status);
	if (width >= BAR_MIN_WIDTH)
		format_bar(e->bytes, e->size, out);
	str_human_size((double)e->bytes, bytes);
	str_human_size((double)e->size, size);
	buf_printf(out, "%s/%s", bytes, size);
}

static const char *mark_of(const struct entry *e, int64_t now_ns, enum ui_colour *ret)
{
	static const char *const spinner[] = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" };
	static const struct { const char *mark; enum ui_colour c; } marks[] = {
		[WORKING] = { NULL, C_CYAN }, [DONE] = { "✔", C_GREEN }, [WARNED] = { "!", C_YELLOW }, [FAILED] = { "✘", C_RED },
	};

	*ret = marks[e->state].c;
	return e->state == WORKING ? spinner[now_ns / (100 * MS_NS) % 10] : marks[e->state].mark;
}

static size_t format_entry(const struct progress *p, const struct entry *e, bool part, size_t title_width, size_t width, int64_t now_ns,
			   struct buf *out)
{
	bool colour = p->ui->colour_err;
	const char *indent = part ? "  " : "", *mark;
	int64_t spent_ns = (e->state == WORKING ? now_ns : e->ended_ns) - e->began_ns;
	auto_buf struct buf b = BUF_INIT, line = BUF_INIT;
	auto_free char *body = NULL, *clock = xasprintf("%.1fs", (double)spent_ns / SEC_NS);
	size_t around = strlen(indent) + strlen(clock) + 6, body_width = width > around ? width - around : 1, used;
	enum ui_colour c;

	format_body(e, part, title_width, body_width, width, &b);
	mark = mark_of(e, now_ns, &c);
	body = ui_ellipsis(b.p, body_width);
	used = ui_width(body, strlen(body));
	buf_printf(&line, "%s %s%s%s %s%*s %s%s%s ", indent, ui_on(colour, c), mark, ui_off(colour), body,
		   (int)(body_width - used), "", ui_on(colour, C_BLUE), clock, ui_off(colour));
	return add_line(out, line.p, width > 1 ? width - 1 : 1);
}

/* --- which of them --- */

/* Returns how many are shown; *ret_more counts those that are not. */
static size_t choose_entries(const struct progress *p, size_t room, size_t *ret_more)
{
	size_t working = 0, shown = 0, settled_room;

	map_each(&p->entries, it)
		working += ((const struct entry *)it->value)->state == WORKING || ((const struct entry *)it->value)->state == FAILED;
	settled_room = p->entries.n <= room ? room : room > working ? room - working : 0;
	map_each(&p->entries, it) {
		struct entry *e = it->value;
		bool settled = e->state == DONE || e->state == WARNED;

		e->shown = shown < room && (!settled || settled_room > 0);
		settled_room -= e->shown && settled;
		shown += e->shown;
	}
	*ret_more += p->entries.n - shown;
	return shown;
}

/* 0: it moves, 1: it waits, 2: it is done. */
static int part_class(const struct entry *part)
{
	return part->state != WORKING ? 2 : part->size && part->bytes ? 0 : 1;
}

static void choose_parts(const struct progress *p, size_t room, size_t *ret_more)
{
	for (int class = 0; class < 3; class++) {
		map_each(&p->entries, it) {
			const struct entry *e = it->value;

			map_each(&e->parts, jt) {
				struct entry *part = jt->value;

				if (part_class(part) != class)
					continue;
				part->shown = e->shown && e->state == WORKING && room > 0;
				room -= part->shown;
				*ret_more += e->shown && e->state == WORKING && !part->shown;
			}
		}
	}
}

static size_t widest(const struct map *entries)
{
	size_t max = 0;

	map_each(entries, it) {
		const struct entry *e = it->value;

		size_t width = ui_width(e->title, strlen(e->title));

		max = width > max ? width : max;
	}
	return max;
}

static size_t count_done(const struct progress *p)
{
	size_t n = 0;

	map_each(&p->entries, it) {
		const struct entry *e = it->value;

		n += e->state == DONE || e->state == WARNED;
	}
	return n;
}

size_t block_lines_max(const struct progress *p)
{
	size_t n = p->entries.n + 2;

	map_each(&p->entries, it)
		n += ((const struct entry *)it->value)->parts.n;
	return n;
}

size_t block_format(const struct progress *p, size_t width, size_t rows, int64_t now_ns, size_t *widths, struct buf *out)
{
	size_t room = rows > 3 ? rows - 3 : 1, more = 0, n = 0, title_width = widest(&p->entries);
	auto_free char *head = xasprintf("[+] %s %zu/%zu", p->verb, count_done(p), p->entries.n);

	choose_parts(p, room - choose_entries(p, room, &more), &more);
	widths[n++] = add_line(out, head, strlen(head));
	map_each(&p->entries, it) {
		const struct entry *e = it->value;
		size_t part_width = widest(&e->parts);

		if (!e->shown)
			continue;
		widths[n++] = format_entry(p, e, false, title_width, width, now_ns, out);
		map_each(&e->parts, jt)
			if (((const struct entry *)jt->value)->shown)
				widths[n++] = format_entry(p, jt->value, true, part_width, width, now_ns, out);
	}
	if (more) {
		auto_free char *line = xasprintf("   … %zu more", more);

		widths[n++] = add_line(out, line, strlen(line));
	}
	return n;
}

void progress_format(const struct progress *p, size_t width, size_t rows, int64_t now_ns, struct buf *out)
{
	auto_free size_t *widths = xcalloc(block_lines_max(p), sizeof *widths);

	block_format(p, width, rows, now_ns, widths, out);
}
