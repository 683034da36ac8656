#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "../../../../src/cli/view.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/mem.h"

static const int64_t now = 1700000000 * SEC_NS;

/* This test's own process, in this boot: alive for sure. */
static struct unit_rec living(void)
{
	struct unit_rec r = {
		.slot = xstrdup("web-1"),
		.service = xstrdup("web"),
		.name = xstrdup("demo-web-1"),
		.index = 1,
		.id = xstrdup("0123456789abcdef0123"),
		.state = xstrdup("running"),
		.boot = xstrdup(proc_boot_id()),
		.created_ns = now - 200 * SEC_NS,
		.started_ns = now - 180 * SEC_NS,
		.exit_code = -1,
	};

	assert_int_equal(proc_identify(getpid(), &r.proc), 0);
	return r;
}

static void assert_status(const struct unit_rec *r, const char *state, const char *status)
{
	auto_buf struct buf b = BUF_INIT;
	struct view v;

	view_init(&v, r, -1);
	view_status(&v, now, &b);
	assert_string_equal(v.state, state);
	assert_string_equal(b.p, status);
}

static void set(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

static void says_what_docker_says(void **state)
{
	struct unit_rec r = living();

	assert_status(&r, "running", "Up 3 minutes");
	set(&r.health, "starting");
	assert_status(&r, "running", "Up 3 minutes (health: starting)");
	set(&r.health, "healthy");
	assert_status(&r, "running", "Up 3 minutes (healthy)");
	set(&r.state, "stopping");
	assert_status(&r, "running", "Up 3 minutes (healthy)");
	set(&r.state, "stopped");
	r.finished_ns = now - 5 * SEC_NS;
	r.exit_code = 0;
	assert_status(&r, "exited", "Exited (0) 5 seconds ago");
	set(&r.state, "backoff");
	r.exit_code = 1;
	r.restarts = 2;
	assert_status(&r, "restarting", "Restarting (1) 5 seconds ago");
	set(&r.state, "creating");
	assert_status(&r, "restarting", "Restarting (1) 5 seconds ago");
	r.restarts = 0;
	assert_status(&r, "created", "Created");
	set(&r.state, "removing");
	assert_status(&r, "removing", "Removal In Progress");
	set(&r.state, "stopped");
	r.started_ns = 0;
	assert_status(&r, "created", "Created");
	unit_rec_done(&r);
}

static void does_not_believe_in_dead_processes(void **state)
{
	struct unit_rec r = living();

	r.proc.start++;
	assert_status(&r, "exited", "Exited (unknown)");
	r.proc.start--;
	set(&r.boot, "00000000-0000-0000-0000-000000000000");
	assert_status(&r, "exited", "Exited (unknown)");
	unit_rec_done(&r);
}

static void add_port(struct unit_rec *r, const char *ip, unsigned host, unsigned target, const char *protocol)
{
	r->ports = xrealloc_array(r->ports, r->n_ports + 1, sizeof *r->ports);
	r->ports[r->n_ports++] = (struct unit_port){ xstrdup(ip), host, target, xstrdup(protocol) };
}

static void lists_ports_as_docker_does(void **state)
{
	struct unit_rec r = living();
	auto_buf struct buf b = BUF_INIT, none = BUF_INIT;
	struct view v;

	add_port(&r, NULL, 8080, 80, "tcp");
	add_port(&r, NULL, 0, 6379, "tcp");
	add_port(&r, "127.0.0.1", 9001, 9001, "udp");
	add_port(&r, "0.0.0.0", 7002, 7002, "tcp");
	add_port(&r, NULL, 7000, 7000, "tcp");
	add_port(&r, NULL, 7001, 7001, "tcp");
	add_port(&r, "::", 8443, 443, "tcp");
	view_init(&v, &r, -1);
	view_ports(&v, &b);
	assert_string_equal(b.p, "6379/tcp, 0.0.0.0:7000-7002->7000-7002/tcp, 127.0.0.1:9001->9001/udp, "
				 "0.0.0.0:8080->80/tcp, [::]:8443->443/tcp");
	set(&r.state, "stopped");
	view_init(&v, &r, -1);
	view_ports(&v, &none);
	assert_int_equal(none.len, 0);
	unit_rec_done(&r);
}

/* Of the file and the image; what is published is not told twice, and what nobody could have written is left out. */
static void lists_exposed_ports(void **state)
{
	struct unit_rec r = living();
	auto_buf struct buf b = BUF_INIT;
	auto_free struct unit_port *list = NULL;
	struct view v;

	add_port(&r, "127.0.0.1", 8123, 80, "tcp");
	set(&r.exposed, "80/tcp 3000-3002/tcp 3003/tcp 53/udp 9-8/tcp nonsense 70000-70001/tcp 1/xyz");
	view_init(&v, &r, -1);
	view_ports(&v, &b);
	assert_string_equal(b.p, "53/udp, 3000-3003/tcp, 127.0.0.1:8123->80/tcp");
	assert_int_equal(view_port_list(&v, &list), 6);
	assert_int_equal(list[0].target, 53);
	assert_int_equal(list[1].host, 8123);
	unit_rec_done(&r);
}

static void finds_the_running_one(void **state)
{
	struct unit_rec one = living(), two = living();
	struct cli c = { 0 };
	const struct unit_rec *found = NULL;
	auto_err struct err err = ERR_INIT;

	set(&one.state, "stopped");
	set(&two.slot, "web-2");
	two.index = 2;
	map_set(&c.world.units, "web-1", &one);
	map_set(&c.world.units, "web-2", &two);
	assert_int_equal(view_running(&c, "web", 0, &found, &err), 0);
	assert_ptr_equal(found, &two);
	assert_int_equal(view_running(&c, "web", 1, &found, &err), -1);
	assert_string_equal(err_msg(&err), "service \"web\" is not running container #1");
	err_done(&err);
	assert_int_equal(view_running(&c, "db", 0, &found, &err), -1);
	assert_string_equal(err_msg(&err), "service \"db\" is not running");
	map_done(&c.world.units, NULL);
	unit_rec_done(&one);
	unit_rec_done(&two);
}

static void shortens_ids(void **state)
{
	char id[16];

	assert_string_equal(view_short_id("sha256:0123456789abcdef", id), "0123456789ab");
	assert_string_equal(view_short_id("0123456789abcdef", id), "0123456789ab");
	assert_string_equal(view_short_id(NULL, id), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_docker_says),
		cmocka_unit_test(does_not_believe_in_dead_processes),
		cmocka_unit_test(lists_ports_as_docker_does), cmocka_unit_test(lists_exposed_ports),
		cmocka_unit_test(finds_the_running_one),
		cmocka_unit_test(shortens_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
