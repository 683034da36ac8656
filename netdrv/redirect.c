/* The resolver cannot sit at port 53 itself: a container that serves names binds 0.0.0.0:53, which would then
 * be refused. Answers are translated back by connection tracking, so that they come from port 53 as resolvers
 * insist.
 *
 * The chain is named after the ports, so that one question to the kernel says whether the rules are as
 * wanted. */
#include "redirect.h"

#include <stdio.h>

#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "nft.h"

#define TABLE "davit-dns"

static int replace(bool fresh, const char *chain, unsigned udp_port, unsigned tcp_port, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	if (!fresh)
		buf_str(&b, "add table inet " TABLE "\ndelete table inet " TABLE "\n");
	buf_printf(
		&b, "table inet " TABLE " {\n\tchain %s {\n\t\ttype nat hook output priority -100\n", chain);
	if (udp_port)
		buf_printf(&b, "\t\tip daddr 127.0.0.11 udp dport 53 dnat ip to 127.0.0.11:%u\n", udp_port);
	if (tcp_port)
		buf_printf(&b, "\t\tip daddr 127.0.0.11 tcp dport 53 dnat ip to 127.0.0.11:%u\n", tcp_port);
	buf_str(&b, "\t}\n}\n");
	return nft_run(b.p, err);
}

int redirect_install(bool fresh, unsigned udp_port, unsigned tcp_port, struct err *err)
{
	char chain[32];
	snprintf(chain, sizeof chain, "to-%u-%u", udp_port, tcp_port);
	int there = fresh ? 0 : nft_has(NFPROTO_INET, TABLE, chain, err);
	if (there == 0)
		there = replace(fresh, chain, udp_port, tcp_port, err);
	return there < 0 ? err_wrap(err, "resolver's redirection") : 0;
}
