/* argv.c - see argv.h. What both builders understand the same way. */
#include "argv.h"

#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"

char *argv_cache_ref(const char *item)
{
	auto_free char *copy = xstrdup(item);
	char *save = copy;

	if (!strchr(item, '='))
		return xstrdup(item);
	if (!strstr(item, "type=registry"))
		return NULL;
	for (char *o = strsep(&save, ","); o; o = strsep(&save, ","))
		if (str_starts(o, "ref="))
			return xstrdup(o + strlen("ref="));
	return NULL;
}

static bool entitled(const struct build_spec *b, const char *what)
{
	const struct strv *list = &b->service->build.entitlements;

	for (size_t i = 0; i < list->n; i++)
		if (STREQ(list->v[i], what))
			return true;
	return false;
}

const char *argv_network(const struct build_spec *b)
{
	const char *network = b->service->build.network;

	return network && *network && !STREQ(network, "default") ? network : "host";
}

bool argv_privileged(const struct build_spec *b)
{
	return b->service->build.privileged || entitled(b, "security.insecure");
}

const char *argv_host_ip(const struct build_spec *b, const char *ip)
{
	return STREQ(ip, "host-gateway") && STREQ(argv_network(b), "host") ? "127.0.0.1" : ip;
}
