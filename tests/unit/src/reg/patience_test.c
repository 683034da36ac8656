/* What passes and what does not: broken and slow answers, silence, being asked to wait. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "fake.h"

/* ------------------------------------------------------------------ broken */

/* What passes: each ends with the right bytes, after so many requests. */
static void broken_blobs_are_mended(void **state)
{
	static const struct {
		const char *rule, *range; /* of the second request */
		int requests;
	} cases[] = {
		{ "'truncate': 300000, 'times': 1", "bytes=300000-", 2 },
		{ "'truncate': 300000", "bytes=300000-", 4 },
		{ "'reset': 0, 'times': 3", NULL, 4 },
		{ "'truncate': 300000, 'no_range': true, 'times': 1", "bytes=300000-", 2 },
		{ "'truncate': 300000, 'length': 1048576, 'times': 1", "bytes=300000-", 2 },
		{ "'status': 503, 'times': 2", NULL, 3 },
		{ "'status': 500, 'times': 5", NULL, 6 },
		{ "'status': 408, 'times': 1", NULL, 2 },
		{ "'rate': 3000000", NULL, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_close int fd = memory_file();
		auto_end struct end e = { 0 };

		conf("{'rules': [{'on': 'blobs', %s}]}", cases[i].rule);
		log_clear(&fake);
		get_blob(&e, &at, fd);
		wait_end(&e);
		if (e.err.kind || count_asked(&fake, "GET") != cases[i].requests)
			fail_msg("%s: %s; %d requests", cases[i].rule, text_of(&e), count_asked(&fake, "GET"));
		assert_is_blob(fd);
		if (cases[i].requests > 1) {
			auto_free char *range = field_of(&fake, "GET", 1, "range");

			assert_true(str_eq(range, cases[i].range));
		}
	}
}

/* ------------------------------------------------------------------ slow */

static void what_stalls_is_asked_for_again(void **state)
{
	auto_close int fd = memory_file(), other = memory_file();
	auto_end struct end e = { 0 }, at_once = { 0 };
	const char *again;

	new_reg_with(20, 1, 0);
	conf("{'rules': [{'on': 'blobs', 'stall': 300000, 'times': 1}, {'on': 'blobs', 'stall': -1, 'times': 1}]}");
	get_blob(&e, &at, fd);
	get_blob(&at_once, &at, other);
	assert_good(&e);
	assert_good(&at_once);
	assert_is_blob(fd);
	assert_is_blob(other);
	again = strstr(told.p, "nothing came for 1 s; trying again in ");
	assert_true(again && strstr(again + 1, "nothing came for 1 s; trying again in "));
}

/* A byte now and then is no silence, and yet has an end. */
static void what_drips_has_an_end(void **state)
{
	auto_end struct end e = { 0 };
	auto_free char *of_all = xasprintf(" of the %zu of its answer so far)", strlen("{\"schemaVersion\":2,\"mediaType\":\"\"}") +
		strlen("application/vnd.oci.image.manifest.v1+json"));

	new_reg_with(20, 20, 300);
	conf("{'rules': [{'on': 'manifests', 'rate': 20}]}");
	get_manifest(&e, &at, "1");
	assert_bad(&e, ERR_TIMEOUT, "tried 2 times: too slow: ");
	assert_true(strstr(text_of(&e), of_all));
	assert_true(strstr(told.p, "too slow: "));
	assert_int_equal(count_asked(&fake, "GET"), 2);
}

/* What a blob that drips has brought is kept, and counts for nothing: another such one is the last. */
static void a_blob_that_drips_has_an_end(void **state)
{
	auto_close int fd = memory_file(), other = memory_file();
	auto_end struct end good = { 0 }, bad = { 0 };
	struct reg_place always = place(&fake, "always");
	auto_free char *range = NULL;
	char digest[80];

	fake_blob("always", blob_text, BLOB_SIZE, digest);
	new_reg_with(20, 20, 1000); /* the head of the answer alone must not be enough */
	conf("{'rules': [{'on': 'always', 'rate': 20}, {'on': 'blobs', 'rate': 20, 'times': 1}]}");
	get_blob(&good, &at, fd);
	get_blob(&bad, &always, other);
	assert_good(&good);
	assert_is_blob(fd);
	range = field_of(&fake, "GET /v2/app/blobs", 1, "range");
	assert_true(range && !STREQ(range, "bytes=0-"));
	assert_bad(&bad, ERR_TIMEOUT, "tried 2 times: too slow: ");
}

/* ------------------------------------------------------------------ wrong */

/* The registry does not resume as it should: the beginning comes again, and is dropped. */
static void a_registry_that_cannot_resume_begins_anew(void **state)
{
	static const char *const ways[] = { "'no_range': true", "'range_416': true", "'content_range': 'bytes 0-1048575/1048576'",
		"'content_range': 'bytes 300000-1048575/99'", "'content_range': 'nonsense'" };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		auto_close int fd = memory_file();
		auto_end struct end e = { 0 };

		conf("{'rules': [{'on': 'blobs', 'truncate': 300000, 'times': 1}, {'on': 'blobs', %s}]}", ways[i]);
		get_blob(&e, &at, fd);
		assert_good(&e);
		assert_is_blob(fd);
	}
}

static void what_does_not_pass_ends_with_its_reason(void **state)
{
	static const struct {
		const char *rule, *words;
		int requests;
		enum err_kind kind;
	} cases[] = {
		{ "'corrupt': 500000", "what came has the digest sha256:", 1, ERR_PROTO },
		{ "'length': 1000000", "it is to have 1048576 bytes, the registry has 1000000", 1, ERR_PROTO },
		{ "'endless': true", "larger than the 1048576 bytes", 1, ERR_PROTO },
		{ "'truncate': 0", "tried 6 times: ", 6, ERR_FAIL },
		{ "'truncate': 300000, 'no_range': true", "tried 6 times: ", 6, ERR_FAIL },
		{ "'status': 500", "tried 6 times: 500 Internal Server Error", 6, ERR_FAIL },
		{ "'status': 403", "403 Forbidden", 1, ERR_PERM },
		{ "'status': 404, 'body': '{\\'errors\\': [{\\'code\\': \\'BLOB_UNKNOWN\\'}]}'", "404 Not Found: BLOB_UNKNOWN", 1,
			ERR_NOT_FOUND },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_close int fd = memory_file();
		auto_end struct end e = { 0 };

		conf("{'rules': [{'on': 'blobs', %s}]}", cases[i].rule);
		log_clear(&fake);
		get_blob(&e, &at, fd);
		assert_bad(&e, cases[i].kind, cases[i].words);
		if (count_asked(&fake, "GET") != cases[i].requests)
			fail_msg("%s: %d requests", cases[i].rule, count_asked(&fake, "GET"));
	}
}

/* A resumed blob whose beginning has changed meanwhile is found by its hash. */
static void a_changed_beginning_is_found(void **state)
{
	auto_close int fd = memory_file();
	auto_end struct end e = { 0 };

	conf("{'rules': [{'on': 'blobs', 'truncate': 300000, 'corrupt': 5, 'times': 1}]}");
	get_blob(&e, &at, fd);
	assert_bad(&e, ERR_PROTO, "what came has the digest");
}

/* ------------------------------------------------------------------ waiting */

static void retry_after_is_kept(void **state)
{
	int64_t began = clock_mono_ns();
	auto_end struct end e = { 0 };

	conf("{'rules': [{'on': '.', 'status': 429, 'times': 1, 'headers': {'Retry-After': '1'}}]}");
	get_manifest(&e, &at, "1");
	assert_good(&e);
	assert_true(clock_mono_ns() - began >= SEC_NS);
	assert_true(strstr(told.p, "429 Too Many Requests; trying again in 1.0 s"));
}

static void retry_after_may_be_a_date(void **state)
{
	auto_end struct end e = { 0 };
	time_t soon = time(NULL) + 2;
	int64_t began = clock_mono_ns();
	struct tm tm;
	char date[64];

	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&soon, &tm));
	conf("{'rules': [{'on': '.', 'status': 503, 'times': 1, 'headers': {'Retry-After': '%s'}}]}", date);
	get_manifest(&e, &at, "1");
	assert_good(&e);
	assert_true(clock_mono_ns() - began >= SEC_NS / 2);
}

static void retry_after_holds_for_all(void **state)
{
	auto_end struct end first = { 0 }, other = { 0 };
	int64_t began;

	conf("{'rules': [{'on': '.', 'status': 429, 'times': 1, 'headers': {'Retry-After': '1'}}]}");
	get_manifest(&first, &at, "1");
	while (!told.p)
		event_base_loop(base, EVLOOP_ONCE);
	began = clock_mono_ns();
	get_manifest(&other, &at, manifest_digest);
	assert_good(&other);
	assert_true(clock_mono_ns() - began >= SEC_NS * 8 / 10);
	assert_good(&first);
}

static void too_long_a_wait_is_none(void **state)
{
	auto_end struct end e = { 0 };

	conf("{'rules': [{'on': '.', 'status': 429, 'headers': {'Retry-After': '4000'}}]}");
	get_manifest(&e, &at, "1");
	assert_bad(&e, ERR_BUSY, "it wants to be left alone for 4000 s: 429 Too Many Requests");
	assert_true(strstr(e.err.hint, "davit login"));
	assert_int_equal(count_asked(&fake, "GET"), 1);
}

static void nobody_there_is_said_soon(void **state)
{
	auto_end struct end e = { 0 }, mirrored = { 0 };
	struct reg_place nowhere = at, mirror;

	nowhere.host = (char *)"127.0.0.1:1";
	get_manifest(&e, &nowhere, "1");
	assert_bad(&e, ERR_FAIL, "tried 3 times: ");
	assert_true(e.err.hint && strstr(e.err.hint, "look whether '127.0.0.1' is written as it should be"));
	mirror = nowhere;
	mirror.host = (char *)"127.0.0.1:2";
	mirror.mirror = true;
	buf_done(&told);
	get_manifest(&mirrored, &mirror, "1");
	assert_bad(&mirrored, ERR_FAIL, "127.0.0.1");
	assert_null(told.p);
}

/* What can be built is not waited for. */
static void nobody_there_is_asked_once_for_what_can_be_built(void **state)
{
	auto_end struct end e = { 0 };
	struct reg_place nowhere = at;

	nowhere.host = (char *)"127.0.0.1:1";
	nowhere.optional = true;
	get_manifest(&e, &nowhere, "1");
	assert_bad(&e, ERR_FAIL, "127.0.0.1");
	assert_null(strstr(text_of(&e), "tried"));
	assert_null(told.p);
}

/* Somebody listens who never answers: no connection is made beyond the first that waits to be accepted. */
static void nobody_who_answers_is_said_once(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_end struct end e = { 0 };
	struct reg_place silent = at;
	socklen_t n = sizeof a;
	char host[32];

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	snprintf(host, sizeof host, "127.0.0.1:%u", ntohs(a.sin_port));
	silent.host = host;
	silent.plain_http = false;
	new_reg_with(1, 20, 0);
	get_manifest(&e, &silent, "1");
	assert_bad(&e, ERR_TIMEOUT, "no connection within 1 s");
	assert_null(told.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		reg_test(broken_blobs_are_mended),
		reg_test(what_stalls_is_asked_for_again),
		reg_test(what_drips_has_an_end),
		reg_test(a_blob_that_drips_has_an_end),
		reg_test(a_registry_that_cannot_resume_begins_anew),
		reg_test(what_does_not_pass_ends_with_its_reason),
		reg_test(a_changed_beginning_is_found),
		reg_test(retry_after_is_kept),
		reg_test(retry_after_may_be_a_date),
		reg_test(retry_after_holds_for_all),
		reg_test(too_long_a_wait_is_none),
		reg_test(nobody_there_is_said_soon),
		reg_test(nobody_there_is_asked_once_for_what_can_be_built),
		reg_test(nobody_who_answers_is_said_once),
	};

	return cmocka_run_group_tests(tests, all_begin, all_end);
}
