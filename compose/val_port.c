/* val_port.c - "127.0.0.1:8080-8081:80-81/udp". */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "val.h"

static int one_port(struct arena *a, const char *text, const char *what, unsigned *ret, char **ret_why)
{
	uint64_t v;
	size_t digits = strspn(text, "0123456789");

	if (!*text || text[digits]) {
		*ret_why = arena_printf(a, "'%s' is no %s", text, what);
		return -1;
	}
	while (text[0] == '0' && text[1])
		text++;
	if (str_u64(text, &v) < 0 || v > 65535) {
		*ret_why = arena_printf(a, "%s %s is out of range (1-65535)", what, text);
		return -1;
	}
	*ret = (unsigned)v;
	return 0;
}

int val_port_range(struct arena *a, const char *text, const char *what, unsigned *ret_min, unsigned *ret_max,
	char **ret_why)
{
	const char *dash = strchr(text, '-');

	if (!dash) {
		if (one_port(a, text, what, ret_min, ret_why) < 0)
			return -1;
		*ret_max = *ret_min;
		return 0;
	}
	if (one_port(a, arena_strndup(a, text, (size_t)(dash - text)), what, ret_min, ret_why) < 0 ||
		one_port(a, dash + 1, what, ret_max, ret_why) < 0)
		return -1;
	if (*ret_max < *ret_min) {
		*ret_why = arena_printf(a, "%s range '%s' runs backwards", what, text);
		return -1;
	}
	return 0;
}

static int take_ip(struct arena *a, const char *text, char **ret_ip, char **ret_why)
{
	struct in6_addr addr;
	size_t n = strlen(text);
	const char *ip = text;

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
		ip = arena_strndup(a, text + 1, n - 2);
	if (!*ip) {
		*ret_ip = NULL;
		return 0;
	}
	if (inet_pton(AF_INET, ip, &addr) != 1 && inet_pton(AF_INET6, ip, &addr) != 1) {
		*ret_why = arena_printf(a, "'%s' is no IP address", ip);
		return -1;
	}
	*ret_ip = arena_strdup(a, ip);
	return 0;
}

static int take_protocol(struct arena *a, char *text, char **ret, char **ret_why)
{
	char *slash = strrchr(text, '/');

	*ret = arena_strdup(a, "tcp");
	if (!slash)
		return 0;
	*slash = '\0';
	for (char *p = slash + 1; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!STREQ(slash + 1, "tcp") && !STREQ(slash + 1, "udp") && !STREQ(slash + 1, "sctp")) {
		*ret_why = arena_printf(a, "unknown protocol '%s' (tcp, udp or sctp)", slash + 1);
		return -1;
	}
	*ret = slash + 1;
	return 0;
}

int val_port(struct arena *a, const char *text, struct val_port *ret, char **ret_why)
{
	struct val_port p = { 0 };
	char *spec = arena_strdup(a, text), *target, *host = NULL;

	if (take_protocol(a, spec, &p.protocol, ret_why) < 0)
		return -1;
	target = strrchr(spec, ':');
	if (target) {
		*target++ = '\0';
		host = strrchr(spec, ':');
		if (host && host[1] != ']' && !strchr(host, ']')) {
			*host++ = '\0';
			if (take_ip(a, spec, &p.host_ip, ret_why) < 0)
				return -1;
		} else {
			host = spec;
		}
	} else {
		target = spec;
	}
	if (!*target) {
		*ret_why = arena_printf(a, "no container port in '%s'", text);
		return -1;
	}
	if (val_port_range(a, target, "container port", &p.target_min, &p.target_max, ret_why) < 0)
		return -1;
	if (!p.target_min) {
		*ret_why = arena_printf(a, "container port 0 is out of range (1-65535)");
		return -1;
	}
	if (host && *host) {
		p.published = true;
		if (val_port_range(a, host, "host port", &p.published_min, &p.published_max, ret_why) < 0)
			return -1;
		if (p.target_min != p.target_max &&
			p.target_max - p.target_min != p.published_max - p.published_min) {
			*ret_why = arena_printf(a,
				"host range '%s' and container range '%s' are of different lengths", host,
				target);
			return -1;
		}
	}
	*ret = p;
	return 0;
}
