/* How it works: each slot has a reader with one line in hand. The oldest line in hand is printed and its
 * reader asked for the next, until no reader has one. What is printed gathers in a buffer and is written
 * when that is large or nothing more is there. */
#include "follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "../plan/plan.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"

enum { WRITE_SIZE = 64 << 10, LINE_LONG = 1 << 20 };

struct source {
	char *slot, *label;
	const char *colour;
	struct logr *reader;
	bool watched;
	struct log_line line;
	bool have;                       /* line is not printed yet */
	bool dry;                        /* has no more for now; asking again costs a look at the directory */
	bool inside;                     /* the last thing printed was the beginning of a very long line */
};

struct follow {
	struct cli *c;
	struct follow_opts o;
	int logs_fd;
	int inotify_fd;                  /* one for all: users may have few of them */
	bool logs_watched;               /* the directory that slots' logs appear in */
	int64_t began_ns;                /* steady; 0: nothing was printed yet */
	struct source *sources;
	size_t n, cap, width;
	struct buf err_out;              /* for standard error */
};

int64_t follow_now(const struct cli *c)
{
	auto_close int fd = c->pdirs.state_fd < 0 ? -1 : openat(c->pdirs.state_fd, "logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return log_now_ns(fd);
}

struct follow *follow_new(struct cli *c, const struct follow_opts *o)
{
	struct follow *f = xcalloc(1, sizeof *f);

	f->c = c;
	f->o = *o;
	f->logs_fd = -1;
	f->inotify_fd = o->live ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
	return f;
}

void follow_free(struct follow *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		logr_close(f->sources[i].reader);
		free(f->sources[i].slot);
		free(f->sources[i].label);
	}
	free(f->sources);
	buf_done(&f->err_out);
	if (f->logs_fd >= 0)
		close(f->logs_fd);
	if (f->inotify_fd >= 0)
		close(f->inotify_fd);
	free(f);
}

const char *follow_label(const struct cli *c, const struct unit_rec *r)
{
	size_t n = strlen(c->name), k = strcspn(r->slot, "+");   /* "web-1+b" is the other side of "web-1" */
	const char *own;

	if (!r->name)
		return r->slot;
	own = strncmp(r->name, c->name, n) == 0 && r->name[n] == '-' ? r->name + n + 1 : "";
	return strncmp(own, r->slot, k) == 0 && (!own[k] || r->rotation) ? own : r->name;
}

static struct source *find(struct follow *f, const char *slot)
{
	for (size_t i = 0; i < f->n; i++)
		if (STREQ(f->sources[i].slot, slot))
			return &f->sources[i];
	return NULL;
}

static int open_logs(struct follow *f, struct err *err)
{
	if (f->logs_fd >= 0 || f->c->pdirs.state_fd < 0)
		return 0;
	f->logs_fd = openat(f->c->pdirs.state_fd, "logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->logs_fd < 0 && errno != ENOENT)
		return err_sys(err, errno, "open the logs of project '%s'", f->c->name);
	return 0;
}

/* Of a log that appears while others are followed everything is new, whatever tail of the others was asked for. */
static struct log_range range_now(const struct follow *f)
{
	struct log_range range = f->o.range;

	if (!f->began_ns)
		return range;
	range.tail = -1;
	if (!range.since_ns) {
		range.since_ns = f->began_ns;
		range.since_steady = true;
	}
	return range;
}

static int add_slot(struct follow *f, const char *slot, const char *label, struct err *err)
{
	const struct log_range range = range_now(f);
	struct logr *reader = NULL;
	struct source *s;
	size_t width;

	if (logr_open(f->logs_fd, slot, &range, &reader, err) < 0)
		return err_wrap(err, "log of '%s'", slot);
	s = XGROW(f->sources, f->n, f->cap);
	s->slot = xstrdup(slot);
	s->label = xstrdup(label);
	s->colour = ui_rainbow(f->c->ui.colour_out && !f->o.no_colour, f->n - 1);
	s->reader = reader;
	width = ui_width(s->label, strlen(s->label)) + 1;
	if (width > f->width)
		f->width = width;
	return 0;
}

/* What the slot's container before a rolling update has said, or one that did not make it; not among the last lines of what there is now. */
static int add_other_side(struct follow *f, const struct unit_rec *r, struct err *err)
{
	auto_free char *side = plan_other_side(r->slot);

	if (f->o.range.tail >= 0 || find(f, side) || faccessat(f->logs_fd, side, F_OK, 0) < 0)
		return 0;
	return add_slot(f, side, follow_label(f->c, r), err);
}

int follow_add(struct follow *f, const struct unit_rec *r, struct err *err)
{
	if (find(f, r->slot))
		return 0;
	if (open_logs(f, err) < 0)
		return -1;
	if (f->logs_fd < 0)              /* nothing was logged yet; asked again when the journal changes */
		return 0;
	if (add_slot(f, r->slot, follow_label(f->c, r), err) < 0)
		return -1;
	return r->run || r->init_of ? 0 : add_other_side(f, r, err);
}

/* --- printing --- */

static int write_out(struct follow *f, struct err *err)
{
	if ((f->c->ui.out.len || f->err_out.len) && f->o.before)
		f->o.before(f->o.arg);
	if (ui_flush(&f->c->ui, err) < 0)
		return -1;
	ui_stderr(&f->err_out);
	buf_consume(&f->err_out, f->err_out.len);
	return 0;
}

static void add_prefix(const struct follow *f, const struct source *s, struct buf *out)
{
	size_t used = ui_width(s->label, strlen(s->label));

	buf_str(out, s->colour);
	buf_str(out, s->label);
	for (; used < f->width; used++)
		buf_char(out, ' ');
	buf_str(out, " | ");
	if (*s->colour)
		buf_str(out, "\033[0m");
}

static int print_line(struct follow *f, struct source *s, struct err *err)
{
	bool apart = f->o.apart && s->line.stream == 2;
	struct buf *out = apart ? &f->err_out : &f->c->ui.out, *other = apart ? &f->c->ui.out : &f->err_out;
	bool goes_on = s->line.partial && s->line.len >= LINE_LONG;

	if (other->len && write_out(f, err) < 0)         /* keeps the order on a terminal that shows both */
		return -1;
	if (!s->inside && !f->o.no_prefix)
		add_prefix(f, s, out);
	if (!s->inside && f->o.timestamps) {
		char stamp[40];

		clock_format(s->line.at_ns, stamp);
		buf_str(out, stamp);
		buf_char(out, ' ');
	}
	buf_add(out, s->line.text, s->line.len);
	if (!goes_on)
		buf_char(out, '\n');
	s->inside = goes_on;
	s->have = false;
	return out->len >= WRITE_SIZE ? write_out(f, err) : 0;
}

static int refill(struct follow *f, struct source *s, bool flush, struct err *err)
{
	int r = logr_next(s->reader, flush, &s->line, err);

	if (r < 0)
		return err_wrap(err, "log of '%s'", s->slot);
	s->have = r == 1;
	s->dry = r == 0;
	return 0;
}

/* --- news --- */

static bool watch(const struct follow *f, const char *slot)
{
	auto_free char *path = xasprintf("/proc/self/fd/%d/%s", f->logs_fd, slot);

	return inotify_add_watch(f->inotify_fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0;
}

/* Takes the news that have come. True: directories may be new. */
static bool drain(int fd)
{
	char room[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool made = false;
	ssize_t n;

	while ((n = read(fd, room, sizeof room)) > 0) {
		for (char *p = room; p < room + n;) {
			const struct inotify_event *ev = (const struct inotify_event *)p;

			made |= (ev->mask & ~(uint32_t)IN_MODIFY) != 0;
			p += sizeof *ev + ev->len;
		}
	}
	return made;
}

/* Before anything is read, so that what comes later is news. A slot's directory may appear only with its
 * first line, or anew; until then the one above tells. */
static void take_news(struct follow *f)
{
	bool again;

	if (f->inotify_fd < 0)
		return;
	again = drain(f->inotify_fd);
	if (!f->logs_watched && f->logs_fd >= 0)
		f->logs_watched = watch(f, ".");
	for (size_t i = 0; i < f->n; i++)
		if (again || !f->sources[i].watched)
			f->sources[i].watched = watch(f, f->sources[i].slot);
}

int follow_pump(struct follow *f, bool flush, const char *slot, struct err *err)
{
	take_news(f);
	if (!f->began_ns)
		f->began_ns = log_now_ns(f->logs_fd);
	for (size_t i = 0; i < f->n; i++)
		f->sources[i].dry = false;
	for (;;) {
		struct source *first = NULL;

		for (size_t i = 0; i < f->n; i++) {
			struct source *s = &f->sources[i];
			bool all = flush && (!slot || STREQ(slot, s->slot));

			if (!s->have && !s->dry && refill(f, s, all, err) < 0)
				return -1;
			if (s->have && (!first || s->line.key_ns < first->line.key_ns))
				first = s;
		}
		if (!first)
			return write_out(f, err);
		if (print_line(f, first, err) < 0)
			return -1;
	}
}

void follow_say(struct follow *f, const char *slot, const char *text)
{
	const struct source *s = find(f, slot);

	if (f->o.before)
		f->o.before(f->o.arg);
	ui_print(&f->c->ui, "%s%s %s%s\n", s ? s->colour : "", s ? s->label : slot, text,
		 s && *s->colour ? "\033[0m" : "");
}

int follow_fd(const struct follow *f)
{
	return f->inotify_fd;
}
