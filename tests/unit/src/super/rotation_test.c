/* Which replicas a host port leads to, and when the rules are told. */
#include "fakes.h"

static struct net net = { .name = (char *)"n", .bridge = "dv0" };
static unsigned told;
static network_done_fn *when_told;

const struct net *network_called(const struct super *s, const char *name) { return STREQ(name, "n") ? &net : NULL; }

void network_submit(struct super *s, worker_fn *fn, network_done_fn *done, void *arg)
{
	told++;
	when_told = done;
}

static struct unit *replica(const char *slot, enum ustate st, uint32_t addr)
{
	struct unit *u = new_unit(slot, st);

	free(u->rec.service);
	u->rec.service = xstrdup("web");
	u->rec.addrs = xcalloc(1, sizeof *u->rec.addrs);
	u->rec.addrs[0] = (struct unit_addr){ .network = xstrdup("n"), .addr = addr };
	u->rec.n_addrs = 1;
	u->rec.ports = xcalloc(1, sizeof *u->rec.ports);
	u->rec.ports[0] = (struct unit_port){ .host = 8080, .target = 80, .protocol = xstrdup("tcp") };
	u->rec.n_ports = 1;
	return u;
}

static struct unit *a, *b, *c;

static int set_up(void **state)
{
	begin_world(state);
	told = 0;
	a = replica("web-1", U_RUNNING, 1);
	b = replica("web-2", U_RUNNING, 2);
	c = replica("web-3", U_RUNNING, 4);
	drain();
	return 0;
}

static void health(struct unit *u, const char *word)
{
	free(u->rec.health);
	u->rec.health = xstrdup(word);
	u->s->news++;
}

/* The sum of the addresses says who is in it. */
static unsigned dealt_to(void)
{
	struct net_publish *ports;
	size_t n = rotation_ports(&super, &ports);
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ports[i].addr;
	free(ports);
	return sum;
}

static void the_best_there_are(void **state)
{
	assert_int_equal(dealt_to(), 7);
	b->state = U_STOPPED;
	assert_int_equal(dealt_to(), 5);
	health(a, "healthy");
	health(c, "starting");
	assert_int_equal(dealt_to(), 1);
	a->rec.paused = true;
	assert_int_equal(dealt_to(), 4);         /* none is healthy */
	c->stop_asked = true;
	assert_int_equal(dealt_to(), 7);         /* none runs */
	b->state = U_REMOVING;
	assert_int_equal(dealt_to(), 5);
}

static void turn(struct unit *u, const char *rotation)
{
	free(u->rec.rotation);
	u->rec.rotation = xstrdup(rotation);
}

/* What is replaced, and its successor: when there is somebody else, neither; else who serves already. */
static void an_update(void **state)
{
	turn(a, ROTATION_LEAVING);
	turn(c, ROTATION_HELD);
	assert_int_equal(dealt_to(), 2);
	b->state = U_REMOVING;
	assert_int_equal(dealt_to(), 1);
	a->state = U_STOPPING;
	assert_int_equal(dealt_to(), 4);
	turn(c, NULL);
	a->state = U_RUNNING;
	assert_int_equal(dealt_to(), 4);
}

static void one_alone_has_it_whatever_it_does(void **state)
{
	b->state = c->state = U_REMOVING;
	health(a, "unhealthy");
	assert_int_equal(dealt_to(), 1);
	a->state = U_STOPPED;
	assert_int_equal(dealt_to(), 1);
	rotation_look(&super);
	assert_int_equal(told, 0);
}

static void look(void)
{
	super.news++;
	rotation_look(&super);
}

static void the_rules_follow(void **state)
{
	look();
	assert_int_equal(told, 1);
	b->state = U_STOPPING;
	look();
	assert_int_equal(told, 1);               /* one at a time … */
	when_told(&super, NULL, NULL, NULL);
	assert_int_equal(told, 2);               /* … and none is forgotten */
	when_told(&super, NULL, NULL, NULL);
	look();
	assert_int_equal(told, 2);
	a->state = c->state = U_STOPPED;
	look();
	assert_int_equal(told, 2);               /* nobody is left to lead to */
}

int main(void)
{
#define test(f) cmocka_unit_test_setup_teardown(f, set_up, end_world)
	const struct CMUnitTest tests[] = {
		test(the_best_there_are), test(an_update), test(one_alone_has_it_whatever_it_does), test(the_rules_follow),
	};

	return cmocka_run_group_tests_name("rotation", tests, NULL, NULL);
}
