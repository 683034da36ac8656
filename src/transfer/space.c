/* space.c - whether there is room for what is about to be fetched, asked before it is begun. */
#include "../pack/room.h"
#include "../util/str.h"
#include "parts.h"

static uint64_t unpacked(const struct layer *l, uint64_t size)
{
	return room_unpacked(size, STREQ(l->pack.diff_hex, l->fetch->blob.hex));
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

int space_check(const struct run *run, struct err *err)
{
	return room_for(&run->stage, needed(run), err);
}
