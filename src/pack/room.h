/* room.h - whether the disk of the store has room for what is about to be written, asked before it is begun. */
#pragma once

#include <stdbool.h>

#include "stage.h"

/* What a layer of so many bytes takes unpacked: of gzip and zstd mostly two to three and a half times as much, of a plain one the same. */
uint64_t room_unpacked(uint64_t size, bool plain);
/* 0: so many bytes fit there now. -1: *err says how many there are, with ENOSPC for its errnum. */
int room_for(const struct stage *s, uint64_t bytes, struct err *err);
