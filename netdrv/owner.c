#include "owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/util/hash.h"
#include "../src/util/str.h"

#define PREFIX "davit "

void owner_bridge_alias(const char *project, const char *network, char buf[static OWNER_ALIAS_MAX])
{
	snprintf(buf, OWNER_ALIAS_MAX, PREFIX "%s %s", project, network);
}

const char *owner_slot(const char *netns_path)
{
	const char *slash = strrchr(netns_path, '/');
	return slash ? slash + 1 : netns_path;
}

/* The last component but `up` of path: where it begins, and its length. */
static const char *component_up(const char *path, unsigned up, size_t *ret_len)
{
	const char *end = path + strlen(path);
	for (;;) {
		const char *begin = end;
		while (begin > path && begin[-1] != '/')
			begin--;
		if (up-- == 0 || begin == path) {
			*ret_len = (size_t)(end - begin);
			return begin;
		}
		end = begin - 1;
	}
}

void owner_slot_alias(const char *netns_path, char buf[static OWNER_ALIAS_MAX])
{
	size_t len;
	const char *project = component_up(netns_path, 2, &len);
	snprintf(buf, OWNER_ALIAS_MAX, PREFIX "%.*s/%s", (int)len, project, owner_slot(netns_path));
}

bool owner_project(const char *alias, char *ret, size_t size)
{
	if (!alias || !str_starts(alias, PREFIX))
		return false;
	const char *p = alias + strlen(PREFIX);
	size_t len = strcspn(p, " /");
	if (!p[len] || !len || len >= size)
		return false;
	memcpy(ret, p, len);
	ret[len] = 0;
	return true;
}

bool owner_is(const char *alias, const char *project)
{
	char name[OWNER_ALIAS_MAX];
	return owner_project(alias, name, sizeof name) && (!project || STREQ(name, project));
}

uint32_t owner_group(const char *project)
{
	char hex[HASH_HEX_LEN + 1];
	hash_sha256_hex(project, strlen(project), hex);
	hex[8] = 0;
	return (uint32_t)strtoul(hex, NULL, 16) | 1u << 31;
}
