#include "tarhead.h"

#include <stdbool.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"

/* Fields of a header block: offset and length. */
enum {
	NAME = 0, NAME_LEN = 100,
	MODE = 100, UID = 108, GID = 116, ID_LEN = 8,
	SIZE = 124, MTIME = 136, LONG_LEN = 12,
	SUM = 148,
	TYPE = 156,
	LINK = 157,
	MAGIC = 257,
	DEVMAJOR = 329, DEVMINOR = 337,
	ID_MAX = 07777777,
};
#define LONG_MAX_OCTAL 077777777777LL

size_t tar_padding(uint64_t size)
{
	return (size_t)(-size % TAR_BLOCK);
}

static unsigned digits(size_t n)
{
	unsigned d = 1;

	while (n /= 10)
		d++;
	return d;
}

void tarhead_record(struct buf *records, const char *key, const void *value, size_t n)
{
	size_t rest = strlen(key) + n + 3;       /* a blank, "=", a new line */
	size_t len = rest + digits(rest);

	if (rest + digits(len) != len)           /* the length counts itself, which may make it longer */
		len = rest + digits(len);
	buf_printf(records, "%zu %s=", len, key);
	buf_add(records, value, n);
	buf_char(records, '\n');
}

static void number_record(struct buf *records, const char *key, long long v)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%lld", v);

	tarhead_record(records, key, text, (size_t)n);
}

static void octal(char *block, int at, int len, unsigned long long v)
{
	char text[16];

	snprintf(text, sizeof text, "%0*llo", len - 1, v);
	memcpy(block + at, text, (size_t)len);
}

static void checksum(char *block)
{
	unsigned sum = 0;
	char text[8];

	memset(block + SUM, ' ', 8);
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(text, sizeof text, "%06o", sum);
	memcpy(block + SUM, text, 7);            /* and a blank behind it */
}

static char type_of(const struct tarhead *h)
{
	if (h->hard)
		return '1';
	switch (h->st.st_mode & S_IFMT) {
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

static uint64_t size_of(const struct tarhead *h)
{
	return S_ISREG(h->st.st_mode) && !h->hard ? (uint64_t)h->st.st_size : 0;
}

/* A number that its field cannot hold, or a negative one, is zero there: the pax record counts. */
static unsigned long long field(long long v, long long max)
{
	return v < 0 || v > max ? 0 : (unsigned long long)v;
}

static void put_text(char *block, int at, const char *text)
{
	size_t n = strlen(text);

	memcpy(block + at, text, n < NAME_LEN ? n : NAME_LEN);
}

static void main_block(const struct tarhead *h, const char *path, struct buf *out)
{
	char b[TAR_BLOCK] = { 0 };

	put_text(b, NAME, path);
	octal(b, MODE, ID_LEN, h->st.st_mode & 07777);
	octal(b, UID, ID_LEN, field(h->st.st_uid, ID_MAX));
	octal(b, GID, ID_LEN, field(h->st.st_gid, ID_MAX));
	octal(b, SIZE, LONG_LEN, field((long long)size_of(h), LONG_MAX_OCTAL));
	octal(b, MTIME, LONG_LEN, field(h->st.st_mtim.tv_sec, LONG_MAX_OCTAL));
	b[TYPE] = type_of(h);
	if (h->link)
		put_text(b, LINK, h->link);
	memcpy(b + MAGIC, "ustar\00000", 8);
	if (S_ISCHR(h->st.st_mode) || S_ISBLK(h->st.st_mode)) {
		octal(b, DEVMAJOR, ID_LEN, field(major(h->st.st_rdev), ID_MAX));
		octal(b, DEVMINOR, ID_LEN, field(minor(h->st.st_rdev), ID_MAX));
	}
	checksum(b);
	buf_add(out, b, sizeof b);
}

static void pax_block(const struct buf *records, struct buf *out)
{
	static const char zeros[TAR_BLOCK];
	char b[TAR_BLOCK] = { 0 };

	put_text(b, NAME, "PaxHeaders.0/entry");
	octal(b, MODE, ID_LEN, 0644);
	octal(b, UID, ID_LEN, 0);
	octal(b, GID, ID_LEN, 0);
	octal(b, SIZE, LONG_LEN, records->len);
	octal(b, MTIME, LONG_LEN, 0);
	b[TYPE] = 'x';
	memcpy(b + MAGIC, "ustar\00000", 8);
	checksum(b);
	buf_add(out, b, sizeof b);
	buf_add(out, records->p, records->len);
	buf_add(out, zeros, tar_padding(records->len));
}

static bool needs_record(const char *text)
{
	return strlen(text) > NAME_LEN;
}

void tarhead(const struct tarhead *h, struct buf *out)
{
	bool dir = S_ISDIR(h->st.st_mode) && !h->hard;
	auto_free char *path = xasprintf("%s%s", h->path, dir ? "/" : "");
	auto_buf struct buf records = BUF_INIT;
	const char *link = h->link ? h->link : "";

	if ((needs_record(path) && !str_is_utf8(path, strlen(path))) || (needs_record(link) && !str_is_utf8(link, strlen(link))))
		tarhead_record(&records, "hdrcharset", "BINARY", strlen("BINARY"));
	if (needs_record(path))
		tarhead_record(&records, "path", path, strlen(path));
	if (needs_record(link))
		tarhead_record(&records, "linkpath", link, strlen(link));
	if (size_of(h) > (uint64_t)LONG_MAX_OCTAL)
		number_record(&records, "size", (long long)size_of(h));
	if (h->st.st_uid > ID_MAX)
		number_record(&records, "uid", h->st.st_uid);
	if (h->st.st_gid > ID_MAX)
		number_record(&records, "gid", h->st.st_gid);
	if (h->st.st_mtim.tv_sec < 0 || h->st.st_mtim.tv_sec > LONG_MAX_OCTAL)
		number_record(&records, "mtime", h->st.st_mtim.tv_sec);
	if (h->records.len)
		buf_add(&records, h->records.p, h->records.len);
	if (records.len)
		pax_block(&records, out);
	main_block(h, path, out);
}
