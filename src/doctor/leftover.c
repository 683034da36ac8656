/* leftover.c - nothing is kept for a container that there is no record of. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "../state/logfile.h"
#include "../state/logtee.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

enum { MOUNTS_MAX = 64 << 20 };

/* How the owner can be read off a name. BY_SLOT_OR_ID: one that is set aside has it by its id, the slot is its successor's. */
enum owner { BY_SLOT, BY_SLOT_DOT, BY_EITHER_SIDE, BY_ID, BY_SLOT_OR_ID };

static const struct kept {
	bool in_state;                   /* else in the run directory */
	const char *dir;
	enum owner owner;
} kept[] = {
	{ false, "netns", BY_SLOT },  { false, "rootfs", BY_SLOT },   { false, "secrets", BY_SLOT_OR_ID }, { false, "subpath", BY_SLOT_OR_ID },
	{ false, "fifo", BY_SLOT_DOT }, { false, "tmp", BY_SLOT_DOT }, { false, "bundle", BY_ID },    { false, "oci", BY_ID },
	{ true, "containers", BY_ID }, { true, "logs", BY_EITHER_SIDE },
};

/* "exec-PID.…": the file of a `davit exec` that is at work. */
static bool is_at_work(const char *name)
{
	pid_t pid = str_starts(name, "exec-") ? (pid_t)strtol(name + strlen("exec-"), NULL, 10) : 0;

	return pid > 0 && kill(pid, 0) == 0;
}

/* "web-1.out": what comes before the first dot is not the slot when the service's name has dots, so each is tried. */
static bool has_dotted(const struct patient *p, const char *name)
{
	for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.'))
		if (record_ofn(p, name, (size_t)(dot - name)))
			return true;
	return false;
}

/* "web-1+b" is the other side of "web-1" (plan/sides.c): what was said there goes on being read after a rolling update. */
static bool has_either_side(const struct patient *p, const char *name)
{
	size_t n = strcspn(name, "+");

	map_each(&p->w.units, it)
		if (strcspn(it->key, "+") == n && memcmp(it->key, name, n) == 0)
			return true;
	return false;
}

static bool is_known(const struct patient *p, enum owner owner, const char *name)
{
	if (STREQ(name, LOG_CLOCK_FILE) || STREQ(name, LOG_TEE_FILE)) /* of all slots' logs */
		return true;
	switch (owner) {
	case BY_SLOT:
		return record_of(p, name);
	case BY_SLOT_DOT:
		return has_dotted(p, name) || is_at_work(name);
	case BY_EITHER_SIDE:
		return has_either_side(p, name);
	case BY_ID:
		return record_with_id(p, name);
	case BY_SLOT_OR_ID:
		return record_of(p, name) || record_with_id(p, name);
	}
	return true;
}

static void look_dir(struct doctor *d, const struct patient *p, const struct kept *k)
{
	auto_free char *path = xasprintf("%s/%s", k->in_state ? p->p.state : p->p.run, k->dir);
	auto_closedir DIR *dir = opendir(path);

	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		auto_free char *full = xasprintf("%s/%s", path, e->d_name);
		if (!STREQ(e->d_name, ".") && !STREQ(e->d_name, "..") && !is_known(p, k->owner, e->d_name))
			amiss(d, full, "it is kept for a container that there is no record of");
	}
}

static void look_files(struct doctor *d, const struct patient *p)
{
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		look_dir(d, p, &kept[i]);
}

/* The runtime forgets a container when it has ended. */
static void look_runtime(struct doctor *d, const struct patient *p)
{
	map_each(&p->w.units, it) {
		const struct unit_rec *r = it->value;
		auto_free char *path = xasprintf("%s/oci/%s", p->p.run, r->id ? r->id : "none");
		if (rec_rests(r) && access(path, F_OK) == 0)
			amiss(d, path, "the runtime still knows container '%s', which is recorded as %s", r->name, r->state);
	}
}

/* What a process that was killed between making a file and renaming it has left, or in the middle of removing a tree. */
static void look_half(struct doctor *d, const char *dir)
{
	auto_closedir DIR *in = opendir(dir);

	for (struct dirent *e = in ? readdir(in) : NULL; e; e = readdir(in)) {
		auto_free char *full = xasprintf("%s/%s", dir, e->d_name);
		if (str_starts(e->d_name, ".tmp-") || str_starts(e->d_name, ".gone-"))
			amiss(d, full, "it is half a file or half a directory, of a process that is gone");
	}
}

static void look_halves(struct doctor *d)
{
	static const char *const in_state[] = { "projects", "networks", "volumes", "images" };
	auto_free char *run = xasprintf("%s/projects", d->dirs->run);

	for (size_t i = 0; i < ARRAY_LEN(in_state); i++) {
		auto_free char *dir = xasprintf("%s/%s", d->dirs->state, in_state[i]);
		look_half(d, dir);
	}
	look_half(d, run);
}

static void look_project_halves(struct doctor *d, const struct patient *p)
{
	look_half(d, p->p.state);
	look_half(d, p->p.run);
}

/* A volume exists when its meta.json does. */
static void look_volumes(struct doctor *d)
{
	auto_free char *path = xasprintf("%s/volumes", d->dirs->state);
	auto_closedir DIR *dir = opendir(path);

	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		auto_free char *meta = xasprintf("%s/%s/meta.json", path, e->d_name);
		auto_free char *data = xasprintf("%s/%s", path, e->d_name);
		if (*e->d_name != '.' && e->d_type == DT_DIR && access(meta, F_OK) < 0)
			amiss(d, data, "it looks like a volume, but has no meta.json");
	}
}

/* ------------------------------------------------------------------ mounts */

/* \040 and the like, in place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

/* A mount point below RUN/projects/NAME: KIND/SLOT or KIND/SLOT/N; of one that is set aside subpath/ID/N. */
static bool is_known_mount(const struct patient *p, const char *rest)
{
	static const char *const kinds[] = { "netns/", "rootfs/", "subpath/" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		auto_free char *owner = str_starts(rest, kinds[i]) ? xstrndup(rest + strlen(kinds[i]), strcspn(rest + strlen(kinds[i]), "/")) : NULL;
		if (owner)
			return record_of(p, owner) || record_with_id(p, owner);
	}
	return false;
}

static void look_mount(struct doctor *d, const struct patient *p, const char *point)
{
	auto_free char *run = xasprintf("%s/", p->p.run), *state = xasprintf("%s/", p->p.state);

	if ((str_starts(point, run) && !is_known_mount(p, point + strlen(run))) || str_starts(point, state))
		amiss(d, point, "something is mounted for a container that there is no record of");
}

static void look_mounts(struct doctor *d, const struct patient *p)
{
	auto_buf struct buf b = BUF_INIT;
	char *line, *rest = NULL;

	if (path_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTS_MAX, &b, NULL) < 0 || !b.p)
		return;
	for (line = strtok_r(b.p, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *field = line;
		for (int i = 0; field && i < 4; i++)
			field = strchr(field + 1, ' ');
		if (!field)
			continue;
		*(field + 1 + strcspn(field + 1, " ")) = 0;
		unescape(field + 1);
		look_mount(d, p, field + 1);
	}
}

const struct check leftover_checks[] = {
	{ "files", look_files, NULL, "it takes space, and grows in number", "'davit -p NAME down' removes it" },
	{ "runtime", look_runtime, NULL, "the container cannot be created again under this id", "'davit -p NAME up -d --force-recreate SERVICE'" },
	{ "half", look_project_halves, look_halves, "it takes space", "remove it" },
	{ "volumes", NULL, look_volumes, "no project can use what is in it, and 'down -v' does not remove it", "save what is in it, and remove it" },
	{ "mounts", look_mounts, NULL, "it keeps files and disks busy", "umount it, or 'davit -p NAME down'" },
	{ 0 }
};
