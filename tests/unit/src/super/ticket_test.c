/* txn.h's tickets: an answer that comes late must not end another plan's operation, whatever is at the same address by then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "../../../../src/super/txn.h"

static struct super s;

/* As exec_start() does. */
static void run_plan(struct txn *t)
{
	t->plan_no = ++s.plans;
}

static struct txn *request(struct txn *t)
{
	*t = (struct txn){ .s = &s };
	s.txn = t;
	run_plan(t);
	return t;
}

static void test_its_own(void **state)
{
	struct txn place;
	struct ticket *k = ticket(request(&place), 3);

	assert_int_equal(k->i, 3);
	assert_true(ticket_holds(k));
	free(k);
}

static void test_the_way_back(void **state)
{
	struct txn place, *t = request(&place);
	struct ticket *k = ticket(t, 0), *next;

	run_plan(t);                     /* it has failed: the same request undoes what it did */
	next = ticket(t, 0);
	assert_false(ticket_holds(k));
	assert_true(ticket_holds(next));
	t->plan_no = 0;                  /* between two plans nothing holds */
	assert_false(ticket_holds(k));
	assert_false(ticket_holds(next));
	free(k);
	free(next);
}

static void test_another_request(void **state)
{
	struct txn place, other;
	struct ticket *k = ticket(request(&place), 0);

	request(&other);                 /* the first one waits, or is over */
	assert_false(ticket_holds(k));
	request(&place);                 /* one that has the memory of the first one */
	assert_false(ticket_holds(k));
	s.txn = NULL;
	assert_false(ticket_holds(k));
	free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_its_own),
		cmocka_unit_test(test_the_way_back),
		cmocka_unit_test(test_another_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
