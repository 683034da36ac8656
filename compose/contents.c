/* contents.c - files behind configs and secrets count by what is in them.
 *
 * Read as the one who mounts them reads them: through links, as whoever runs this, waiting for nobody. What is no regular file (a device, a
 * directory) or cannot be read has no number: it is compared by its path alone, and whether it can be mounted is another's question. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/err.h"
#include "../src/util/hash.h"
#include "../src/util/path.h"
#include "node.h"
#include "project.h"
#include "tree.h"

enum { CONTENTS_MAX = 16 << 20 };

/* A file that is larger than any config counts by its size and time. */
static bool add_contents(int fd, const struct stat *st, struct buf *text)
{
	if (st->st_size <= CONTENTS_MAX)
		return path_read_fd(fd, CONTENTS_MAX, text, NULL) == 0;
	buf_printf(text, "%" PRId64 " bytes of %" PRId64 ".%09ld", (int64_t)st->st_size, (int64_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	return true;
}

static bool digest_of(const char *path, char ret_hex[static HASH_HEX_LEN + 1])
{
	auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	auto_buf struct buf text = BUF_INIT;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !add_contents(fd, &st, &text))
		return false;
	hash_sha256_hex(text.p ? text.p : "", text.len, ret_hex);
	return true;
}

typedef bool is_kept_fn(void *arg, const char *digest);

static void digest_list(struct project *p, const char *section, struct file_object *list, size_t n, is_kept_fn *is_kept, void *arg)
{
	char hex[HASH_HEX_LEN + 1];

	for (size_t i = 0; i < n; i++) {
		struct node *o = tree_map(tree_map(p->root, section), list[i].key);

		if (!list[i].file || !o || (is_kept && list[i].digest && is_kept(arg, list[i].digest)) || !digest_of(list[i].file, hex))
			continue;
		list[i].digest = arena_strdup(p->arena, hex);
		node_set(p->arena, o, "$digest", o->pos, node_str(p->arena, hex, o->pos));
	}
}

void project_digest_others(struct project *p, is_kept_fn *is_kept, void *arg)
{
	digest_list(p, "configs", p->configs, p->n_configs, is_kept, arg);
	digest_list(p, "secrets", p->secrets, p->n_secrets, is_kept, arg);
}

void project_digest_contents(struct project *p)
{
	project_digest_others(p, NULL, NULL);
}
