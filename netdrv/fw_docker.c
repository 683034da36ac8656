/* Docker sets the policy of iptables' FORWARD chain to DROP, and a drop there cannot be overruled by our own
 * table. DOCKER-USER is the place that Docker documents for others. Its rules are changed by iptables itself:
 * rules put there through nft make iptables call the chain incompatible. Each rule carries the comment "davit
 * PROJECT"; one listing and one transaction do for any number of bridges. */
#include "fw_docker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/path.h"
#include "../src/util/proc.h"
#include "../src/util/str.h"
#include "nft.h"

enum { IPTABLES_TIMEOUT_MS = 5000, LISTING_MAX_BYTES = 4 * 1024 * 1024 };

/* Tables made by iptables-legacy are not seen through nftables. */
static bool has_legacy_filter(void)
{
	auto_buf struct buf names = BUF_INIT;
	if (path_read(AT_FDCWD, "/proc/net/ip_tables_names", 4096, &names, NULL) < 0 || !names.p)
		return false;
	return strstr(names.p, "filter\n") != NULL;
}

static int memory_file(const char *text, size_t n, struct err *err)
{
	auto_close int fd = memfd_create("davit-iptables", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "make a file in memory");
	if (n && (write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) < 0))
		return err_sys(err, errno, "write a file in memory");
	return take_fd(&fd);
}

/* Files in memory instead of pipes: nothing blocks but the wait, and that has its deadline. */
static int run_iptables(const char *const *argv, int in_fd, int out_fd, int *ret_status, struct err *err)
{
	struct child child;
	struct spawn s = { .argv = argv, .stdio = { in_fd, out_fd, -1 } };
	if (proc_spawn(&s, &child, err) < 0)
		return err_hint(err, "Docker's firewall is on this host, and iptables is needed to pass it");
	return proc_wait(&child, IPTABLES_TIMEOUT_MS, argv[0], ret_status, err);
}

/* The chain's rules as iptables prints them; empty when there is no such chain. */
static int list_rules(struct buf *ret, struct err *err)
{
	static const char *const argv[] = { "iptables", "-w", "2", "-S", "DOCKER-USER", NULL };
	auto_close int out = memory_file(NULL, 0, err);
	int status;
	if (out < 0 || run_iptables(argv, -1, out, &status, err) < 0)
		return -1;
	if (status != 0)
		return 0;
	if (lseek(out, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "read the rules of DOCKER-USER");
	return path_read_fd(out, LISTING_MAX_BYTES, ret, err);
}

static void add_deletions(struct buf *b, const char *listing, const char *project)
{
	auto_buf struct buf mark = BUF_INIT;
	buf_printf(&mark, "--comment \"davit %s\"", project);
	for (const char *line = listing; line && *line;) {
		size_t len = strcspn(line, "\n");
		const char *at = memmem(line, len, mark.p, mark.len);
		if (at && str_starts(line, "-A "))
			buf_printf(b, "-D %.*s\n", (int)(len - 3), line + 3);
		line += len + (line[len] == '\n');
	}
}

static void add_insertions(struct buf *b, const struct fw_spec *spec)
{
	static const char *const what[] = {
		"-i %s",
		"-o %s -m conntrack --ctstate RELATED,ESTABLISHED",
		"-o %s -m conntrack --ctstate DNAT",
	};
	for (size_t i = 0; i < spec->n_nets; i++)
		for (size_t k = 0; k < ARRAY_LEN(what); k++) {
			const char *hole = strstr(what[k], "%s");
			buf_printf(b,
				"-I DOCKER-USER 1 %.*s%s%s -m comment --comment \"davit %s\" -j ACCEPT\n",
				(int)(hole - what[k]), what[k], spec->nets[i].bridge, hole + 2,
				spec->project);
		}
}

int fw_docker_apply(const struct fw_spec *spec, struct err *err)
{
	static const char *const argv[] = { "iptables-restore", "--noflush", "-w", "2", NULL };
	auto_buf struct buf listing = BUF_INIT, rules = BUF_INIT;
	int there = nft_has(NFPROTO_IPV4, "filter", "DOCKER-USER", err);
	if (there < 0)
		return -1;
	if (!there && !has_legacy_filter())
		return 0;
	if (list_rules(&listing, err) < 0)
		return -1;
	if (!listing.len)
		return 0;
	buf_str(&rules, "*filter\n");
	size_t empty = rules.len;
	add_deletions(&rules, listing.p, spec->project);
	add_insertions(&rules, spec);
	if (rules.len == empty)
		return 0;
	buf_str(&rules, "COMMIT\n");
	auto_close int in = memory_file(rules.p, rules.len, err);
	int status;
	if (in < 0 || run_iptables(argv, in, -1, &status, err) < 0)
		return -1;
	if (status != 0)
		return err_set(
			err, ERR_FAIL, "iptables-restore failed to change DOCKER-USER (status %d)", status);
	return 0;
}

int fw_is_shut(char *ret, size_t size)
{
	bool drops;
	if (nft_chain_policy(NFPROTO_IPV4, "filter", "FORWARD", &drops, NULL) <= 0 || !drops ||
		nft_has(NFPROTO_IPV4, "filter", "DOCKER-USER", NULL) != 0)
		return 0;
	bool ufw = nft_has(NFPROTO_IPV4, "filter", "ufw-user-forward", NULL) == 1;
	snprintf(ret, size,
		"%s drops forwarded packets, so containers reach no other network and their ports are not "
		"reached from outside; allow it with '%s'",
		ufw ? "ufw" : "iptables (policy DROP of chain FORWARD)",
		ufw ? "ufw default allow routed" : "iptables -P FORWARD ACCEPT");
	return 1;
}
