/* park.c - containers that are set aside (park.h). */
#include "park.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"

/* Directories of the run directory that are a slot's, and its container's while that is set aside. */
static const char *const kinds[] = { "secrets", "subpath" };

/* KIND/from → KIND/to, when there is one; what is in the way goes. */
static int move_aside(struct super *s, const char *kind, const char *from, const char *to, struct err *err)
{
	auto_free char *old = xasprintf("%s/%s", kind, from), *new = xasprintf("%s/%s", kind, to);

	if (faccessat(s->p.run_fd, old, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "look at '%s/%s'", s->p.run, old);
	if (act_drop_pins(s, kind, to, err) < 0)
		return -1;
	if (renameat(s->p.run_fd, old, s->p.run_fd, new) < 0)
		return err_sys(err, errno, "rename '%s/%s'", s->p.run, old);
	return 0;
}

/* The record has room for one. */
static void drop_replaced(struct unit *u)
{
	auto_err struct err err = ERR_INIT;

	if (u->rec.parked && park_drop(u->s, u, false, &err) < 0)
		log_warn("%s: %s", u->rec.slot, err_msg(&err));
}

int park_work(void *arg, json_t **ret, struct err *err)
{
	struct unit *u = arg;

	if (act_leave_root(u, err) < 0)
		return -1;
	drop_replaced(u);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (move_aside(u->s, kinds[i], u->rec.slot, u->rec.id, err) < 0)
			return -1;
	return 0;
}

int park_take_back(struct super *s, const struct unit *u, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (move_aside(s, kinds[i], u->rec.id, u->rec.slot, err) < 0)
			return -1;
	return 0;
}

void park_note(struct unit *u)
{
	struct unit_rec *old = unit_rec_copy(&u->rec);

	free(old->state);
	old->state = xstrdup(ustate_str(U_STOPPED));
	act_empty_record(u);
	if (u->rec.parked) {
		unit_rec_done(u->rec.parked);
		free(u->rec.parked);
	}
	u->rec.parked = old;
	u->rec.back = false;
}

void park_restore(struct unit *u)
{
	struct unit_rec now = u->rec, *old = take(now.parked);
	struct unit_rec *r = &u->rec;

	*r = *old;
	/* what the slot has, it keeps: leases and ports are held by what is in memory */
	r->addrs = now.addrs;
	r->n_addrs = now.n_addrs;
	r->ports = now.ports;
	r->n_ports = now.n_ports;
	r->dns_udp = now.dns_udp;
	r->dns_tcp = now.dns_tcp;
	now.addrs = old->addrs;
	now.n_addrs = old->n_addrs;
	now.ports = old->ports;
	now.n_ports = old->n_ports;
	free(old);
	unit_rec_done(&now);
	u->run = (struct proc_id){ 0 };
	u->rec.pinned = true;
	u->recreate = u->drop_volumes = u->create_due = false;
	u->want = W_NOTHING;
	u->state = U_STOPPED;
	unit_load_launch(u);
	unit_save(u);
}

/* Networks that its successor is not on: the slot's address there was kept for the way back. */
static void release_addresses(struct super *s, const struct unit *u)
{
	auto_free char *who = xasprintf("%s/%s", s->p.name, u->rec.slot);
	const struct unit_rec *old = u->rec.parked;

	for (size_t i = 0; i < old->n_addrs; i++) {
		bool stays = false;
		for (size_t k = 0; k < u->rec.n_addrs && !stays; k++)
			stays = STREQ(old->addrs[i].network, u->rec.addrs[k].network);
		if (!stays)
			ipam_release(s->ipam, old->addrs[i].network, who);
	}
}

int park_drop_pins(struct super *s, const char *name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (act_drop_pins(s, kinds[i], name, err) < 0)
			return -1;
	return 0;
}

static int remove_files(struct super *s, const char *id, struct err *err)
{
	auto_free char *dir = xasprintf("containers/%s", id), *bundle = xasprintf("bundle/%s", id);
	auto_free char *known = xasprintf("oci/%s", id);

	if (park_drop_pins(s, id, err) < 0 || path_remove_tree(s->p.run_fd, bundle, err) < 0 ||
	    path_remove_tree(s->p.run_fd, known, err) < 0)
		return -1;
	return path_remove_tree(s->p.state_fd, dir, err);
}

/* Last goes what may be in the way for good: its files. */
int park_drop(struct super *s, const struct unit *u, bool volumes, struct err *err)
{
	const struct unit_rec *old = u->rec.parked;

	release_addresses(s, u);
	for (size_t i = 0; volumes && i < old->anon_volumes.n; i++) {
		const char *v = old->anon_volumes.v[i], *name = strrchr(v, '=');
		if (name && !strs_has(&u->rec.anon_volumes, v) && vol_remove(s->volumes, name + 1, err) < 0)
			return -1;
	}
	return remove_files(s, old->id, err) < 0 ? err_wrap(err, "remove container '%s'", old->name) : 0;
}

/* ------------------------------------------------------------------ for good */

struct forgetting {
	network_done_fn *done;
	void *arg;
	bool again;                      /* its worker was killed once */
};

static bool is_replaced(const struct unit *u)
{
	return u->rec.parked && u->rec.parked->replaced;
}

void park_note_replaced(struct super *s)
{
	map_each(&s->units, it) {
		struct unit *u = it->value;
		if (!u->rec.id || !unit_rec_way_back(&u->rec))
			continue;
		u->rec.parked->replaced = true;
		unit_save(u);
	}
}

static bool is_anybodys(struct super *s, const char *id)
{
	map_each(&s->units, it) {
		const struct unit_rec *r = &((struct unit *)it->value)->rec;
		if (str_eq(r->id, id) || (r->parked && str_eq(r->parked->id, id)))
			return true;
	}
	return false;
}

/* A container has its id before it has a directory: seen from the loop, one that nobody has now nobody will have. */
static void find_left(struct super *s, struct strs *ret)
{
	int fd = openat(s->p.state_fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		if (*e->d_name != '.' && !is_anybodys(s, e->d_name))
			strs_add(ret, e->d_name);
}

static void remove_left(struct super *s)
{
	for (size_t i = 0; i < s->forget_left.n; i++) {
		auto_err struct err err = ERR_INIT;
		if (remove_files(s, s->forget_left.v[i], &err) < 0)
			log_warn("remove what is left of container %.12s: %s", s->forget_left.v[i], err_msg(&err));
	}
}

static int forget_work(void *arg, json_t **ret, struct err *err)
{
	struct super *s = arg;

	remove_left(s);
	*ret = json_array();
	map_each(&s->units, it) {
		struct unit *u = it->value;
		struct err why = ERR_INIT;
		if (!is_replaced(u))
			continue;
		if (park_drop(s, u, s->forget_volumes, &why) == 0)
			json_array_append_new(*ret, json_string(u->rec.parked->id));
		else
			log_warn("%s: %s", u->rec.slot, err_msg(&why));
		err_done(&why);
	}
	return 0;
}

static bool is_listed(const json_t *ids, const char *id)
{
	const json_t *v;
	size_t i;

	json_array_foreach(ids, i, v)
		if (str_eq(json_string_value(v), id))
			return true;
	return false;
}

static void on_forgotten(struct super *s, void *arg, const json_t *result, const struct err *err);

static void submit_forget(struct super *s, struct forgetting *f)
{
	strs_done(&s->forget_left);
	find_left(s, &s->forget_left);
	network_submit(s, forget_work, on_forgotten, f);
}

static void on_forgotten(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	struct forgetting *f = arg;

	if (err && !f->again) {
		log_warn("remove what was replaced: %s; once more", err_msg(err));
		f->again = true;
		submit_forget(s, f);
		return;
	}
	map_each(&s->units, it) {
		struct unit *u = it->value;
		if (!is_replaced(u) || !is_listed(result, u->rec.parked->id))
			continue;
		unit_event_replaced(u);
		unit_rec_done(u->rec.parked);
		free(take(u->rec.parked));
		unit_save(u);
	}
	strs_done(&s->forget_left);
	f->done(s, f->arg, result, err);
	free(f);
}

void park_forget_all(struct super *s, bool volumes, network_done_fn *done, void *arg)
{
	struct forgetting *f = xcalloc(1, sizeof *f);

	*f = (struct forgetting){ .done = done, .arg = arg };
	s->forget_volumes = volumes;
	submit_forget(s, f);
}
