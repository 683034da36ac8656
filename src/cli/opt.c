#include "opt.h"

#include <string.h>

#include "../util/mem.h"
#include "../util/str.h"

const struct opt *opt_find(const struct opt *table, const char *name, char letter)
{
	for (const struct opt *o = table; o && o->name; o++)
		if (name ? STREQ(o->name, name) : o->letter == letter)
			return o;
	return NULL;
}

bool opt_takes_value(const struct opt *o)
{
	return o->type == OPT_STRING || o->type == OPT_STRS || o->type == OPT_INT || o->type == OPT_SECONDS;
}

static int set_bool(bool *to, const char *shown, const char *value, struct err *err)
{
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };

	if (!value) {
		*to = true;
		return 0;
	}
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		if (STREQ(value, yes[i]) || STREQ(value, no[i])) {
			*to = STREQ(value, yes[i]);
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "flag '%s' is true or false, not '%s'", shown, value);
}

static int set_int(struct opt_int *to, const char *shown, const char *value, bool seconds, struct err *err)
{
	int64_t v;

	if (str_i64(value, &v) < 0)
		return err_set(err, ERR_USAGE, "flag '%s' takes a whole number%s, not '%s'", shown,
			       seconds ? " of seconds" : "", value);
	if (seconds && v < 0)
		return err_set(err, ERR_USAGE, "flag '%s' cannot be negative", shown);
	*to = (struct opt_int){ .set = true, .v = v };
	return 0;
}

static bool is_one_of(const struct strs *words, const char *value)
{
	return strs_has(words, value) || (words->n && STREQ(words->v[words->n - 1], "…"));
}

/* "flag '--rmi' takes all or local, not 'lcoal'", and which was meant */
static int check_value(const struct opt *o, const char *shown, const char *value, struct err *err)
{
	auto_strs struct strs words = STRS_INIT;
	auto_buf struct buf list = BUF_INIT;
	const char *near;

	for (const char *p = o->values; p && *p; p += strspn(p, " ")) {
		strs_addn(&words, p, strcspn(p, " "));
		p += strcspn(p, " ");
	}
	if (!o->values || is_one_of(&words, value))
		return 0;
	for (size_t i = 0; i < words.n; i++)
		buf_printf(&list, "%s%s", !i ? "" : i + 1 < words.n ? ", " : " or ", words.v[i]);
	err_set(err, ERR_USAGE, "flag '%s' takes %s, not '%s'", shown, list.p, value);
	near = str_nearest(value, (const char *const *)words.v);
	return near ? err_hint(err, "did you mean '%s'?", near) : -1;
}

/* value: NULL when none was attached. */
static int set_option(const struct opt *o, void *into, const char *shown, const char *value, struct err *err)
{
	void *to = (char *)into + o->offset;

	switch (o->type) {
	case OPT_BOOL:
		return set_bool(to, shown, value, err);
	case OPT_STRING:
	case OPT_STRS:
		if (check_value(o, shown, value, err) < 0)
			return -1;
		if (o->type == OPT_STRS)
			strs_add(to, value);
		else
			*(const char **)to = value;
		return 0;
	case OPT_INT:
	case OPT_SECONDS:
		return set_int(to, shown, value, o->type == OPT_SECONDS, err);
	case OPT_REFUSED:
		err_set(err, ERR_USAGE, "flag '%s' is not supported", shown);
		return err_hint(err, "%s", o->help);
	case OPT_IGNORED:
		return 0;
	}
	return 0;
}

static int unknown_long(const struct opt *table, const char *name, struct err *err)
{
	const char *known[128];
	const char *near;
	size_t n = 0;

	for (const struct opt *o = table; o && o->name && n < 126; o++)
		if (o->help && o->type != OPT_REFUSED)
			known[n++] = o->name;
	known[n++] = "help";
	known[n] = NULL;
	near = str_nearest(name, known);
	err_set(err, ERR_USAGE, "unknown flag: '--%s'", name);
	return near ? err_hint(err, "did you mean '--%s'?", near) : -1;
}

/* arg is what follows the two dashes. Moves *argv when the next word is the value. */
static int parse_long(const struct opt *table, void *into, const struct opt_also *also, char *arg, char ***argv, struct err *err)
{
	char *eq = strchr(arg, '=');
	size_t len = eq ? (size_t)(eq - arg) : strlen(arg);
	char *name = xstrndup(arg, len);
	char *shown = xasprintf("--%s", name);
	const struct opt *o = opt_find(table, name, 0);
	const char *value = eq ? eq + 1 : NULL;
	int r;

	if (!o && also && (o = opt_find(also->table, name, 0)))
		into = also->into;
	if (STREQ(name, "help") && !o) {
		r = OPT_HELP;
	} else if (!o) {
		r = unknown_long(table, name, err);
	} else if (opt_takes_value(o) && !value && !(*argv)[1]) {
		r = err_set(err, ERR_USAGE, "flag '%s' needs a value", shown);
	} else {
		if (opt_takes_value(o) && !value)
			value = *++*argv;
		r = set_option(o, into, shown, value, err);
	}
	free(name);
	free(shown);
	return r;
}

/* letters is what follows the dash: a cluster whose last member may have its value attached or in the next
 * word. */
static int parse_letters(const struct opt *table, void *into, const char *letters, char ***argv,
			 struct err *err)
{
	for (const char *p = letters; *p; p++) {
		const char shown[] = { '-', *p, 0 };
		const struct opt *o = opt_find(table, NULL, *p);
		const char *value = NULL;

		if (*p == 'h' && !o)
			return OPT_HELP;
		if (!o && p > letters)
			return err_set(err, ERR_USAGE, "unknown flag: '%s' in '-%s'", shown, letters);
		if (!o)
			return err_set(err, ERR_USAGE, "unknown flag: '%s'", shown);
		if (opt_takes_value(o)) {
			value = p[1] ? p + 1 + (p[1] == '=') : *++*argv;
			if (!value) {
				--*argv;
				return err_set(err, ERR_USAGE, "flag '%s' needs a value", shown);
			}
		} else if (p[1] == '=') {
			value = p + 2;
		}
		if (set_option(o, into, shown, value, err) < 0)
			return -1;
		if (value)
			return 0;
	}
	return 0;
}

int opt_parse(const struct opt *table, void *into, const struct opt_also *also, char **argv, bool stop_at_arg,
	      struct opt_args *ret_args, struct err *err)
{
	size_t n = 0;
	int r = 0;

	while (argv[n])
		n++;
	*ret_args = (struct opt_args){ .v = xcalloc(n + 1, sizeof(char *)) };
	for (; *argv; argv++) {
		if (STREQ(*argv, "--")) {
			argv++;
			break;
		}
		if ((*argv)[0] != '-' || !(*argv)[1]) {
			if (stop_at_arg)
				break;
			ret_args->v[ret_args->n++] = *argv;
			continue;
		}
		if ((*argv)[1] == '-')
			r = parse_long(table, into, also, *argv + 2, &argv, err);
		else
			r = parse_letters(table, into, *argv + 1, &argv, err);
		if (r)
			return r;
	}
	for (; *argv; argv++)
		ret_args->v[ret_args->n++] = *argv;
	return 0;
}

void opt_args_done(struct opt_args *a)
{
	free(a->v);
	*a = (struct opt_args){ 0 };
}

void opt_done(const struct opt *table, void *into)
{
	for (const struct opt *o = table; o && o->name; o++)
		if (o->type == OPT_STRS)
			strs_done((struct strs *)((char *)into + o->offset));
}

const char *opt_value_name(const struct opt *o)
{
	if (!opt_takes_value(o))
		return NULL;
	if (o->arg)
		return o->arg;
	return o->type == OPT_INT ? "N" : o->type == OPT_SECONDS ? "SECONDS" : "TEXT";
}

bool opt_is_shown(const struct opt *o)
{
	return o->help && o->type != OPT_REFUSED;
}

static size_t head(const struct opt *o, struct buf *out)
{
	auto_buf struct buf b = BUF_INIT;
	const char *value = opt_value_name(o);
	size_t len;

	if (o->letter)
		buf_printf(&b, "  -%c, --%s", o->letter, o->name);
	else
		buf_printf(&b, "      --%s", o->name);
	if (value)
		buf_printf(&b, " %s", value);
	len = b.len;
	if (out)
		buf_add(out, b.p, b.len);
	return len;
}

void opt_help(const struct opt *table, struct buf *out)
{
	size_t width = strlen("  -h, --help");

	for (const struct opt *o = table; o && o->name; o++)
		if (opt_is_shown(o) && head(o, NULL) > width)
			width = head(o, NULL);
	for (const struct opt *o = table; o && o->name; o++) {
		if (opt_is_shown(o)) {
			size_t len = head(o, out);

			buf_printf(out, "%*s   %s\n", (int)(width - len), "", o->help);
		}
	}
	if (!opt_find(table, "help", 0))
		buf_printf(out, "%-*s   print this help\n", (int)width, "  -h, --help");
}
