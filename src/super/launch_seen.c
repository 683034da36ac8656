/* launch_seen.c - what people are shown of a container and nothing else needs: its mounts, and the ports that it is said to listen at. */
#include "launch_parts.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"

enum { SEEN_MAX = 8192 };                /* bytes of either: a file may name tens of thousands */

static void add(struct buf *b, const char *between, const char *text)
{
	if (b->len + strlen(text) < SEEN_MAX)
		buf_printf(b, "%s%s", b->len ? between : "", text);
}

/* "80" and "80/tcp" are one. */
static void add_port(struct buf *b, struct strs *seen, const char *port)
{
	auto_free char *whole = strchr(port, '/') ? xstrdup(port) : xasprintf("%s/tcp", port);

	if (strs_has(seen, whole))
		return;
	strs_add(seen, whole);
	add(b, " ", whole);
}

static bool has_ports(const struct service *svc)
{
	return !svc->network_mode || STREQ(svc->network_mode, "bridge");
}

void making_seen(struct making *c, json_t *ret)
{
	auto_buf struct buf mounts = BUF_INIT, exposed = BUF_INIT;
	auto_strs struct strs seen = STRS_INIT;

	for (size_t i = 0; i < c->launch.volumes.n; i++)
		add(&mounts, ",", c->launch.volumes.v[i]);
	for (size_t i = 0; i < c->svc->n_mounts; i++)
		if (c->svc->mounts[i].type == MOUNT_BIND && c->svc->mounts[i].source)
			add(&mounts, ",", c->svc->mounts[i].source);
	for (size_t i = 0; has_ports(c->svc) && i < c->svc->expose.n; i++)
		add_port(&exposed, &seen, c->svc->expose.v[i]);
	for (size_t i = 0; has_ports(c->svc) && i < c->img->exposed_ports.n; i++)
		add_port(&exposed, &seen, c->img->exposed_ports.v[i]);
	jx_set_str(ret, "mounts", mounts.p);
	jx_set_str(ret, "exposed", exposed.p);
}
