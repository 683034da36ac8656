#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/fd.h"
#include "../util/mem.h"
#include "../util/path.h"

enum { CA_MAX = 4 << 20 };

/* In one file, as Go's programs find them: $SSL_CERT_FILE, Debian's, Fedora's, Alpine's. NULL: there is none. */
static const char *system_authorities(void)
{
	static const char *const files[] = { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem" };
	const char *named = getenv("SSL_CERT_FILE");

	if (named && *named)
		return named;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (access(files[i], R_OK) == 0)
			return files[i];
	return NULL;
}

static bool same(const struct site *s, const struct reg_place *at)
{
	return STREQ(s->host, at->host) && STREQ(s->registry, at->ref.registry) && STREQ(s->repository, at->ref.repository) &&
		s->plain_http == at->plain_http && s->unverified == at->unverified &&
		s->optional == at->optional;
}

struct site *site_of(struct sites *all, const struct reg_place *at)
{
	struct site *s;

	TAILQ_FOREACH (s, all, link)
		if (same(s, at))
			return s;
	s = xcalloc(1, sizeof *s);
	s->host = xstrdup(at->host);
	s->registry = xstrdup(at->ref.registry);
	s->repository = xstrdup(at->ref.repository);
	s->plain_http = at->plain_http;
	s->unverified = at->unverified;
	s->mirror = at->mirror;
	s->optional = at->optional;
	s->ca_fd = -1;
	s->ca_file = xstrdup(system_authorities());
	tokens_init(&s->tokens);
	TAILQ_INSERT_TAIL(all, s, link);
	return s;
}

void site_free(struct site *s)
{
	tokens_done(&s->tokens);
	reg_creds_done(&s->creds);
	reg_certs_done(&s->certs);
	if (s->ca_fd >= 0)
		close(s->ca_fd);
	free(s->ca_file);
	free(s->host);
	free(s->registry);
	free(s->repository);
	free(s->realm);
	free(s->service);
	free(s);
}

static int add_authorities(int fd, const char *file, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;

	if (path_read(AT_FDCWD, file, CA_MAX, &text, err) < 0)
		return err_wrap(err, "read the authorities in '%s'", file);
	buf_char(&text, '\n');
	return fd_write_all(fd, text.p, text.len) < 0 ? err_sys(err, errno, "keep the authorities in '%s'", file) : 0;
}

/* libcurl takes one file of authorities, so the system's and those of the place become one. */
static int join_authorities(struct site *s, struct err *err)
{
	auto_close int fd = memfd_create("authorities", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "memfd_create");
	if (s->ca_file && add_authorities(fd, s->ca_file, err) < 0)
		return -1;
	for (size_t i = 0; i < s->certs.ca.n; i++)
		if (add_authorities(fd, s->certs.ca.v[i], err) < 0)
			return -1;
	free(s->ca_file);
	s->ca_file = xasprintf("/proc/self/fd/%d", fd);
	s->ca_fd = take_fd(&fd);
	return 0;
}

int site_prepare(struct site *s, const struct reg_env *env, struct err *err)
{
	if (!s->told) {
		reg_creds_done(&s->creds);
		if (reg_creds_find(env, s->registry, s->repository, &s->creds, err) < 0)
			return -1;
	}
	if (s->certs.ca.n > 0 || s->certs.cert)
		return 0;
	if (reg_certs_find(env, s->registry, &s->certs, err) < 0)
		return -1;
	return s->certs.ca.n > 0 ? join_authorities(s, err) : 0;
}

char *site_basic(const struct site *s)
{
	auto_free char *plain = NULL;
	char *ret;
	size_t n;

	if (!s->creds.user || !s->creds.password)
		return NULL;
	plain = xasprintf("%s:%s", s->creds.user, s->creds.password);
	n = strlen(plain);
	ret = xcalloc(1, BASE64_ENCODE_RAW_LENGTH(n) + 1);
	base64_encode_raw(ret, n, (const uint8_t *)plain);
	explicit_bzero(plain, n);
	return ret;
}

bool site_may_ask(const struct site *s, const struct url *at)
{
	return at->tls || s->unverified || reg_is_loopback(at->host);
}

struct http_tls site_tls(const struct site *s, bool home)
{
	return (struct http_tls){
		.unverified = s->unverified,
		.ca_file = s->ca_file,
		.cert = home ? s->certs.cert : NULL,
		.key = home ? s->certs.key : NULL,
	};
}
