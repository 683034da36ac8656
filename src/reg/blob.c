/* blob.c - a blob into a file: GET /v2/NAME/blobs/DIGEST (specification, "Pulling blobs").
 *
 * How it works: `have` bytes are in the file and in the hash. A further attempt asks for the rest by Range; when the answer begins at the
 * beginning nevertheless (200: it does not know Range), `skip` bytes of it are dropped. So the hash is always that of the file. There is no
 * If-Range: what stands behind a digest does not change, registries rarely have an ETag for it, and the hash tells. A 206 counts only when
 * its Content-Range begins where we are and ends where the descriptor says; else, and after a 416, the whole is asked for. */
#include <errno.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/hash.h"
#include "../util/mem.h"
#include "challenge.h"
#include "parts.h"

struct get_blob {
	struct reg_call call;
	struct reg_blob want;
	uint64_t have, skip;
	bool no_range; /* it does not resume as it should */
	struct sha256_ctx sha;
};

static struct get_blob *of(struct exchange *x)
{
	return (struct get_blob *)CALL_OF(x);
}

static void fields(struct exchange *x, struct strs *f)
{
	struct get_blob *b = of(x);

	if (b->have > 0 && !b->no_range)
		strs_printf(f, "Range: bytes=%" PRIu64 "-", b->have);
}

static bool fits(const struct get_blob *b, const struct http_answer *a)
{
	const char *text = http_field(a, "Content-Range", 0);
	struct reg_range range;

	return text && reg_content_range(text, &range) == 0 && range.given && range.first == b->have &&
		(!range.total_given || range.total == b->want.size);
}

static int head(struct exchange *x, const struct http_answer *a, struct err *err)
{
	struct get_blob *b = of(x);
	int64_t length = http_length(a);

	b->skip = 0;
	if (a->status == 206 && (b->no_range || b->have == 0))
		return err_set(err, ERR_PROTO, "it sends a part that was not asked for");
	if (a->status == 206 && fits(b, a))
		return 0;
	if (a->status == 206) {
		b->no_range = true;
		err_set(err, ERR_PROTO, "it resumes at another place than it was asked for");
		return EX_AGAIN;
	}
	b->skip = b->have;
	if (length >= 0 && (uint64_t)length != b->want.size)
		return err_set(err, ERR_PROTO, "it is to have %" PRIu64 " bytes, the registry has %" PRId64, b->want.size, length);
	return 0;
}

static int keep(struct get_blob *b, const uint8_t *p, size_t n, struct err *err)
{
	if (n > b->want.size - b->have)
		return err_set(err, ERR_PROTO, "it is larger than the %" PRIu64 " bytes that it is to have", b->want.size);
	sha256_update(&b->sha, n, p);
	while (n > 0) {
		ssize_t done = pwrite(b->want.fd, p, n, (off_t)b->have);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_sys(err, done < 0 ? errno : ENOSPC, "write it");
		p += done;
		n -= (size_t)done;
		b->have += (uint64_t)done;
	}
	return 0;
}

/* b is not looked at behind progress(), which may cancel the call. */
static int body(struct exchange *x, const void *p, size_t n, struct err *err)
{
	struct get_blob *b = of(x);
	size_t skip = b->skip < n ? (size_t)b->skip : n;

	b->skip -= skip;
	if (n == skip)
		return 0;
	if (keep(b, (const uint8_t *)p + skip, n - skip, err) < 0)
		return -1;
	x->progressed = true;
	if (b->want.progress)
		b->want.progress(b->want.arg, b->have);
	return 0;
}

static int whole(struct exchange *x, const struct http_answer *a, struct err *err)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	char hex[2 * sizeof digest + 1];
	struct get_blob *b = of(x);

	if (b->have < b->want.size) {
		err_set(err, ERR_PROTO, "only %" PRIu64 " of %" PRIu64 " bytes came", b->have, b->want.size);
		return EX_AGAIN;
	}
	sha256_digest(&b->sha, sizeof digest, digest);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	if (strcmp(hex, b->want.digest + 7) != 0)
		return err_set(err, ERR_PROTO, "what came has the digest sha256:%s", hex);
	return EX_DONE;
}

/* 416: it does not resume, or has less than we have. */
static bool refused(struct exchange *x, int status)
{
	struct get_blob *b = of(x);

	if (status != 416 || b->no_range || b->have == 0)
		return false;
	return b->no_range = true;
}

static void done(struct exchange *x, const struct err *err)
{
	struct get_blob *b = of(x);

	call_close(&b->call);
	b->want.done(b->want.arg, err);
	call_free(&b->call);
}

static const struct exchange_ops ops = {
	.fields = fields, .head = head, .body = body, .whole = whole, .refused = refused, .done = done
};

int reg_get_blob(struct reg *r, const struct reg_blob *what, struct reg_call **ret, struct err *err)
{
	struct get_blob *b;

	if (check_name(what->at->ref.repository, err) < 0 || check_digest(what->digest, err) < 0)
		return -1;
	b = call_new(r, what->at, sizeof *b, &ops);
	b->want = *what;
	sha256_init(&b->sha);
	if (what->have) {
		b->have = what->have;
		b->sha = *what->hashed;
	}
	b->call.x.what = xasprintf("get the blob %s of '%s/%s' from %s", what->digest, what->at->ref.registry, what->at->ref.repository,
		what->at->host);
	b->call.x.path = xasprintf("/v2/%s/blobs/%s", what->at->ref.repository, what->digest);
	b->call.x.bulk = !what->document;
	call_scope(&b->call, what->at->ref.repository, "pull");
	call_start(&b->call, ret);
	return 0;
}
