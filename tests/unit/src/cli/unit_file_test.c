/* The text of a unit, and what of the model goes into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../../../compose/project.h"
#include "../../../../src/cli/unit_file.h"
#include "../../../../src/util/auto.h"

static struct project *model(const char *services)
{
	auto_buf struct buf b = BUF_INIT;
	auto_err struct err err = ERR_INIT;
	struct compose_opts o = { .project_name = "shop" };
	struct diag d = DIAG_INIT;
	struct project *p = NULL;
	char path[] = "/tmp/unit-file-test-XXXXXX";
	int fd = mkstemp(path);

	buf_printf(&b, "services:\n%s", services);
	assert_int_equal(write(fd, b.p, b.len), (ssize_t)b.len);
	close(fd);
	strs_add(&o.files, path);
	if (compose_load(&o, &d, &p) < 0)
		fail_msg("%s", d.n ? d.items[0].msg : "?");
	unlink(path);
	strs_done(&o.files);
	diag_done(&d);
	return p;
}

static void it_says_all_of_it(void **state)
{
	struct unit_file u = { .project = "shop", .program = "/usr/local/bin/davit", .state_dir = "/var/lib/davit", .run_dir = "/run/davit",
			       .stop_s = 42 };
	auto_buf struct buf b = BUF_INIT;

	strs_add(&u.mounts, "/var/lib/davit");
	strs_add(&u.mounts, "/srv/my shop/100%");
	unit_file_text(&u, &b);
	assert_non_null(strstr(b.p, "\nRequiresMountsFor=/var/lib/davit \"/srv/my shop/100%%\"\n"));
	assert_non_null(strstr(b.p, "\nExecStart=/usr/local/bin/davit --state-dir /var/lib/davit --run-dir /run/davit "
				    "--project-name shop boot\n"));
	assert_non_null(strstr(b.p, " --project-name shop shutdown\n"));
	assert_non_null(strstr(b.p, "\nTimeoutStopSec=42\n"));
	assert_non_null(strstr(b.p, "\nAfter=network-online.target remote-fs.target local-fs.target davit-shop.scope\n"));
	assert_null(strstr(b.p, "--runtime"));
	strs_done(&u.mounts);
}

static void words_are_quoted_for_where_they_stand(void **state)
{
	struct unit_file u = { .project = "shop", .program = "/opt/a \"b\"/da$vit", .state_dir = "/s\\t", .run_dir = "/run/davit",
			       .runtime = "runc" };
	auto_buf struct buf b = BUF_INIT;

	strs_add(&u.mounts, "/a$b");
	unit_file_text(&u, &b);
	assert_non_null(strstr(b.p, "\nExecStart=\"/opt/a \\\"b\\\"/da$$vit\" --state-dir \"/s\\\\t\" --run-dir /run/davit --runtime runc "));
	assert_non_null(strstr(b.p, "\nRequiresMountsFor=\"/a$b\"\n"));
	strs_done(&u.mounts);
}

static void stopping_takes_as_long_as_the_longest_chain(void **state)
{
	struct project *p = model("  db: {image: x, stop_grace_period: 1m}\n"
				  "  api: {image: x, depends_on: [db]}\n"
				  "  web: {image: x, depends_on: [api, db], stop_grace_period: 1500ms}\n"
				  "  slow: {image: x, stop_grace_period: 70s}\n");

	assert_int_equal(unit_file_stop_s(p), (60 + 2) + (10 + 2) + (2 + 2) + 30);
	project_free(p);
}

static void mounts_are_the_hosts_files(void **state)
{
	struct project *p = model("  db: {image: x, volumes: ['/srv/data:/data', 'v:/v', '/srv/data:/again'], configs: [c]}\n"
				  "volumes: {v: }\n"
				  "configs: {c: {file: /etc/c.conf}}\n");
	struct strs l = STRS_INIT;

	unit_file_mounts(p, &l);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0], "/tmp");
	assert_string_equal(l.v[1], "/srv/data");
	assert_string_equal(l.v[2], "/etc/c.conf");
	strs_done(&l);
	project_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_all_of_it),
		cmocka_unit_test(words_are_quoted_for_where_they_stand),
		cmocka_unit_test(stopping_takes_as_long_as_the_longest_chain),
		cmocka_unit_test(mounts_are_the_hosts_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
