/* env_file.c - files of variables: what is read, and the format `raw`. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/err.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "diag.h"
#include "env.h"
#include "env_text.h"
#include "rune.h"

struct pos env_text_place(const struct env_text *t, const char *at)
{
	struct pos pos = { t->file, t->line, 1 };
	const char *start = t->line_start, *nl, *from = t->mark;

	while (from < at && (nl = memchr(from, '\n', (size_t)(at - from)))) {
		start = from = nl + 1;
		pos.line++;
	}
	if (start < at)
		pos.col += (unsigned)str_utf8_count(start, (size_t)(at - start));
	return pos;
}

void env_text_mark(struct env_text *t)
{
	const char *nl;

	while (t->mark < t->p && (nl = memchr(t->mark, '\n', (size_t)(t->p - t->mark)))) {
		t->line_start = t->mark = nl + 1;
		t->line++;
	}
	t->mark = t->p;
}

int env_text_set(struct env_text *t, const char *name, const char *value, struct pos pos)
{
	if (++t->into->growth.vars > ENV_MAX_VARS) {
		t->p = t->end;
		return diag_error(
			t->d, pos, "files of variables set more than %d variables together", ENV_MAX_VARS);
	}
	env_set(t->into, name, value, pos);
	return 0;
}

/* ------------------------------------------------------------------ raw lines */

/* One line without its newline: NAME=value as it is, or a name alone. */
static int parse_raw_line(struct env_text *t, const char *line, const char *stop)
{
	const char *eq, *value;
	struct pos pos;
	char *name;
	size_t len;

	while (line < stop && rune_is_space(rune_at(line, stop, &len)))
		line += len;
	if (line == stop || *line == '#')
		return 0;
	pos = env_text_place(t, line);
	if (!str_is_utf8(line, (size_t)(stop - line)))
		return diag_error(t->d, pos, "the line is not valid UTF-8");
	eq = memchr(line, '=', (size_t)(stop - line));
	name = arena_strndup(t->a, line, (size_t)((eq ? eq : stop) - line));
	if (!*name)
		return diag_error(t->d, pos, "a name is missing before '='");
	if (strpbrk(name, " \t"))
		return diag_error(t->d, pos, "the name '%s' must not hold a blank", name);
	value = eq ? arena_strndup(t->a, eq + 1, (size_t)(stop - eq - 1)) : env_value(t->lookup, name);
	return value ? env_text_set(t, name, value, pos) : 0;
}

static int parse_raw(struct env_text *t)
{
	int r = 0;

	while (t->p < t->end) {
		const char *line = t->p, *nl = memchr(line, '\n', (size_t)(t->end - line)),
			   *stop = nl ? nl : t->end;

		env_text_mark(t);
		if (stop > line && stop[-1] == '\r')
			stop--;
		t->p = nl ? nl + 1 : t->end;
		if (parse_raw_line(t, line, stop) < 0)
			r = -1;
	}
	return r;
}

/* ------------------------------------------------------------------ the face */

int env_parse(struct env *into, const struct env *lookup, struct diag *d, const char *file, const char *text,
	size_t len, bool raw)
{
	struct env_text t = {
		.into = into,
		.lookup = lookup,
		.d = d,
		.a = into->arena,
		.file = file,
		.p = text,
		.end = text + len,
		.line = 1,
	};
	const struct env *first = into->first;
	int r;

	diag_add_source(d, file, text, len);
	if (memchr(text, '\0', len))
		return diag_error(d, (struct pos){ file, 0, 0 },
			"a NUL character is not allowed in a file of variables");
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		t.p += 3;
	t.mark = t.line_start = t.p;
	into->growth.read += len;
	if (into->growth.read > ENV_MAX_TOTAL)
		return diag_error(d, (struct pos){ file, 0, 0 },
			"files of variables are longer than %d MiB together", ENV_MAX_TOTAL >> 20);
	into->first = lookup;
	r = raw ? parse_raw(&t) : dotenv_parse(&t);
	into->partial |= !raw && r < 0;
	into->first = first;
	return r;
}

static bool is_full(const struct env *e)
{
	return e->growth.read > ENV_MAX_TOTAL || e->growth.vars > ENV_MAX_VARS;
}

int env_load(struct env *into, const struct env *lookup, struct diag *d, const char *path, const char *shown,
	bool raw)
{
	struct pos pos = { arena_strdup(into->arena, shown), 0, 0 };
	auto_close int fd = is_full(into) ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	auto_err struct err err = ERR_INIT;
	auto_buf struct buf text = BUF_INIT;
	struct stat st;

	if (is_full(into)) {
		diag_mute(d); /* it was told for another file */
		return -1;
	}
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return ENV_ABSENT;
	if (fd < 0)
		return diag_error(d, pos, "cannot open '%s': %s", pos.file, strerror(errno));
	if (fstat(fd, &st) < 0)
		return diag_error(d, pos, "cannot look at '%s': %s", pos.file, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return diag_error(d, pos, "'%s' is a directory, not a file of variables", pos.file);
	if (fcntl(fd, F_SETFL, O_RDONLY) < 0) /* a pipe is read to its end */
		return diag_error(d, pos, "cannot read '%s': %s", pos.file, strerror(errno));
	if (path_read_fd(fd, ENV_MAX_BYTES, &text, &err) < 0) {
		into->growth.read += ENV_MAX_BYTES; /* it took as long */
		return diag_error(d, pos, "cannot read '%s': %s", pos.file, err_msg(&err));
	}
	return env_parse(into, lookup, d, pos.file, text.p ? text.p : "", text.len, raw);
}
