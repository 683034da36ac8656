/* symptoms.c - see symptoms.h. */
#include "symptoms.h"

#include <string.h>
#include <sys/statvfs.h>

#include "../util/auto.h"

enum { PLENTY_BYTES = 1 << 30 };         /* a disk with so much left is not the full one */

void symptoms_look(struct symptoms *s, const char *dir)
{
	struct statvfs fs;
	uint64_t room;

	if (statvfs(dir, &fs) < 0 || fs.f_blocks == 0)   /* ramfs does not say */
		return;
	s->no_inodes |= fs.f_files && !fs.f_favail;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (s->of_bytes && room >= s->free_bytes)
		return;
	s->free_bytes = room;
	s->of_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
}

void symptoms_line(struct symptoms *s, const char *line, const char *dir)
{
	static const char *const full[] = { "no space left on device", "disk quota exceeded" };

	for (size_t i = 0; i < ARRAY_LEN(full); i++)
		s->no_room |= strcasestr(line, full[i]) != NULL;
	s->torn |= strstr(line, "io: read/write on closed pipe") != NULL;
	s->no_exec |= strcasestr(line, "exec format error") != NULL;
	symptoms_look(s, dir);
}

/* A RUN of another machine's programs. */
static void explain_emulator(const struct build_spec *spec, struct err *err)
{
	bool native = true;

	for (size_t i = 0; i < spec->platforms.n; i++)
		native &= spec_is_native(spec->platforms.v[i]);
	if (!native)
		err_hint(err, "programs of another platform run here by an emulator only: apt install qemu-user-static binfmt-support");
}

static void explain_room(const struct symptoms *s, const char *dir, struct err *err)
{
	char room[24], of[24];

	str_human_size((double)s->free_bytes, room);
	str_human_size((double)s->of_bytes, of);
	if (!s->of_bytes)
		err_wrap(err, "a disk is full, maybe that of '%s'", dir);
	else
		err_wrap(err, "a disk is full; '%s' was seen with %s free of %s%s", dir, room, of, s->no_inodes ? ", and no inodes" : "");
	if (s->free_bytes > PLENTY_BYTES && !s->no_inodes)
		err_hint(err, "what RUN mounts has sizes of its own: /dev/shm has that of build.shm_size");
	else
		err_hint(err, "make room: 'davit builder prune' takes away old steps (--all: the whole cache), 'davit image prune' unused images");
}

void symptoms_explain(const struct symptoms *s, const char *dir, const struct build_spec *spec, struct err *err)
{
	bool little = s->of_bytes && s->free_bytes < PLENTY_BYTES;

	if (s->no_room || (s->torn && little))
		explain_room(s, dir, err);
	if (s->no_exec)
		explain_emulator(spec, err);
}
