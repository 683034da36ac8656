#include "notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../util/auto.h"

enum { TEXT_MAX = 512 };         /* a longer status is cut; READY=1 comes first */

static const char *address(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t room = sizeof ((struct sockaddr_un *)0)->sun_path;

	return path && (*path == '/' || *path == '@') && path[1] && strlen(path) < room ? path : NULL;
}

bool notify_wanted(void)
{
	return address() != NULL;
}

void notify(const char *fmt, ...)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = address();
	char text[TEXT_MAX];
	auto_close int fd = -1;
	va_list ap;

	if (!path)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	memcpy(to.sun_path, path, strlen(path));
	if (*path == '@')
		to.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
}
