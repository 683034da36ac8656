#include "room.h"

#include "../../../netdrv/ipam_patience.h"

#include <jansson.h>
#include <sys/file.h>

#define STATE ROOM "/state"

static struct ipam *book;
static struct err why;

static int open_book(void **state)
{
	err_done(&why);
	must(ipam_open(STATE, &book, err));
	return 0;
}

static int close_book(void **state)
{
	static const char *const names[] = { "a_x", "a_y", "b_x", "small" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		must(ipam_forget(book, names[i], err));
	ipam_close(book);
	return 0;
}

static uint32_t subnet_of(const struct net_spec *spec)
{
	struct net n;
	must(ipam_network(book, spec, &n, err));
	uint32_t subnet = n.subnet;
	net_done(&n);
	return subnet;
}

static uint32_t take_addr(const char *net, const char *who, const char *want)
{
	uint32_t addr = 0;
	err_done(&why);
	return ipam_take(book, net, who, want, &addr, &why) < 0 ? 0 : addr;
}

static void test_chooses_free_subnets(void **state)
{
	struct net_spec x = { .project = "a", .name = "a_x" }, y = { .project = "a", .name = "a_y" },
			b = { .project = "b", .name = "b_x" };
	assert_int_equal(subnet_of(&x), 0xac120000);
	assert_int_equal(subnet_of(&y), 0xac130000);
	assert_int_equal(subnet_of(&x), 0xac120000);
	must(ipam_forget(book, "a_x", err));
	must(ipam_forget(book, "a_x", err));
	assert_int_equal(subnet_of(&b), 0xac120000);
	assert_int_equal(subnet_of(&x), 0xac140000);
}

static void test_avoids_routes(void **state)
{
	struct net busy = { .name = (char *)"lan",
		.bridge = "lan0",
		.subnet = 0xac120500,
		.gateway = 0xac120501,
		.prefix = 24 };
	struct net_spec x = { .project = "a", .name = "a_x" };
	must(net_up(&busy, err));
	assert_int_equal(subnet_of(&x), 0xac130000);
	must(net_down("lan0", err));
}

static void test_one_owner(void **state)
{
	struct net_spec mine = {
		.project = "a", .name = "a_x", .subnet = "10.9.0.0/16", .gateway = "10.9.0.7"
	};
	struct net_spec theirs = { .project = "b", .name = "a_x" };
	struct net_spec shared = { .project = "b", .name = "a_x", .external = true };
	struct net_spec moved = { .project = "a", .name = "a_x", .subnet = "10.8.0.0/16" };
	struct net_spec beside = { .project = "b", .name = "b_x", .subnet = "10.9.128.0/20" };
	struct net n;
	assert_int_equal(ipam_network(book, &shared, &n, &why), -1);
	assert_int_equal(why.kind, ERR_NOT_FOUND);
	must(ipam_network(book, &mine, &n, err));
	assert_int_equal(n.gateway, 0x0a090007);
	assert_string_equal(n.project, "a");
	assert_int_equal(strlen(n.bridge), 12);
	net_done(&n);
	err_done(&why);
	assert_int_equal(ipam_network(book, &theirs, &n, &why), -1);
	assert_int_equal(why.kind, ERR_EXISTS);
	err_done(&why);
	assert_int_equal(ipam_network(book, &moved, &n, &why), -1);
	assert_int_equal(why.kind, ERR_EXISTS);
	err_done(&why);
	assert_int_equal(ipam_network(book, &beside, &n, &why), -1);
	assert_non_null(strstr(err_msg(&why), "overlaps '10.9.0.0/16' of network 'a_x'"));
	must(ipam_network(book, &shared, &n, err));
	assert_true(n.external);
	assert_string_equal(n.project, "a");
	net_done(&n);
	json_t *list = ipam_list(book, "a");
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	list = ipam_list(book, "b");
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

static void test_addresses(void **state)
{
	struct net_spec s = { .project = "a", .name = "small", .subnet = "10.7.0.0/29" };
	subnet_of(&s);
	assert_int_equal(take_addr("small", "a/web-1", NULL), 0x0a070002);
	assert_int_equal(take_addr("small", "a/web-2", NULL), 0x0a070003);
	assert_int_equal(take_addr("small", "a/web-1", NULL), 0x0a070002);
	assert_int_equal(take_addr("small", "a/db", "10.7.0.5"), 0x0a070005);
	assert_int_equal(take_addr("small", "a/x", "10.7.0.5"), 0);
	assert_non_null(strstr(err_msg(&why), "belongs to 'a/db'"));
	assert_int_equal(why.kind, ERR_EXISTS);
	static const char *const wrong[] = { "10.7.0.0", "10.7.0.1", "10.7.0.7", "10.8.0.2", "banana",
		"10.7.0.300" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_int_equal(take_addr("small", "a/x", wrong[i]), 0);
		assert_int_equal(why.kind, ERR_INPUT);
	}
	assert_int_equal(take_addr("small", "a/c", NULL), 0x0a070004);
	assert_int_equal(take_addr("small", "a/d", NULL), 0x0a070006);
	assert_int_equal(take_addr("small", "a/e", NULL), 0);
	assert_int_equal(why.kind, ERR_BUSY);
	ipam_release(book, "small", "a/web-1");
	ipam_release(book, "small", "a/nobody");
	assert_int_equal(take_addr("small", "a/e", NULL), 0x0a070002);
	assert_int_equal(take_addr("small", "a/e", "10.7.0.2"), 0x0a070002);
	assert_int_equal(take_addr("nonet", "a/e", NULL), 0);
	assert_int_equal(why.kind, ERR_NOT_FOUND);
}

static void test_range(void **state)
{
	struct net_spec s = {
		.project = "a", .name = "small", .subnet = "10.7.0.0/16", .ip_range = "10.7.5.0/24"
	};
	subnet_of(&s);
	assert_int_equal(take_addr("small", "a/1", NULL), 0x0a070500);
	assert_int_equal(take_addr("small", "a/2", "10.7.9.9"), 0x0a070909);
	static const struct {
		const char *subnet, *gateway, *range;
	} wrong[] = {
		{ "10.7.0.0", NULL, NULL },
		{ "10.7.0.0/33", NULL, NULL },
		{ "10.7.0.0/31", NULL, NULL },
		{ "::/64", NULL, NULL },
		{ "10.7.0.0/16", "10.8.0.1", NULL },
		{ "10.7.0.0/16", "10.7.0.0", NULL },
		{ "10.7.0.0/16", NULL, "10.8.0.0/24" },
		{ "10.7.0.0/16", NULL, "10.0.0.0/8" },
		{ "10.7.0.0/16", NULL, "x" },
	};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct net_spec w = { .project = "b",
			.name = "b_x",
			.subnet = wrong[i].subnet,
			.gateway = wrong[i].gateway,
			.ip_range = wrong[i].range };
		struct net n;
		err_done(&why);
		assert_int_equal(ipam_network(book, &w, &n, &why), -1);
		assert_int_equal(why.kind, ERR_INPUT);
	}
	struct net_spec up = { .project = "b", .name = "../x" };
	struct net n;
	err_done(&why);
	assert_int_equal(ipam_network(book, &up, &n, &why), -1);
}

static void test_damaged_file(void **state)
{
	struct net_spec x = { .project = "a", .name = "a_x" }, y = { .project = "a", .name = "a_y" };
	struct net n;
	subnet_of(&x);
	int fd = open(STATE "/networks/a_x.json", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "{\"name\":", 8), 8);
	close(fd);
	assert_int_equal(ipam_network(book, &y, &n, &why), -1);
	assert_non_null(strstr(err_msg(&why), "a_x"));
}

static void test_lock_is_waited_for_and_given_up(void **state)
{
	struct net_spec x = { .project = "a", .name = "a_x" };
	struct net n;
	subnet_of(&x);
	int fd = open(STATE "/networks/.lock", O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	ipam_set_patience(book, 60);
	double before = now_ms();
	assert_int_equal(ipam_network(book, &x, &n, &why), -1);
	assert_int_equal(why.kind, ERR_BUSY);
	assert_true(now_ms() - before >= 50);
	close(fd);
	subnet_of(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_chooses_free_subnets, open_book, close_book),
		cmocka_unit_test_setup_teardown(test_avoids_routes, open_book, close_book),
		cmocka_unit_test_setup_teardown(test_one_owner, open_book, close_book),
		cmocka_unit_test_setup_teardown(test_addresses, open_book, close_book),
		cmocka_unit_test_setup_teardown(test_range, open_book, close_book),
		cmocka_unit_test_setup_teardown(test_damaged_file, open_book, close_book),
		cmocka_unit_test_setup_teardown(test_lock_is_waited_for_and_given_up, open_book, close_book),
	};
	int failed = cmocka_run_group_tests(tests, room_make, NULL);
	err_done(&why);
	return failed;
}
