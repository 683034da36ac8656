/* Health: what results mean and when to look again, in a time of our own; whose check it is; what an answer says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../../../src/super/health.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/json.h"

static const struct health_rules usual = { .interval_ms = 30000, .start_interval_ms = 5000, .retries = 3 };

/* ------------------------------------------------------------------ the machine */

static void it_is_healthy_at_its_first_success(void **state)
{
	struct health_state st = { 0 };

	health_judge(&usual, &st, 0, true);
	assert_int_equal(st.is, HEALTH_HEALTHY);
	assert_int_equal(health_pause(&usual, &st, 10, 10), 30000);
}

static void failures_count_from_the_first_interval_on(void **state)
{
	struct health_state st = { 0 };

	for (int64_t age = 0; age < 30000; age += 500)
		health_judge(&usual, &st, age, false);
	assert_int_equal(st.fails, 0);
	health_judge(&usual, &st, 30000, false);
	health_judge(&usual, &st, 60000, false);
	assert_int_equal(st.is, HEALTH_STARTING);
	health_judge(&usual, &st, 90000, false);
	assert_int_equal(st.is, HEALTH_UNHEALTHY);
}

static void failures_do_not_count_in_start_period(void **state)
{
	struct health_rules r = { .interval_ms = 1000, .start_period_ms = 10000, .start_interval_ms = 500, .retries = 1 };
	struct health_state st = { 0 };

	health_judge(&r, &st, 9999, false);
	assert_int_equal(st.is, HEALTH_STARTING);
	health_judge(&r, &st, 10000, false);
	assert_int_equal(st.is, HEALTH_UNHEALTHY);
	/* once it was healthy they do */
	st = (struct health_state){ 0 };
	health_judge(&r, &st, 0, true);
	health_judge(&r, &st, 1000, false);
	assert_int_equal(st.is, HEALTH_UNHEALTHY);
}

static void only_failures_in_a_row_count(void **state)
{
	struct health_state st = { .is = HEALTH_HEALTHY };

	for (int i = 0; i < 10; i++) {
		health_judge(&usual, &st, 100000, false);
		health_judge(&usual, &st, 100000, false);
		assert_int_equal(st.is, HEALTH_HEALTHY);
		health_judge(&usual, &st, 100000, true);
	}
	for (int i = 0; i < 3; i++)
		health_judge(&usual, &st, 100000, false);
	assert_int_equal(st.is, HEALTH_UNHEALTHY);
	health_judge(&usual, &st, 100000, true);
	assert_int_equal(st.is, HEALTH_HEALTHY);
	assert_int_equal(st.fails, 0);
}

/* All the probes of a container that never gets healthy, until it is unhealthy; how many there were, and when the last one began. */
static unsigned probes_until_unhealthy(const struct health_rules *r, int64_t took_ms, int64_t *ret_age)
{
	struct health_state st = { 0 };
	int64_t age = 0;

	for (unsigned n = 1;; n++) {
		*ret_age = age;
		health_judge(r, &st, age, false);
		if (st.is == HEALTH_UNHEALTHY)
			return n;
		age += took_ms;
		age += health_pause(r, &st, age, took_ms);
	}
}

static void it_is_unhealthy_when_docker_would_say_so(void **state)
{
	struct health_rules quick = { .interval_ms = 1000, .start_interval_ms = 5000, .retries = 2 };
	int64_t age;

	probes_until_unhealthy(&usual, 0, &age);
	assert_int_equal(age, 3 * 30000);
	probes_until_unhealthy(&quick, 10, &age);
	assert_in_range(age, 2000, 2100);
}

/* Whoever looks rarely on purpose is not looked at often while it starts. */
static void looking_early_costs_little(void **state)
{
	struct health_rules daily = { .interval_ms = 86400000, .start_interval_ms = 5000, .retries = 1 };
	int64_t age;

	assert_in_range(probes_until_unhealthy(&daily, 0, &age), 50, 150);
	/* a check that takes 2 s: no more than half of the time */
	assert_true(probes_until_unhealthy(&usual, 2000, &age) <= 11);
}

static void the_first_pauses_double(void **state)
{
	struct health_state st = { 0 };

	assert_int_equal(health_pause(&usual, &st, 0, 0), 20);
	assert_int_equal(health_pause(&usual, &st, 20, 0), 40);
	assert_int_equal(health_pause(&usual, &st, 60, 0), 80);
	for (int i = 0; i < 10; i++)
		health_pause(&usual, &st, 9000, 0);
	assert_int_equal(health_pause(&usual, &st, 9000, 0), 1000);
	assert_int_equal(health_pause(&usual, &st, 29900, 0), 100);
}

static void start_interval_rules_the_rest_of_start_period(void **state)
{
	struct health_rules r = { .interval_ms = 10000, .start_period_ms = 60000, .start_interval_ms = 2000, .retries = 1 };
	struct health_state st = { 0 };

	assert_int_equal(health_pause(&r, &st, 20000, 0), 2000);
	assert_int_equal(health_pause(&r, &st, 60000, 0), 10000);
	st.is = HEALTH_HEALTHY;
	assert_int_equal(health_pause(&r, &st, 20000, 0), 10000);
}

static void cheap_probes_begin_together(void **state)
{
	static const int64_t pauses_ms[] = { 1, 7, 50, 100, 150, 1000, 30000 };

	assert_int_equal(health_together(100000, 12345678), 54322);      /* at 12.4 s, and then every 100 ms */
	assert_int_equal(health_together(100000, 12400000), 100000);
	assert_int_equal(health_together(100000, 12403000), 97000);
	assert_int_equal(health_together(30000000, 12345678), 29954322);
	for (size_t i = 0; i < sizeof pauses_ms / sizeof *pauses_ms; i++)
		for (int64_t now = 0; now < 500000; now += 777) {
			int64_t pause = pauses_ms[i] * 1000, p = health_together(pause, now);
			assert_in_range(p, pause / 2, pause * 3 / 2 + 1);
			assert_true(pause < 1000000 || (p >= pause - 50000 && p <= pause + 50000));
		}
}

static void restarts_have_a_limit(void **state)
{
	int64_t times[HEALTH_RESTARTS], now = 1000 * SEC_NS;
	size_t n = 0;

	for (int i = 0; i < HEALTH_RESTARTS; i++, now += SEC_NS)
		assert_true(health_may_restart(times, &n, now));
	assert_false(health_may_restart(times, &n, now));
	assert_false(health_may_restart(times, &n, 1599 * SEC_NS));
	/* ten minutes after the first, one more */
	assert_true(health_may_restart(times, &n, 1600 * SEC_NS));
	assert_false(health_may_restart(times, &n, 1600 * SEC_NS));
	/* times of another boot, which was up longer than this one is */
	assert_true(health_may_restart(times, &n, 5 * SEC_NS));
	assert_int_equal(n, 1);
}

/* ------------------------------------------------------------------ whose check it is */

#define W(word) ((char *)(word))

static struct strv words(char **v, size_t n)
{
	return (struct strv){ .v = v, .n = n, .set = true };
}

static const char *first_of(const struct service *svc, const struct image *img)
{
	static char text[64];
	struct strs l = health_command(svc, img);

	snprintf(text, sizeof text, "%s", l.n ? l.v[0] : "none");
	assert_int_equal(l.n > 0, health_wanted(svc, img) && svc->probe.kind == PROBE_NONE);
	strs_done(&l);
	return text;
}

static void commands_are_merged_as_docker_does(void **state)
{
	char *own[] = { W("CMD"), W("own") }, *shell[] = { W("CMD-SHELL"), W("x") }, *none[] = { W("NONE") }, *odd[] = { W("CMDD"), W("x") };
	char *of_image[] = { W("CMD"), W("image") }, *sh[] = { W("/bin/ash"), W("-e") };
	struct image with = { .health = { .given = true, .test = { .v = of_image, .n = 2 } } }, without = { 0 };
	struct service svc = { .healthcheck = { .interval_ns = -1 } };

	assert_string_equal(first_of(&svc, &with), "image");
	assert_string_equal(first_of(&svc, &without), "none");
	assert_string_equal(first_of(&svc, NULL), "none");
	svc.healthcheck.given = true;            /* only times */
	assert_string_equal(first_of(&svc, &with), "image");
	svc.healthcheck.test = words(NULL, 0);   /* [] is as good as nothing */
	assert_string_equal(first_of(&svc, &with), "image");
	svc.healthcheck.test = words(own, 2);
	assert_string_equal(first_of(&svc, &with), "own");
	svc.healthcheck.test = words(none, 1);
	assert_string_equal(first_of(&svc, &with), "none");
	svc.healthcheck.test = words(odd, 2);
	assert_string_equal(first_of(&svc, &with), "none");
	svc.healthcheck.test = words(shell, 2);
	assert_string_equal(first_of(&svc, &with), "/bin/sh");
	with.shell = (struct strs){ .v = sh, .n = 2 };
	assert_string_equal(first_of(&svc, &with), "/bin/ash");
	svc.probe.kind = PROBE_TCP;
	assert_true(health_wanted(&svc, &with));
	assert_string_equal(first_of(&svc, &with), "none");
	svc.healthcheck.disable = true;
	assert_false(health_wanted(&svc, &with));
}

static void times_are_merged_field_by_field(void **state)
{
	struct image img = { .health = { .given = true, .interval_ns = SEC_NS, .timeout_ns = 2 * SEC_NS, .start_period_ns = 3 * SEC_NS,
					 .retries = 7 } };
	struct service svc = { .healthcheck = { .given = true, .interval_ns = 9 * SEC_NS, .timeout_ns = -1, .start_period_ns = 0,
						.start_interval_ns = 1, .retries = -1 } };
	struct launch l = { 0 };

	health_times(&svc, &img, &l);
	assert_int_equal(l.health_interval_ms, 9000);
	assert_int_equal(l.health_timeout_ms, 2000);
	assert_int_equal(l.health_start_period_ms, 3000);     /* 0 is not given, to Docker */
	assert_int_equal(l.health_start_interval_ms, 1);
	assert_int_equal(l.health_retries, 7);
	svc.probe.kind = PROBE_HTTP;             /* the image's times were for the image's command */
	health_times(&svc, &img, &l);
	assert_int_equal(l.health_interval_ms, 9000);
	assert_int_equal(l.health_timeout_ms, 30000);
	assert_int_equal(l.health_start_period_ms, 0);
	assert_int_equal(l.health_retries, 3);
}

static void a_probe_is_remembered(void **state)
{
	static char path[] = "/x?y", host[] = "h:1", slot[] = "web-1";
	struct launch l = { .health = true, .on_unhealthy = UNHEALTHY_STOP,
			    .probe = { PROBE_HTTP, 81, 200, 204, path, host, slot } }, back = { 0 };
	auto_json json_t *j = launch_to_json(&l), *old = NULL;
	auto_err struct err err = ERR_INIT;

	assert_int_equal(launch_from_json(j, &back, &err), 0);
	assert_int_equal(back.probe.kind, PROBE_HTTP);
	assert_int_equal(back.probe.port, 81);
	assert_int_equal(back.probe.status_min, 200);
	assert_int_equal(back.probe.status_max, 204);
	assert_string_equal(back.probe.path, path);
	assert_string_equal(back.probe.host, host);
	assert_string_equal(back.probe.slot, slot);
	assert_int_equal(back.on_unhealthy, UNHEALTHY_STOP);
	launch_done(&back);
	/* of a davit that knew none */
	old = json_pack("{s:s,s:b}", "restart", "no", "health", 1);
	assert_int_equal(launch_from_json(old, &back, &err), 0);
	assert_int_equal(back.probe.kind, PROBE_NONE);
	assert_int_equal(back.on_unhealthy, UNHEALTHY_NONE);
	launch_done(&back);
}

/* ------------------------------------------------------------------ answers */

static int status_of(const char *text)
{
	return http_status(text, strlen(text));
}

static void an_answer_has_a_status(void **state)
{
	assert_int_equal(status_of("HTTP/1.1 200 OK\r\n"), 200);
	assert_int_equal(status_of("HTTP/1.0 404\r\n"), 404);
	assert_int_equal(status_of("HTTP/1.1 503\n"), 503);
	assert_int_equal(status_of("HTTP/1.1 301 "), 301);
}

static void half_an_answer_is_not_enough(void **state)
{
	static const char whole[] = "HTTP/1.1 200 ";

	for (size_t n = 0; n < sizeof whole - 1; n++)
		assert_int_equal(http_status(whole, n), 0);
	assert_int_equal(http_status(whole, sizeof whole - 1), 200);
}

static void what_is_no_answer_is_known_at_once(void **state)
{
	static const char *const no[] = { "S", "HTTP/2", "http/1.1 200 ", "HTTP/1.1  200", "HTTP/1.1 20x", "HTTP/1.1 099 ", "HTTP/1.1 600 ",
					  "HTTP/1.1 2000 ", "HTTP/1.1 200x", "\r\nHTTP/1.1 200 ", "HTTP/1.11 200 ", "HTTP/1.1\t200 " };

	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (status_of(no[i]) != -1)
			fail_msg("'%s' is taken for an answer", no[i]);
	assert_int_equal(http_status("HTTP/1.1 20\0 ", 13), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_healthy_at_its_first_success),
		cmocka_unit_test(failures_count_from_the_first_interval_on),
		cmocka_unit_test(failures_do_not_count_in_start_period),
		cmocka_unit_test(only_failures_in_a_row_count),
		cmocka_unit_test(it_is_unhealthy_when_docker_would_say_so),
		cmocka_unit_test(looking_early_costs_little),
		cmocka_unit_test(the_first_pauses_double),
		cmocka_unit_test(start_interval_rules_the_rest_of_start_period),
		cmocka_unit_test(cheap_probes_begin_together),
		cmocka_unit_test(restarts_have_a_limit),
		cmocka_unit_test(commands_are_merged_as_docker_does),
		cmocka_unit_test(times_are_merged_field_by_field),
		cmocka_unit_test(a_probe_is_remembered),
		cmocka_unit_test(an_answer_has_a_status),
		cmocka_unit_test(half_an_answer_is_not_enough),
		cmocka_unit_test(what_is_no_answer_is_known_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
