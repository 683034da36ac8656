/* launch_files.c - secrets and configs as files; hosts, hostname and resolv.conf. */
#include "launch_parts.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"

enum { SECRET_MAX = 4 << 20 };

static const struct file_object *object_called(const struct file_object *v, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (STREQ(v[i].key, key))
			return &v[i];
	return NULL;
}

static unsigned id_or_0(const char *text)
{
	unsigned v = 0;

	if (text)
		str_uint(text, 0, UINT32_MAX, &v);
	return v;
}

/* A file that keeps its owner and mode is bound as it is, so that what is written there later is seen; anything else is a copy on tmpfs. */
static int add_file(struct making *c, const struct file_ref *r, const struct file_object *o, const char *where,
		    unsigned n, struct err *err)
{
	const char *target = r->target ? r->target : r->source;
	auto_free char *dir = xasprintf("%s/secrets/%s", c->s->p.run, c->u->rec.slot);
	const char *file = o->file ? making_file(c, o) : NULL;
	char *name = xasprintf("%u", n);
	auto_buf struct buf data = BUF_INIT;
	auto_close int fd = -1;

	if (*target != '/')
		target = xasprintf("%s%s", where, target);
	if (file && !r->uid && !r->gid && r->mode < 0) {
		if (access(file, F_OK) < 0)
			return err_sys(err, errno, "file '%s'", file);
		making_bind(c, file, target, true);
		making_note_file(c, o, file);
		return 0;
	}
	if (file && path_read(AT_FDCWD, file, SECRET_MAX, &data, err) < 0)
		return -1;
	if (!file)
		buf_str(&data, o->content ? o->content : "");
	if (path_open_dir(AT_FDCWD, dir, 0711, &fd, err) < 0)
		return -1;
	if (secret_write(fd, name, data.p ? data.p : "", data.len, id_or_0(r->uid), id_or_0(r->gid),
			 r->mode < 0 ? 0444 : (unsigned)r->mode, err) < 0)
		return -1;
	making_bind(c, xasprintf("%s/%s", dir, name), target, true);
	return 0;
}

int making_files(struct making *c, const struct file_ref *refs, size_t n_refs, const struct file_object *objs,
		    size_t n_objs, const char *what, const char *where, unsigned base, struct err *err)
{
	for (size_t i = 0; i < n_refs; i++) {
		const struct file_object *o = object_called(objs, n_objs, refs[i].source);
		c->attr = xasprintf("%s[%zu]", what, i);
		if (!o || o->external)
			return err_set(err, ERR_NOT_FOUND, "there is no '%s' to give to the container", refs[i].source);
		if (add_file(c, &refs[i], o, where, base + (unsigned)i, err) < 0)
			return err_wrap(err, "'%s'", refs[i].source);
	}
	return 0;
}

/* ------------------------------------------------------------------ /etc */

static const char *gateway_text(const struct making *c)
{
	char *text = xcalloc(1, 16);

	for (size_t i = 0; i < c->s->n_nets && c->u->rec.n_addrs; i++)
		if (STREQ(c->s->nets[i].name, c->u->rec.addrs[0].network))
			net_addr_format(c->s->nets[i].gateway, text);
	return *text ? text : "127.0.0.1";
}

static int etc_file(struct making *c, const char *name, const char *text, struct err *err)
{
	if (path_write(c->bundle_fd, name, text, strlen(text), 0644, 0, err) < 0)
		return -1;
	if (!making_covers(c, xasprintf("/etc/%s", name)))
		making_bind(c, xasprintf("%s/%s", c->bundle, name), xasprintf("/etc/%s", name), c->svc->read_only);
	return 0;
}

/* Whose addresses and name it has: its own, or those of the slot whose namespace it joins. */
static const struct unit *neighbour(const struct making *c)
{
	auto_free char *joined = network_joined_slot(c->s, c->svc);
	const struct unit *other = joined ? unit_get(c->s, joined) : NULL;

	return other ? other : c->u;
}

int making_etc(struct making *c, struct err *err)
{
	const struct service *svc = c->svc;
	struct hosts_entry *extra = xcalloc(svc->n_extra_hosts + 1, sizeof *extra);
	const struct unit_rec *r = &neighbour(c)->rec;
	uint32_t *addrs = xcalloc(r->n_addrs + 1, sizeof *addrs);
	char *host = making_hostname(c);

	for (size_t i = 0; i < svc->n_extra_hosts; i++) {
		const struct host_entry *e = &svc->extra_hosts[i];
		extra[i] = (struct hosts_entry){ e->host, STREQ(e->ip, "host-gateway") ? gateway_text(c) : e->ip };
	}
	for (size_t i = 0; i < r->n_addrs; i++)
		addrs[i] = r->addrs[i].addr;
	if (etc_file(c, "hosts", hosts_text(host, svc->domainname, addrs, r->n_addrs, extra,
					    svc->n_extra_hosts), err) < 0 ||
	    etc_file(c, "hostname", xasprintf("%s\n", host), err) < 0)
		return -1;
	return etc_file(c, "resolv.conf",
			resolv_text(r->n_addrs > 0, (const char *const *)svc->dns.v,
				    (const char *const *)svc->dns_search.v, (const char *const *)svc->dns_opt.v),
			err);
}
