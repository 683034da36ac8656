/* val_port.c - "127.0.0.1:8080-8081:80-81/udp". */
#include <arpa/inet.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "tree.h"
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

/* "80", "80-90"; what a second dash begins is passed over, as the reference does: *ret_rest (may be NULL) is
 * then that, else it is left alone. */
static int range(struct arena *a, const char *text, const char *what, unsigned *ret_min, unsigned *ret_max,
	const char **ret_rest, char **ret_why)
{
	const char *dash = strchr(text, '-'), *rest = dash ? strchrnul(dash + 1, '-') : NULL;

	if (!dash) {
		if (one_port(a, text, what, ret_min, ret_why) < 0)
			return -1;
		*ret_max = *ret_min;
		return 0;
	}
	if (dash == text || rest == dash + 1) {
		*ret_why = arena_printf(a, "'%s' is no %s range", text, what);
		return -1;
	}
	if (one_port(a, arena_strndup(a, text, (size_t)(dash - text)), what, ret_min, ret_why) < 0 ||
		one_port(a, arena_strndup(a, dash + 1, (size_t)(rest - dash - 1)), what, ret_max, ret_why) <
			0)
		return -1;
	if (*ret_max < *ret_min) {
		*ret_why = arena_printf(a, "%s range '%s' runs backwards", what, text);
		return -1;
	}
	if (*rest && ret_rest)
		*ret_rest = rest;
	return 0;
}

int val_port_range(struct arena *a, const char *text, const char *what, unsigned *ret_min, unsigned *ret_max,
	char **ret_why)
{
	return range(a, text, what, ret_min, ret_max, NULL, ret_why);
}

bool val_ip(const char *text)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, text, &addr) == 1 || inet_pton(AF_INET6, text, &addr) == 1;
}

static int take_ip(struct arena *a, const char *text, char **ret_ip, char **ret_why)
{
	size_t n = strlen(text);
	bool brackets = n >= 2 && text[0] == '[' && text[n - 1] == ']';
	const char *ip = brackets ? arena_strndup(a, text + 1, n - 2) : text;

	*ret_ip = NULL;
	if (!*ip)
		return 0;
	if (!val_ip(ip)) {
		*ret_why = arena_printf(a, "'%s' is no IP address", ip);
		return -1;
	}
	if (!brackets && strchr(ip, ':')) {
		*ret_why = arena_printf(a, "an IPv6 address stands in brackets here: [%s]", ip);
		return -1;
	}
	*ret_ip = arena_strdup(a, ip);
	return 0;
}

/* Cuts "/udp" off; nothing between slashes is tcp. */
static int take_protocol(struct arena *a, char *text, struct val_port *p, char **ret_why)
{
	char *slash = strchr(text, '/'), *second;

	p->protocol = arena_strdup(a, "tcp");
	if (!slash)
		return 0;
	*slash = '\0';
	second = strchr(slash + 1, '/');
	if (second) {
		p->ignored = arena_strdup(a, second);
		*second = '\0';
	}
	if (!slash[1])
		return 0;
	p->protocol = val_protocol(a, slash + 1);
	if (!p->protocol) {
		*ret_why = arena_printf(a, "unknown protocol '%s' (tcp, udp or sctp)", slash + 1);
		return -1;
	}
	return 0;
}

char *val_protocol(struct arena *a, const char *text)
{
	static const char *const known[] = { "tcp", "udp", "sctp" };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(text, known[i]) == 0)
			return arena_strdup(a, known[i]);
	return NULL;
}

/* Cuts "IP:HOST:TARGET" from behind, for an IP address may have colons. */
static void cut(char *spec, char **ret_ip, char **ret_host, char **ret_target)
{
	char *colon = strrchr(spec, ':');

	*ret_ip = *ret_host = NULL;
	*ret_target = spec;
	if (!colon)
		return;
	*colon = '\0';
	*ret_target = colon + 1;
	*ret_host = spec;
	colon = strrchr(spec, ':');
	if (!colon)
		return;
	*colon = '\0';
	*ret_host = colon + 1;
	*ret_ip = spec;
}

static int take_host(struct arena *a, const char *text, struct val_port *p, char **ret_why)
{
	unsigned targets = p->target_max - p->target_min;

	p->published = true;
	if (range(a, text, "host port", &p->published_min, &p->published_max, &p->ignored, ret_why) < 0)
		return -1;
	if (!targets || targets == p->published_max - p->published_min)
		return 0;
	*ret_why = arena_printf(a, "host range '%s' and container range '%u-%u' are of different lengths",
		text, p->target_min, p->target_max);
	return -1;
}

int val_port(struct arena *a, const char *text, struct val_port *ret, char **ret_why)
{
	struct val_port p = { 0 };
	char *ip, *host, *target;

	cut(arena_strdup(a, text), &ip, &host, &target);
	if (take_protocol(a, target, &p, ret_why) < 0 || (ip && take_ip(a, ip, &p.host_ip, ret_why) < 0))
		return -1;
	if (!*target) {
		*ret_why = arena_printf(a, "no container port in '%s'", text);
		return -1;
	}
	if (range(a, target, "container port", &p.target_min, &p.target_max, &p.ignored, ret_why) < 0)
		return -1;
	if (!p.target_min) {
		*ret_why = arena_printf(a, "container port 0 is out of range (1-65535)");
		return -1;
	}
	if (host && *host && take_host(a, host, &p, ret_why) < 0)
		return -1;
	*ret = p;
	return 0;
}

char *val_port_trouble(struct arena *a, const struct node *port, const struct node **ret_at)
{
	const struct node *target = node_get(port, "target"), *published = tree_str_node(port, "published"),
			  *protocol = tree_str_node(port, "protocol");
	unsigned min, max;
	char *why;

	*ret_at = target;
	if (target && target->kind == NODE_INT && (target->i < 1 || target->i > 65535))
		return arena_printf(a, "container port %lld is out of range (1-65535)", target->i);
	*ret_at = published;
	if (published && *published->text &&
		val_port_range(a, published->text, "host port", &min, &max, &why) < 0)
		return why;
	*ret_at = protocol;
	if (protocol && *protocol->text && !val_protocol(a, protocol->text))
		return arena_printf(a, "unknown protocol '%s' (tcp, udp or sctp)", protocol->text);
	return NULL;
}
