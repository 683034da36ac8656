/* pre_start.c - what is different about the containers of pre_start (pre_start.h). */
#include "pre_start.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"

struct unit *pre_start_owner(const struct unit *u)
{
	return u->rec.init_of ? unit_get(u->s, u->rec.init_of) : NULL;
}

char *pre_start_attr(const struct unit *u)
{
	return u->rec.init_of ? xasprintf("pre_start[%u]", u->rec.init_step) : NULL;
}

void pre_start_note(struct unit *u, const struct op *op)
{
	free(u->rec.init_of);
	u->rec.init_of = xstrdup(op->init_of);
	u->rec.init_step = op->init_step;
}

void pre_start_new(struct unit *u, const struct service *svc)
{
	const struct unit *owner = pre_start_owner(u);
	const struct hook *h = u->rec.init_step < svc->n_pre_start ? &svc->pre_start[u->rec.init_step] : NULL;

	if (!owner)
		return;
	free(u->rec.name);
	u->rec.name = xasprintf("%s-pre_start-%u", owner->rec.name ? owner->rec.name : owner->rec.slot, u->rec.init_step);
	if (h && h->image) {
		free(u->rec.image);
		u->rec.image = xstrdup(h->image);
		free(u->rec.image_id);
		u->rec.image_id = NULL;
	}
	strs_done(&u->rec.anon_volumes);
	for (size_t i = 0; i < owner->rec.anon_volumes.n; i++)
		strs_add(&u->rec.anon_volumes, owner->rec.anon_volumes.v[i]);
	jx_set_str(u->rec.labels, "com.docker.compose.hook", "pre_start");
}

/* The service's variables, and the step's beside them or instead of them. */
static struct kvs merged(const struct kvs *base, const struct kvs *more)
{
	struct kvs out = { .v = xcalloc(base->n + more->n + 1, sizeof *out.v) };

	for (size_t i = 0; i < base->n; i++)
		out.v[out.n++] = base->v[i];
	for (size_t i = 0; i < more->n; i++) {
		size_t k = 0;
		while (k < out.n && !STREQ(out.v[k].key, more->v[i].key))
			k++;
		out.v[k] = more->v[i];
		out.n += k == out.n;
	}
	return out;
}

/* Its container's namespace; one that is another's anyway stays what it is. */
static char *network_mode(const struct service *svc, const struct unit *owner)
{
	const char *mode = svc->network_mode;

	if (mode && (STREQ(mode, "host") || str_starts(mode, "service:") || str_starts(mode, "container:")))
		return svc->network_mode;
	return xasprintf("container:%s", owner->rec.id ? owner->rec.id : owner->rec.slot);
}

const struct service *pre_start_service(const struct unit *u, const struct service *svc)
{
	const struct unit *owner = pre_start_owner(u);
	const struct hook *h;
	struct service *out;

	if (!svc || !owner || u->rec.init_step >= svc->n_pre_start)
		return NULL;
	h = &svc->pre_start[u->rec.init_step];
	out = xcalloc(1, sizeof *out);
	*out = *svc;
	if (h->image) {                  /* what it runs, and as whom, is that image's */
		out->image = h->image;
		out->entrypoint = out->command = (struct strv){ 0 };
		out->user = NULL;
	}
	out->command = h->command.set ? h->command : out->command;
	out->user = h->user ? h->user : out->user;
	out->working_dir = h->working_dir ? h->working_dir : out->working_dir;
	out->environment = merged(&svc->environment, &h->environment);
	out->privileged |= h->privileged;
	out->network_mode = network_mode(svc, owner);
	out->healthcheck = (struct healthcheck){ .given = true, .disable = true };
	out->restart = (struct restart_policy){ .kind = RESTART_NO, .delay_ns = -1, .window_ns = -1 };
	out->stop_grace_ns = 0;
	out->tty = out->stdin_open = false;
	out->n_ports = out->n_pre_start = out->n_post_start = out->n_pre_stop = 0;
	return out;
}

void pre_start_ended(struct unit *u, int status)
{
	struct unit *owner = pre_start_owner(u);

	if (!owner || status != 0 || owner->rec.pre_started > u->rec.init_step)
		return;
	owner->rec.pre_started = u->rec.init_step + 1;
	unit_save(owner);
}

void pre_start_leave(struct unit *u)
{
	const struct unit *owner = pre_start_owner(u);
	struct strs own = STRS_INIT;

	for (size_t i = 0; owner && i < u->rec.anon_volumes.n; i++)
		if (!strs_has(&owner->rec.anon_volumes, u->rec.anon_volumes.v[i]))
			strs_add(&own, u->rec.anon_volumes.v[i]);
	strs_done(&u->rec.anon_volumes);
	u->rec.anon_volumes = own;
	u->recreate = false;
	u->drop_volumes = true;
}

int pre_start_verdict(const struct unit *u, struct err *err)
{
	const struct unit *owner = pre_start_owner(u);
	auto_free char *attr = pre_start_attr(u);
	const char *name = owner && owner->rec.name ? owner->rec.name : u->rec.init_of;

	if (u->state != U_STOPPED)
		return 0;
	if (u->rec.exit_code == 0)
		return 1;
	if (u->rec.exit_code < 0)
		err_set(err, ERR_FAIL, "%s of container '%s' ended, and nobody knows how", attr, name);
	else
		err_set(err, ERR_FAIL, "%s of container '%s' exited with status %d", attr, name, u->rec.exit_code);
	return err_hint(err, "see 'davit logs %s'", u->rec.service);
}
