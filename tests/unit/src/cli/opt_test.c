#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../../../src/cli/opt.h"
#include "../../../../src/util/str.h"

struct opts {
	bool all, detach, wait;
	const char *format;
	struct strs files;
	struct opt_int timeout, index;
};

#define O(field) offsetof(struct opts, field)
static const struct opt table[] = {
	{ 'a', "all", OPT_BOOL, O(all), "everything" },
	{ 'd', "detach", OPT_BOOL, O(detach), "in the background" },
	{ 0, "wait", OPT_BOOL, O(wait), "wait for it" },
	{ 'o', "format", OPT_STRING, O(format), "how it looks", "KIND" },
	{ 'f', "file", OPT_STRS, O(files), "file to read", "FILE" },
	{ 't', "timeout", OPT_SECONDS, O(timeout), "time to wait" },
	{ 0, "index", OPT_INT, O(index), NULL },
	{ 0, "build", OPT_REFUSED, 0, "build it elsewhere" },
	{ 'y', "yes", OPT_IGNORED, 0, NULL },
	{ 0 }
};

/* Parses words (separated by blanks) into *o; returns what opt_parse() does. */
static int parse(const char *words, bool stop, struct opts *o, char *args, struct err *err)
{
	static char copy[512];
	char *argv[32] = { 0 }, *save = NULL;
	struct opt_args a;
	size_t n = 0;
	int r;

	memset(o, 0, sizeof *o);
	snprintf(copy, sizeof copy, "%s", words);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	r = opt_parse(table, o, NULL, argv, stop, &a, err);
	args[0] = 0;
	for (size_t i = 0; i < a.n; i++)
		snprintf(args + strlen(args), 100 - strlen(args), "%s%s", i ? " " : "", a.v[i]);
	opt_args_done(&a);
	return r;
}

static void reads_all_forms(void **state)
{
	struct opts o;
	char args[100];

	assert_int_equal(parse("web -f a --file=b -fc -f=d --file e db -o json -t 5", false, &o, args, NULL),
			 0);
	assert_string_equal(args, "web db");
	assert_int_equal(o.files.n, 5);
	assert_string_equal(o.files.v[0], "a");
	assert_string_equal(o.files.v[1], "b");
	assert_string_equal(o.files.v[2], "c");
	assert_string_equal(o.files.v[3], "d");
	assert_string_equal(o.files.v[4], "e");
	assert_string_equal(o.format, "json");
	assert_true(o.timeout.set);
	assert_int_equal(o.timeout.v, 5);
	assert_false(o.index.set);
	opt_done(table, &o);
	assert_int_equal(o.files.n, 0);
}

static void reads_clusters_and_bools(void **state)
{
	struct opts o;
	char args[100];

	assert_int_equal(parse("-adt10 --index -3 -y", false, &o, args, NULL), 0);
	assert_true(o.all && o.detach && !o.wait);
	assert_int_equal(o.timeout.v, 10);
	assert_int_equal(o.index.v, -3);
	assert_int_equal(parse("-a --all=false --wait=true", false, &o, args, NULL), 0);
	assert_true(!o.all && o.wait);
}

static void stops_where_told(void **state)
{
	struct opts o;
	char args[100];

	assert_int_equal(parse("-a web sh -d --all", true, &o, args, NULL), 0);
	assert_string_equal(args, "web sh -d --all");
	assert_true(o.all && !o.detach);
	assert_int_equal(parse("web -- -d - --x", false, &o, args, NULL), 0);
	assert_string_equal(args, "web -d - --x");
	assert_false(o.detach);
	assert_int_equal(parse("- -d", false, &o, args, NULL), 0);
	assert_string_equal(args, "-");
	assert_true(o.detach);
}

static void says_what_is_wrong(void **state)
{
	static const struct { const char *words, *msg, *hint; } rows[] = {
		{ "--detahc", "unknown flag: '--detahc'", "did you mean '--detach'?" },
		{ "--nonsense", "unknown flag: '--nonsense'", NULL },
		{ "--nonsense=3", "unknown flag: '--nonsense'", NULL },
		{ "-x", "unknown flag: '-x'", NULL },
		{ "-ax", "unknown flag: '-x' in '-ax'", NULL },
		{ "--file", "flag '--file' needs a value", NULL },
		{ "-f", "flag '-f' needs a value", NULL },
		{ "-t soon", "flag '-t' takes a whole number of seconds, not 'soon'", NULL },
		{ "-t -1", "flag '-t' cannot be negative", NULL },
		{ "--index 1x", "flag '--index' takes a whole number, not '1x'", NULL },
		{ "--all=perhaps", "flag '--all' is true or false, not 'perhaps'", NULL },
		{ "--build", "flag '--build' is not supported", "build it elsewhere" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		auto_err struct err err = ERR_INIT;
		struct opts o;
		char args[100];

		assert_int_equal(parse(rows[i].words, false, &o, args, &err), -1);
		assert_string_equal(err_msg(&err), rows[i].msg);
		assert_int_equal(err.kind, ERR_USAGE);
		if (rows[i].hint)
			assert_string_equal(err.hint, rows[i].hint);
		else
			assert_null(err.hint);
		opt_done(table, &o);
	}
}

static void help_is_a_value_of_its_own(void **state)
{
	struct opts o;
	char args[100];

	assert_int_equal(parse("web --help", false, &o, args, NULL), OPT_HELP);
	assert_int_equal(parse("-ah", false, &o, args, NULL), OPT_HELP);
	assert_int_equal(parse("web --help", true, &o, args, NULL), 0);
}

static void prints_the_rows(void **state)
{
	auto_buf struct buf b = BUF_INIT;

	opt_help(table, &b);
	assert_string_equal(b.p,
			    "  -a, --all               everything\n"
			    "  -d, --detach            in the background\n"
			    "      --wait              wait for it\n"
			    "  -o, --format KIND       how it looks\n"
			    "  -f, --file FILE         file to read\n"
			    "  -t, --timeout SECONDS   time to wait\n"
			    "  -h, --help              print this help\n");
}

/* A table whose values are known: closed, and open. */
static void values_of_a_row_are_checked(void **state)
{
	static const struct opt choosy[] = {
		{ 'p', "progress", OPT_STRING, O(format), "how", "KIND", "auto tty plain" },
		{ 'f', "file", OPT_STRS, O(files), "which", "FILE", "one two …" },
		{ 0 }
	};
	static const struct { const char *word, *msg, *hint; } rows[] = {
		{ "--progress=plain", NULL, NULL },
		{ "-pauto", NULL, NULL },
		{ "--progress=pain", "flag '--progress' takes auto, tty or plain, not 'pain'", "did you mean 'plain'?" },
		{ "-pzebra", "flag '-p' takes auto, tty or plain, not 'zebra'", NULL },
		{ "--progress=", "flag '--progress' takes auto, tty or plain, not ''", NULL },
		{ "--file=three", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		auto_err struct err err = ERR_INIT;
		struct opts o = { 0 };
		char word[64];
		char *argv[] = { word, NULL };
		struct opt_args args;

		snprintf(word, sizeof word, "%s", rows[i].word);
		assert_int_equal(opt_parse(choosy, &o, NULL, argv, false, &args, &err), rows[i].msg ? -1 : 0);
		if (rows[i].msg)
			assert_string_equal(err_msg(&err), rows[i].msg);
		assert_true(str_eq(err.hint, rows[i].hint));
		opt_args_done(&args);
		opt_done(choosy, &o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_forms),	cmocka_unit_test(reads_clusters_and_bools),
		cmocka_unit_test(stops_where_told),	cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(help_is_a_value_of_its_own), cmocka_unit_test(prints_the_rows), cmocka_unit_test(values_of_a_row_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
