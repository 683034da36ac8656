/* json, hash, clock, log, tty, signame */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pty.h>
#include <sys/ioctl.h>

#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/hash.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/log.h"
#include "../../../../src/util/signame.h"
#include "../../../../src/util/tty.h"
#include "scratch.h"

static json_t *parse(const char *text)
{
	json_t *j = NULL;

	assert_int_equal(jx_parse(text, strlen(text), &j, NULL), 0);
	return j;
}

static void json_getters_have_defaults(void **state)
{
	auto_json json_t *j = parse("{\"s\":\"x\",\"n\":42,\"b\":true,\"o\":{},\"a\":[],\"r\":1.5}");

	assert_string_equal(jx_str(j, "s"), "x");
	assert_null(jx_str(j, "n"));
	assert_null(jx_str(j, "absent"));
	assert_null(jx_str(NULL, "s"));
	assert_int_equal(jx_int(j, "n", 7), 42);
	assert_int_equal(jx_int(j, "s", 7), 7);
	assert_int_equal(jx_int(j, "r", 7), 7);
	assert_true(jx_bool(j, "b", false));
	assert_true(jx_bool(j, "n", true));
	assert_non_null(jx_obj(j, "o"));
	assert_null(jx_obj(j, "a"));
	assert_non_null(jx_arr(j, "a"));
	assert_null(jx_arr(j, "o"));
}

static void json_needs_say_what_is_wrong(void **state)
{
	auto_json json_t *j = parse("{\"s\":\"x\",\"n\":42}");
	const char *s = NULL;
	int64_t n = 0;
	struct {
		int ret;
		const char *msg;
	} rows[4];
	struct err err[4] = { 0 };

	assert_int_equal(jx_need_str(j, "s", &s, NULL), 0);
	assert_string_equal(s, "x");
	assert_int_equal(jx_need_int(j, "n", 0, 42, &n, NULL), 0);
	assert_int_equal(n, 42);
	rows[0].ret = jx_need_str(j, "x", &s, &err[0]);
	rows[0].msg = "field 'x' is missing";
	rows[1].ret = jx_need_str(j, "n", &s, &err[1]);
	rows[1].msg = "field 'n' is not a string";
	rows[2].ret = jx_need_int(j, "s", 0, 9, &n, &err[2]);
	rows[2].msg = "field 's' is not an integer";
	rows[3].ret = jx_need_int(j, "n", 0, 41, &n, &err[3]);
	rows[3].msg = "field 'n' is out of range (0 to 41)";
	for (int i = 0; i < 4; i++) {
		assert_int_equal(rows[i].ret, -1);
		assert_string_equal(err_msg(&err[i]), rows[i].msg);
		err_done(&err[i]);
	}
}

static void json_refuses_nonsense(void **state)
{
	static const char *const bad[] = { "", "{", "{\"a\":1,\"a\":2}", "{} x", "nul", "{\"a\":\"\xff\"}",
		"42" };
	char *deep = malloc(200001);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_err struct err err = ERR_INIT;
		json_t *j = NULL;

		assert_int_equal(jx_parse(bad[i], strlen(bad[i]), &j, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_null(j);
	}
	memset(deep, '[', 200000);
	json_t *j = NULL;
	assert_int_equal(jx_parse(deep, 200000, &j, NULL), -1);
	free(deep);
}

static void json_files(void **state)
{
	auto_json json_t *j = json_object(), *back = NULL;
	auto_err struct err err = ERR_INIT;

	jx_set_str(j, "s", "bad \xff byte");
	jx_set_str(j, "none", NULL);
	jx_set_int(j, "n", INT64_MAX);
	jx_set_bool(j, "b", true);
	assert_int_equal(json_object_size(j), 3);
	assert_int_equal(jx_store(scratch_fd, "j", j, 0600, 0, &err), 0);
	assert_int_equal(jx_load(scratch_fd, "j", 1000, &back, &err), 0);
	assert_true(json_equal(j, back));
	assert_string_equal(jx_str(back, "s"), "bad \xef\xbf\xbd byte");
	assert_int_equal(scratch_file("torn", "{\"a\":"), 0);
	assert_int_equal(jx_load(scratch_fd, "torn", 1000, &back, &err), -1);
	assert_true(strncmp(err_msg(&err), "read 'torn': line 1, column ", 28) == 0);
	assert_int_equal(jx_load(scratch_fd, "absent", 1000, &back, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void hashes(void **state)
{
	char hex[HASH_HEX_LEN + 1], a[81], b[81];

	hash_sha256_hex("", 0, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	hash_sha256_hex("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_random_hex(40, a);
	hash_random_hex(40, b);
	assert_int_equal(strlen(a), 80);
	assert_int_equal(strspn(a, "0123456789abcdef"), 80);
	assert_string_not_equal(a, b);
	hash_random_hex(0, a);
	assert_string_equal(a, "");
}

static void times(void **state)
{
	static const struct { const char *text; int64_t ns; } read_back[] = {
		{ "2026-01-02T03:04:05Z", 1767323045 * SEC_NS }, { "2026-01-02T05:34:05.25+02:30", 1767323045 * SEC_NS + SEC_NS / 4 },
		{ "2026-01-02T03:04:05", 0 }, { "2026-01-02T03:04:05Zx", 0 }, { "yesterday", 0 }, { "", 0 },
		{ "9999-01-02T03:04:05Z", 0 }, { "1969-01-02T03:04:05Z", 0 },
	};
	char text[40];
	int64_t a = clock_mono_ns();

	assert_true(clock_mono_ns() >= a);
	assert_true(clock_wall_ns() > 1600000000 * SEC_NS);
	a = clock_mono_in(1500);
	assert_true(a <= clock_mono_ns() + 1500 * MS_NS && a > clock_mono_ns());
	assert_true(clock_mono_in(INT64_MAX) > clock_mono_ns());
	for (size_t i = 0; i < ARRAY_LEN(read_back); i++)
		assert_int_equal(clock_parse(read_back[i].text), read_back[i].ns);
	assert_int_equal(clock_parse(NULL), 0);
	clock_format(1767323045 * SEC_NS + 6, text);
	assert_int_equal(clock_parse(text), 1767323045 * SEC_NS + 6);
	assert_string_equal(text, "2026-01-02T03:04:05.000000006Z");
	clock_format(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999999Z");
	clock_format(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000000Z");
}

static size_t log_size(void)
{
	struct stat st;

	assert_int_equal(fstatat(scratch_fd, "log", &st, 0), 0);
	return (size_t)st.st_size;
}

static void log_lines(void **state)
{
	auto_close int fd = openat(scratch_fd, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	auto_buf struct buf b = BUF_INIT;
	char *big = malloc(10001);

	log_error("nobody hears it");
	log_to(fd, LOG_INFO, 0);
	errno = ENOENT;
	log_info("service '%s'\nforged line", "web");
	assert_int_equal(errno, ENOENT);
	log_debug("not at this level");
	memset(big, 'x', 10000);
	big[10000] = '\0';
	log_warn("%s", big);
	log_to(-1, LOG_DEBUG, 0);
	log_error("nobody hears it");
	assert_int_equal(path_read(scratch_fd, "log", 100000, &b, NULL), 0);
	assert_non_null(strstr(b.p, " info: service 'web' forged line\n"));
	assert_null(strstr(b.p, "nobody"));
	assert_null(strstr(b.p, "level"));
	assert_true(b.len < 5000);
	assert_int_equal(b.p[b.len - 1], '\n');
	int lines = 0;
	for (size_t i = 0; i < b.len; i++)
		lines += b.p[i] == '\n';
	assert_int_equal(lines, 2);
	free(big);
}

static void log_is_bounded(void **state)
{
	auto_close int fd = openat(scratch_fd, "log", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t most = 0;

	log_to(fd, LOG_INFO, 4096);
	for (int i = 0; i < 1000; i++) {
		log_info("event %d", i);
		most = log_size() > most ? log_size() : most;
	}
	log_to(-1, LOG_INFO, 0);
	assert_true(most > 4096 && most < 4096 + 200);
}

static void terminal(void **state)
{
	struct winsize ws = { .ws_col = 132, .ws_row = 40 };
	auto_close int us = -1, them = -1;
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_int_equal(openpty(&us, &them, NULL, NULL, &ws), 0);
	unsetenv("COLUMNS");
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	assert_int_equal(tty_width(them), 132);
	assert_int_equal(tty_width(null), 0);
	setenv("COLUMNS", "77", 1);
	assert_int_equal(tty_width(them), 77);
	setenv("COLUMNS", "wide", 1);
	assert_int_equal(tty_width(them), 132);
	unsetenv("COLUMNS");
	assert_true(tty_colour(them, NULL));
	assert_true(tty_colour(them, "auto"));
	assert_false(tty_colour(null, "auto"));
	assert_true(tty_colour(null, "always"));
	assert_false(tty_colour(them, "never"));
	setenv("NO_COLOR", "1", 1);
	assert_false(tty_colour(them, "auto"));
	setenv("NO_COLOR", "", 1);
	assert_true(tty_colour(them, "auto"));
	setenv("TERM", "dumb", 1);
	assert_false(tty_colour(them, "auto"));
}

static void signals_have_numbers(void **state)
{
	assert_int_equal(signal_number("SIGTERM"), 15);
	assert_int_equal(signal_number("quit"), 3);
	assert_int_equal(signal_number("9"), 9);
	assert_int_equal(signal_number("SIGRTMIN+3"), 37);
	assert_int_equal(signal_number("RTMAX"), 64);
	assert_int_equal(signal_number("SIGNOPE"), -1);
	assert_int_equal(signal_number(""), -1);
	assert_int_equal(signal_number("0"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_getters_have_defaults),
		cmocka_unit_test(json_needs_say_what_is_wrong),
		cmocka_unit_test(json_refuses_nonsense),
		scratch_test(json_files),
		cmocka_unit_test(hashes),
		cmocka_unit_test(times),
		scratch_test(log_lines),
		scratch_test(log_is_bounded),
		cmocka_unit_test(terminal),
		cmocka_unit_test(signals_have_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
