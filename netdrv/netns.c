#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "../src/util/auto.h"
#include "../src/util/log.h"
#include "../src/util/mem.h"
#include "../src/util/path.h"
#include "../src/util/str.h"

#define OWN_NETNS "/proc/thread-self/ns/net"

int netns_here(struct err *err)
{
	int fd = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "open the own network namespace") : fd;
}

/* The empty file to mount on; its directory is made when it is missing. */
static int make_pin_file(const char *pin, struct err *err)
{
	auto_close int fd = open(pin, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);
	if (fd < 0 && errno == ENOENT) {
		auto_free char *dir = xstrdup(pin);
		char *slash = strrchr(dir, '/');
		if (slash && slash != dir) {
			*slash = 0;
			if (path_mkdirs(AT_FDCWD, dir, 0755, err) < 0)
				return -1;
		}
		fd = open(pin, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);
	}
	return fd < 0 ? err_sys(err, errno, "make '%s'", pin) : 0;
}

int netns_new(const char *pin, int *ret_fd, struct err *err)
{
	if (netns_drop(pin, err) < 0 || make_pin_file(pin, err) < 0)
		return -1;
	if (unshare(CLONE_NEWNET) < 0)
		return err_sys(err, errno, "make a network namespace");
	auto_close int fd = netns_here(err);
	if (fd < 0)
		return -1;
	if (mount(OWN_NETNS, pin, NULL, MS_BIND, NULL) < 0)
		return err_sys(err, errno, "pin the network namespace at '%s'", pin);
	*ret_fd = take_fd(&fd);
	return 0;
}

int netns_open(const char *pin, int *ret_fd, struct err *err)
{
	auto_close int fd = open(pin, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0)
		return err_sys(err, errno, "open network namespace '%s'", pin);
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return err_sys(err, errno, "look at '%s'", pin);
	/* the bare file remains when the machine went down between making and mounting */
	if (fs.f_type != NSFS_MAGIC || ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return 1;
	*ret_fd = take_fd(&fd);
	return 0;
}

int netns_enter(int fd, struct err *err)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "enter the network namespace");
	return 0;
}

void netns_back(int home_fd)
{
	if (setns(home_fd, CLONE_NEWNET) == 0)
		return;
	log_error("cannot return to the host's network namespace: %s", strerror(errno));
	abort();
}

int netns_drop(const char *pin, struct err *err)
{
	/* more than one mount can lie on a pin when two processes raced */
	for (int i = 0; i < 16; i++) {
		if (umount2(pin, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
			continue;
		if (errno == EINVAL || errno == ENOENT)
			break;
		return err_sys(err, errno, "unmount '%s'", pin);
	}
	if (unlink(pin) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove '%s'", pin);
	return 0;
}

/* Dots and slashes change places, as sysctl(8) does it: net.ipv4.conf.eth0/5.rp_filter is about eth0.5. */
static int sysctl_path(const char *name, char *path, size_t size)
{
	int n = snprintf(path, size, "/proc/sys/%s", name);
	if (n < 0 || (size_t)n >= size || !str_starts(name, "net."))
		return -1;
	for (char *p = path + strlen("/proc/sys/"); *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return strstr(path, "/../") || str_ends(path, "/..") || str_ends(path, "/") ? -1 : 0;
}

int netns_sysctl(const char *name, const char *value, struct err *err)
{
	char path[256];
	if (sysctl_path(name, path, sizeof path) < 0)
		return err_set(err, ERR_INPUT, "'%s' is not a sysctl of a network namespace", name);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0)
		return err_sys(err, errno, "open sysctl '%s'", name);
	ssize_t n = write(fd, value, strlen(value));
	if (n < 0)
		return err_sys(err, errno, "set sysctl '%s' to '%s'", name, value);
	return 0;
}
