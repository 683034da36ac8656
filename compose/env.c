/* How it works: the file is walked statement by statement as the reference does it, so that its odd corners
 * (a comment behind a closing quote, a name alone on its line) come out the same. Quotes are undone first,
 * then variables are expanded. */
#include "env.h"

#include <ctype.h>
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
#include "interp.h"

void env_init(struct env *e, struct arena *a)
{
	*e = (struct env){ .arena = a };
}

void env_done(struct env *e)
{
	map_done(&e->vars, NULL);
	*e = (struct env){ 0 };
}

const struct env_var *env_find(const struct env *e, const char *name)
{
	const struct env_var *v = e && e->first ? env_find(e->first, name) : NULL;

	if (v && v->value)
		return v;
	return e ? map_get(&e->vars, name) : NULL;
}

bool env_is_partial(const struct env *e)
{
	for (; e; e = e->first)
		if (e->partial)
			return true;
	return false;
}

const struct env_var *env_nearest(const struct env *e, const char *name)
{
	enum { SHORTEST = 4, MOST = 1000 }; /* the search takes its time */
	const char *near, *names[MOST + 1];
	size_t n = 0;

	if (strlen(name) < SHORTEST)
		return NULL;
	for (const struct env *at = e; at; at = at->first)
		map_each (&at->vars, it) {
			if (n < MOST && ((const struct env_var *)it->value)->value)
				names[n++] = it->key;
		}
	names[n] = NULL;
	near = str_nearest(name, names);
	return near ? env_find(e, near) : NULL;
}

const char *env_value(const struct env *e, const char *name)
{
	const struct env_var *v = env_find(e, name);

	return v ? v->value : NULL;
}

void env_put(struct env *e, const char *name, const char *value, struct pos pos, bool overwrite)
{
	struct env_var *v = map_get(&e->vars, name);

	if (v && !overwrite)
		return;
	if (!v) {
		v = arena_alloc(e->arena, sizeof *v);
		v->name = arena_strdup(e->arena, name);
		map_set(&e->vars, name, v);
	}
	v->value = arena_strdup(e->arena, value);
	v->pos = pos;
}

void env_put_list(struct env *e, const char *const *list, bool overwrite)
{
	for (; list && *list; list++) {
		const char *eq = strchr(*list, '=');
		auto_free char *name = NULL;

		if (!eq || eq == *list)
			continue;
		name = strndup(*list, (size_t)(eq - *list));
		if (name)
			env_put(e, name, eq + 1, (struct pos){ 0 }, overwrite);
	}
}

void env_put_all(struct env *e, const struct env *from, bool overwrite)
{
	map_each (&from->vars, it) {
		const struct env_var *v = it->value;

		env_put(e, v->name, v->value, v->pos, overwrite);
	}
	e->partial |= from->partial;
}

const char *env_origin(struct arena *a, const struct env_var *v)
{
	if (!v->pos.file)
		return arena_printf(a, "%s is set in the environment", v->name);
	return arena_printf(a, "%s is set in %s:%u", v->name, v->pos.file, v->pos.line);
}

/* ------------------------------------------------------------------ the syntax of .env */

struct parser {
	struct env *into;
	const struct env *lookup;
	struct diag *d;
	struct arena *a;
	const char *file, *p, *end, *line_start;
	unsigned line;
};

static struct pos pos_at(const struct parser *ps, const char *p)
{
	return (struct pos){ ps->file, ps->line, (unsigned)(p - ps->line_start) + 1 };
}

static void step(struct parser *ps)
{
	if (*ps->p++ == '\n') {
		ps->line++;
		ps->line_start = ps->p;
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static void skip_blanks(struct parser *ps)
{
	while (ps->p < ps->end && is_blank(*ps->p))
		ps->p++;
}

static void skip_line(struct parser *ps)
{
	while (ps->p < ps->end && *ps->p != '\n')
		ps->p++;
}

/* False at the end of the text. */
static bool next_statement(struct parser *ps)
{
	while (ps->p < ps->end) {
		if (*ps->p == '#')
			skip_line(ps);
		else if (is_blank(*ps->p) || *ps->p == '\n')
			step(ps);
		else
			return true;
	}
	return false;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || strchr("_.-[]", c);
}

/* Reads the name up to '=', ':' or the line's end; *ret_bare: there is no value. NULL after reporting. */
static char *parse_name(struct parser *ps, struct pos *ret_pos, bool *ret_bare)
{
	const char *start, *stop;
	char *name;

	if (ps->end - ps->p > 7 && strncmp(ps->p, "export", 6) == 0 && is_blank(ps->p[6])) {
		ps->p += 6;
		skip_blanks(ps);
	}
	start = stop = ps->p;
	*ret_pos = pos_at(ps, start);
	for (; ps->p < ps->end && !strchr("=:\n", *ps->p); ps->p++) {
		if (is_blank(*ps->p))
			continue;
		if (!is_name_char(*ps->p)) {
			diag_error(ps->d, pos_at(ps, ps->p),
				"unexpected character '%c' in the name of a variable", *ps->p);
			return NULL;
		}
		stop = ps->p + 1;
	}
	*ret_bare = ps->p == ps->end || *ps->p == '\n';
	name = arena_strndup(ps->a, start, (size_t)(stop - start));
	if (strpbrk(name, " \t")) {
		diag_error(ps->d, *ret_pos, "the name '%s' must not hold a blank", name);
		return NULL;
	}
	if (!*name) {
		diag_error(ps->d, *ret_pos, "a name is missing before '%c'", *ps->p);
		return NULL;
	}
	if (!*ret_bare)
		ps->p++;
	return name;
}

struct missing {
	struct parser *ps;
	struct pos pos;
};

static void on_missing(void *arg, const char *name, size_t offset)
{
	struct missing *m = arg;

	diag_warn(m->ps->d, m->pos, "the variable '%s' is not set, an empty text is used", name);
}

/* Expands variables in a value, which must live in the arena. NULL after reporting. */
static const char *expand(struct parser *ps, const char *text, struct pos pos)
{
	struct missing missing = { ps, pos };
	struct interp_result r;
	struct interp_problem problem;
	enum interp_status st =
		interp_text(ps->a, ps->into, text, strlen(text), on_missing, &missing, &r, &problem);

	if (st == INTERP_OK)
		return r.text;
	if (st == INTERP_UNKNOWN)
		return NULL;
	diag_error(ps->d, pos, "%s", problem.msg);
	if (st == INTERP_BAD_FORMAT)
		diag_hint(ps->d, "a '$' that is meant as such is written '$$', or stands in single quotes");
	return NULL;
}

/* The rest of the line, without a comment and blanks at its end. */
static const char *parse_unquoted(struct parser *ps)
{
	struct pos pos = pos_at(ps, ps->p);
	const char *start = ps->p, *stop, *comment;

	skip_line(ps);
	stop = ps->p;
	comment = memmem(start, (size_t)(stop - start), " #", 2);
	if (comment)
		stop = comment;
	while (stop > start && is_blank(stop[-1]))
		stop--;
	return expand(ps, arena_strndup(ps->a, start, (size_t)(stop - start)), pos);
}

/* \012 with one to three digits after the zero, as a byte; 0 when it is none. */
static size_t octal(const char *p, struct buf *out)
{
	unsigned v = 0;

	if (p[0] != '0')
		return 0;
	for (size_t i = 1; i <= 3; i++) {
		if (p[i] < '0' || p[i] > '7')
			return 0;
		v = v * 8 + (unsigned)(p[i] - '0');
	}
	if (v > 255 || v == 0)
		return 0;
	buf_char(out, (char)v);
	return 4;
}

/* Undoes the escapes of double quotes; "\$" becomes "$$", which the expansion makes a "$". */
static void unescape(const char *p, struct buf *out)
{
	static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";

	while (*p) {
		const char *hit = p[0] == '\\' && p[1] ? strchr(from, p[1]) : NULL;
		size_t n;

		if (hit) {
			buf_char(out, to[hit - from]);
			p += 2;
		} else if (p[0] == '\\' && p[1] == '$') {
			buf_str(out, "$$");
			p += 2;
		} else if (p[0] == '\\' && (n = octal(p + 1, out)) > 0) {
			p += 1 + n;
		} else {
			buf_char(out, *p++);
		}
	}
}

/* p stands on the opening quote. Takes in what is between the quotes; a backslash before the quote goes,
 * others stay. False when the quote is never closed. */
static bool quoted_text(struct parser *ps, struct buf *out)
{
	char quote = *ps->p;
	bool escaped = false;

	for (step(ps); ps->p < ps->end; step(ps)) {
		char c = *ps->p;

		if (c == quote && !escaped) {
			step(ps);
			return true;
		}
		if (c == '\\' && !escaped) {
			escaped = true;
			continue;
		}
		if (escaped && c != quote)
			buf_char(out, '\\');
		escaped = false;
		buf_char(out, c);
	}
	return false;
}

static const char *parse_quoted(struct parser *ps)
{
	struct pos pos = pos_at(ps, ps->p);
	char quote = *ps->p;
	auto_buf struct buf raw = BUF_INIT;
	auto_buf struct buf plain = BUF_INIT;

	if (!quoted_text(ps, &raw)) {
		diag_error(ps->d, pos, "the quote %c is never closed", quote);
		return NULL;
	}
	if (quote == '\'')
		return arena_strdup(ps->a, raw.p ? raw.p : "");
	unescape(raw.p ? raw.p : "", &plain);
	return expand(ps, arena_strdup(ps->a, plain.p ? plain.p : ""), pos);
}

static int parse_statement(struct parser *ps)
{
	struct pos pos;
	bool bare;
	const char *name = parse_name(ps, &pos, &bare), *value;

	if (!name)
		return -1;
	if (bare) {
		const struct env_var *v = env_find(ps->lookup, name);

		if (v && v->value)
			env_put(ps->into, name, v->value, v->pos, true);
		return 0;
	}
	skip_blanks(ps);
	if (ps->p < ps->end && (*ps->p == '"' || *ps->p == '\''))
		value = parse_quoted(ps);
	else
		value = parse_unquoted(ps);
	if (!value)
		return -1;
	env_put(ps->into, name, value, pos, true);
	return 0;
}

/* ------------------------------------------------------------------ raw lines */

static int parse_raw_line(struct parser *ps, const char *line)
{
	struct pos pos = pos_at(ps, ps->p);
	const char *eq;
	char *name;

	line += strspn(line, " \t\v\f\r");
	if (*line == '\0' || *line == '#')
		return 0;
	eq = strchrnul(line, '=');
	name = arena_strndup(ps->a, line, (size_t)(eq - line));
	if (!*name)
		return diag_error(ps->d, pos, "a name is missing before '='");
	if (strpbrk(name, " \t\v\f\r"))
		return diag_error(ps->d, pos, "the name '%s' must not hold a blank", name);
	if (*eq)
		env_put(ps->into, name, eq + 1, pos, true);
	else if (env_value(ps->lookup, name))
		env_put(ps->into, name, env_value(ps->lookup, name), pos, true);
	return 0;
}

static int parse_raw(struct parser *ps)
{
	int r = 0;

	while (ps->p < ps->end) {
		const char *nl = memchr(ps->p, '\n', (size_t)(ps->end - ps->p)), *stop = nl ? nl : ps->end;

		if (stop > ps->p && stop[-1] == '\r')
			stop--;
		if (parse_raw_line(ps, arena_strndup(ps->a, ps->p, (size_t)(stop - ps->p))) < 0)
			r = -1;
		ps->p = nl ? nl + 1 : ps->end;
		ps->line_start = ps->p;
		ps->line++;
	}
	return r;
}

/* ------------------------------------------------------------------ the face */

int env_parse(struct env *into, const struct env *lookup, struct diag *d, const char *file, const char *text,
	size_t len, bool raw)
{
	struct parser ps = {
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
	int r = 0;

	diag_add_source(d, file, text, len);
	if (memchr(text, '\0', len))
		return diag_error(d, (struct pos){ file, 0, 0 },
			"a NUL character is not allowed in a file of variables");
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		ps.p += 3;
	ps.line_start = ps.p;
	into->first = lookup;
	if (raw)
		r = parse_raw(&ps);
	while (!raw && next_statement(&ps)) {
		if (parse_statement(&ps) == 0)
			continue;
		into->partial = true;
		r = -1;
		skip_line(&ps);
	}
	into->first = first;
	return r;
}

int env_load(struct env *into, const struct env *lookup, struct diag *d, const char *path, const char *shown,
	bool raw)
{
	struct pos pos = { arena_strdup(into->arena, shown), 0, 0 };
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	auto_err struct err err = ERR_INIT;
	auto_buf struct buf text = BUF_INIT;
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return ENV_ABSENT;
	if (fd < 0)
		return diag_error(d, pos, "cannot open '%s': %s", path, strerror(errno));
	if (fstat(fd, &st) < 0)
		return diag_error(d, pos, "cannot look at '%s': %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return diag_error(d, pos, "'%s' is a directory, not a file of variables", path);
	if (fcntl(fd, F_SETFL, O_RDONLY) < 0) /* a pipe is read to its end */
		return diag_error(d, pos, "cannot read '%s': %s", path, strerror(errno));
	if (path_read_fd(fd, ENV_MAX_BYTES, &text, &err) < 0)
		return diag_error(d, pos, "cannot read '%s': %s", path, err_msg(&err));
	return env_parse(into, lookup, d, pos.file, text.p ? text.p : "", text.len, raw);
}
