#include "room.h"

#include <event2/event.h>

#include "../../../netdrv/dns_priv.h"

#define PIN  NETNS "/web-1"
#define CONF ROOM "/resolv.conf"

/* A server of the host, at ADDR:53 by UDP and TCP, that does what its mode says. */
enum mode { M_ANSWER, M_SILENT, M_SERVFAIL, M_TRUNCATE, M_FORGE };
struct upstream {
	enum mode mode;
	unsigned asked;
	int udp, tcp, held;
	struct event *udp_ev, *tcp_ev;
};

static struct event_base *base;
static struct dns *dns;
static struct upstream one, two;

/* --- the project's names --- */

/* Whether the question that is being answered has not been taken off the socket yet. */
static bool still_there;

static int lookup(void *ctx, const char *slot, const char *name, uint32_t *addrs, size_t max)
{
	char first;
	int udp, tcp;

	still_there = dns_slot_sockets(dns, slot, &udp, &tcp) == 0 && recv(udp, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
	assert_string_equal(slot, "web-1");
	if (STREQ(name, "db")) {
		addrs[0] = 0xac140005;
		addrs[1] = 0xac140006;
		addrs[2] = 0xac140007;
		return 3;
	}
	if (STREQ(name, "many")) {
		for (uint32_t i = 0; i < 200; i++)
			addrs[i] = 0x0a000000 + i;
		return 200;
	}
	return STREQ(name, "stopped") ? 0 : -1;
}

static const char *reverse(void *ctx, const char *slot, uint32_t addr)
{
	return addr == 0xac140005 ? "db-1.demo_front" : NULL;
}

static const struct dns_ops ops = { lookup, reverse };

/* --- the servers --- */

/* The question comes back as an answer with address 9.9.9.N; for M_TRUNCATE by UDP with TC alone. */
static size_t make_answer(struct upstream *u, uint8_t *m, size_t n, bool tcp)
{
	m[2] |= 0x80;
	if (u->mode == M_SERVFAIL)
		m[3] = DNS_SERVFAIL;
	if (u->mode == M_TRUNCATE && !tcp)
		m[2] |= 2;
	if (u->mode == M_SERVFAIL || (u->mode == M_TRUNCATE && !tcp))
		return n;
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 9, 9, 9, 0 };
	memcpy(m + n, record, sizeof record);
	m[n + 15] = u == &two ? 2 : 1;
	m[7] = 1;
	return n + sizeof record;
}

static void on_upstream_udp(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *u = arg;
	uint8_t m[600];
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	ssize_t n = recvfrom(fd, m, 512, 0, (struct sockaddr *)&from, &len);
	u->asked++;
	if (n < 12 || u->mode == M_SILENT)
		return;
	size_t out = make_answer(u, m, (size_t)n, false);
	if (u->mode == M_FORGE) { /* wrong id, then wrong question; the true one never comes */
		m[0] ^= 1;
		sendto(fd, m, out, 0, (struct sockaddr *)&from, len);
		m[0] ^= 1;
		m[13] ^= 2;
	}
	sendto(fd, m, out, 0, (struct sockaddr *)&from, len);
}

static void on_upstream_conn(evutil_socket_t c, short what, void *arg)
{
	struct upstream *u = arg;
	uint8_t m[600];
	ssize_t n = recv(c, m, 512, MSG_DONTWAIT);
	if (n > 14) {
		size_t out = make_answer(u, m + 2, (size_t)n - 2, true);
		m[0] = (uint8_t)(out >> 8);
		m[1] = (uint8_t)out;
		send(c, m, out + 2, MSG_NOSIGNAL);
	}
	close(c);
}

static void on_upstream_tcp(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *u = arg;
	struct timeval patience = { .tv_sec = 2 };
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	u->asked++;
	if (u->mode == M_SILENT)
		u->held = c;
	else
		event_base_once(base, c, EV_READ | EV_TIMEOUT, on_upstream_conn, u, &patience);
}

static void upstream_open(struct upstream *u, const char *ip)
{
	*u = (struct upstream){
		.held = -1, .udp = bound(SOCK_DGRAM, ip, 53), .tcp = bound(SOCK_STREAM, ip, 53)
	};
	assert_true(u->udp >= 0 && u->tcp >= 0);
	u->udp_ev = event_new(base, u->udp, EV_READ | EV_PERSIST, on_upstream_udp, u);
	u->tcp_ev = event_new(base, u->tcp, EV_READ | EV_PERSIST, on_upstream_tcp, u);
	event_add(u->udp_ev, NULL);
	event_add(u->tcp_ev, NULL);
}

static void upstream_close(struct upstream *u)
{
	event_free(u->udp_ev);
	event_free(u->tcp_ev);
	close(u->held);
	close(u->udp);
	close(u->tcp);
}

static void write_conf(const char *text)
{
	int fd = open(CONF ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(rename(CONF ".new", CONF), 0);
}

/* --- the container --- */

static size_t put_query(uint8_t *m, const char *name, unsigned type)
{
	memcpy(m, "\x43\x21\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
	size_t n = 12;
	while (*name) {
		size_t len = strcspn(name, ".");
		m[n++] = (uint8_t)len;
		memcpy(m + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	memcpy(m + n, "\0\0\0\0\1", 5);
	m[n + 2] = (uint8_t)type;
	return n + 5;
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	*(short *)arg = what;
	event_base_loopbreak(base);
}

/* Serves until fd has something to read. */
static bool serve_until(int fd, int patience_ms)
{
	short what = 0;
	struct timeval patience = { .tv_sec = patience_ms / 1000, .tv_usec = patience_ms % 1000 * 1000 };
	struct event *ev = event_new(base, fd, EV_READ | EV_TIMEOUT, on_answer, &what);
	event_add(ev, &patience);
	while (!what)
		event_base_dispatch(base);
	event_free(ev);
	return what & EV_READ;
}

static uint8_t answer[4096];

/* Length of the answer to a question asked inside the slot at 127.0.0.11:53, 0: none came. */
static size_t ask(const char *name, unsigned type, bool tcp, int patience_ms)
{
	uint8_t m[300] = { 0 };
	int home = visit(PIN);
	int fd = sock(tcp ? SOCK_STREAM : SOCK_DGRAM);
	leave(home);
	struct sockaddr_in a = at("127.0.0.11", 53);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	size_t n = put_query(m + 2, name, type);
	m[1] = (uint8_t)n;
	assert_int_equal(send(fd, tcp ? m : m + 2, tcp ? n + 2 : n, 0), tcp ? n + 2 : n);
	ssize_t got = serve_until(fd, patience_ms) ? recv(fd, answer, sizeof answer, 0) : 0;
	close(fd);
	if (tcp && got > 2)
		memmove(answer, answer + 2, (size_t)(got -= 2));
	if (got > 0) {
		assert_int_equal(dns_id(answer), 0x4321);
		assert_true(dns_same_question(answer, (size_t)got, m + 2, n));
	}
	return got > 0 ? (size_t)got : 0;
}

static unsigned records(void)
{
	return answer[7];
}

static const struct net front = {
	.name = (char *)"demo_front",
	.bridge = "dvfront",
	.subnet = 0xac140000,
	.gateway = 0xac140001,
	.prefix = 16,
};

static int setup(void **state)
{
	room_make(state);
	struct net_attach a = { .net = &front, .addr = 0xac140002, .ifname = "eth0", .default_route = true };
	struct net_slot slot = { .netns_path = PIN,
		.attach = &a,
		.n_attach = 1,
		.dns_port_udp = NET_DNS_PORT,
		.dns_port_tcp = NET_DNS_PORT };
	unsigned udp = 0, tcp = 0;
	net_mac(a.addr, a.mac);
	base = event_base_new();
	must(net_up(&front, err));
	must(net_slots_up(&slot, 1, err));
	must(dns_new(base, &ops, NULL, &dns, err));
	must(dns_add_slot(dns, "web-1", PIN, NULL, &udp, &tcp, err));
	assert_int_equal(udp, NET_DNS_PORT);
	assert_int_equal(tcp, NET_DNS_PORT);
	upstream_open(&one, "127.0.1.1");
	upstream_open(&two, "127.0.1.2");
	dns_set_resolv_conf(dns, CONF);
	write_conf("nameserver 127.0.1.1\nnameserver 127.0.1.2\n");
	return 0;
}

static int teardown(void **state)
{
	upstream_close(&one);
	upstream_close(&two);
	dns_free(dns);
	event_base_free(base);
	return 0;
}

static int reset(void **state)
{
	one.mode = two.mode = M_ANSWER;
	one.asked = two.asked = 0;
	write_conf("nameserver 127.0.1.1\nnameserver 127.0.1.2\n");
	return 0;
}

static void test_own_names(void **state)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		assert_true(ask("db", DNS_TYPE_A, tcp, 1000));
		assert_int_equal(records(), 3);
		assert_int_equal(still_there, !tcp);     /* it would not be lost with a resolver that is killed */
		assert_true(ask("DB", DNS_TYPE_A, tcp, 1000));
		assert_int_equal(records(), 3);
		assert_true(ask("db", DNS_TYPE_AAAA, tcp, 1000));
		assert_int_equal(dns_rcode(answer), DNS_NOERROR);
		assert_int_equal(records(), 0);
		assert_true(ask("stopped", DNS_TYPE_A, tcp, 1000));
		assert_int_equal(dns_rcode(answer), DNS_NXDOMAIN);
		assert_true(ask("5.0.20.172.in-addr.arpa", DNS_TYPE_PTR, tcp, 1000));
		assert_int_equal(records(), 1);
	}
	assert_int_equal(one.asked + two.asked, 0);
}

static void test_takes_turns(void **state)
{
	unsigned first[3] = { 0 };
	for (int i = 0; i < 60; i++) {
		size_t n = ask("db", DNS_TYPE_A, false, 1000);
		assert_int_equal(n, 12 + 8 + 3 * 16);
		first[answer[20 + 15] - 5]++;
	}
	for (int i = 0; i < 3; i++)
		assert_true(first[i] > 0);
}

static void test_many_addresses_need_tcp(void **state)
{
	assert_true(ask("many", DNS_TYPE_A, false, 1000) <= 512);
	assert_int_equal(answer[2] & 2, 2);
	assert_true(ask("many", DNS_TYPE_A, true, 1000));
	assert_int_equal(answer[2] & 2, 0);
	assert_int_equal(records(), 200);
}

static void test_passes_on(void **state)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		size_t n = ask("www.example", DNS_TYPE_A, tcp, 1000);
		assert_true(n > 16);
		assert_int_equal(answer[n - 1], 1);
	}
	assert_int_equal(one.asked, 2);
	assert_int_equal(two.asked, 0);
	one.mode = M_TRUNCATE;
	ask("www.example", DNS_TYPE_A, false, 1000);
	assert_int_equal(answer[2] & 2, 2);
	ask("www.example", DNS_TYPE_A, true, 1000);
	assert_int_equal(records(), 1);
}

static void test_next_server(void **state)
{
	one.mode = M_SERVFAIL;
	for (int tcp = 0; tcp < 2; tcp++) {
		size_t n = ask("www.example", DNS_TYPE_A, tcp, 500);
		assert_true(n > 16);
		assert_int_equal(answer[n - 1], 2);
	}
	two.mode = M_SERVFAIL;
	assert_true(ask("www.example", DNS_TYPE_A, false, 500));
	assert_int_equal(dns_rcode(answer), DNS_SERVFAIL);
	write_conf("nameserver 127.0.1.9\nnameserver 127.0.1.2\n"); /* nobody there */
	two.mode = M_ANSWER;
	for (int tcp = 0; tcp < 2; tcp++) {
		size_t n = ask("www.example", DNS_TYPE_A, tcp, 500);
		assert_true(n > 16);
		assert_int_equal(answer[n - 1], 2);
	}
	write_conf("nameserver 127.0.1.9\n");
	for (int tcp = 0; tcp < 2; tcp++) {
		assert_true(ask("www.example", DNS_TYPE_A, tcp, 500));
		assert_int_equal(dns_rcode(answer), DNS_SERVFAIL);
	}
	write_conf("# nothing\n");
	assert_true(ask("www.example", DNS_TYPE_A, false, 100));
	assert_int_equal(dns_rcode(answer), DNS_SERVFAIL);
}

/* Forged answers do not count, silence neither: the second server is asked after its share of the time. */
static void test_forgery_and_silence(void **state)
{
	one.mode = M_FORGE;
	dns->budget_ms = 300;
	double before = now_ms();
	size_t n = ask("www.example", DNS_TYPE_A, false, 3000);
	assert_true(n > 16);
	assert_int_equal(answer[n - 1], 2);
	assert_true(now_ms() - before >= 95);
	one.mode = two.mode = M_SILENT;
	assert_true(ask("www.example", DNS_TYPE_A, false, 3000));
	assert_int_equal(dns_rcode(answer), DNS_SERVFAIL);
	dns->budget_ms = DNS_BUDGET_MS;
}

static void test_own_servers(void **state)
{
	static const char *const servers[] = { "127.0.1.2", NULL }, *const wrong[] = { "dns.example", NULL };
	unsigned udp = NET_DNS_PORT, tcp = NET_DNS_PORT;
	struct err why = ERR_INIT;
	assert_int_equal(dns_add_slot(dns, "x-1", PIN, wrong, &udp, &tcp, &why), -1);
	assert_int_equal(why.kind, ERR_INPUT);
	err_done(&why);
	assert_int_equal(dns_add_slot(dns, "x-1", NETNS "/none", servers, &udp, &tcp, &why), -1);
	assert_int_equal(why.kind, ERR_NOT_FOUND);
	err_done(&why);
	must(dns_add_slot(dns, "web-1", PIN, servers, &udp, &tcp, err));
	size_t n = ask("www.example", DNS_TYPE_A, false, 1000);
	assert_true(n > 16);
	assert_int_equal(answer[n - 1], 2);
	assert_int_equal(one.asked, 0);
	must(dns_add_slot(dns, "web-1", PIN, NULL, &udp, &tcp, err));
}

static void test_container_keeps_its_port_53(void **state)
{
	int home = visit(PIN);
	int udp = bound(SOCK_DGRAM, "0.0.0.0", 53), tcp = bound(SOCK_STREAM, "0.0.0.0", 53);
	assert_true(udp >= 0 && tcp >= 0);
	leave(home);
	assert_true(ask("db", DNS_TYPE_A, false, 1000));
	assert_true(ask("db", DNS_TYPE_A, true, 1000));
	assert_true(reaches(SOCK_STREAM, "172.20.0.2", 53, tcp, NULL, 1000));
	assert_true(reaches(SOCK_DGRAM, "172.20.0.2", 53, udp, NULL, 1000));
	close(udp);
	close(tcp);
}

/* Somebody in the container has the port: the resolver moves, and the redirection with it. */
static void test_other_ports(void **state)
{
	dns_remove_slot(dns, "web-1");
	int home = visit(PIN);
	int squatter = bound(SOCK_DGRAM, "127.0.0.11", NET_DNS_PORT);
	leave(home);
	unsigned udp = 0, tcp = 0;
	must(dns_add_slot(dns, "web-1", PIN, NULL, &udp, &tcp, err));
	assert_int_not_equal(udp, NET_DNS_PORT);
	assert_int_equal(tcp, NET_DNS_PORT);
	struct net_slot slot = { .netns_path = PIN, .dns_port_udp = udp, .dns_port_tcp = tcp };
	must(net_slots_resolver(&slot, 1, err));
	must(net_slots_resolver(&slot, 1, err));
	assert_true(ask("db", DNS_TYPE_A, false, 1000));
	close(squatter);
}

/* --- the redirection --- */

static int knock(int type)
{
	struct sockaddr_in a = at("127.0.0.11", 53);
	int home = visit(PIN);
	auto_close int fd = sock(type);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	leave(home);
	int r = connect(fd, (struct sockaddr *)&a, sizeof a);
	if (r == 0 && type == SOCK_DGRAM && send(fd, "x", 1, 0) == 1 && poll(&p, 1, 1000) == 1)
		r = (int)recv(fd, answer, sizeof answer, 0);
	return r < 0 ? errno : 0;
}

/* The kernel's refusal reaches who asked at port 53, although it is the other port at which nobody is. */
static void test_refusal(void **state)
{
	unsigned udp = 0, tcp = 0;
	dns_remove_slot(dns, "web-1");
	assert_int_equal(knock(SOCK_DGRAM), ECONNREFUSED);
	assert_int_equal(knock(SOCK_STREAM), ECONNREFUSED);
	must(dns_add_slot(dns, "web-1", PIN, NULL, &udp, &tcp, err));
}

/* A container that asks for names pays for no connection tracking; the kernel may have none. */
static void test_nothing_is_tracked(void **state)
{
	char count[16] = "0";
	assert_true(ask("db", DNS_TYPE_A, false, 1000));
	assert_true(ask("db", DNS_TYPE_A, true, 1000));
	int home = visit(PIN);
	auto_close int fd = open("/proc/sys/net/netfilter/nf_conntrack_count", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 1 : read(fd, count, sizeof count - 1);
	leave(home);
	assert_true(n > 0);
	assert_int_equal(count[0], '0');
}

static uint16_t sum(const uint8_t *p, size_t n, uint32_t start)
{
	for (size_t i = 0; i < n; i++)
		start += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return (uint16_t)~start;
}

/* A packet that was not left to the kernel to make brings its own checksum, which has to be right afterwards. */
static void test_checksums(void **state)
{
	uint8_t m[300] = { 0x45, [8] = 64, [9] = IPPROTO_UDP, [12] = 127, 0, 0, 1, 127, 0, 0, 11 };
	struct sockaddr_in to = at("127.0.0.11", 53);
	int home = visit(PIN);
	auto_close int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	auto_close int own = bound(SOCK_DGRAM, "127.0.0.1", 5555);
	leave(home);
	size_t n = 8 + put_query(m + 28, "db", DNS_TYPE_A);
	memcpy(m + 20, (uint16_t[]){ htons(5555), htons(53), htons((uint16_t)n), 0 }, 8);
	uint16_t right = htons(sum(m + 12, 8 + n, (uint32_t)(IPPROTO_UDP + n)));
	for (unsigned wrong = 0; wrong < 2; wrong++) {
		memcpy(m + 26, (uint16_t[]){ (uint16_t)(right ^ wrong) }, 2);
		assert_int_equal(sendto(raw, m, 20 + n, 0, (struct sockaddr *)&to, sizeof to), 20 + n);
		assert_int_equal(serve_until(own, wrong ? 50 : 1000), !wrong);
		assert_true(wrong || recv(own, answer, sizeof answer, 0) > 12);
	}
}

/* Questions under way when their slot goes, and clients that leave without a word. */
static void test_departures(void **state)
{
	one.mode = two.mode = M_SILENT;
	for (int tcp = 0; tcp < 2; tcp++)
		assert_int_equal(ask("www.example", DNS_TYPE_A, tcp, 30), 0);
	serve_until(one.udp, 0);
	assert_int_equal(dns->n_in_flight, 1); /* UDP's; that of the closed connection went with it */
	unsigned udp = 0, tcp = 0;
	must(dns_add_slot(dns, "web-1", PIN, NULL, &udp, &tcp, err));
	assert_int_equal(dns->n_in_flight, 0);
	assert_null(dns->socks);
	close(one.held);
	one.held = -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_own_names, reset),
		cmocka_unit_test_setup(test_takes_turns, reset),
		cmocka_unit_test_setup(test_many_addresses_need_tcp, reset),
		cmocka_unit_test_setup(test_passes_on, reset),
		cmocka_unit_test_setup(test_next_server, reset),
		cmocka_unit_test_setup(test_forgery_and_silence, reset),
		cmocka_unit_test_setup(test_own_servers, reset),
		cmocka_unit_test_setup(test_container_keeps_its_port_53, reset),
		cmocka_unit_test_setup(test_refusal, reset),
		cmocka_unit_test_setup(test_nothing_is_tracked, reset),
		cmocka_unit_test_setup(test_checksums, reset),
		cmocka_unit_test_setup(test_departures, reset),
		cmocka_unit_test_setup(test_other_ports, reset),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
