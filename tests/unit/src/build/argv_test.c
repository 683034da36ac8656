/* argv_test - each attribute of `build:` and each option of the command line, and the words that they become. */
#include "../../compose/fx_model.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/build/argv.h"
#include "../../../../src/build/warn.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/path.h"

static const struct argv_places places = {
	.storage = "/s/build/storage", .run = "/r/build/1/web", .iid = "/t/iid", .out = "/t/out", .images = "/s/images",
	.runtime = "/usr/bin/crun", .cgroup = "/davit-build/1-0", .max_files = 20000, .max_processes = 2000000000,
};

/* A directory with a Dockerfile and what else the cases name. */
static const char *context_dir(void)
{
	static const char *const files[] = { "Dockerfile", "Other", "Other.dockerignore", "key" };
	static char dir[64];

	if (!*dir) {
		snprintf(dir, sizeof dir, "/tmp/argv_test.XXXXXX");
		assert_non_null(mkdtemp(dir));
		for (size_t i = 0; i < ARRAY_LEN(files); i++) {
			auto_free char *path = path_join(dir, files[i]);

			assert_int_equal(path_write(AT_FDCWD, path, "FROM busybox", 12, 0644, 0, NULL), 0);
		}
	}
	return dir;
}

static int remove_dir(void **state)
{
	return path_remove_tree(AT_FDCWD, context_dir(), NULL);
}

struct made {
	struct build_spec spec;
	struct strs argv, warnings;
	struct err err;
	struct pos pos;
	int r;
};

static struct build_opts no_opts(void)
{
	return (struct build_opts){ 0 };
}

/* The build of service a, whose `build:` has these lines beside the context. */
static void make(struct fx *fx, const char *lines, const struct build_opts *o, struct made *ret)
{
	struct project *p = fx_model(fx, arena_printf(fx->a,
		"services:\n  a:\n    build:\n      context: %s\n%s"
		"  base: {image: 'demo/base', build: {context: /nowhere}}\n"
		"secrets: {s: {file: %s/key}, c: {environment: HUSH}, n: {file: /nowhere}}\n", context_dir(), lines, context_dir()));

	*ret = (struct made){ 0 };
	ret->r = spec_make(p, project_service(p, "a"), o, "1.2", context_dir(), &ret->spec, &ret->pos, &ret->err);
}

static void made_done(struct made *m)
{
	if (m->r == 0)
		spec_done(&m->spec);
	strs_done(&m->argv);
	strs_done(&m->warnings);
	err_done(&m->err);
}

static void show(const struct strs *argv)
{
	for (size_t i = 0; i < argv->n; i++)
		print_message("  %s\n", argv->v[i]);
}

/* `want` are words that follow each other, separated by blanks; "!word": it is not there. @ is the context directory. */
static bool has_words(const struct strs *argv, const char *want)
{
	auto_strs struct strs words = STRS_INIT;
	bool not_there = *want == '!';
	size_t n;

	for (const char *p = want + not_there; *p; p += n + (p[n] == ' ')) {
		n = strcspn(p, " ");
		strs_addn(&words, p, n);
	}
	for (size_t i = 0; i + words.n <= argv->n; i++) {
		size_t k = 0;

		while (k < words.n && STREQ(argv->v[i + k], words.v[k]))
			k++;
		if (k == words.n)
			return !not_there;
	}
	return not_there;
}

static char *with_dir(struct fx *fx, const char *text)
{
	const char *at = strchr(text, '@');

	return at ? arena_printf(fx->a, "%.*s%s%s", (int)(at - text), text, context_dir(), with_dir(fx, at + 1)) : arena_strdup(fx->a, text);
}

struct attribute {
	const char *lines;               /* below build: */
	const char *buildah, *buildkit;
	const char *warning, *warning_kit; /* with buildah, with BuildKit; NULL: none */
};

static void note_warning(void *arg, const char *where, const char *text)
{
	strs_printf(arg, "%s: %s", where, text);
}

/* One at most, and that one. */
static void expect_warning(struct made *m, const char *want)
{
	build_warnings(&m->spec, note_warning, &m->warnings);
	assert_int_equal(m->warnings.n, want != NULL);
	if (want)
		assert_string_equal(m->warnings.v[0], want);
}

static const struct attribute attributes[] = {
	{ "", "buildah --root=/s/build/storage --runroot=/r/build/1/web/storage --cgroup-manager=cgroupfs build --format=docker --layers --force-rm",
	  "buildctl build --progress plain --frontend dockerfile.v0" },
	{ "", "-- @", "--local context=@" },
	{ "", "--file=@/Dockerfile", "--opt filename=Dockerfile" },
	{ "", "--pull=false", "!image-resolve-mode=pull" },
	{ "", "--network=host", "!force-network-mode=host" },
	{ "", "--isolation=oci --runtime=/usr/bin/crun --runtime-flag=root=/r/build/1/web/runtime --cgroup-parent=/davit-build/1-0", NULL },
	{ "", "--iidfile=/t/iid", "--metadata-file /t/iid" },
	{ "", "--ulimit=nofile=20000:20000 --ulimit=nproc=1048576:1048576", NULL },
	{ "", "--tag=docker.io/library/demo-a:latest",
	  "--output type=oci,tar=false,dest=/t/out,name=docker.io/library/demo-a:latest,compression=gzip,compression-level=1" },
	{ "", "--label=com.docker.compose.project=demo --label=com.docker.compose.service=a --label=com.docker.compose.version=1.2",
	  "--opt label:com.docker.compose.project=demo" },
	{ "      dockerfile: Other\n", "--file=@/Other --ignorefile=@/Other.dockerignore", "--opt filename=Other" },
	{ "      dockerfile_inline: FROM x\n", "--file=@/Dockerfile", "--local dockerfile=@" },
	{ "      args: {A: 1, B: '', C: }\n", "--build-arg=A=1 --build-arg=B=", "--opt build-arg:A=1 --opt build-arg:B=" },
	{ "      args: {A: 1, C: }\n", "!--build-arg=C", "!build-arg:C" },
	{ "      target: t\n", "--target=t", "--opt target=t" },
	{ "      dockerfile_inline: \"FROM --platform=$BUILDPLATFORM a\"\n", "--file=@/Dockerfile.adapted", NULL },
	{ "      dockerfile_inline: \"FROM a\\nARG TARGETOS\"\n", "--build-arg=TARGETOS=linux", NULL },
	{ "      platforms: [linux/arm64]\n      dockerfile_inline: \"FROM a\\nARG TARGETOS BUILDOS\"\n", "--build-arg=BUILDOS=linux --label=com.docker.compose.project=demo", NULL },
	{ "      target: here\n      dockerfile_inline: \"FROM a AS here\\nFROM b\"\n", "--file=@/Dockerfile.adapted", "--opt target=here" },
	{ "      target: here\n      dockerfile_inline: \"FROM a AS here\\nFROM b\"\n", "!--target=here", "--opt filename=Dockerfile" },
	{ "      labels: {l: v}\n", "--label=l=v", "--opt label:l=v" },
	{ "      tags: ['r.io/a:1', x]\n", "--tag=r.io/a:1 --tag=docker.io/library/x:latest", NULL },
	{ "      no_cache: true\n", "--no-cache", "--opt no-cache=" },
	{ "      no_cache_filter: [s]\n", "--no-cache", "--opt no-cache=s", "build/no_cache_filter: buildah builds all stages without cache, not only those that no_cache_filter names" },
	{ "      pull: true\n", "--pull=false", "--opt image-resolve-mode=pull" },
	{ "      network: none\n", "--network=none", "--opt force-network-mode=none" },
	{ "      network: default\n", "--network=host", "!force-network-mode=default" },
	{ "      network: host\n", "--network=host", "--allow network.host" },
	{ "      isolation: chroot\n", "--isolation=chroot", NULL, NULL, "build/isolation: isolation 'chroot' has no effect with BuildKit on Linux" },
	{ "      isolation: chroot\n", "!--runtime=/usr/bin/crun", NULL, NULL, "build/isolation: isolation 'chroot' has no effect with BuildKit on Linux" },
	{ "      isolation: default\n", "--isolation=oci", NULL },
	{ "      isolation: hyperv\n", "--isolation=oci", NULL, "build/isolation: isolation 'hyperv' has no effect with buildah on Linux",
	  "build/isolation: isolation 'hyperv' has no effect with BuildKit on Linux" },
	{ "      platforms: [linux/arm64]\n", "--platform=linux/arm64", "--opt platform=linux/arm64" },
	{ "      platforms: [arm64, linux/amd64, linux/arm64/v8]\n", "--platform=linux/arm64", "--opt platform=linux/arm64,linux/amd64" },
	{ "      extra_hosts: {h: 10.0.0.1}\n", "--add-host=h:10.0.0.1", "--opt add-hosts=h=10.0.0.1" },
	{ "      network: host\n      extra_hosts: {h: host-gateway}\n", "--add-host=h:127.0.0.1", "--opt add-hosts=h=127.0.0.1" },
	{ "      shm_size: 1k\n", "--shm-size=1024", "--opt shm-size=1024" },
	{ "      ulimits: {nofile: {soft: 1, hard: 2}, core: 0}\n", "--ulimit=core=0:0 --ulimit=nofile=1:2", "--opt ulimit=core=0:0,nofile=1:2" },
	{ "      ulimits: {nofile: 5}\n", "!--ulimit=nofile=20000:20000", NULL },
	{ "      privileged: true\n", "--cap-add=ALL --security-opt=seccomp=unconfined", "--allow security.insecure" },
	{ "      entitlements: [security.insecure]\n", "--cap-add=ALL", "--allow security.insecure" },
	{ "      secrets: [s, {source: s, target: other}]\n", "--secret=id=s,src=@/key", "--secret id=s,src=@/key" },
	{ "      secrets: [{source: s, target: other}]\n", "--secret=id=other,src=@/key", NULL },
	{ "      secrets: [c]\n", "--secret=id=c,src=@/secret-0", NULL },
	{ "      secrets: [{source: s, mode: 0400}]\n", "--secret=id=s,src=@/key", NULL,
	  "build/secrets/0: secret 's': uid, gid and mode have no effect with buildah: write them in RUN --mount=type=secret",
	  "build/secrets/0: secret 's': uid, gid and mode have no effect with BuildKit: write them in RUN --mount=type=secret" },
	{ "      ssh: ['k=@/key']\n", "--ssh=k=@/key", "--ssh k=@/key" },
	{ "      ssh: [default]\n", "--ssh=default", "--ssh default" },
	{ "      cache_from: ['r.io:5000/c:tag']\n", "--cache-from=r.io:5000/c", "--import-cache type=registry,ref=r.io:5000/c:tag" },
	{ "      cache_to: ['type=registry,ref=r.io/c,mode=max']\n", "--cache-to=r.io/c", "--export-cache type=registry,ref=r.io/c,mode=max" },
	{ "      cache_from: ['type=local,src=/c']\n", "!--cache-from=/c", "--import-cache type=local,src=/c",
	  "build/cache_from/0: 'type=local,src=/c' has no effect with buildah, whose cache is in registries only (type=registry,ref=REPOSITORY)" },
	{ "      cache_to: [r.io/c, type=inline]\n", "--cache-to=r.io/c", "--export-cache type=inline",
	  "build/cache_to/1: 'type=inline' has no effect with buildah, whose cache is in registries only (type=registry,ref=REPOSITORY)" },
	{ "      provenance: mode=max\n", "", NULL, "build/provenance: no provenance is made with buildah: davit's store keeps no attestations",
	  "build/provenance: no provenance is made with BuildKit: davit's store keeps no attestations" },
	{ "      sbom: true\n", "", NULL, "build/sbom: no SBOM is made with buildah: davit's store keeps no attestations",
	  "build/sbom: no SBOM is made with BuildKit: davit's store keeps no attestations" },
	{ "      provenance: false\n      sbom: false\n      entitlements: [network.host]\n", "!--cap-add=ALL", "--allow network.host" },
	{ "      additional_contexts: {c: /some/dir}\n", "--build-context=c=/some/dir", "--opt context:c=local:context-0 --local context-0=/some/dir" },
	{ "      additional_contexts: {c: 'https://x/y.git'}\n", "--build-context=c=https://x/y.git", "--opt context:c=https://x/y.git" },
	{ "      additional_contexts: {c: 'docker-image://redis:7'}\n", "--build-context=c=container-image://docker.io/library/redis:7",
	  "--opt context:c=docker-image://docker.io/library/redis:7" },
	{ "      additional_contexts: {c: 'service:base'}\n", "--build-context=c=container-image://docker.io/demo/base:latest", NULL },
};

static void test_attributes(void **state)
{
	struct fx *fx = *state;
	const struct build_opts o = no_opts(), for_kit = { .tool = BUILD_BUILDKIT };

	setenv("SSH_AUTH_SOCK", "/agent", 1);
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
		const struct attribute *a = &attributes[i];
		auto_strs struct strs bases = STRS_INIT, kit = STRS_INIT;
		struct argv_places at = places;
		struct made m;

		make(fx, with_dir(fx, a->lines), &o, &m);
		if (m.r < 0)
			fail_msg("%s: %s", a->lines, err_msg(&m.err));
		at.platform = m.spec.platforms.n ? m.spec.platforms.v[0] : NULL;
		argv_buildah_build(&m.spec, &at, &m.argv);
		if (!has_words(&m.argv, with_dir(fx, a->buildah))) {
			show(&m.argv);
			fail_msg("'%s': buildah is not asked '%s'", a->lines, a->buildah);
		}
		expect_warning(&m, a->warning);
		made_done(&m);
		make(fx, with_dir(fx, a->lines), &for_kit, &m);
		argv_buildkit_build(&m.spec, &places, &bases, &kit);
		if (a->buildkit && !has_words(&kit, with_dir(fx, a->buildkit))) {
			show(&kit);
			fail_msg("'%s': buildctl is not asked '%s'", a->lines, a->buildkit);
		}
		expect_warning(&m, a->warning_kit);
		made_done(&m);
	}
}

static void test_options(void **state)
{
	struct fx *fx = *state;
	auto_strs struct strs args = STRS_INIT, ssh = STRS_INIT;
	struct build_opts o = { .no_cache = true, .pull = true, .args = &args, .ssh = &ssh, .memory = "1g" };
	struct made m;

	setenv("FROM_ENVIRONMENT", "e", 1);
	unsetenv("NOWHERE_SET");
	strs_add(&args, "A=2");
	strs_add(&args, "FROM_ENVIRONMENT");
	strs_add(&args, "NOWHERE_SET");
	strs_printf(&ssh, "k=%s/key", context_dir());
	make(fx, "      args: {A: 1}\n", &o, &m);
	assert_int_equal(m.r, 0);
	argv_buildah_build(&m.spec, &places, &m.argv);
	assert_true(has_words(&m.argv, "--build-arg=A=1 --build-arg=A=2 --build-arg=FROM_ENVIRONMENT=e"));
	assert_true(has_words(&m.argv, "--no-cache"));
	assert_true(has_words(&m.argv, "--memory=1g"));
	assert_true(has_words(&m.argv, with_dir(fx, "--ssh=k=@/key")));
	made_done(&m);
}

/* Nobody but the builder sees the Dockerfile: it is the one to pull. */
static void test_remote(void **state)
{
	struct fx *fx = *state;
	const struct build_opts o = { .pull = true };
	struct project *p = fx_model(fx, "services:\n  a: {build: {context: 'https://x/y.git#main', dockerfile: D}}\n");
	struct made m = { 0 };

	m.r = spec_make(p, project_service(p, "a"), &o, "1.2", context_dir(), &m.spec, &m.pos, &m.err);
	assert_int_equal(m.r, 0);
	argv_buildah_build(&m.spec, &places, &m.argv);
	assert_true(has_words(&m.argv, "--pull=always") && has_words(&m.argv, "--file=D") && has_words(&m.argv, "-- https://x/y.git#main"));
	made_done(&m);
}

static void test_places(void **state)
{
	struct fx *fx = *state;
	const struct build_opts o = no_opts();
	struct argv_places at = places;
	auto_strs struct strs argv = STRS_INIT, bases = STRS_INIT, kit = STRS_INIT, driver = STRS_INIT;
	struct made m;

	make(fx, "", &o, &m);
	at.isolation = "chroot";
	argv_buildah_build(&m.spec, &at, &argv);
	assert_true(has_words(&argv, "!--isolation=oci") && has_words(&argv, "!--isolation=chroot") && has_words(&argv, "!--runtime=/usr/bin/crun"));
	at.isolation = at.runtime = NULL;
	argv_buildah_build(&m.spec, &at, &m.argv);
	assert_true(has_words(&m.argv, "--isolation=chroot") && has_words(&m.argv, "!--storage-driver=vfs"));
	at.driver = "vfs";
	argv_buildah(&at, &driver);
	assert_true(has_words(&driver, "buildah --root=/s/build/storage --storage-driver=vfs --runroot=/r/build/1/web/storage"));
	strs_add(&bases, "redis:7=sha256:12");
	argv_buildkit_build(&m.spec, &at, &bases, &kit);
	assert_true(has_words(&kit, "--oci-layout davit=/s/images --opt context:redis:7=oci-layout://davit@sha256:12"));
	made_done(&m);
}

static const struct { const char *lines, *why; } wrong[] = {
	{ "      dockerfile: Missing\n", "service 'a': Dockerfile '@/Missing': No such file or directory" },
	{ "      secrets: [n]\n", "service 'a': secret 'n': file '/nowhere': No such file or directory" },
	{ "      ssh: [k=/nowhere]\n", "service 'a': SSH key '/nowhere': No such file or directory" },
	{ "      entitlements: [device]\n", "service 'a': entitlement 'device' is not known: network.host or security.insecure" },
	{ "      tags: [A B]\n", NULL },
};

static void test_wrong(void **state)
{
	struct fx *fx = *state;
	const struct build_opts o = no_opts();

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct made m;

		make(fx, wrong[i].lines, &o, &m);
		assert_int_equal(m.r, -1);
		if (wrong[i].why)
			assert_string_equal(err_msg(&m.err), with_dir(fx, wrong[i].why));
		assert_int_equal(m.pos.line == 4 || m.pos.line == 5, 1);
		made_done(&m);
	}
}

static void test_images(void **state)
{
	struct fx *fx = *state;
	const struct build_opts o = no_opts();
	struct dockerfile_bases images = { 0 };
	struct made m;

	make(fx, "      dockerfile_inline: \"FROM c\\nCOPY --from=redis a b\\nFROM d\"\n"
		 "      additional_contexts: {c: 'service:base', d: /dir}\n", &o, &m);
	spec_images(&m.spec, NULL, &images);
	assert_int_equal(images.n, 2);
	assert_string_equal(images.v[0].name, "redis");
	assert_string_equal(images.v[1].name, "docker.io/demo/base:latest");
	dockerfile_bases_done(&images);
	made_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(test_attributes),
		FX_TEST(test_options),
		FX_TEST(test_places),
		FX_TEST(test_remote),
		FX_TEST(test_wrong),
		FX_TEST(test_images),
	};

	return cmocka_run_group_tests(tests, NULL, remove_dir);
}
