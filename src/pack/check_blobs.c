/* check_blobs.c - every blob is read and hashed, large ones side by side. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "sha.h"

enum { PIECE = 1 << 17, SMALL = 1 << 20 }; /* a small one is hashed faster than a process begins */

struct hashing {
	struct worker worker;
	char hex[HASH_HEX_LEN + 1];
	struct stat st;
	int fd;
};

/* ret "": it cannot be read. */
static void hash_file(int fd, char ret[static HASH_HEX_LEN + 1])
{
	auto_free unsigned char *piece = xmalloc(PIECE);
	struct sha256_ctx sha;
	ssize_t n;

	sha256_init(&sha);
	while ((n = read(fd, piece, PIECE)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			sha256_update(&sha, (size_t)n, piece);
	*ret = '\0';
	if (n == 0)
		sha_hex(&sha, ret);
}

static int hash_work(void *arg, json_t **ret, struct err *err)
{
	const struct hashing *h = arg;
	char hex[HASH_HEX_LEN + 1];

	hash_file(h->fd, hex);
	*ret = json_pack("{s:s}", "hex", hex);
	return 0;
}

static void judge(struct check *c, const struct hashing *h, const char *have)
{
	c->n_blobs++;
	c->bytes += (uint64_t)h->st.st_size;
	if (!STREQ(have, h->hex)) {
		struct check_blob *b = xcalloc(1, sizeof *b);

		b->ino = h->st.st_ino;
		snprintf(b->have, sizeof b->have, "%s", have);
		map_set(&c->damaged, h->hex, b);
	}
	check_progress(c, "blob", h->hex, (uint64_t)h->st.st_size);
}

static int finish(struct check *c, struct hashing *h, struct err *err)
{
	auto_json json_t *answer = NULL;
	int r;

	while (worker_read(&h->worker) == 0) {
		struct pollfd p = { .fd = h->worker.fd, .events = POLLIN };

		poll(&p, 1, -1);
	}
	r = worker_finish(&h->worker, &answer, err);
	close(take_fd(&h->fd));
	if (r == 0)
		judge(c, h, jx_str(answer, "hex") ? jx_str(answer, "hex") : "");
	return r;
}

/* 0: it is being hashed, or was; 1: it is gone, or no blob. */
static int start(struct check *c, const char *name, struct hashing *h, struct err *err)
{
	auto_free char *path = xasprintf("blobs/sha256/%s", name), *digest = xasprintf("sha256:%s", name);
	char have[HASH_HEX_LEN + 1];

	*h = (struct hashing){ .fd = -1 };
	if (!digest_hex(digest))
		return 1;
	memcpy(h->hex, name, sizeof h->hex);
	h->fd = openat(c->stage.images_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (h->fd < 0 || fstat(h->fd, &h->st) < 0 || !S_ISREG(h->st.st_mode)) {
		if (h->fd >= 0)
			close(take_fd(&h->fd));
		return 1;
	}
	if (h->st.st_size > SMALL)
		return worker_start(hash_work, h, &h->worker, err);
	hash_file(h->fd, have);
	close(take_fd(&h->fd));
	judge(c, h, have);
	return 1;
}

static int hash_all(struct check *c, const struct strs *names, struct err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t at_most = cpus > 0 ? (size_t)cpus : 1, first = 0, n = 0;
	auto_free struct hashing *ring = xcalloc(at_most, sizeof *ring);
	int r = 0;

	for (size_t i = 0; i < names->n && r >= 0; i++) {
		if (n == at_most) {
			r = finish(c, &ring[first], err);
			first = (first + 1) % at_most;
			n--;
		}
		if (r >= 0) {
			r = start(c, names->v[i], &ring[(first + n) % at_most], err);
			n += r == 0;
		}
	}
	for (; n > 0; n--, first = (first + 1) % at_most)
		if (r < 0)
			worker_abort(&ring[first].worker);
		else
			r = finish(c, &ring[first], err);
	return r < 0 ? -1 : 0;
}

int check_blobs(struct check *c, struct err *err)
{
	auto_strs struct strs names = STRS_INIT;

	return stage_list(&c->stage, "blobs/sha256", &names, err) < 0 ? -1 : hash_all(c, &names, err);
}
