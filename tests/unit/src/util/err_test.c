#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "../../../../src/util/err.h"

static void set_wrap_and_hint(void **state)
{
	auto_err struct err e = ERR_INIT;

	assert_int_equal(err_set(&e, ERR_INPUT, "port %d is out of range", 80800), -1);
	assert_int_equal(err_wrap(&e, "service '%s'", "web"), -1);
	assert_string_equal(err_msg(&e), "service 'web': port 80800 is out of range");
	assert_int_equal(e.kind, ERR_INPUT);
	assert_int_equal(e.errnum, 0);
	err_hint(&e, "use %d", 8080);
	err_hint(&e, "another");
	assert_string_equal(e.hint, "use 8080");
}

static void sys_takes_kind_from_errno(void **state)
{
	static const struct {
		int errnum;
		enum err_kind kind;
	} rows[] = {
		{ ENOENT, ERR_NOT_FOUND },
		{ EEXIST, ERR_EXISTS },
		{ EBUSY, ERR_BUSY },
		{ EADDRINUSE, ERR_BUSY },
		{ EACCES, ERR_PERM },
		{ EPERM, ERR_PERM },
		{ ETIMEDOUT, ERR_TIMEOUT },
		{ EIO, ERR_FAIL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		auto_err struct err e = ERR_INIT;

		assert_int_equal(err_sys(&e, rows[i].errnum, "open '%s'", "x"), -1);
		assert_int_equal(e.kind, rows[i].kind);
		assert_int_equal(e.errnum, rows[i].errnum);
	}
	auto_err struct err e = ERR_INIT;
	err_sys(&e, ENOENT, "open '%s'", "x");
	assert_string_equal(err_msg(&e), "open 'x': No such file or directory");
}

static void null_is_fine(void **state)
{
	struct err from = ERR_INIT;

	assert_int_equal(err_set(NULL, ERR_FAIL, "x"), -1);
	assert_int_equal(err_sys(NULL, ENOENT, "x"), -1);
	assert_int_equal(err_wrap(NULL, "x"), -1);
	assert_int_equal(err_hint(NULL, "x"), -1);
	assert_true(err_msg(NULL)[0] != '\0');
	assert_int_equal(err_exit_status(NULL), 1);
	err_done(NULL);
	err_set(&from, ERR_FAIL, "x");
	assert_int_equal(err_move(NULL, &from), -1);
	assert_null(from.msg);
}

static void message_may_quote_the_one_it_replaces(void **state)
{
	auto_err struct err e = ERR_INIT;

	err_set(&e, ERR_FAIL, "inner");
	err_set(&e, ERR_BUSY, "outer of %s", err_msg(&e));
	assert_string_equal(err_msg(&e), "outer of inner");
	assert_int_equal(e.kind, ERR_BUSY);
}

static void move_empties_the_source(void **state)
{
	auto_err struct err to = ERR_INIT;
	struct err from = ERR_INIT;

	err_set(&from, ERR_BUSY, "held");
	err_hint(&from, "wait");
	assert_int_equal(err_move(&to, &from), -1);
	assert_string_equal(to.msg, "held");
	assert_string_equal(to.hint, "wait");
	assert_int_equal(from.kind, ERR_NONE);
	assert_null(from.msg);
}

static void kinds_have_words(void **state)
{
	for (int k = 0; k < ERR_NKINDS; k++)
		assert_int_equal(err_kind_parse(err_kind_str((enum err_kind)k)), k);
	assert_string_equal(err_kind_str(ERR_NOT_FOUND), "not-found");
	assert_int_equal(err_kind_parse("gibberish"), ERR_FAIL);
	assert_int_equal(err_kind_parse(NULL), ERR_FAIL);
}

static void exit_statuses(void **state)
{
	auto_err struct err e = ERR_INIT;

	err_set(&e, ERR_CMD_NOT_FOUND, "x");
	assert_int_equal(err_exit_status(&e), 127);
	err_set(&e, ERR_CMD_NOT_EXEC, "x");
	assert_int_equal(err_exit_status(&e), 126);
	err_set(&e, ERR_NOT_FOUND, "x");
	assert_int_equal(err_exit_status(&e), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_wrap_and_hint),
		cmocka_unit_test(sys_takes_kind_from_errno),
		cmocka_unit_test(null_is_fine),
		cmocka_unit_test(message_may_quote_the_one_it_replaces),
		cmocka_unit_test(move_empties_the_source),
		cmocka_unit_test(kinds_have_words),
		cmocka_unit_test(exit_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
