/* load.c - files and texts, whose bytes are checked before libyaml sees them. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/err.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "load_tree.h"
#include "near.h"

/* Nothing of a file could be read: everything may be missing. */
static int nothing(struct arena *a, const char *file, struct node ***ret_docs, size_t *ret_n)
{
	*ret_docs = arena_array(a, 1, sizeof **ret_docs);
	**ret_docs = node_new(a, NODE_MAP, (struct pos){ file, 0, 0 });
	(**ret_docs)->wrong = true;
	*ret_n = 1;
	return -1;
}

int load_text(struct arena *a, struct diag *d, const char *file, const char *text, size_t len,
	struct node ***ret_docs, size_t *ret_n)
{
	struct loader l = { .a = a, .d = d, .file = file, .text = text, .text_len = len };
	struct node *docs = node_new(a, NODE_SEQ, (struct pos){ file, 1, 1 });

	nothing(a, file, ret_docs, ret_n);
	if (len > LOAD_MAX_BYTES)
		return diag_error(d, (struct pos){ file, 0, 0 }, "the file is larger than %d MiB",
			LOAD_MAX_BYTES >> 20);
	if (arena_bytes(a) > LOAD_MAX_MEMORY)
		return diag_error(d, (struct pos){ file, 0, 0 },
			"this file is not read: those before it take more than %d MiB of memory",
			LOAD_MAX_MEMORY >> 20);
	if (load_bytes(&l) < 0)
		return -1;
	load_repair(&l);
	if (!yaml_parser_initialize(&l.parser))
		return diag_error(d, (struct pos){ file, 0, 0 }, "the YAML parser ran out of memory");
	yaml_parser_set_input_string(&l.parser, (const unsigned char *)l.text, l.text_len);
	yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
	load_stream(&l, docs);
	yaml_parser_delete(&l.parser);
	map_done(&l.anchors, NULL);
	map_done(&l.keys, NULL);
	if (l.limit)
		return -1;
	if (l.failed && (l.stop || !docs->n))
		node_push(a, docs, **ret_docs); /* whatever did not get so far */
	*ret_docs = docs->items;
	*ret_n = docs->n;
	return l.failed ? -1 : 0;
}

static int open_regular(struct arena *a, const char *path, const char *shown, struct diag *d, struct pos pos)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0) {
		bool absent = errno == ENOENT;
		const char *near;

		diag_error(d, pos, "cannot open '%s': %s", shown, strerror(errno));
		near = absent ? near_file(a, path) : NULL;
		if (near)
			diag_hint(
				d, "did you mean '%s'?", strrchr(near, '/') ? strrchr(near, '/') + 1 : near);
		return -1;
	}
	if (fstat(fd, &st) < 0)
		return diag_error(d, pos, "cannot look at '%s': %s", shown, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return diag_error(d, pos, "'%s' is a directory, not a file", shown);
	if (fcntl(fd, F_SETFL, O_RDONLY) < 0) /* a pipe is read to its end */
		return diag_error(d, pos, "cannot read '%s': %s", shown, strerror(errno));
	return take_fd(&fd);
}

int load_file(struct arena *a, struct diag *d, const char *path, const char *shown, struct node ***ret_docs,
	size_t *ret_n)
{
	struct pos pos = { shown, 0, 0 };
	auto_close int fd = STREQ(path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
					     : open_regular(a, path, shown, d, pos);
	auto_err struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	int r;

	nothing(a, shown, ret_docs, ret_n);
	if (fd < 0)
		return STREQ(path, "-") ? diag_error(d, pos, "standard input is closed") : -1;
	if (path_read_fd(fd, LOAD_MAX_BYTES, &text, &err) < 0) {
		buf_done(&text);
		return diag_error(d, pos, "cannot read '%s': %s", shown, err_msg(&err));
	}
	r = load_text(a, d, shown, text.p ? text.p : "", text.len, ret_docs, ret_n);
	buf_done(&text);
	return r;
}
