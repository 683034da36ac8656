/* dockerfile.c - see dockerfile.h. A line that ends in the escape character goes on in the next one; comment lines between are left out. */
#include "dockerfile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../image/platform.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/map.h"
#include "../util/mem.h"

/* A word that becomes longer is cut: it names no image any more, and what doubles from line to line must not fill memory. */
enum { DEPTH_MAX = 8, WORD_MAX = 4096 };

struct reading {
	const struct strs *given;        /* build arguments */
	struct map args;                 /* declared before the first FROM: name → text */
	struct strs stages;
	struct dockerfile_bases *images;
	struct strs here;                /* ends of here-documents that are to come */
	size_t line, begun, here_line;   /* from 1: the one being read · where its instruction begins · of the first whose here-document ended */
	bool in_stage, onbuild;
	char escape;
};

void dockerfile_bases_add(struct dockerfile_bases *l, const char *name, const char *platform)
{
	for (size_t i = 0; i < l->n; i++)
		if (STREQ(l->v[i].name, name) && str_eq(l->v[i].platform, platform))
			return;
	*XGROW(l->v, l->n, l->cap) = (struct dockerfile_base){ xstrdup(name), xstrdup(platform) };
}

void dockerfile_bases_done(struct dockerfile_bases *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].platform);
	}
	free(l->v);
	*l = (struct dockerfile_bases){ 0 };
}

/* ------------------------------------------------------------------ variables */

static void know(struct reading *r, const char *of, const char *what, const char *value)
{
	auto_free char *name = xasprintf("%s%s", of, what);

	free(map_set(&r->args, name, xstrdup(value)));
}

/* What the builder itself knows of a platform. */
static void know_platform(struct reading *r, const char *of, const char *platform)
{
	char text[PLATFORM_TEXT];
	struct platform p;

	platform_host(&p);
	if (platform && platform_parse(platform, &p, NULL) < 0)
		return;
	platform_format(&p, text);
	know(r, of, "PLATFORM", text);
	know(r, of, "OS", p.os);
	know(r, of, "ARCH", p.arch);
	know(r, of, "VARIANT", p.variant);
}

static const char *given_value(const struct strs *given, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = given->n; i-- > 0;)
		if (strncmp(given->v[i], name, n) == 0 && given->v[i][n] == '=')
			return given->v[i] + n + 1;
	return NULL;
}

static void expand(const struct reading *r, const char *text, size_t n, int depth, struct buf *out);

/* ${NAME}, ${NAME:-word}, ${NAME:+word} and those without the colon. */
static void expand_braces(const struct reading *r, const char *p, size_t n, int depth, struct buf *out)
{
	size_t len = 0, at;
	auto_free char *name = NULL;
	const char *value;
	bool has;

	while (len < n && (isalnum((unsigned char)p[len]) || p[len] == '_'))
		len++;
	name = xstrndup(p, len);
	value = map_get(&r->args, name);
	at = len + (len < n && p[len] == ':');
	has = value && (at == len || *value);
	if (at < n && p[at] == '+') {
		if (has)
			expand(r, p + at + 1, n - at - 1, depth + 1, out);
	} else if (has) {
		buf_str(out, value);
	} else if (at < n && p[at] == '-') {
		expand(r, p + at + 1, n - at - 1, depth + 1, out);
	}
}

/* How long what stands in braces is, p being behind the first one. */
static size_t braces_len(const char *p, size_t n)
{
	size_t i, depth = 1;

	for (i = 0; i < n; i++) {
		depth += p[i] == '{';
		depth -= p[i] == '}';
		if (!depth)
			break;
	}
	return i;
}

static void expand(const struct reading *r, const char *text, size_t n, int depth, struct buf *out)
{
	for (size_t i = 0; i < n && depth < DEPTH_MAX && out->len < WORD_MAX; i++) {
		size_t len = 0;

		if (text[i] != '$' || i + 1 == n) {
			if (text[i] != '"' && text[i] != '\'')
				buf_char(out, text[i]);
		} else if (text[i + 1] == '{') {
			len = braces_len(text + i + 2, n - i - 2);
			expand_braces(r, text + i + 2, len, depth, out);
			i += len + 2;
		} else {
			while (i + 1 + len < n && (isalnum((unsigned char)text[i + 1 + len]) || text[i + 1 + len] == '_'))
				len++;
			expand_braces(r, text + i + 1, len, depth, out);
			i += len;
		}
	}
}

static char *expanded(const struct reading *r, const char *word)
{
	struct buf b = BUF_INIT;

	expand(r, word, strlen(word), 0, &b);
	buf_str(&b, "");
	if (b.len > WORD_MAX)
		b.p[WORD_MAX] = '\0';
	return buf_take(&b);
}

/* ------------------------------------------------------------------ instructions */

static bool is_number(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

static void add_image(struct reading *r, const char *word, const char *platform)
{
	auto_free char *name = expanded(r, word), *on = platform ? expanded(r, platform) : NULL;

	if (!name || !*name || is_number(name) || strcasecmp(name, "scratch") == 0)
		return;
	for (size_t i = 0; i < r->stages.n; i++)
		if (strcasecmp(r->stages.v[i], name) == 0)
			return;
	dockerfile_bases_add(r->images, name, on && *on ? on : NULL);
}

static char *next_word(char **line)
{
	return strtok_r(NULL, " \t", line);
}

static void on_arg(struct reading *r, char *rest)
{
	for (char *word = next_word(&rest); word; word = next_word(&rest)) {
		char *eq = strchr(word, '=');
		const char *given;

		if (eq)
			*eq = '\0';
		given = given_value(r->given, word);
		if (given || eq)
			free(map_set(&r->args, word, given ? xstrdup(given) : expanded(r, eq + 1)));
	}
}

static void on_from(struct reading *r, char *rest)
{
	static const char flag[] = "--platform=";
	char *word = next_word(&rest), *as, *name, *platform = NULL;

	for (; word && str_starts(word, "--"); word = next_word(&rest))
		if (str_starts(word, flag))
			platform = word + strlen(flag);
	if (!word)
		return;
	add_image(r, word, platform);
	as = next_word(&rest);
	name = next_word(&rest);
	if (as && name && strcasecmp(as, "as") == 0)
		strs_add(&r->stages, name);
	r->in_stage = true;
}

/* --mount=type=bind,from=IMAGE,… */
static void on_mount(struct reading *r, char *options)
{
	char *save = options;

	for (char *o = strtok_r(NULL, ",", &save); o; o = strtok_r(NULL, ",", &save))
		if (str_starts(o, "from="))
			add_image(r, o + strlen("from="), NULL);
}

static void on_flags(struct reading *r, char *rest)
{
	for (char *word = next_word(&rest); word && str_starts(word, "--"); word = next_word(&rest)) {
		if (str_starts(word, "--from="))
			add_image(r, word + strlen("--from="), NULL);
		else if (str_starts(word, "--mount="))
			on_mount(r, word + strlen("--mount="));
	}
}

static void on_line(struct reading *r, char *line)
{
	char *rest = line, *word = next_word(&rest);

	if (!word)
		return;
	if (strcasecmp(word, "FROM") == 0)
		on_from(r, rest);
	else if (strcasecmp(word, "ARG") == 0 && !r->in_stage)
		on_arg(r, rest);
	else if (strcasecmp(word, "ONBUILD") == 0)
		r->onbuild = true;
	else if (strcasecmp(word, "COPY") == 0 || strcasecmp(word, "ADD") == 0 || strcasecmp(word, "RUN") == 0)
		on_flags(r, rest);
}

/* ------------------------------------------------------------------ lines */

/* "RUN <<EOF", "COPY <<-'A' <<B /": what follows the line is text, up to lines that consist of these words. */
static void find_here(struct reading *r, const char *line)
{
	for (const char *p = line; (p = strstr(p, "<<"));) {
		bool begins_word = p > line && (isblank((unsigned char)p[-1]) || isdigit((unsigned char)p[-1]));
		size_t n;

		p += 2;
		p += strspn(p, "-\"'");
		n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		if (n && begins_word && !isdigit((unsigned char)*p))
			strs_addn(&r->here, p, n);
		p += n;
	}
}

static bool may_have_here(const char *line)
{
	static const char *const words[] = { "RUN", "COPY", "ADD" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strncasecmp(line, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

/* True: the line is one of a here-document. */
static bool in_here(struct reading *r, const char *line)
{
	if (!r->here.n)
		return false;
	if (STREQ(line, r->here.v[0])) {
		if (!r->here_line)
			r->here_line = r->begun;
		free(r->here.v[0]);
		memmove(r->here.v, r->here.v + 1, --r->here.n * sizeof *r->here.v);
	}
	return true;
}

/* "# escape=`" */
static void on_comment(struct reading *r, const char *p)
{
	p += 1 + strspn(p + 1, " \t");
	if (strncasecmp(p, "escape", 6) != 0)
		return;
	p += 6 + strspn(p + 6, " \t");
	if (*p == '=' && (p[1 + strspn(p + 1, " \t")] == '`'))
		r->escape = '`';
}

static void read_text(struct reading *r, const char *text)
{
	auto_free char *copy = xstrdup(text);
	auto_buf struct buf whole = BUF_INIT;
	char *save = copy;

	r->escape = '\\';
	for (char *line = strsep(&save, "\n"); line; line = strsep(&save, "\n")) {
		size_t n;

		r->line++;
		line += strspn(line, " \t");
		if (in_here(r, line))
			continue;
		if (!whole.len)
			r->begun = r->line;
		if (*line == '#') {
			on_comment(r, line);
			continue;
		}
		n = strlen(line);
		while (n && isspace((unsigned char)line[n - 1]))
			line[--n] = '\0';
		if (n && line[n - 1] == r->escape) {
			buf_add(&whole, line, n - 1);
			continue;
		}
		buf_str(&whole, line);
		if (may_have_here(whole.p))
			find_here(r, whole.p);
		on_line(r, whole.p);
		buf_consume(&whole, whole.len);
	}
}

void dockerfile_images(const char *text, const struct strs *args, const char *target, struct dockerfile_bases *ret)
{
	struct reading r = { .given = args, .images = ret };

	know_platform(&r, "BUILD", NULL);
	know_platform(&r, "TARGET", target);
	read_text(&r, text);
	map_done(&r.args, free);
	strs_done(&r.stages);
	strs_done(&r.here);
}

size_t dockerfile_here(const char *text)
{
	struct dockerfile_bases images = { 0 };
	const struct strs no_args = STRS_INIT;
	struct reading r = { .given = &no_args, .images = &images };

	read_text(&r, text);
	map_done(&r.args, free);
	strs_done(&r.stages);
	strs_done(&r.here);
	dockerfile_bases_done(&images);
	return r.here_line;
}

bool dockerfile_may_end_with(const char *text, const char *stage)
{
	struct dockerfile_bases images = { 0 };
	const struct strs no_args = STRS_INIT;
	struct reading r = { .given = &no_args, .images = &images };
	bool found = false;

	read_text(&r, text);
	for (size_t i = 0; i < r.stages.n; i++)
		found |= strcasecmp(r.stages.v[i], stage) == 0;
	map_done(&r.args, free);
	strs_done(&r.stages);
	strs_done(&r.here);
	dockerfile_bases_done(&images);
	return found && !r.onbuild;
}
