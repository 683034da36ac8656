#include "room.h"

#include "../../../netdrv/dns_msg.h"

#define QUERY(bytes) parse((const uint8_t *)(bytes), sizeof(bytes) - 1)
#define HEAD         "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"

static struct dns_query q;

/* In a block of exactly its size, so that the sanitizer sees a byte read too far. */
static int parse(const uint8_t *p, size_t n)
{
	uint8_t *copy = calloc(n, 1);
	memcpy(copy, p, n);
	int r = dns_query_parse(copy, n, &q);
	free(copy);
	return r;
}

static void test_plain(void **state)
{
	assert_int_equal(QUERY(HEAD "\x03WwW\x07"
				    "ex-mple\x00\x00\x01\x00\x01"),
		0);
	assert_string_equal(q.name, "www.ex-mple");
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, DNS_TYPE_A);
	assert_true(q.recursion);
	assert_false(q.edns);
	assert_int_equal(q.udp_max, 512);
	assert_int_equal(QUERY(HEAD "\x00\x00\x02\x00\x01"), 0);
	assert_string_equal(q.name, "");
	assert_int_equal(QUERY("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x01"
			       "a\x00\x00\x1c\x00\x01"
			       "\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"),
		0);
	assert_true(q.edns);
	assert_int_equal(q.udp_max, 4096);
}

static void test_odd_bytes_cannot_pass_for_others(void **state)
{
	assert_int_equal(QUERY(HEAD "\x05"
				    "a.b\\\x01\x00\x00\x01\x00\x01"),
		0);
	assert_string_equal(q.name, "a\\046b\\092\\001");
}

static void test_not_worth_an_answer(void **state)
{
	assert_int_equal(QUERY(""), -1);
	assert_int_equal(QUERY("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00"), -1);
	assert_int_equal(QUERY("\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"
			       "a\x00\x00\x01\x00\x01"),
		-1);
}

static void test_malformed(void **state)
{
	assert_int_equal(QUERY("\x12\x34\x10\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"
			       "a\x00\x00\x01\x00\x01"),
		DNS_NOTIMP);
	assert_int_equal(QUERY("\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00\x01"
			       "a\x00\x00\x01\x00\x01"),
		DNS_FORMERR);
	assert_int_equal(QUERY("\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"), DNS_FORMERR);
	assert_int_equal(QUERY(HEAD), DNS_FORMERR);
	assert_int_equal(QUERY(HEAD "\x05"
				    "ab"),
		DNS_FORMERR);
	assert_int_equal(QUERY(HEAD "\x01"
				    "a\x00\x00\x01\x00"),
		DNS_FORMERR);
	assert_int_equal(QUERY(HEAD "\x80"
				    "a\x00\x00\x01\x00\x01"),
		DNS_FORMERR);
	assert_int_equal(QUERY(HEAD "\x40"
				    "a\x00\x00\x01\x00\x01"),
		DNS_FORMERR);
	/* pointers: to itself, forward, into the header, cut in two */
	assert_int_equal(QUERY(HEAD "\xc0\x0c\x00\x01\x00\x01"), DNS_FORMERR);
	assert_int_equal(QUERY(HEAD "\xc0\x12\x00\x01\x00\x01\x01"
				    "a\x00"),
		DNS_FORMERR);
	assert_int_equal(QUERY(HEAD "\xc0\x04\x00\x01\x00\x01"), DNS_FORMERR);
	assert_int_equal(QUERY(HEAD "\xc0"), DNS_FORMERR);
	assert_int_equal(QUERY(HEAD "\x01"
				    "a\xc0\x0c\x00\x01\x00\x01"),
		DNS_FORMERR);
	/* counts that promise more than there is */
	assert_int_equal(QUERY("\x12\x34\x01\x00\x00\x01\xff\xff\xff\xff\xff\xff\x01"
			       "a\x00\x00\x01\x00\x01"),
		DNS_FORMERR);
	/* a record longer than the message */
	assert_int_equal(QUERY("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x01"
			       "a\x00\x00\x01\x00\x01"
			       "\x00\x00\x29\x10\x00\x00\x00\x00\x00\xff\xff"),
		DNS_FORMERR);
}

static void test_long_names(void **state)
{
	uint8_t m[400] = HEAD;
	size_t n = 12;
	for (int i = 0; i < 4; i++) { /* 4 × 62 + 1: 249 bytes */
		m[n++] = 61;
		memset(m + n, 1, 61);
		n += 61;
	}
	size_t whole = n;
	memcpy(m + n, "\x00\x00\x01\x00\x01", 5);
	assert_int_equal(parse(m, n + 5), 0);
	assert_int_equal(strlen(q.name), 4 * 61 * 4 + 3);
	m[whole] = 10;
	memset(m + whole + 1, 'x', 10);
	memcpy(m + whole + 11, "\x00\x00\x01\x00\x01", 5);
	assert_int_equal(parse(m, whole + 16), DNS_FORMERR);
}

/* A record's name that is a chain of pointers, each to the one before it. */
static void test_pointer_chain_is_short(void **state)
{
	uint8_t m[2048] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x01"
			  "a\x00\x00\x01\x00\x01";
	size_t n = 12 + 7;
	for (unsigned to = 12; n < 1500; to = (unsigned)n, n += 2) {
		m[n] = (uint8_t)(0xC0 | to >> 8);
		m[n + 1] = (uint8_t)to;
	}
	size_t at = 500;
	char name[DNS_NAME_MAX];
	if (at % 2 == 0)
		at++;
	assert_int_equal(dns_name_read(m, n, &at, name), -1);
	at = 12 + 7 + 2;
	assert_int_equal(dns_name_read(m, n, &at, name), 0);
	assert_string_equal(name, "a");
	assert_int_equal(at, 12 + 7 + 4);
}

static void test_answers(void **state)
{
	static const char query[] = HEAD "\x03Web\x00\x00\x01\x00\x01";
	uint8_t out[512];
	struct dns_answer a;
	assert_int_equal(QUERY(query), 0);
	/* sizeof includes the literal's own NUL: QUERY() took it off; the question ends before it */
	dns_answer_begin(&a, out, sizeof out, (const uint8_t *)query, &q, DNS_NOERROR);
	dns_answer_a(&a, 0x0a000102);
	assert_int_equal(dns_answer_end(&a, &q), 21 + 16);
	assert_memory_equal(out,
		"\x12\x34\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03Web\x00\x00\x01\x00\x01"
		"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x0a\x00\x01\x02",
		21 + 16);
	assert_true(dns_is_response(out, 37));
	assert_true(dns_same_question(out, 37, (const uint8_t *)query, sizeof query - 1));
	dns_answer_begin(&a, out, sizeof out, (const uint8_t *)query, &q, DNS_NOERROR);
	for (int i = 0; i < 100; i++)
		dns_answer_a(&a, 1);
	assert_true(dns_answer_end(&a, &q) <= sizeof out);
	assert_int_equal(out[2] & 2, 2);
	assert_true(out[7] >= 25 && out[7] < 100);
}

static void test_reverse(void **state)
{
	uint32_t addr = 0;
	uint8_t out[512];
	struct dns_answer a;
	static const char query[] = HEAD "\x01"
					 "2\x01"
					 "0\x02"
					 "20\x03"
					 "172\x07in-addr\x04"
					 "arpa\x00\x00\x0c\x00\x01";
	assert_int_equal(QUERY(query), 0);
	assert_true(dns_reverse_parse(q.name, &addr));
	assert_int_equal(addr, 0xac140002);
	static const char *const wrong[] = { "2.0.20.in-addr.arpa", "256.0.0.1.in-addr.arpa",
		"+1.0.0.1.in-addr.arpa", "1.2.3.4.in-addr.arpa.x", "1.2.3.4.5.in-addr.arpa", "a.in-addr.arpa",
		"", "1.2.3.4", "1.2.3.-4.in-addr.arpa", "1234.2.3.4.in-addr.arpa" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(dns_reverse_parse(wrong[i], &addr));
	dns_answer_begin(&a, out, sizeof out, (const uint8_t *)query, &q, DNS_NOERROR);
	dns_answer_ptr(&a, "web-1.demo");
	size_t n = dns_answer_end(&a, &q);
	size_t at = n - 12;
	char name[DNS_NAME_MAX];
	assert_int_equal(dns_name_read(out, n, &at, name), 0);
	assert_string_equal(name, "web-1.demo");
	dns_answer_begin(&a, out, sizeof out, (const uint8_t *)query, &q, DNS_NOERROR);
	dns_answer_ptr(&a, "no..name");
	dns_answer_end(&a, &q);
	assert_int_equal(out[7], 0);
}

/* Any bytes: what matters is that the sanitizer has nothing to say, and that it ends. */
static void test_noise(void **state)
{
	uint32_t seed = 1;
	for (int round = 0; round < 20000; round++) {
		uint8_t m[200];
		size_t n = (seed >> 16) % sizeof m;
		for (size_t i = 0; i < sizeof m; i++) {
			seed = seed * 1103515245 + 12345;
			m[i] = (uint8_t)(seed >> 16);
			if (i >= 12 && (seed >> 24) % 3 == 0)
				m[i] = (uint8_t)((seed >> 20) % 4 ? 0xC0 : 1);
		}
		memcpy(m, HEAD, 12);
		m[11] = (uint8_t)(round % 5);
		int r = parse(m, n);
		assert_true(r >= -1 && r <= DNS_NOTIMP);
		assert_true(strlen(q.name) < DNS_NAME_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_odd_bytes_cannot_pass_for_others),
		cmocka_unit_test(test_not_worth_an_answer),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_pointer_chain_is_short),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
