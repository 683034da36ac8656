/* IPv4 addresses as text, and the MAC address that follows from one. */
#include <arpa/inet.h>
#include <stdio.h>

#include "net.h"

void net_mac(uint32_t addr, uint8_t ret_mac[6])
{
	ret_mac[0] = 0x02;
	ret_mac[1] = 0x42;
	for (int i = 0; i < 4; i++)
		ret_mac[2 + i] = (uint8_t)(addr >> (24 - 8 * i));
}

void net_addr_format(uint32_t addr, char buf[static 16])
{
	snprintf(buf, 16, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255);
}

int net_addr_parse(const char *text, uint32_t *ret_addr)
{
	struct in_addr in;
	if (inet_pton(AF_INET, text, &in) != 1)
		return -1;
	*ret_addr = ntohl(in.s_addr);
	return 0;
}
