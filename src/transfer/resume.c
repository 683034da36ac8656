/* resume.c - what is there of a blob already: found, and hashed by a worker, which takes its time for as long as the disk does.
 *
 * The worker's answer is the state of the hash itself, in memory that it shares with us, so that what is fetched from there on adds to it. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "../pack/partial.h"
#include "../pack/sha.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "parts.h"

/* 64 GiB, which is as much as a layer may have, at 20 MB/s. */
enum { HASH_S = 3600, READ_BYTES = 256 << 10 };

struct hashed { /* shared: nothing that leads anywhere */
	struct sha256_ctx sha;
};

void resume_find(struct fetch *f)
{
	const struct stage *s = &f->run->stage;
	struct stat st;

	if (fstatat(s->fd, f->blob.file, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size <= f->blob.size)
		f->have = (uint64_t)st.st_size;
	else
		f->have = partial_take(s->images_fd, s->fd, f->blob.hex, f->blob.size);
}

/* Whoever finds this pull dead is not kept waiting by its lock, which a worker has, too. */
static int hash_work(void *arg, json_t **ret, struct err *err)
{
	struct fetch *f = arg;
	auto_free uint8_t *p = xmalloc(READ_BYTES);
	uint64_t at = 0;

	close(f->run->stage.fd);
	sha256_init(&f->hashed->sha);
	while (at < f->have) {
		uint64_t left = f->have - at;
		ssize_t n = pread(f->fd, p, left < READ_BYTES ? (size_t)left : READ_BYTES, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(err, n < 0 ? errno : EIO, "read what is there of it");
		sha256_update(&f->hashed->sha, (size_t)n, p);
		at += (uint64_t)n;
	}
	return 0;
}

static void on_hasher(evutil_socket_t fd, short what, void *arg)
{
	auto_err struct err why = ERR_INIT;
	struct fetch *f = arg;
	int r = -1;

	if (!(what & EV_TIMEOUT) && worker_read(&f->hasher) == 0)
		return;
	event_del(&f->hasher_event);
	if (what & EV_TIMEOUT) {
		worker_abort(&f->hasher);
		err_set(&why, ERR_TIMEOUT, "what is there of it is not read after an hour");
	} else {
		r = worker_finish(&f->hasher, NULL, &why);
	}
	f->hasher.fd = -1;
	f->on_hashed(f, r < 0 ? &why : NULL);
}

int resume_begin(struct fetch *f, void (*done)(struct fetch *f, const struct err *err), struct err *err)
{
	const struct timeval limit = { .tv_sec = HASH_S };
	void *p = mmap(NULL, sizeof *f->hashed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return err_sys(err, errno, "share memory with the hashing process");
	f->hashed = p;
	f->on_hashed = done;
	if (worker_start(hash_work, f, &f->hasher, err) < 0) {
		resume_stop(f);
		return -1;
	}
	event_assign(&f->hasher_event, f->run->base, f->hasher.fd, EV_READ | EV_PERSIST, on_hasher, f);
	event_add(&f->hasher_event, &limit);
	/* with it alone: another child, one that unpacks, may have become its archive's */
	if (madvise(p, sizeof *f->hashed, MADV_DONTFORK) == 0)
		return 0;
	resume_stop(f);
	return err_sys(err, errno, "keep memory from other processes");
}

void resume_stop(struct fetch *f)
{
	if (!f->hashed)
		return;
	if (f->hasher.fd >= 0) {
		event_del(&f->hasher_event);
		worker_abort(&f->hasher);
		f->hasher.fd = -1;
	}
	munmap(f->hashed, sizeof *f->hashed);
	f->hashed = NULL;
}

const struct sha256_ctx *resume_hash(const struct fetch *f)
{
	return &f->hashed->sha;
}

bool resume_is_whole(const struct fetch *f)
{
	struct sha256_ctx sha = f->hashed->sha;
	char hex[HASH_HEX_LEN + 1];

	sha_hex(&sha, hex);
	return f->have == f->blob.size && STREQ(hex, f->blob.hex);
}
