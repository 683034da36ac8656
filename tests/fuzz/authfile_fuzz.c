/* Any bytes as config.json or auth.json: refused with its place, or read; and what is set is found, what is taken away is not. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/reg/authfile.h"
#include "../../src/util/auto.h"
#include "../../src/util/json.h"
#include "../../src/util/mem.h"
#include "../../src/util/str.h"
#include "fuzz.h"

static const char *const registries[] = { "docker.io", "localhost:5000", "registry.example" };

static void find(const json_t *doc, const char *registry)
{
	auto_reg_creds struct reg_creds whole = { 0 }, scoped = { 0 };
	auto_err struct err err = ERR_INIT, other = ERR_INIT;
	int r = authfile_whole("file", doc, registry, &whole, &err);

	require((r < 0) == (err.msg != NULL) && (r == 1) == (whole.user || whole.identity_token));
	r = authfile_scoped("file", doc, registry, "a/b/c", &scoped, &other);
	require((r < 0) == (other.msg != NULL) && (r == 1) == (scoped.user || scoped.identity_token));
	require(!authfile_helper(doc, registry) || *authfile_helper(doc, registry));
}

static void change(json_t *doc, const char *registry)
{
	const struct reg_creds mine = { .user = (char *)"me", .password = (char *)"a:b" };
	auto_reg_creds struct reg_creds found = { 0 };

	if (authfile_set("file", doc, registry, &mine, NULL) < 0)
		return;
	require(authfile_whole("file", doc, registry, &found, NULL) == 1 && STREQ(found.user, "me") && STREQ(found.password, "a:b"));
	require(authfile_unset(doc, registry) == 1 && authfile_unset(doc, registry) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_close int fd = memfd_create("auth", MFD_CLOEXEC);
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);
	auto_err struct err err = ERR_INIT;
	auto_json json_t *doc = NULL;

	require(fd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	if (authfile_read(path, &doc, &err) < 0) {
		require(err.kind == ERR_INPUT);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(registries); i++) {
		find(doc, registries[i]);
		change(doc, registries[i]);
	}
	return 0;
}
