#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../../../src/pack/manifest.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/str.h"

#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."
#define CONFIG "'config':{'mediaType':'" OCI "config.v1+json'}"
#define LIST "'manifests':[]"

/* Single quotes for double ones. */
static json_t *doc(const char *text)
{
	auto_free char *json = strdup(text);
	json_t *j;

	for (char *p = json; *p; p++)
		if (*p == '\'')
			*p = '"';
	assert_int_equal(jx_parse(json, strlen(json), &j, NULL), 0);
	return j;
}

static void test_kinds(void **state)
{
	static const struct {
		const char *doc, *type, *refused;
		enum manifest_kind kind;
	} cases[] = {
		{ "{" CONFIG ",'layers':[]}", "", NULL, MANIFEST_IMAGE },
		{ "{" CONFIG ",'layers':[]}", NULL, NULL, MANIFEST_IMAGE },
		{ "{" CONFIG ",'layers':[]}", OCI "manifest.v1+json", NULL, MANIFEST_IMAGE },
		{ "{" CONFIG ",'layers':[]}", DOCKER "distribution.manifest.v2+json", NULL, MANIFEST_IMAGE },
		{ "{" CONFIG ",'layers':[]}", "application/json", NULL, MANIFEST_IMAGE },
		{ "{" LIST "}", OCI "index.v1+json", NULL, MANIFEST_INDEX },
		{ "{" LIST ",'mediaType':'" DOCKER "distribution.manifest.list.v2+json'}", "", NULL, MANIFEST_INDEX },
		{ "{" LIST ",'layers':[]}", "", "as an image and as an index", 0 },
		{ "{" LIST "," CONFIG "}", "", "as an image and as an index", 0 },
		{ "{" LIST "}", OCI "manifest.v1+json", "which it is not", 0 },
		{ "{" LIST ",'mediaType':'" OCI "manifest.v1+json'}", OCI "index.v1+json", "which it is not", 0 },
		{ "{" CONFIG ",'layers':[]}", OCI "index.v1+json", "which it is not", 0 },
		{ "{'schemaVersion':1,'fsLayers':[]}", "", "schema 1", 0 },
		{ "{" CONFIG ",'layers':[]}", DOCKER "distribution.manifest.v1+prettyjws", "schema 1", 0 },
		{ "{'errors':[]}", "", "neither", 0 },
		{ "[]", "", "neither", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_json json_t *d = doc(cases[i].doc);
		auto_err struct err err = ERR_INIT;
		enum manifest_kind kind;
		int r = manifest_kind(d, cases[i].type, &kind, &err);
		if (cases[i].refused ? r == 0 || !strstr(err_msg(&err), cases[i].refused) : r < 0 || kind != cases[i].kind)
			fail_msg("case %zu: %d %s", i, r, err_msg(&err));
	}
}

static void test_images(void **state)
{
	static const char *const cases[][2] = {
		{ "{" CONFIG ",'layers':[]}", NULL },
		{ "{" CONFIG ",'layers':[{'mediaType':'" OCI "layer.v1.tar+zstd'},{'mediaType':'" OCI "layer.v1.tar'}]}", NULL },
		{ "{'config':{'mediaType':'" DOCKER "container.image.v1+json'},'layers':[{'mediaType':'" DOCKER
		  "image.rootfs.diff.tar.gzip'}]}",
			NULL },
		{ "{" CONFIG "}", "not valid" },
		{ "{'layers':[]}", "not valid" },
		{ "{'config':{},'layers':[]}", "an artifact of the type ''" },
		{ "{'config':{'mediaType':'application/vnd.cncf.helm.config.v1+json'},'layers':[]}",
			"an artifact of the type 'application/vnd.cncf.helm.config.v1+json', no container image" },
		{ "{" CONFIG ",'layers':[{'mediaType':'" OCI "layer.v1.tar+gzip+encrypted'}]}", "cannot be unpacked" },
		{ "{" CONFIG ",'layers':[{'mediaType':'text/html\\n'}]}", "'text/html\\n', which cannot be unpacked" },
		{ "{" CONFIG ",'layers':[{}]}", "cannot be unpacked" },
		{ "{" CONFIG ",'layers':['x']}", "cannot be unpacked" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_json json_t *d = doc(cases[i][0]);
		auto_err struct err err = ERR_INIT;
		int r = manifest_check(d, &err);
		if (cases[i][1] ? r == 0 || !strstr(err_msg(&err), cases[i][1]) : r < 0)
			fail_msg("case %zu: %d %s", i, r, err_msg(&err));
	}
}

static void test_too_many_layers(void **state)
{
	auto_json json_t *d = doc("{" CONFIG ",'layers':[]}");

	for (int i = 0; i < 501; i++)
		json_array_append_new(jx_arr(d, "layers"), json_pack("{s:s}", "mediaType", OCI "layer.v1.tar"));
	assert_int_equal(manifest_check(d, NULL), -1);
	json_array_remove(jx_arr(d, "layers"), 0);
	assert_int_equal(manifest_check(d, NULL), 0);
	json_object_set_new(d, "layers", json_null());   /* none at all, as programs in Go write it */
	assert_int_equal(manifest_check(d, NULL), 0);
}

/* Eight megabytes of them took 640. */
static void test_documents_of_nothing(void **state)
{
	auto_buf struct buf text = BUF_INIT;
	auto_err struct err err = ERR_INIT;
	auto_json json_t *doc = NULL;

	buf_str(&text, "[{}");
	for (int i = 0; i < DOC_VALUES / 2 - 10; i++)
		buf_str(&text, ",{}");
	buf_str(&text, "]");
	assert_int_equal(doc_parse(text.p, text.len, &doc, &err), 0);
	text.len--;
	for (int i = 0; i < 20; i++)
		buf_str(&text, ",{}");
	buf_str(&text, "]");
	assert_int_equal(doc_parse(text.p, text.len, &doc, &err), -1);
	assert_non_null(strstr(err_msg(&err), "more than 524288 values"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_too_many_layers),
		cmocka_unit_test(test_documents_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
