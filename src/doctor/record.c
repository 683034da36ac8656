/* record.c - whatever is recorded as running has its process, control group, namespace, root and files. */
#include "check.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "../oci/oci.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

typedef void record_fn(struct doctor *d, const struct patient *p, const struct unit_rec *r);

static bool runs(const struct unit_rec *r)
{
	return rec_is(r, "running") && unit_rec_alive(r);
}

static void each_running(struct doctor *d, const struct patient *p, record_fn *fn)
{
	map_each(&p->w.units, it)
		if (runs(it->value))
			fn(d, p, it->value);
}

/* ------------------------------------------------------------------ its process */

static void look_alive(struct doctor *d, const struct patient *p)
{
	map_each(&p->w.units, it) {
		const struct unit_rec *r = it->value;
		if (rec_has_process(r) && !unit_rec_alive(r))
			amiss(d, r->name ? r->name : r->slot, "container '%s' is recorded as %s, but its process %d does not exist",
			      r->name ? r->name : r->slot, r->state, (int)r->proc.pid);
	}
}

static void group_of(struct doctor *d, const struct patient *p, const struct unit_rec *r)
{
	auto_free char *path = xasprintf("/proc/%d/cgroup", (int)r->proc.pid);
	auto_free char *want = xasprintf("davit/%s/%s", p->name, r->slot);
	auto_free char *in_scope = xasprintf("/davit-%s.scope/%s", p->name, r->slot);
	auto_free char *in_service = xasprintf("/davit-%s.service/%s", p->name, r->slot);
	auto_buf struct buf b = BUF_INIT;

	if (path_read(AT_FDCWD, path, 64 * 1024, &b, NULL) == 0 && b.p && !strstr(b.p, want) && !strstr(b.p, in_scope) &&
	    !strstr(b.p, in_service) && unit_rec_alive(r))
		amiss(d, want, "process %d of container '%s' is not in its control group", (int)r->proc.pid, r->name);
}

static void look_group(struct doctor *d, const struct patient *p)
{
	if (oci_host()->mode != CGROUP_NONE)
		each_running(d, p, group_of);
}

/* ------------------------------------------------------------------ what it stands on */

static void netns_of(struct doctor *d, const struct patient *p, const struct unit_rec *r)
{
	auto_free char *pin = xasprintf("%s/netns/%s", p->p.run, r->slot);
	auto_free char *own = xasprintf("/proc/%d/ns/net", (int)r->proc.pid);
	struct statfs fs;
	struct stat a, b;

	if (!r->n_addrs)
		return;
	if (statfs(pin, &fs) < 0 || fs.f_type != NSFS_MAGIC)
		amiss(d, pin, "the network namespace of container '%s' is not pinned any more", r->name);
	else if (stat(pin, &a) == 0 && stat(own, &b) == 0 && a.st_ino != b.st_ino)
		amiss(d, pin, "container '%s' is in another network namespace than the one that is pinned for it", r->name);
}

static void look_netns(struct doctor *d, const struct patient *p)
{
	each_running(d, p, netns_of);
}

static void root_of(struct doctor *d, const struct patient *p, const struct unit_rec *r)
{
	auto_free char *root = xasprintf("%s/rootfs/%s", p->p.run, r->slot);
	struct statx stx;

	if (statx(AT_FDCWD, root, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx) < 0 || !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		amiss(d, root, "the root of container '%s' is not mounted", r->name);
}

static void look_root(struct doctor *d, const struct patient *p)
{
	each_running(d, p, root_of);
}

static void file_of(struct doctor *d, const struct unit_rec *r, char *path)
{
	if (access(path, F_OK) < 0)
		amiss(d, path, "'%s' of container '%s' is missing", strrchr(path, '/') + 1, r->name);
	free(path);
}

static void files_of(struct doctor *d, const struct patient *p, const struct unit_rec *r)
{
	file_of(d, r, xasprintf("%s/containers/%s/launch.json", p->p.state, r->id));
	file_of(d, r, xasprintf("%s/bundle/%s/config.json", p->p.run, r->id));
	file_of(d, r, xasprintf("%s/oci/%s", p->p.run, r->id));
}

static void look_files(struct doctor *d, const struct patient *p)
{
	each_running(d, p, files_of);
}

const struct check record_checks[] = {
	{ "alive", look_alive, NULL, "its end was not noticed, so no restart policy was applied", "'davit -p NAME up -d' looks again" },
	{ "group", look_group, NULL, "its limits do not hold, and stopping it may miss processes", "'davit -p NAME restart SERVICE'" },
	{ "netns", look_netns, NULL, "its name and published ports do not lead to it", "'davit -p NAME up -d --force-recreate SERVICE'" },
	{ "root", look_root, NULL, "exec and cp do not work in it", "'davit -p NAME up -d --force-recreate SERVICE'" },
	{ "files", look_files, NULL, "it cannot be adopted, deleted or logged as it should be", "'davit -p NAME up -d --force-recreate SERVICE'" },
	{ 0 }
};
