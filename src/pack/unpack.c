#include "unpack.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <locale.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "../image/store.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "confine.h"
#include "stream.h"
#include "tree.h"

/* The answer is JSON, a file name need not be UTF-8: everything but plain characters travels as %XX. */
static char *escape(const char *s)
{
	auto_buf struct buf b = BUF_INIT;

	buf_str(&b, "");
	for (; *s; s++) {
		if ((unsigned char)*s > ' ' && (unsigned char)*s < 0x7f && *s != '%')
			buf_char(&b, *s);
		else
			buf_printf(&b, "%%%02x", (unsigned char)*s);
	}
	return buf_take(&b);
}

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef", *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

static char *unescape(const char *s)
{
	char *ret = xmalloc(strlen(s) + 1), *to = ret;

	for (; *s; s++) {
		if (*s == '%' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0) {
			*to++ = (char)(hex_value(s[1]) << 4 | hex_value(s[2]));
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	return ret;
}

static int unpack_entries(struct stream *s, struct tree *t, struct err *err)
{
	struct archive_entry *e;
	int r;

	while ((r = stream_next(s, &e, err)) > 0)
		if (t && tree_add(t, s, e, err) < 0)
			return -1;
	if (r < 0)
		return t && t->last ? err_wrap(err, "after entry '%s'", t->last) : -1;
	return t ? tree_finish(t, err) : 0;
}

static int other_content(const char *have, const char *want, struct err *err)
{
	return err_set(err, ERR_INPUT, "its content is sha256:%s, not what the image's config says (sha256:%s)", have, want);
}

static int check_hash(struct stream *s, const char *want, struct err *err)
{
	char have[HASH_HEX_LEN + 1];

	if (stream_finish(s, have, err) < 0)
		return -1;
	return STREQ(have, want) ? 0 : other_content(have, want, err);
}

static void add_name(json_t *list, const char *name)
{
	auto_free char *text = escape(name);

	json_array_append_new(list, json_string(text));
}

/* What is in an opaque directory has nothing to do with the layers below. */
static bool in_opaque(const struct tree *t, const char *path)
{
	auto_free char *dir = xstrdup(path);

	for (char *slash; (slash = strrchr(dir, '/')); *slash = '\0')
		if (map_has(&t->opaque, dir))
			return true;
	return map_has(&t->opaque, dir) || map_has(&t->opaque, "");
}

static json_t *answer_new(const struct tree *t)
{
	json_t *o = json_object(), *opaque = json_array(), *implied = json_array();

	map_each(&t->opaque, it)
		add_name(opaque, it->key);
	map_each(&t->implied, it)
		if (it->value && !in_opaque(t, it->key))
			add_name(implied, it->key);
	jx_set_int(o, "bytes", (int64_t)t->bytes);
	jx_set_int(o, "entries", (int64_t)t->entries);
	json_object_set_new(o, "opaque", opaque);
	json_object_set_new(o, "implied", implied);
	return o;
}

static int unpack_stream(const struct unpack *u, const struct source *from, struct tree *t, struct err *err)
{
	struct stream *s = NULL;
	int r;

	if (stream_open(from, u->limits.bytes, u->diff_hex != NULL, &s, err) < 0)
		return -1;
	r = unpack_entries(s, u->hash_only ? NULL : t, err);
	if (r == 0 && u->diff_hex)
		r = check_hash(s, u->diff_hex, err);
	stream_close(s);
	return r;
}

static int wrong_part(const struct unpack_part *part, const char *have, struct err *err)
{
	err_done(err);
	if (part->plain)
		return other_content(have, part->hex, err);
	return err_set(err, ERR_INPUT, "blob 'sha256:%s' has other content than its name says: sha256:%s", part->hex, have);
}

/* Whatever is wrong with a part that is not what it was said to be, that is the reason. */
static int unpack_part(const struct unpack *u, int archive_fd, int copy_fd, struct tree *t, struct err *err)
{
	struct source_part part;
	const struct source from = { .fd = archive_fd, .part = &part };
	auto_err struct err why = ERR_INIT;
	char have[HASH_HEX_LEN + 1];
	int r;

	source_part_init(&part, u->part->at, u->part->size, copy_fd);
	r = unpack_stream(u, &from, t, err);
	if (r < 0 && err->errnum)
		return -1; /* it is the disk's fault */
	if (r < 0)
		part.copy_fd = -1;
	if (source_part_end(archive_fd, &part, have, &why) < 0)
		return r < 0 ? -1 : err_copy(err, &why);
	return STREQ(have, u->part->hex) ? r : wrong_part(u->part, have, err);
}

static int unpack_blob(const struct unpack *u, int blob_fd, int copy_fd, struct tree *t, struct err *err)
{
	const struct source from = { .fd = blob_fd, .growing = u->growing };

	return u->part ? unpack_part(u, blob_fd, copy_fd, t, err) : unpack_stream(u, &from, t, err);
}

/* *ret_blob is not the caller's to close, the process' end does. */
static int open_files(const struct unpack *u, int *ret_blob, int *ret_copy, struct err *err)
{
	*ret_blob = u->blob ? openat(u->stage_fd, u->blob, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : u->blob_fd;
	if (*ret_blob < 0)
		return err_sys(err, errno, "open its blob");
	if (!u->part || !u->part->file)
		return 0;
	*ret_copy = openat(u->stage_fd, u->part->file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return *ret_copy < 0 ? err_sys(err, errno, "make a file in the image store") : 0;
}

int unpack_work(void *arg, json_t **ret, struct err *err)
{
	const struct unpack *u = arg;
	auto_close int root_fd = -1, copy_fd = -1;
	bool no_devices = !store_trusted_xattrs();
	struct tree t;
	int blob_fd, r, keep[3];
	size_t n = 0;

	if (open_files(u, &blob_fd, &copy_fd, err) < 0)
		return -1;
	keep[n++] = blob_fd;
	if (u->growing)
		keep[n++] = u->growing->wake_fd;
	if (copy_fd >= 0)
		keep[n++] = copy_fd;
	setlocale(LC_CTYPE, "C.UTF-8");
	if (confine(u->stage_fd, u->dir, u->hash_only ? CONFINE_NO_CAPS : CONFINE_UNPACK, keep, n, err) < 0)
		return -1;
	root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_sys(err, errno, "open the layer's directory");
	r = tree_init(&t, root_fd, &u->limits, err);
	t.no_devices = no_devices;
	if (r == 0)
		r = unpack_blob(u, blob_fd, copy_fd, &t, err);
	if (r == 0)
		*ret = answer_new(&t);
	tree_done(&t);
	return r;
}

static int set_opaque(int root_fd, const char *name, struct err *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	const char *attr = store_trusted_xattrs() ? "trusted.overlay.opaque" : "user.overlay.opaque";
	auto_close int fd = (int)syscall(SYS_openat2, root_fd, *name ? name : ".", &how, sizeof how);
	int why;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0; /* a later entry of the layer put something else there */
	if (fd >= 0 && fsetxattr(fd, attr, "y", 1, 0) == 0)
		return 0;
	why = errno;
	err_sys(err, why, "mark a directory as opaque with the attribute '%s'", attr);
	if (why == ENOTSUP)
		err_hint(err, "the file system of the image store has no such attributes; with --state-dir it can be on another one");
	return -1;
}

int unpack_result(const struct unpack *u, const json_t *answer, uint64_t *ret_bytes, uint64_t *ret_entries,
	struct strs *ret_implied, struct err *err)
{
	const json_t *names = jx_arr(answer, "opaque"), *name;
	auto_close int root_fd = -1;
	size_t i;

	*ret_bytes = (uint64_t)jx_int(answer, "bytes", 0);
	*ret_entries = (uint64_t)jx_int(answer, "entries", 0);
	if (u->hash_only)
		return 0;
	root_fd = openat(u->stage_fd, u->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root_fd < 0)
		return err_sys(err, errno, "open the unpacked layer");
	json_array_foreach(names, i, name) {
		auto_free char *path = json_is_string(name) ? unescape(json_string_value(name)) : NULL;
		if (path && set_opaque(root_fd, path, err) < 0)
			return -1;
	}
	json_array_foreach(jx_arr(answer, "implied"), i, name)
		if (json_is_string(name))
			strs_take(ret_implied, unescape(json_string_value(name)));
	return 0;
}
