#include "shipaddr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"

static const struct scheme {
	const char *prefix;
	int family, type;
} schemes[] = {
	{ "udp://", AF_UNSPEC, SOCK_DGRAM },  { "tcp://", AF_UNSPEC, SOCK_STREAM },
	{ "unix://", AF_UNIX, SOCK_STREAM },  { "unixgram://", AF_UNIX, SOCK_DGRAM },
};

static int no_address(const char *text, const char *why, struct err *err)
{
	err_set(err, ERR_INPUT, "log option syslog-address '%s': %s", text, why);
	return err_hint(err, "for example udp://192.0.2.1:514, tcp://logs.example:601, unixgram:///dev/log");
}

/* "host", "host:514", "[::1]:514" */
static int parse_host(const char *text, const char *rest, struct ship_addr *a, struct err *err)
{
	const char *end = *rest == '[' ? strchr(rest, ']') : rest + strcspn(rest, ":/");
	const char *port = end && *rest == '[' ? end + 1 : end;
	auto_free char *digits = NULL;
	unsigned n;

	if (!end || end == rest || end == rest + (*rest == '['))
		return no_address(text, "there is no host in it", err);
	a->host = xstrndup(rest + (*rest == '['), (size_t)(end - rest) - (*rest == '['));
	if (*port == '\0' || STREQ(port, "/"))
		return 0;
	digits = xstrndup(port + 1, strcspn(port + 1, "/"));
	if (*port != ':' || str_uint(digits, 1, 65535, &n) < 0)
		return no_address(text, "its port is not a number from 1 to 65535", err);
	snprintf(a->port, sizeof a->port, "%u", n);
	return 0;
}

int ship_addr_parse(const char *text, struct ship_addr *ret, struct err *err)
{
	*ret = (struct ship_addr){ .family = AF_UNIX, .type = SOCK_DGRAM, .port = "514" };
	if (!text || !*text)
		return 0;
	if (str_starts(text, "tcp+tls://")) {
		err_set(err, ERR_INPUT, "log option syslog-address '%s': davit does not speak TLS to a syslog server", text);
		return err_hint(err, "send to a syslog daemon of this host, and let that one forward with TLS");
	}
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		const char *rest = text + strlen(schemes[i].prefix);

		if (!str_starts(text, schemes[i].prefix))
			continue;
		ret->family = schemes[i].family;
		ret->type = schemes[i].type;
		if (ret->family == AF_UNSPEC) {
			if (parse_host(text, rest, ret, err) == 0)
				return 0;
			ship_addr_done(ret);
			return -1;
		}
		if (*rest != '/' || strlen(rest) >= sizeof((struct sockaddr_un *)0)->sun_path)
			return no_address(text, "it is not an absolute path, or too long", err);
		ret->path = xstrdup(rest);
		return 0;
	}
	return no_address(text, "it begins with none of udp://, tcp://, unix:// and unixgram://", err);
}

void ship_addr_done(struct ship_addr *a)
{
	free(a->path);
	free(a->host);
	a->path = a->host = NULL;
}

static int open_socket(const struct sockaddr *to, socklen_t len, int type, int *ret_fd)
{
	auto_close int fd = socket(to->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || (connect(fd, to, len) < 0 && errno != EINPROGRESS))
		return -1;
	*ret_fd = take_fd(&fd);
	return 0;
}

int ship_connect_unix(const char *path, int type, int *ret_fd)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof to.sun_path)
		return errno = ENAMETOOLONG, -1;
	memcpy(to.sun_path, path, strlen(path) + 1);
	return open_socket((struct sockaddr *)&to, sizeof to, type, ret_fd);
}

int ship_connect_inet(const struct sockaddr *to, socklen_t len, int type, int *ret_fd)
{
	return open_socket(to, len, type, ret_fd);
}
