#include "expand.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/proc.h"
#include "../util/str.h"
#include "answer.h"
#include "confine.h"
#include "early.h"
#include "sha.h"

#define EXPAND_DIR "expand"
#define EXPAND_FILE "layer.tar"

enum { IN_BYTES = 1 << 16, SILENCE_MS = 300 * 1000 };

struct expanding {
	const struct stage *stage;
	int fd;
	uint64_t max_bytes;
	char in[IN_BYTES];
};

/* Somebody's pipe may stay silent for ever; a file never does. */
static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct expanding *i = arg;
	struct pollfd p = { .fd = i->fd, .events = POLLIN };
	ssize_t n;
	int r;

	do {
		r = poll(&p, 1, SILENCE_MS);
		n = r > 0 ? read(i->fd, i->in, sizeof i->in) : -1;
	} while (r != 0 && n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		archive_set_error(a, EIO, "%s", r == 0 ? "no byte of it came for 5 minutes" : strerror(errno));
	*ret = i->in;
	return n;
}

static int fail(struct archive *a, struct err *err)
{
	return err_set(err, ERR_INPUT, "it cannot be read: %s", archive_error_string(a) ? archive_error_string(a) : "unknown reason");
}

static int copy(struct archive *a, const struct expanding *i, int to, json_t *answer, struct err *err)
{
	struct sha256_ctx sha;
	char hex[HASH_HEX_LEN + 1];
	uint64_t bytes = 0, told = 0;
	la_int64_t offset;
	const void *p;
	size_t n;
	int r;

	sha256_init(&sha);
	while ((r = archive_read_data_block(a, &p, &n, &offset)) != ARCHIVE_EOF) {
		if (r < ARCHIVE_WARN)
			return fail(a, err);
		bytes += n;
		if (bytes > i->max_bytes)
			return err_set(err, ERR_INPUT, "the archive is larger than %llu bytes unpacked", (unsigned long long)i->max_bytes);
		sha256_update(&sha, n, p);
		if (fd_write_all(to, p, n) < 0)
			return err_sys(err, errno, "write its content into the image store");
		early_write(to, &told, bytes, false);
	}
	early_write(to, &told, bytes, true);
	sha_hex(&sha, hex);
	jx_set_str(answer, "hex", hex);
	jx_set_int(answer, "size", (int64_t)bytes);
	return 0;
}

static int read_all(struct expanding *i, int to, json_t *answer, struct err *err)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	int r;

	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_format_raw(a);
	archive_read_support_format_empty(a);
	if (archive_read_open(a, i, NULL, on_read, NULL) < ARCHIVE_WARN || (r = archive_read_next_header(a, &e)) < ARCHIVE_WARN)
		r = fail(a, err);
	else if (r == ARCHIVE_EOF)
		r = err_set(err, ERR_INPUT, "it is empty");
	else
		r = copy(a, i, to, answer, err);
	archive_read_free(a);
	return r;
}

static int expand_work(void *arg, json_t **ret, struct err *err)
{
	struct expanding *i = arg;
	auto_json json_t *answer = json_object();
	auto_close int to = -1;

	if (confine(i->stage->fd, EXPAND_DIR, CONFINE_NO_CAPS, &i->fd, 1, err) < 0)
		return -1;
	to = open(EXPAND_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (to < 0)
		return err_sys(err, errno, "make a file in the image store");
	if (read_all(i, to, answer, err) < 0)
		return -1;
	*ret = json_incref(answer);
	return 0;
}

/* Not called inflate: libz has that, and would be given ours. */
int expand(const struct stage *s, int fd, uint64_t max_bytes, struct staged_blob *ret, struct err *err)
{
	auto_free struct expanding *i = xcalloc(1, sizeof *i);
	auto_json json_t *answer = NULL;

	*i = (struct expanding){ .stage = s, .fd = fd, .max_bytes = max_bytes };
	if (mkdirat(s->fd, EXPAND_DIR, 0700) < 0)
		return err_sys(err, errno, "make a directory in '%s'", s->images_path);
	if (worker_run(expand_work, i, -1, &answer, err) < 0) /* the child gives up by itself when its input falls silent */
		return -1;
	return answer_blob(s, xstrdup(EXPAND_DIR "/" EXPAND_FILE), answer, ret, err);
}
