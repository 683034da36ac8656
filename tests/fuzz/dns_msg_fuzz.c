/* What a container may send to its resolver, and a server back: any bytes at all. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../../netdrv/dns_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_query q;
	struct dns_answer a;
	uint8_t out[DNS_UDP_MIN];
	uint32_t addr;
	int rcode = dns_query_parse(data, size, &q);
	if (rcode >= 0) {
		dns_answer_begin(&a, out, sizeof out, data, &q, (unsigned)rcode);
		dns_answer_a(&a, 1);
		dns_answer_ptr(&a, q.name);
		if (dns_answer_end(&a, &q) > sizeof out || !dns_is_response(out, a.len))
			__builtin_trap();
		if (rcode == 0 && !dns_same_question(data, size, out, a.len))
			__builtin_trap();
		dns_reverse_parse(q.name, &addr);
	}
	dns_same_question(data, size / 2, data + size / 2, size - size / 2);
	return 0;
}
