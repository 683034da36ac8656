#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../../../src/cli/ui.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/json.h"
#include "capture.h"

static void tables_are_as_wide_as_needed(void **state)
{
	static const char *const heads[] = { "NAME", "COMMAND", "PORTS", NULL };
	auto_buf struct buf b = BUF_INIT;
	struct table t;

	table_init(&t, heads);
	table_add(&t, "demo-web-1");
	table_addf(&t, "\"%s\"", "sleep 10000…");
	table_add(&t, "80/tcp");
	table_add(&t, "x\x1b");
	table_add(&t, NULL);
	table_add(&t, "");
	table_format(&t, 10, &b);
	table_done(&t);
	assert_string_equal(b.p,
			    "NAME         COMMAND          PORTS\n"
			    "demo-web-1   \"sleep 10000…\"   80/tcp\n"
			    "x\\x1b                         \n");
}

/* The widest cells first, headings never, and no more than is needed. */
static void tables_fit_the_terminal(void **state)
{
	static const char *const heads[] = { "NAME", "COMMAND", "PORTS", NULL };
	static const struct { size_t width; const char *text; } rows[] = {
		{ 0, "NAME         COMMAND                                    PORTS\n"
		     "demo-web-1   a command that is longer than others are   80/tcp\n" },
		{ 62, "NAME         COMMAND                                    PORTS\n"
		      "demo-web-1   a command that is longer than others are   80/tcp\n" },
		{ 40, "NAME        COMMAND               PORTS\n"
		      "demo-web-1  a command that is l…  80/tcp\n" },
		{ 26, "NAME        COMMAND  PORTS\n"
		      "demo-web-1  a comm…  80/t…\n" },
		{ 24, "NAME      COMMAND  PORTS\n"
		      "de…web-1  a comm…  80/t…\n" },
		{ 5, "NAME     COMMAND PORTS\n"
		     "de…web-1 a comm… 80/t…\n" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		auto_buf struct buf b = BUF_INIT;
		struct table t;

		table_init(&t, heads);
		table_add(&t, "demo-web-1");
		table_add(&t, "a command that is longer than others are");
		table_add(&t, "80/tcp");
		t.names = 1;
		table_format(&t, table_fit(&t, 10, rows[i].width), &b);
		table_done(&t);
		assert_string_equal(b.p, rows[i].text);
	}
}

static void texts_are_cut_by_columns(void **state)
{
	static const struct { const char *text; size_t width; const char *cut; } rows[] = {
		{ "redis-server", 12, "redis-server" }, { "redis-server", 5, "redi…" }, { "äöüß", 4, "äöüß" },
		{ "äöüß", 3, "äö…" }, { "", 3, "" }, { "abc", 1, "…" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		auto_free char *cut = ui_ellipsis(rows[i].text, rows[i].width);

		assert_string_equal(cut, rows[i].cut);
	}
	assert_int_equal(ui_width("äb…", strlen("äb…")), 3);
	auto_free char *middle = ui_ellipsis_middle("demo-ünder-web-1", 9), *whole = ui_ellipsis_middle("demo-web", 8);
	assert_string_equal(middle, "dem…web-1");
	assert_string_equal(whole, "demo-web");
}

/* --- diagnostics --- */

static const char source[] =
	"services:\n"
	"  web:\n"
	"    ports:\n"
	"      - \"${WEB_PORT}:80\"\n"
	"\timage: übergroß \033[31m\n";

static void shows_line_and_caret(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	struct diag d = DIAG_INIT;

	diag_add_source(&d, "compose.yaml", source, strlen(source));
	diag_error(&d, (struct pos){ "compose.yaml", 4, 10 }, "host port %d is out of range (1-65535)",
		   80800);
	diag_where(&d, "services.web.ports[0]", "WEB_PORT is set in .env:3", 11);
	diag_note(&d, (struct pos){ "compose.yaml", 3, 5 }, "the list begins here");
	diag_hint(&d, "did you mean '%s'?", "8080");
	diag_warn(&d, (struct pos){ "compose.yaml", 5, 9 }, "odd");
	diag_warn(&d, (struct pos){ 0 }, "variable 'X' is not set");
	ui_diag_format(&d, false, &b);
	assert_string_equal(b.p,
			    "compose.yaml:4:10: error: host port 80800 is out of range (1-65535)\n"
			    "    4 |       - \"${WEB_PORT}:80\"\n"
			    "      |          ^~~~~~~~~~~  services.web.ports[0]; WEB_PORT is set in .env:3\n"
			    "compose.yaml:3:5: note: the list begins here\n"
			    "  hint: did you mean '8080'?\n"
			    "compose.yaml:5:9: warning: odd\n"
			    "    5 | \timage: übergroß \\x1b[31m\n"
			    "      | \t       ^\n"
			    "davit: warning: variable 'X' is not set\n");
	diag_done(&d);
}

static void shows_a_repeated_warning_once(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	struct diag d = DIAG_INIT;

	diag_warn(&d, (struct pos){ "a.yaml", 1, 1 }, "'%s' is not set", "A");
	diag_warn(&d, (struct pos){ "a.yaml", 2, 1 }, "'%s' is not set", "B");
	for (unsigned line = 3; line < 13; line++)
		diag_warn(&d, (struct pos){ line < 5 ? "a.yaml" : "b.yaml", line, 1 }, "'%s' is not set", "A");
	diag_error(&d, (struct pos){ "b.yaml", 20, 1 }, "bad");
	diag_error(&d, (struct pos){ "b.yaml", 21, 1 }, "bad");
	ui_diag_format(&d, false, &b);
	assert_string_equal(b.p, "a.yaml:1:1: warning: 'A' is not set\n"
				 "  note: the same at a.yaml:3, :4, b.yaml:5, :6, :7, :8, :9, :10 and 2 more\n"
				 "a.yaml:2:1: warning: 'B' is not set\n"
				 "b.yaml:20:1: error: bad\n"
				 "b.yaml:21:1: error: bad\n");
	diag_done(&d);
}

static void shows_a_part_of_long_lines(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	struct diag d = DIAG_INIT;
	char line[5000], *caret, *shown;

	memset(line, 'x', sizeof line);
	line[3000] = 'Y';
	diag_add_source(&d, "f", line, sizeof line);
	diag_error(&d, (struct pos){ "f", 1, 3001 }, "bad");
	ui_diag_format(&d, false, &b);
	diag_done(&d);
	assert_true(b.len < 500);
	shown = strchr(b.p, '\n') + 1;
	caret = strchr(shown, '\n') + 1;
	assert_int_equal(ui_width(shown, (size_t)(strchr(shown, 'Y') - shown)), strchr(caret, '^') - caret);
	assert_non_null(strstr(shown, "| …x"));
	assert_non_null(strstr(shown, "x…\n"));
}

static void the_caret_stands_below_wide_letters(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	struct diag d = DIAG_INIT;

	diag_add_source(&d, "f", "日本: 日x", strlen("日本: 日x"));
	diag_error(&d, (struct pos){ "f", 1, 5 }, "a\nb \033[31m");
	diag_where(&d, "日", NULL, 2);
	ui_diag_format(&d, false, &b);
	assert_string_equal(b.p, "f:1:5: error: a\\nb \\x1b[31m\n"
				 "    1 | 日本: 日x\n"
				 "      |       ^~~  日\n");
	diag_done(&d);
}

static void survives_places_beyond_the_text(void **state)
{
	static const struct pos places[] = {
		{ "f", 1, 99 }, { "f", 99, 1 }, { "g", 1, 1 }, { "f", 1, 0 }, { "f", 0, 0 }
	};
	auto_buf struct buf b = BUF_INIT;
	struct diag d = DIAG_INIT;

	diag_add_source(&d, "f", "a: b", 4);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		diag_error(&d, places[i], "bad");
		diag_where(&d, NULL, NULL, 50);
	}
	ui_diag_format(&d, true, &b);
	assert_non_null(strstr(b.p, "f:1:99: \033[31merror:\033[0m bad\n"));
	assert_non_null(strstr(b.p, "f:99:1: "));
	assert_non_null(strstr(b.p, "f: "));
	diag_done(&d);
}

/* --- progress --- */

static size_t count_lines(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void block_counts_and_fits(void **state)
{
	struct ui ui = { .progress = PROGRESS_QUIET };
	struct progress *p = progress_new(&ui, "Running");
	auto_buf struct buf b = BUF_INIT;
	char *line;

	progress_step(p, "network", "demo_default", "Created", NULL);
	progress_step(p, "container", "demo-web-1", "Starting", NULL);
	progress_step(p, "container", "demo-db-1", "Error", "no such file");
	progress_format(p, 60, 24, clock_mono_ns() + 1500 * MS_NS, &b);
	assert_true(str_starts(b.p, "[+] Running 1/3\033[K\n"));
	assert_non_null(strstr(b.p, " ✔ Network demo_default  Created "));
	assert_non_null(strstr(b.p, " Container demo-web-1  Starting "));
	assert_non_null(strstr(b.p, " 1.5s "));
	assert_non_null(strstr(b.p, " ✘ Container demo-db-1   Error  no such file "));
	line = strchr(b.p, '\n') + 1;
	assert_int_equal(ui_width(line, (size_t)(strstr(line, "\033[K") - line)), 59);
	progress_step(p, "container", "demo-web-1", "Started", NULL);
	b.len = 0;
	progress_format(p, 60, 24, clock_mono_ns(), &b);
	assert_true(str_starts(b.p, "[+] Running 2/3"));
	assert_int_equal(count_lines(b.p), 4);
	progress_free(p);
}

static void many_entries_show_those_that_work(void **state)
{
	struct ui ui = { .progress = PROGRESS_QUIET };
	struct progress *p = progress_new(&ui, "Running");
	auto_buf struct buf b = BUF_INIT;

	for (int i = 0; i < 50; i++) {
		char name[20];

		snprintf(name, sizeof name, "c-%d", i);
		progress_step(p, "container", name, i == 40 ? "Starting" : "Started", NULL);
	}
	progress_format(p, 80, 10, clock_mono_ns(), &b);
	assert_int_equal(count_lines(b.p), 9);
	assert_non_null(strstr(b.p, "Container c-40"));
	assert_non_null(strstr(b.p, "… 43 more"));
	progress_free(p);
}

static void part(struct progress *p, const char *image, const char *layer, const char *status, uint64_t bytes, uint64_t size)
{
	progress_part(p, "image", image, &(struct progress_part){ layer, status, bytes, size });
}

static void parts_stand_below_what_is_at_work(void **state)
{
	struct ui ui = { .progress = PROGRESS_QUIET };
	struct progress *p = progress_new(&ui, "Pulling");
	auto_buf struct buf wide = BUF_INIT, narrow = BUF_INIT, settled = BUF_INIT;
	char *line;

	progress_step(p, "image", "redis:7", "Pulling", NULL);
	progress_step(p, "image", "web", "Pulling", NULL);
	progress_note(p, "image", "redis:7", "1MB/3MB  1MB/s");
	part(p, "redis:7", "0123456789ab", "Downloading", 1000000, 2000000);
	part(p, "redis:7", "ba9876543210", "Waiting", 0, 1000000);
	part(p, "web", "aaaaaaaaaaaa", "Already exists", 0, 0);
	progress_format(p, 100, 24, clock_mono_ns(), &wide);
	assert_true(str_starts(wide.p, "[+] Pulling 0/2\033[K\n"));
	line = strstr(wide.p, "Image redis:7  Pulling  1MB/3MB  1MB/s ");
	assert_non_null(line);
	assert_non_null(strstr(line, " 0123456789ab  Downloading  [==========>         ] 1MB/2MB "));
	assert_non_null(strstr(line, " ba9876543210  Waiting      [>                   ] 0B/1MB "));
	assert_non_null(strstr(strstr(line, "Image web"), "aaaaaaaaaaaa  Already exists"));
	assert_int_equal(count_lines(wide.p), 6);
	for (line = strchr(wide.p, '\n') + 1; *line; line = strchr(line, '\n') + 1)
		assert_int_equal(ui_width(line, (size_t)(strstr(line, "\033[K") - line)), 99);
	progress_format(p, 60, 24, clock_mono_ns(), &narrow);
	assert_non_null(strstr(narrow.p, "0123456789ab  Downloading  1MB/2MB "));
	progress_step(p, "image", "redis:7", "Pulled", NULL);
	progress_format(p, 100, 24, clock_mono_ns(), &settled);
	assert_null(strstr(settled.p, "0123456789ab"));
	assert_non_null(strstr(settled.p, "✔ Image redis:7  Pulled "));
	assert_int_equal(count_lines(settled.p), 4);
	progress_free(p);
}

/* Two images of ten layers each on a small screen: what moves first, then what waits, and never more than there is room for. */
static void parts_are_folded_to_the_screen(void **state)
{
	struct ui ui = { .progress = PROGRESS_QUIET };
	struct progress *p = progress_new(&ui, "Pulling");

	for (int i = 0; i < 20; i++) {
		char name[20];

		snprintf(name, sizeof name, "layer-%02d", i);
		progress_step(p, "image", i % 2 ? "b" : "a", "Pulling", NULL);
		part(p, i % 2 ? "b" : "a", name, i > 14 ? "Downloading" : i > 7 ? "Waiting" : "Pull complete", i > 14, 100);
	}
	for (size_t rows = 1; rows < 30; rows++) {
		auto_buf struct buf b = BUF_INIT;

		progress_format(p, 80, rows, clock_mono_ns(), &b);
		assert_true(count_lines(b.p) < (rows < 4 ? 4 : rows));
		if (rows == 11)
			assert_true(strstr(b.p, "layer-15") && strstr(b.p, "layer-19") && strstr(b.p, "layer-08") && !strstr(b.p, "layer-00"));
		if (rows == 11)
			assert_non_null(strstr(b.p, "… 14 more"));
		assert_true(rows < 26 || !strstr(b.p, " more"));
	}
	progress_free(p);
}

static char *told(enum ui_progress how)
{
	struct ui ui = { .progress = how };
	struct progress *p = progress_new(&ui, "Pulling");
	struct capture c;

	capture_begin(&c, STDERR_FILENO);
	progress_step(p, "image", "redis:7", "Pulling", NULL);
	part(p, "redis:7", "0123456789ab", "Downloading", 0, 2000);
	for (unsigned i = 0; i < 100; i++) {
		part(p, "redis:7", "0123456789ab", "Downloading", 10 + i, 2000);
		progress_note(p, "image", "redis:7", "more and more");
	}
	part(p, "redis:7", "0123456789ab", "Pull complete", 2000, 2000);
	progress_step(p, "image", "redis:7", "Pulled", NULL);
	progress_step(p, "image", "web", "Warning", "denied");
	progress_free(p);
	return capture_end(&c);
}

static void parts_are_told_to_programs_and_not_in_plain_lines(void **state)
{
	auto_free char *plain = told(PROGRESS_PLAIN), *json = told(PROGRESS_JSON), *quiet = told(PROGRESS_QUIET);

	assert_string_equal(plain, " Image redis:7  Pulling\n Image redis:7  Pulled\n Image web  Warning  denied\n");
	assert_true(str_starts(json,
		"{\"id\":\"Image redis:7\",\"status\":\"Working\",\"text\":\"Pulling\"}\n"
		"{\"id\":\"0123456789ab\",\"parent_id\":\"Image redis:7\",\"status\":\"Working\",\"text\":\"Downloading\","
		"\"current\":0,\"total\":2000,\"percent\":0}\n"));
	assert_true(str_ends(json,
		"{\"id\":\"0123456789ab\",\"parent_id\":\"Image redis:7\",\"status\":\"Done\",\"text\":\"Pull complete\","
		"\"current\":2000,\"total\":2000,\"percent\":100}\n"
		"{\"id\":\"Image redis:7\",\"status\":\"Done\",\"text\":\"Pulled\"}\n"
		"{\"id\":\"Image web\",\"status\":\"Warning\",\"text\":\"Warning\",\"details\":\"denied\"}\n"));
	assert_in_range(count_lines(json), 5, 50);
	assert_string_equal(quiet, "");
}

static char *drawn(struct progress *p)
{
	struct capture c;

	capture_begin(&c, STDERR_FILENO);
	progress_draw(p);
	return capture_end(&c);
}

static void draws_in_place_and_only_when_something_moves(void **state)
{
	struct ui ui = { .progress = PROGRESS_TTY };
	struct progress *p = progress_new(&ui, "Running");
	struct capture c;

	assert_int_equal(progress_timeout_ms(p), -1);
	progress_step(p, "container", "demo-web-1", "Starting", NULL);
	assert_true(progress_timeout_ms(p) > 0);
	auto_free char *first = drawn(p), *second = drawn(p);
	assert_true(str_starts(first, "\033[?2026h[+] Running 0/1\033[K\n"));
	assert_true(str_ends(first, "\033[J\033[?2026l"));
	assert_true(str_starts(second, "\033[?2026h\033[2A\r[+] Running 0/1\033[K\n"));
	progress_step(p, "container", "demo-web-1", "Started", NULL);
	auto_free char *third = drawn(p), *none = drawn(p);
	assert_true(str_starts(third, "\033[?2026h\033[2A\r[+] Running 1/1\033[K\n"));
	assert_string_equal(none, "");
	assert_int_equal(progress_timeout_ms(p), -1);
	capture_begin(&c, STDERR_FILENO);
	progress_hide(p);
	auto_free char *hidden = capture_end(&c), *back = drawn(p);
	assert_string_equal(hidden, "\033[2A\r\033[J");
	assert_true(str_starts(back, "\033[?2026h[+] Running 1/1\033[K\n"));
	progress_free(p);
}

/* Invalid UTF-8, quotes and control characters everywhere a user's text can get to. */
static void problems_are_valid_json(void **state)
{
	static const char nasty[] = "a\xff\"\\\n\x01</\xc3";
	const struct pos pos = { nasty, 1, 2 };
	struct diag d = DIAG_INIT;
	struct ui ui = { .json = true };
	struct capture c;
	auto_json json_t *all = NULL;
	const json_t *first;

	(void)state;
	diag_add_source(&d, nasty, nasty, strlen(nasty));
	diag_warn(&d, pos, "%s", nasty);
	diag_where(&d, nasty, nasty, 3);
	diag_note(&d, pos, "%s", nasty);
	diag_hint(&d, "%s", nasty);
	capture_begin(&c, STDERR_FILENO);
	ui_diag(&ui, &d);
	ui_warn(&ui, "%s", "second");
	ui_json_end(&ui);
	auto_free char *said = capture_end(&c);
	all = json_loads(said, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_array_size(all), 2);
	first = json_array_get(all, 0);
	assert_string_equal(jx_str(first, "level"), "warning");
	assert_int_equal(jx_int(first, "end_column", 0), 5);
	assert_int_equal(json_array_size(jx_arr(first, "notes")), 1);
	assert_int_equal(json_array_size(jx_arr(first, "hints")), 1);
	assert_non_null(strstr(jx_str(first, "rendered"), "warning: "));
	assert_string_equal(jx_str(json_array_get(all, 1), "message"), "second");
	diag_done(&d);
	ui_done(&ui);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_as_wide_as_needed), cmocka_unit_test(tables_fit_the_terminal), cmocka_unit_test(texts_are_cut_by_columns),
		cmocka_unit_test(shows_line_and_caret), cmocka_unit_test(shows_a_repeated_warning_once),
		cmocka_unit_test(shows_a_part_of_long_lines),
		cmocka_unit_test(the_caret_stands_below_wide_letters),
		cmocka_unit_test(the_caret_stands_below_wide_letters),
		cmocka_unit_test(survives_places_beyond_the_text), cmocka_unit_test(block_counts_and_fits),
		cmocka_unit_test(many_entries_show_those_that_work),
		cmocka_unit_test(parts_stand_below_what_is_at_work), cmocka_unit_test(parts_are_folded_to_the_screen),
		cmocka_unit_test(parts_are_told_to_programs_and_not_in_plain_lines),
		cmocka_unit_test(problems_are_valid_json),
		cmocka_unit_test(draws_in_place_and_only_when_something_moves),
	};

	unsetenv("COLUMNS");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
