/* host.c - what the machine must have for davit to do its work. */
#include "check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "../../netdrv/net.h"
#include "../oci/oci.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

/* Little is less than both. */
enum { FREE_MIB = 64, FREE_PART = 10, FREE_INODES = 1000 };

static void look_runtime(struct doctor *d)
{
	struct oci_runtime r = { 0 };
	auto_err struct err err = ERR_INIT;

	if (oci_runtime_find(NULL, &r, &err) < 0)
		amiss(d, "PATH", "%s", err_msg(&err));
	oci_runtime_done(&r);
}

static bool file_says(const char *path, size_t max, const char *what)
{
	auto_buf struct buf b = BUF_INIT;

	return path_read(AT_FDCWD, path, max, &b, NULL) == 0 && b.p && strstr(b.p, what);
}

/* There already, or a module that the kernel loads when it is mounted first. */
static bool has_overlay(void)
{
	struct utsname u;
	auto_free char *modules = NULL;

	if (file_says("/proc/filesystems", 64 << 10, "\toverlay\n") || uname(&u) < 0)
		return true;
	modules = xasprintf("/lib/modules/%s/modules.dep", u.release);
	return file_says(modules, 16 << 20, "/overlay.ko");
}

static void look_kernel(struct doctor *d)
{
	const struct oci_host *h = oci_host();
	static const char *const names[] = { "memory", "cpu", "pids" };
	const bool have[] = { h->memory, h->cpu, h->pids };

	if (!has_overlay())
		amiss(d, "/proc/filesystems", "the kernel has no overlayfs");
	if (h->mode == CGROUP_NONE) {
		amiss(d, "/sys/fs/cgroup", "no control groups are mounted");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!have[i])
			amiss(d, names[i], "control groups have no '%s' controller", names[i]);
	if (!h->seccomp)
		amiss(d, "seccomp", "the kernel has no seccomp filters");
}

static void look_space_of(struct doctor *d, const char *dir)
{
	struct statvfs s;

	if (statvfs(dir, &s) < 0)
		return;
	uint64_t mib = (uint64_t)s.f_bavail * s.f_frsize >> 20, all = (uint64_t)s.f_blocks * s.f_frsize >> 20;
	if (mib < FREE_MIB && s.f_bavail < s.f_blocks / FREE_PART)
		amiss(d, dir, "only %llu of %llu MiB are free below '%s'", (unsigned long long)mib, (unsigned long long)all, dir);
	if (s.f_files && s.f_favail < FREE_INODES)
		amiss(d, dir, "only %llu files can still be made below '%s'", (unsigned long long)s.f_favail, dir);
}

static void look_space(struct doctor *d)
{
	look_space_of(d, d->dirs->state);
	look_space_of(d, d->dirs->run);
}

static void look_firewall(struct doctor *d)
{
	char why[256] = "";

	if (fw_is_shut(why, sizeof why))
		amiss(d, "iptables", "%s", why);
}

const struct check host_checks[] = {
	{ "oci-runtime", NULL, look_runtime, "no container can be made, started or removed", "install crun or runc, or set DAVIT_RUNTIME" },
	{ "kernel", NULL, look_kernel, "containers or their limits do not work without it", "load the module, or boot a kernel that has it" },
	{ "space", NULL, look_space, "soon nothing can be recorded or started, and logs stop", "make room: 'davit images', volumes and logs take the most" },
	{ "firewall", NULL, look_firewall, "containers do not reach other networks, published ports are closed", "let it pass what belongs to bridges dv…" },
	{ 0 }
};
