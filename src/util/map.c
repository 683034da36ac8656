/* How it works: the items stand in a plain array in the order of insertion; beside it a table of index + 1,
 * open addressing with linear probing, at most half full, power of two. Keys come from people's files, so the
 * hash (SipHash-1-3) has a random seed. */
#include "map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "auto.h"
#include "mem.h"

static uint64_t rotl(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

static const uint64_t *seed(void)
{
	static uint64_t key[2];
	static bool have;

	if (!have) {
		if (getrandom(key, sizeof key, 0) != sizeof key)
			key[0] = (uintptr_t)key; /* the address is some randomness, too */
		have = true;
	}
	return key;
}

size_t map_hash(const char *s)
{
	const uint64_t *k = seed();
	uint64_t v[4] = { k[0] ^ 0x736f6d6570736575, k[1] ^ 0x646f72616e646f6d, k[0] ^ 0x6c7967656e657261,
		k[1] ^ 0x7465646279746573 };
	size_t n = strlen(s);

	for (size_t at = 0; at <= n; at += 8) {
		size_t part = n - at < 8 ? n - at : 8;
		uint64_t m = 0;

		memcpy(&m, s + at, part);
		if (part < 8)
			m |= (uint64_t)n << 56;
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The slot that holds key, or the empty one where it would go. */
static size_t slot_of(const struct map *m, const char *key)
{
	size_t mask = m->n_slots - 1;
	size_t at = map_hash(key) & mask;

	while (m->slots[at] && strcmp(m->items[m->slots[at] - 1].key, key) != 0)
		at = (at + 1) & mask;
	return at;
}

static struct map_item *find(const struct map *m, const char *key)
{
	unsigned idx;

	if (!m->n || !key)
		return NULL;
	idx = m->slots[slot_of(m, key)];
	return idx ? &m->items[idx - 1] : NULL;
}

void *map_get(const struct map *m, const char *key)
{
	struct map_item *it = find(m, key);

	return it ? it->value : NULL;
}

bool map_has(const struct map *m, const char *key)
{
	return find(m, key) != NULL;
}

static void grow_slots(struct map *m)
{
	if ((m->n + 1) * 2 <= m->n_slots)
		return;
	free(m->slots);
	m->n_slots = m->n_slots ? m->n_slots * 2 : 16;
	m->slots = xcalloc(m->n_slots, sizeof *m->slots);
	for (size_t i = 0; i < m->n; i++)
		m->slots[slot_of(m, m->items[i].key)] = (unsigned)i + 1;
}

void *map_set(struct map *m, const char *key, void *value)
{
	struct map_item *it = find(m, key);

	if (it) {
		void *old = it->value;

		it->value = value;
		return old;
	}
	grow_slots(m);
	m->slots[slot_of(m, key)] = (unsigned)m->n + 1;
	it = XGROW(m->items, m->n, m->cap);
	it->key = xstrdup(key);
	it->value = value;
	return NULL;
}

/* Empties a slot and moves up what had to go past it when it was inserted. */
static void slot_remove(struct map *m, size_t hole)
{
	size_t mask = m->n_slots - 1;

	for (size_t at = (hole + 1) & mask; m->slots[at]; at = (at + 1) & mask) {
		size_t home = map_hash(m->items[m->slots[at] - 1].key) & mask;

		if (((at - home) & mask) >= ((at - hole) & mask)) {
			m->slots[hole] = m->slots[at];
			hole = at;
		}
	}
	m->slots[hole] = 0;
}

void *map_remove(struct map *m, const char *key)
{
	struct map_item *it = find(m, key);
	size_t idx;
	void *value;

	if (!it)
		return NULL;
	value = it->value;
	idx = (size_t)(it - m->items);
	slot_remove(m, slot_of(m, key));
	free(it->key);
	memmove(it, it + 1, (m->n - idx - 1) * sizeof *it);
	m->n--;
	for (size_t i = 0; idx < m->n && i < m->n_slots; i++)
		if (m->slots[i] > idx + 1)
			m->slots[i]--;
	return value;
}

void map_done(struct map *m, void (*value_free)(void *))
{
	map_each(m, it) {
		free(it->key);
		if (value_free)
			value_free(it->value);
	}
	free(m->items);
	free(m->slots);
	*m = MAP_INIT;
}
