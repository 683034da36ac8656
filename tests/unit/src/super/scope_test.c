/* What is asked of systemd, and what its answers mean: with this test in systemd's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../../src/super/scope.h"
#include "../../../../src/util/auto.h"

/* A message of this type with nothing in its header but an error's name, and a string as body. */
static void put_message(struct buf *b, char type, const char *name, const char *text)
{
	uint32_t fields = (uint32_t)(8 + strlen(name) + 1), body = (uint32_t)(4 + strlen(text) + 1);
	uint32_t n = (uint32_t)strlen(name), m = (uint32_t)strlen(text), serial = 7;
	const char head[] = { 'l', type, 0, 1 }, field[] = { 4, 1, 's', 0 };

	buf_add(b, head, 4);
	buf_add(b, &body, 4);
	buf_add(b, &serial, 4);
	buf_add(b, &fields, 4);
	buf_add(b, field, 4);
	buf_add(b, &n, 4);
	buf_add(b, name, n + 1);
	while (b->len % 8)
		buf_char(b, 0);
	buf_add(b, &m, 4);
	buf_add(b, text, m + 1);
}

/* What scope_ask() makes of this. */
static int ask(const struct buf *answer, struct err *err)
{
	int pair[2], r;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(write(pair[1], answer->p, answer->len), (ssize_t)answer->len);
	shutdown(pair[1], SHUT_WR);
	r = scope_ask(pair[0], "davit-shop.scope", 42, "davit project 'shop'", err);
	close(pair[0]);
	close(pair[1]);
	return r;
}

static void a_signal_before_the_answer_is_skipped(void **state)
{
	auto_buf struct buf b = BUF_INIT, one = BUF_INIT, two = BUF_INIT;
	auto_err struct err err = ERR_INIT;

	buf_str(&b, "OK 0123456789abcdef\r\n");
	put_message(&one, 4, "org.freedesktop.systemd1.Manager", "davit-x.scope");
	put_message(&two, 2, "x", "/org/freedesktop/systemd1/job/1");
	buf_add(&b, one.p, one.len);
	buf_add(&b, two.p, two.len);
	assert_int_equal(ask(&b, &err), 0);
}

static void one_that_exists_is_told_apart(void **state)
{
	auto_buf struct buf b = BUF_INIT, one = BUF_INIT;
	auto_err struct err err = ERR_INIT;

	buf_str(&b, "OK 0123456789abcdef\r\n");
	put_message(&one, 3, "org.freedesktop.systemd1.UnitExists", "Unit davit-shop.scope already exists.");
	buf_add(&b, one.p, one.len);
	assert_int_equal(ask(&b, &err), SCOPE_EXISTS);
}

static void refusals_are_quoted(void **state)
{
	auto_buf struct buf b = BUF_INIT, one = BUF_INIT, no = BUF_INIT, cut = BUF_INIT;
	auto_err struct err err = ERR_INIT, err2 = ERR_INIT, err3 = ERR_INIT;

	buf_str(&b, "OK 0123456789abcdef\r\n");
	put_message(&one, 3, "org.freedesktop.DBus.Error.AccessDenied", "Permission denied");
	buf_add(&cut, b.p, b.len);
	buf_add(&cut, one.p, one.len / 2);
	buf_add(&b, one.p, one.len);
	assert_int_equal(ask(&b, &err), -1);
	assert_string_equal(err_msg(&err), "systemd refuses: Permission denied");
	buf_str(&no, "REJECTED EXTERNAL\r\n");
	assert_int_equal(ask(&no, &err2), -1);
	assert_int_equal(err2.kind, ERR_PERM);
	assert_int_equal(ask(&cut, &err3), -1);
}

static uint32_t u32_at(const struct buf *b, size_t at)
{
	uint32_t v;

	memcpy(&v, b->p + at, sizeof v);
	return v;
}

static void the_message_is_as_long_as_it_says(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	size_t fields;

	scope_message(&b, "davit-shop.scope", 42, "davit project 'shop'");
	fields = u32_at(&b, 12);
	assert_int_equal((16 + fields + 7) / 8 * 8 + u32_at(&b, 4), b.len);
	assert_non_null(memmem(b.p, b.len, "StartTransientUnit", 18));
	assert_non_null(memmem(b.p, b.len, "ssa(sv)a(sa(sv))", 16));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_before_the_answer_is_skipped),
		cmocka_unit_test(one_that_exists_is_told_apart),
		cmocka_unit_test(refusals_are_quoted),
		cmocka_unit_test(the_message_is_as_long_as_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
