/* dns_msg.h - DNS messages: reading what anybody may send, writing small answers.
 *
 * Nothing here allocates. Names are read into text of printable characters: what else a label holds comes as
 * \DDD, dots inside labels as well, so a text never stands for two names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DNS_HEADER = 12,
	DNS_NAME_MAX = 255 * 4 + 1, /* as text, escaped */
	DNS_UDP_MIN = 512,          /* what a client without EDNS takes */
	DNS_UDP_OURS = 1232,        /* what we say we take; no fragments at any MTU */
	DNS_TYPE_A = 1,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_ANY = 255,
	DNS_CLASS_IN = 1,
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_TTL_S = 0, /* of our answers: containers come and go */
};

struct dns_query {
	uint16_t id;
	bool recursion;          /* RD */
	char name[DNS_NAME_MAX]; /* lower case, without the last dot */
	uint16_t type, class;
	size_t question_end; /* the question is [DNS_HEADER, question_end) */
	bool edns;
	size_t udp_max; /* bytes that the client takes over UDP */
};

/* Reads a query. 0: *ret is complete; an rcode: it is to be answered with this (id and recursion are set, and
 * the question when question_end is not 0); -1: not worth an answer (a response, or shorter than a header).
 */
int dns_query_parse(const uint8_t *p, size_t n, struct dns_query *ret);

/* The name at *at, which is moved behind it. Compression pointers lead backwards only, so there are no loops.
 * 0 or -1. */
int dns_name_read(const uint8_t *p, size_t n, size_t *at, char ret[static DNS_NAME_MAX]);

uint16_t dns_id(const uint8_t *p);
void dns_set_id(uint8_t *p, uint16_t id);
/* Of a response. */
unsigned dns_rcode(const uint8_t *p);
bool dns_is_response(const uint8_t *p, size_t n);
/* Whether both messages ask the same single question, case ignored. */
bool dns_same_question(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

/* An answer under construction in `out`; the query is what it answers. */
struct dns_answer {
	uint8_t *out;
	size_t len, max;
	unsigned count;
	bool truncated;
};
/* query: the bytes that q was read from. max: the most that may be sent (at least DNS_UDP_MIN). */
void dns_answer_begin(struct dns_answer *a, uint8_t *out, size_t max, const uint8_t *query,
	const struct dns_query *q, unsigned rcode);
void dns_answer_a(struct dns_answer *a, uint32_t addr);
void dns_answer_ptr(struct dns_answer *a, const char *name);
/* Its length. */
size_t dns_answer_end(struct dns_answer *a, const struct dns_query *q);

/* "4.3.2.1.in-addr.arpa": true and 1.2.3.4. */
bool dns_reverse_parse(const char *name, uint32_t *ret_addr);
