/* What a container sees of its spec: capabilities, limits, mounts, masks, devices, terminal. With both
 * runtimes. */
#include <sys/sysmacros.h>

#include "live.h"

static const char *const runtimes[] = {"crun", "runc"};

static int has_line(const char *text, const char *line)
{
	size_t n = strlen(line);
	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, line, n) == 0 && (p[n] == '\n' || p[n] == '\0'))
			return 1;
		if (!*p)
			break;
	}
	return 0;
}

#define assert_line(text, line)                                                                              \
	do {                                                                                                 \
		if (!has_line(text, line))                                                                   \
			fail_msg("no line '%s' in:\n%s", line, text);                                        \
	} while (0)
#define assert_no_line(text, line)                                                                           \
	do {                                                                                                 \
		if (has_line(text, line))                                                                    \
			fail_msg("line '%s' in:\n%s", line, text);                                           \
	} while (0)

/* Runs `sh -c script` in a container of the spec and returns what it said. */
static char *shell(struct live *l, struct oci_spec *s, const char *script)
{
	const char *const args[] = {"sh", "-c", script, NULL};
	int status;
	s->args = args;
	char *text = live_all(l, s, &status);
	if (status != 0)
		fail_msg("status %d: %s", status, text);
	return text;
}

static void test_defaults(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		struct oci_spec s = live_spec(&l, NULL);
		auto_free char *t = shell(&l, &s,
			"grep -E 'Cap|NoNew|Seccomp:' /proc/self/status; echo pwd $PWD; echo $(cat "
			"/proc/keys);"
			"echo x > /proc/sys/kernel/domainname || echo sys is read-only; ls /sys/firmware; "
			"echo keys; id -u;"
			"mount | grep -E ' /(proc|dev|dev/pts|dev/shm|sys|sys/fs/cgroup) ' | cut -d' ' -f3-6;"
			"unshare -U true 2>/dev/null || echo no namespaces; ls -1 /proc/self/fd | wc -l; "
			"ulimit -Sn; stat -c %a /dev/shm");
		assert_line(t, "CapInh:\t0000000000000000");
		assert_line(t, "CapAmb:\t0000000000000000");
		assert_line(t, "CapEff:\t00000000a80425fb");
		assert_line(t, "CapPrm:\t00000000a80425fb");
		assert_line(t, "CapBnd:\t00000000a80425fb");
		assert_line(t, "NoNewPrivs:\t0");
		assert_line(t, "Seccomp:\t2");
		assert_line(t, "pwd /");
		assert_line(t, "sys is read-only");
		assert_line(t, "no namespaces");
		assert_line(t, "0");
		assert_line(t, "1777");
		assert_line(t, "1024");
		assert_line(t, "/dev/shm type tmpfs (rw,nosuid,nodev,noexec,relatime,size=65536k)");
		assert_line(t, "/sys type sysfs (ro,nosuid,nodev,noexec,relatime)");
		assert_line(t, "/dev type tmpfs (rw,nosuid,size=65536k,mode=755)");
		/* standard streams and the directory itself: nothing of ours leaks in */
		assert_line(t, "4");
		assert_int_equal(json_array_size(l.warnings), 0);
		live_close(&l);
	}
}

static void test_limits(void **state)
{
	const struct oci_rlimit rl[] = {{"nofile", 2000, 3000}, {"core", -1, -1}, {"nproc", 100, 200}};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		struct oci_spec s = live_spec(&l, NULL);
		s.rlimits = rl;
		s.n_rlimits = ARRAY_LEN(rl);
		s.limits = (struct oci_limits){.mem_bytes = 64 << 20,
			.mem_reservation_bytes = 32 << 20,
			.mem_swappiness = -1,
			.cpu_shares = 512,
			.cpu_quota_us = 50000,
			.cpu_period_us = 100000,
			.cpuset = "0",
			.pids = 77};
		s.shm_bytes = 1 << 20;
		s.oom_score_adj_set = true;
		s.oom_score_adj = 500;
		s.privileged = false;
		auto_free char *t = shell(&l, &s,
			"ulimit -Sn; ulimit -Hn; ulimit -Sc; cat /proc/self/oom_score_adj;"
			"cd /sys/fs/cgroup; d=$(grep -E ':(memory|):' /proc/self/cgroup | cut -d: -f3 | head "
			"-1);"
			"for f in memory.max memory/$d/memory.limit_in_bytes memory/memory.limit_in_bytes; do"
			" [ -e $f ] && echo mem $(cat $f); done;"
			"for f in pids.max pids/$d/pids.max pids/pids.max; do [ -e $f ] && echo pids $(cat "
			"$f); done;"
			"for f in cpu.max cpu/$d/cpu.cfs_quota_us cpu/cpu.cfs_quota_us; do [ -e $f ] && echo "
			"cpu $(cat $f); done;"
			"mount | grep -o '/dev/shm.*size=[0-9]*k'; true");
		assert_line(t, "2000");
		assert_line(t, "3000");
		assert_line(t, "unlimited");
		assert_line(t, "500");
		if (oci_host()->memory)
			assert_line(t, "mem 67108864");
		if (oci_host()->pids)
			assert_line(t, "pids 77");
		if (oci_host()->cpu && oci_host()->mode != CGROUP_V2)
			assert_line(t, "cpu 50000");
		assert_line(t, "/dev/shm type tmpfs (rw,nosuid,nodev,noexec,relatime,size=1024k");
		live_close(&l);
	}
}

static void test_mounts(void **state)
{
	const char *const ro[] = {"rbind", "ro", NULL}, *const tmp[] = {"size=1m", "mode=0700", NULL};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		auto_free char *data = xasprintf("%s/data", l.dir), *shm = xasprintf("%s/shm", l.dir);
		assert_int_equal(path_mkdirs(l.dir_fd, "data", 0755, NULL), 0);
		assert_int_equal(path_mkdirs(l.dir_fd, "shm", 0755, NULL), 0);
		assert_int_equal(path_write(l.dir_fd, "data/file", "hello\n", 6, 0644, 0, NULL), 0);
		/* given inside out: the deeper ones would be hidden */
		const struct oci_mount m[] = {
			{data, "/srv/a/b", "bind", ro},
			{NULL, "/srv/a", "tmpfs", tmp},
			{data, "/srv/", NULL, NULL},
			{shm, "/dev/shm", "volume", NULL},
		};
		struct oci_spec s = live_spec(&l, NULL);
		s.mounts = m;
		s.n_mounts = ARRAY_LEN(m);
		s.rootfs_readonly = true;
		auto_free char *t = shell(&l, &s,
			"cat /srv/file /srv/a/b/file; echo x > /srv/a/b/file || echo b is read-only;"
			"echo x > /srv/new && echo srv is writable; stat -c %a /srv/a; echo x > /etc/x || "
			"echo root is read-only;"
			"echo y > /dev/shm/y; mount | grep -c ' /dev/shm '");
		assert_line(t, "hello");
		assert_line(t, "b is read-only");
		assert_line(t, "srv is writable");
		assert_line(t, "700");
		assert_line(t, "root is read-only");
		assert_line(t, "1");
		assert_int_equal(faccessat(l.dir_fd, "shm/y", F_OK, 0), 0);
		live_close(&l);
	}
}

static void test_security(void **state)
{
	const char *const add[] = {"sys_admin", "CAP_SYS_PTRACE", NULL}, *const drop[] = {"CAP_CHOWN",
										 "net_raw", NULL};
	const char *const all[] = {"ALL", NULL}, *const one[] = {"KILL", NULL};
	const char *const opts[] = {"no-new-privileges:true", "seccomp=unconfined", "systempaths=unconfined",
		"label=disable", NULL};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		struct oci_spec s = live_spec(&l, NULL);
		s.cap_add = add;
		s.cap_drop = drop;
		auto_free char *t = shell(&l, &s, "grep CapEff /proc/self/status");
		assert_string_equal(t, "CapEff:\t00000000a82c05fa\n");
		s.cap_add = one;
		s.cap_drop = all;
		s.security_opt = opts;
		auto_free char *u = shell(&l, &s,
			"grep -E 'CapEff|NoNew|Seccomp:' /proc/self/status; cat /proc/timer_list | head -1 | "
			"wc -l");
		assert_line(u, "CapEff:\t0000000000000020");
		assert_line(u, "NoNewPrivs:\t1");
		assert_line(u, "Seccomp:\t0");
		assert_line(u, "1");
		live_close(&l);
	}
}

static void test_user(void **state)
{
	const unsigned groups[] = {7, 8};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		struct oci_spec s = live_spec(&l, NULL);
		s.uid = 1000;
		s.gid = 1001;
		s.groups = groups;
		s.n_groups = 2;
		s.cwd = "/not/there/yet";
		auto_free char *t = shell(
			&l, &s, "id -u; id -G; pwd; grep CapEff /proc/self/status; echo err > /dev/stderr");
		assert_string_equal(t, "1000\n1001 7 8\n/not/there/yet\nCapEff:\t0000000000000000\nerr\n");
		live_close(&l);
	}
}

static void test_devices(void **state)
{
	const char *const rules[] = {"c 241:* rw", "b *:* r", NULL};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		struct oci_spec s = live_spec(&l, NULL);
		/* a number without a driver: what may be opened says so, what may not is not permitted */
		auto_free char *node = xasprintf("%s/node", l.dir);
		const struct oci_device dev[] = {{node, "/dev/x/some", "r"}};
		assert_int_equal(mknod(node, S_IFCHR | 0666, makedev(240, 77)), 0);
		auto_free char *t = shell(
			&l, &s, "mknod /dev/some c 240 77; cat /dev/some 2>&1; : < /dev/zero && echo zero");
		assert_string_equal(t, "cat: can't open '/dev/some': Operation not permitted\nzero\n");
		s.devices = dev;
		s.n_devices = 1;
		s.device_cgroup_rules = rules;
		auto_free char *u = shell(&l, &s,
			"cat /dev/x/some 2>&1; (: > /dev/x/some) 2>&1; mknod /dev/y c 241 1; cat /dev/y "
			"2>&1; true");
		assert_line(u, "cat: can't open '/dev/x/some': No such device or address");
		assert_line(u, "sh: can't create /dev/x/some: Operation not permitted");
		assert_line(u, "cat: can't open '/dev/y': No such device or address");
		live_close(&l);
	}
}

static void test_privileged(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		struct oci_spec s = live_spec(&l, NULL);
		s.privileged = true;
		auto_free char *t = shell(&l, &s,
			"grep Seccomp: /proc/self/status; (: < /dev/kmsg) && echo kmsg; mount | grep ' /sys "
			"' | grep -o '(rw';"
			"grep CapBnd /proc/1/status; cat /proc/timer_list | head -1 | wc -l");
		assert_line(t, "Seccomp:\t0");
		assert_line(t, "kmsg");
		assert_line(t, "(rw");
		assert_line(t, "1");
		assert_no_line(t, "CapBnd:\t00000000a80425fb");
		live_close(&l);
	}
}

static void test_namespaces(void **state)
{
	const struct oci_sysctl ctl[] = {{"kernel.shmmax", "1000000"}};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		struct oci_spec s = live_spec(&l, NULL);
		s.domainname = "example.test";
		s.sysctls = ctl;
		s.n_sysctls = 1;
		auto_free char *t = shell(&l, &s,
			"hostname; cat /proc/sys/kernel/domainname /proc/sys/kernel/shmmax; echo pid $$");
		assert_string_equal(t, "box\nexample.test\n1000000\npid 1\n");
		s.pid_ns = s.ipc_ns = s.uts_ns = "host";
		s.n_sysctls = 0;
		auto_free char *u = shell(&l, &s, "[ $$ != 1 ] && echo not alone; hostname");
		char host[256];
		assert_int_equal(gethostname(host, sizeof host), 0);
		auto_free char *want = xasprintf("not alone\n%s\n", host);
		assert_string_equal(u, want);
		live_close(&l);
	}
}

/* A network namespace by path, with docker's two defaults and one more. */
static void test_network_namespace(void **state)
{
	const struct oci_sysctl ctl[] = {{"net.core.somaxconn", "321"}};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		pid_t holder = fork();
		if (holder == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (unshare(CLONE_NEWNET) == 0)
				pause();
			_exit(1);
		}
		auto_free char *path = xasprintf("/proc/%d/ns/net", (int)holder);
		char own[64] = "", theirs[64] = "";
		assert_true(readlink("/proc/self/ns/net", own, sizeof own - 1) > 0);
		int64_t end = clock_mono_ns() + DEADLINE_MS * MS_NS;
		while (readlink(path, theirs, sizeof theirs - 1) <= 0 || STREQ(own, theirs))
			assert_true(clock_mono_ns() < end);
		struct oci_spec s = live_spec(&l, NULL);
		s.netns_path = path;
		s.sysctls = ctl;
		s.n_sysctls = 1;
		auto_free char *t = shell(&l, &s,
			"cd /proc/sys/net; cat ipv4/ip_unprivileged_port_start ipv4/ping_group_range "
			"core/somaxconn;"
			"stat -L -c %i /proc/self/ns/net");
		auto_free char *want =
			xasprintf("0\n0\t2147483647\n321\n%.*s\n", (int)strcspn(theirs + 5, "]"), theirs + 5);
		assert_string_equal(t, want);
		kill(holder, SIGKILL);
		waitpid(holder, NULL, 0);
		live_close(&l);
	}
}

/* --- what is refused before a runtime sees it --- */

static void refused(struct live *l, const struct oci_spec *s, const char *text)
{
	auto_err struct err err = ERR_INIT;
	assert_int_equal(oci_bundle_write(l->bundle_fd, s, l->warnings, &err), -1);
	assert_string_equal(err_msg(&err), text);
}

static void test_refused(void **state)
{
	const char *const args[] = {"true", NULL}, *const caps[] = {"CAP_FLY", NULL},
			  *const opt[] = {"magic", NULL};
	const struct oci_rlimit rl = {"files", 1, 1}, high = {"core", 9, 8};
	const struct oci_sysctl vm = {"vm.swappiness", "1"}, net = {"net.ipv4.ip_forward", "1"};
	const struct oci_mount rel = {"/tmp", "data", NULL, NULL}, gone = {"/not/there", "/data", NULL, NULL};
	const struct oci_device nodev = {"/etc/passwd", NULL, NULL}, perm = {"/dev/null", NULL, "rx"};
	const char *const rules[] = {"c 1 rw", NULL};
	struct live l;
	live_open(&l, NULL);
	const struct oci_spec base = live_spec(&l, args);
	struct oci_spec s;
#define REFUSED(change, text)                                                                                \
	do {                                                                                                 \
		s = base;                                                                                    \
		change;                                                                                      \
		refused(&l, &s, text);                                                                       \
	} while (0)
	REFUSED(s.args = NULL, "no command: neither the image nor the service has one");
	REFUSED(s.cwd = "x", "working directory 'x' is not absolute");
	REFUSED(s.cap_add = caps, "unknown capability 'CAP_FLY'");
	REFUSED(s.security_opt = opt, "unknown security option 'magic'");
	REFUSED((s.rlimits = &rl, s.n_rlimits = 1), "unknown limit 'files' in ulimits");
	REFUSED((s.rlimits = &high, s.n_rlimits = 1),
		"ulimit 'core': the soft limit is above the hard limit");
	REFUSED((s.sysctls = &vm, s.n_sysctls = 1),
		"kernel parameter 'vm.swappiness' belongs to the whole machine, not to a container");
	REFUSED((s.sysctls = &net, s.n_sysctls = 1),
		"kernel parameter 'net.ipv4.ip_forward' cannot be set in the host's network namespace");
	REFUSED((s.mounts = &rel, s.n_mounts = 1), "mount target 'data' is not absolute");
	REFUSED((s.mounts = &gone, s.n_mounts = 1),
		"source '/not/there' of the mount at '/data': No such file or directory");
	REFUSED((s.devices = &nodev, s.n_devices = 1), "'/etc/passwd' is not a device");
	REFUSED((s.devices = &perm, s.n_devices = 1),
		"device permissions 'rx' of '/dev/null' are not made of r, w and m");
	REFUSED(s.device_cgroup_rules = rules, "device cgroup rule 'c 1 rw' is not understood");
	REFUSED(s.limits.mem_bytes = 1000, "mem_limit 1000 is too small (at least 6 MiB)");
	REFUSED((s.limits.mem_bytes = 8 << 20, s.limits.memswap_bytes = 7 << 20),
		"memswap_limit 7340032 is below mem_limit 8388608 (it is the sum of memory and swap)");
	REFUSED((s.oom_score_adj_set = true, s.oom_score_adj = 1001),
		"oom_score_adj 1001 is out of range (-1000 to 1000)");
	REFUSED(s.userns = "auto", "user namespace 'auto' is not supported (only 'host')");
	REFUSED(s.hostname = "\xff", "hostname is not UTF-8 text");
	live_close(&l);
}

static void test_warnings_once(void **state)
{
	const char *const args[] = {"true", NULL}, *const opt[] = {"apparmor=mine", "apparmor=mine", NULL};
	auto_err struct err err = ERR_INIT;
	struct live l;
	live_open(&l, NULL);
	struct oci_spec s = live_spec(&l, args);
	s.security_opt = opt;
	ok(oci_bundle_write(l.bundle_fd, &s, l.warnings, &err), err);
	ok(oci_bundle_write(l.bundle_fd, &s, l.warnings, &err), err);
	assert_int_equal(json_array_size(l.warnings), oci_host()->apparmor ? 0 : 1);
	live_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_security),
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_privileged),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_network_namespace),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_warnings_once),
	};
	return cmocka_run_group_tests(tests, live_private_mounts, NULL);
}
