#include "dns_msg.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../src/util/str.h"

enum {
	FLAG_QR = 0x80,
	FLAG_AA = 0x04,
	FLAG_TC = 0x02,
	FLAG_RD = 0x01,
	FLAG_RA = 0x80,
	OPCODE = 0x78,
	LABEL_MAX = 63,
	WIRE_NAME_MAX = 255,
	HOPS_MAX = 64
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

uint16_t dns_id(const uint8_t *p)
{
	return get16(p);
}

void dns_set_id(uint8_t *p, uint16_t id)
{
	put16(p, id);
}

unsigned dns_rcode(const uint8_t *p)
{
	return p[3] & 15;
}

bool dns_is_response(const uint8_t *p, size_t n)
{
	return n >= DNS_HEADER && p[2] & FLAG_QR;
}

/* --- names --- */

static size_t label_text(const uint8_t *label, size_t len, char *out)
{
	char *to = out;
	for (size_t i = 0; i < len; i++)
		if (label[i] > ' ' && label[i] < 127 && label[i] != '.' && label[i] != '\\')
			*to++ = (char)tolower(label[i]);
		else
			to += snprintf(to, 5, "\\%03u", label[i]);
	return (size_t)(to - out);
}

int dns_name_read(const uint8_t *p, size_t n, size_t *at, char ret[static DNS_NAME_MAX])
{
	size_t pos = *at, lowest = *at, wire = 1, len = 0, after = 0, hops = 0;
	for (;;) {
		if (pos >= n)
			return -1;
		uint8_t c = p[pos];
		if (c == 0)
			break;
		if ((c & 0xC0) == 0xC0) {
			if (pos + 2 > n)
				return -1;
			if (!after)
				after = pos + 2;
			pos = get16(p + pos) & 0x3FFF;
			/* to what was before everything read so far, so it ends; and there are no names in
			 * the header */
			if (pos >= lowest || pos < DNS_HEADER || ++hops > HOPS_MAX)
				return -1;
			lowest = pos;
			continue;
		}
		wire += c + 1u;
		if (c > LABEL_MAX || pos + 1 + c > n || wire > WIRE_NAME_MAX)
			return -1;
		if (len)
			ret[len++] = '.';
		len += label_text(p + pos + 1, c, ret + len);
		pos += 1u + c;
	}
	ret[len] = 0;
	*at = after ? after : pos + 1;
	return 0;
}

bool dns_reverse_parse(const char *name, uint32_t *ret_addr)
{
	unsigned v[4];
	int end = 0;
	/* %3u would skip blanks and signs; names have none by now that are not escaped, but "+1" is a fine
	 * label */
	if (name[strspn(name, "0123456789.")] != 'i' ||
		sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arpa%n", &v[3], &v[2], &v[1], &v[0], &end) != 4 ||
		!end || name[end])
		return false;
	*ret_addr = 0;
	for (int i = 0; i < 4; i++) {
		if (v[i] > 255)
			return false;
		*ret_addr = *ret_addr << 8 | v[i];
	}
	return true;
}

/* --- queries --- */

/* Looks for the OPT record; what else follows a question is none of our business. 0 or -1 when it is
 * malformed. */
static int read_additional(const uint8_t *p, size_t n, size_t at, unsigned records, struct dns_query *q)
{
	char name[DNS_NAME_MAX];
	while (records-- > 0) {
		if (dns_name_read(p, n, &at, name) < 0 || at + 10 > n)
			return -1;
		size_t data = get16(p + at + 8);
		if (get16(p + at) == DNS_TYPE_OPT) {
			q->edns = true;
			q->udp_max = get16(p + at + 2);
		}
		at += 10 + data;
		if (at > n)
			return -1;
	}
	return 0;
}

int dns_query_parse(const uint8_t *p, size_t n, struct dns_query *ret)
{
	if (n < DNS_HEADER || p[2] & FLAG_QR)
		return -1;
	*ret = (struct dns_query){ .id = get16(p), .recursion = p[2] & FLAG_RD, .udp_max = DNS_UDP_MIN };
	if (p[2] & OPCODE)
		return DNS_NOTIMP;
	if (get16(p + 4) != 1)
		return DNS_FORMERR;
	size_t at = DNS_HEADER;
	if (dns_name_read(p, n, &at, ret->name) < 0 || at + 4 > n)
		return DNS_FORMERR;
	ret->type = get16(p + at);
	ret->class = get16(p + at + 2);
	ret->question_end = at + 4;
	unsigned records = (unsigned)get16(p + 6) + get16(p + 8) + get16(p + 10);
	if (read_additional(p, n, at + 4, records, ret) < 0)
		return DNS_FORMERR;
	if (ret->udp_max < DNS_UDP_MIN)
		ret->udp_max = DNS_UDP_MIN;
	return 0;
}

bool dns_same_question(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	char na[DNS_NAME_MAX], nb[DNS_NAME_MAX];
	size_t at_a = DNS_HEADER, at_b = DNS_HEADER;
	if (a_len < DNS_HEADER || b_len < DNS_HEADER || get16(a + 4) != 1 || get16(b + 4) != 1)
		return false;
	if (dns_name_read(a, a_len, &at_a, na) < 0 || dns_name_read(b, b_len, &at_b, nb) < 0)
		return false;
	return at_a + 4 <= a_len && at_b + 4 <= b_len && STREQ(na, nb) && memcmp(a + at_a, b + at_b, 4) == 0;
}

/* --- answers --- */

void dns_answer_begin(struct dns_answer *a, uint8_t *out, size_t max, const uint8_t *query,
	const struct dns_query *q, unsigned rcode)
{
	*a = (struct dns_answer){ .out = out, .max = max, .len = DNS_HEADER };
	memset(out, 0, DNS_HEADER);
	put16(out, q->id);
	out[2] = FLAG_QR | (q->recursion ? FLAG_RD : 0) |
	         (rcode == DNS_NOERROR || rcode == DNS_NXDOMAIN ? FLAG_AA : 0);
	out[3] = (uint8_t)(FLAG_RA | rcode);
	if (!q->question_end)
		return;
	/* it is the first thing behind the header, so no pointer can be in it, and the bytes mean the same in
	 * our message */
	memcpy(out + DNS_HEADER, query + DNS_HEADER, q->question_end - DNS_HEADER);
	a->len = q->question_end;
	put16(out + 4, 1);
}

enum { OPT_LEN = 11, RECORD_LEN = 12 };

/* Name (a pointer to the question), type, class, ttl, length; then room for the data. NULL when it does not
 * fit. */
static uint8_t *add_record(struct dns_answer *a, unsigned type, size_t data_len)
{
	if (a->len + RECORD_LEN + data_len + OPT_LEN > a->max) {
		a->truncated = true;
		return NULL;
	}
	uint8_t *r = a->out + a->len;
	put16(r, 0xC000 | DNS_HEADER);
	put16(r + 2, type);
	put16(r + 4, DNS_CLASS_IN);
	put16(r + 6, 0);
	put16(r + 8, DNS_TTL_S);
	put16(r + 10, (unsigned)data_len);
	a->len += RECORD_LEN + data_len;
	a->count++;
	return r + RECORD_LEN;
}

void dns_answer_a(struct dns_answer *a, uint32_t addr)
{
	uint8_t *data = add_record(a, DNS_TYPE_A, 4);
	if (!data)
		return;
	put16(data, addr >> 16);
	put16(data + 2, addr & 0xFFFF);
}

/* Text of labels without escapes as on the wire; 0 when it is no name. */
static size_t name_wire(const char *name, uint8_t wire[static WIRE_NAME_MAX])
{
	size_t at = 0;
	while (*name) {
		size_t len = strcspn(name, ".");
		if (!len || len > LABEL_MAX || at + len + 2 > WIRE_NAME_MAX)
			return 0;
		wire[at++] = (uint8_t)len;
		memcpy(wire + at, name, len);
		at += len;
		name += len;
		if (*name == '.')
			name++;
	}
	wire[at++] = 0;
	return at;
}

void dns_answer_ptr(struct dns_answer *a, const char *name)
{
	uint8_t wire[WIRE_NAME_MAX];
	size_t len = name_wire(name, wire);
	uint8_t *data = len ? add_record(a, DNS_TYPE_PTR, len) : NULL;
	if (data)
		memcpy(data, wire, len);
}

size_t dns_answer_end(struct dns_answer *a, const struct dns_query *q)
{
	put16(a->out + 6, a->count);
	if (a->truncated)
		a->out[2] |= FLAG_TC;
	if (q->edns && a->len + OPT_LEN <= a->max) {
		uint8_t *opt = a->out + a->len;
		memset(opt, 0, OPT_LEN); /* the root's name, no flags, no options */
		put16(opt + 1, DNS_TYPE_OPT);
		put16(opt + 3, DNS_UDP_OURS);
		put16(a->out + 10, 1);
		a->len += OPT_LEN;
	}
	return a->len;
}
