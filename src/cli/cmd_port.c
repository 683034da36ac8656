#include <string.h>

#include "../util/auto.h"
#include "view.h"

struct port_opts {
	const char *protocol;
	struct opt_int index;
};

static const struct opt port_flags[] = {
	{ 0, "index", OPT_INT, offsetof(struct port_opts, index), "of this container of the service", "N" },
	{ 0, "protocol", OPT_STRING, offsetof(struct port_opts, protocol), "tcp or udp (tcp)", "PROTOCOL", "tcp udp" },
	{ 0 }
};

/* What there is instead. */
static int not_published(const struct unit_rec *r, unsigned port, const char *protocol, struct err *err)
{
	struct view v = { .r = r, .state = "running" };
	auto_buf struct buf ports = BUF_INIT;

	view_ports(&v, &ports);
	err_set(err, ERR_NOT_FOUND, "container '%s' publishes no port %u/%s", r->name, port, protocol);
	return ports.len ? err_hint(err, "it has %s", ports.p) : -1;
}

static int port_run(struct cli *c, const void *opts, struct err *err)
{
	const struct port_opts *o = opts;
	const struct unit_rec *r = NULL;
	unsigned port, n = 0;

	if (str_uint(c->args.v[1], 1, 65535, &port) < 0)
		return err_set(err, ERR_USAGE, "a port is a number from 1 to 65535, not '%s'", c->args.v[1]);
	if (view_running(c, c->args.v[0], o->index.set ? o->index.v : 0, &r, err) < 0)
		return -1;
	for (size_t i = 0; i < r->n_ports && !n; i++) {
		const struct unit_port *p = &r->ports[i];

		if (p->target != port || !p->host || !STREQ(p->protocol ? p->protocol : "tcp", o->protocol))
			continue;
		n++;
		ui_print(&c->ui, "%s:%u\n", p->host_ip && *p->host_ip ? p->host_ip : "0.0.0.0", p->host);
	}
	return n ? 0 : not_published(r, port, o->protocol, err);
}

const struct cmd cmd_port = {
	.name = "port",
	.args = "SERVICE PORT",
	.summary = "print where a port of a container is published",
	.needs = NEED_NAME | ONLY_LOOKS,
	.min_args = 2,
	.max_args = 2,
	.opts = port_flags,
	.opts_size = sizeof(struct port_opts),
	.defaults = &(const struct port_opts){ .protocol = "tcp" },
	.run = port_run,
};
