#include "room.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "../util/str.h"

uint64_t room_unpacked(uint64_t size, bool plain)
{
	return plain ? size : size / 2 * 5;
}

int room_for(const struct stage *s, uint64_t bytes, struct err *err)
{
	char need_text[24], room_text[24];
	struct statvfs fs;
	uint64_t room;

	if (fstatvfs(s->images_fd, &fs) < 0)
		return err_sys(err, errno, "look how much room there is in '%s'", s->images_path);
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (fs.f_blocks == 0 || bytes <= room) /* ramfs and some network file systems do not say */
		return 0;
	str_human_size((double)bytes, need_text);
	str_human_size((double)room, room_text);
	err_set(err, ERR_FAIL, "it needs about %s in '%s', where %s are free", need_text, s->images_path, room_text);
	err->errnum = ENOSPC;
	return -1;
}
