/* space.c - whether there is room for what is about to be fetched, asked before it is begun. */
#include <sys/statvfs.h>

#include "../util/auto.h"
#include "../util/str.h"
#include "parts.h"

/* What so much of a layer's blob takes unpacked: of gzip and zstd mostly two to three and a half times as much, of a plain one the same. */
static uint64_t unpacked(const struct layer *l, uint64_t size)
{
	return STREQ(l->pack.diff_hex, l->fetch->blob.hex) ? size : size / 2 * 5;
}

/* What is still to be written by all that is under way. */
static uint64_t needed(const struct run *run)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < run->n_fetches; i++) {
		const struct fetch *f = run->fetches[i];
		if (!f->gone && f->state < FETCH_DONE)
			sum += f->blob.size - (f->bytes > f->have ? f->bytes : f->have);
	}
	for (size_t i = 0; i < run->n_layers; i++) {
		const struct layer *l = run->layers[i];
		uint64_t read = l->state == LAYER_RUNNING ? grow_read(&l->grow) : 0, size = l->fetch->blob.size;
		if (!l->gone && !l->hash_only && l->state <= LAYER_RUNNING)
			sum += unpacked(l, size - (read < size ? read : size));
	}
	return sum;
}

int space_check(const struct run *run, const struct item *it, struct err *err)
{
	struct statvfs fs;
	uint64_t need = needed(run), room;
	char need_text[24], room_text[24];

	if (fstatvfs(run->stage.fd, &fs) < 0)
		return err_sys(err, errno, "look how much room there is in '%s'", run->stage.images_path);
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (need <= room)
		return 0;
	str_human_size((double)need, need_text);
	str_human_size((double)room, room_text);
	err_set(err, ERR_FAIL, "it needs about %s in '%s', where %s are free", need_text, run->stage.images_path, room_text);
	err->errnum = ENOSPC;
	return -1;
}

void space_hint(const struct run *run, struct err *err)
{
	if (err->errnum == ENOSPC)
		err_hint(err, "make room in '%s': 'davit system df' shows what takes it, 'davit image prune' removes images that nothing uses",
			run->stage.images_path);
}
