#include "answer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"

static bool is_hex(const char *hex)
{
	return hex && strlen(hex) == HASH_HEX_LEN && hex[strspn(hex, "0123456789abcdef")] == '\0';
}

int answer_nonsense(struct err *err)
{
	return err_set(err, ERR_PROTO, "the reading process answered nonsense");
}

static bool is_kind(int64_t kind)
{
	return kind >= BLOB_UNKNOWN && kind <= BLOB_ZSTD;
}

int answer_blob(const struct stage *s, char *file, const json_t *answer, struct staged_blob *ret, struct err *err)
{
	auto_free char *path = file;
	const char *hex = jx_str(answer, "hex");
	int64_t kind = jx_int(answer, "kind", BLOB_PLAIN), size = jx_int(answer, "size", -1);
	struct stat st;

	if (!path || !is_hex(hex) || !is_kind(kind) || fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISREG(st.st_mode) || st.st_size != size)
		return answer_nonsense(err);
	*ret = (struct staged_blob){ .file = take(path), .size = (uint64_t)size, .kind = (enum blob_kind)kind };
	memcpy(ret->hex, hex, sizeof ret->hex);
	return 0;
}

int answer_part(const json_t *answer, struct staged_blob *ret, struct err *err)
{
	int64_t kind = jx_int(answer, "kind", -1), size = jx_int(answer, "size", -1), at = jx_int(answer, "at", -1);

	if (!is_kind(kind) || size < 0 || at < 0)
		return answer_nonsense(err);
	*ret = (struct staged_blob){ .size = (uint64_t)size, .kind = (enum blob_kind)kind, .part = true, .at = (uint64_t)at };
	return 0;
}
