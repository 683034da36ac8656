#include "instruction.h"

#include <string.h>
#include <strings.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"

/* ------------------------------------------------------------------ words */

/* One word with its quotes and backslashes undone, as a Dockerfile has them. NULL: a quote is not closed. */
static const char *take_word(const char *p, struct buf *ret)
{
	char quote = 0;

	buf_str(ret, "");
	for (; *p && (quote || !strchr(" \t", *p)); p++) {
		if (*p == '\\' && p[1] && quote != '\'')
			buf_char(ret, *++p);
		else if (quote ? *p == quote : *p == '"' || *p == '\'')
			quote = quote ? 0 : *p;
		else
			buf_char(ret, *p);
	}
	return quote ? NULL : p + strspn(p, " \t");
}

static int split(const char *text, struct strs *ret, struct err *err)
{
	while (*text) {
		auto_buf struct buf word = BUF_INIT;

		text = take_word(text, &word);
		if (!text)
			return err_set(err, ERR_INPUT, "a quote is not closed");
		strs_add(ret, word.p);
	}
	return 0;
}

/* A JSON array of texts, NULL when it is none. */
static json_t *exec_form(const char *text)
{
	json_t *list = NULL;
	const json_t *item;
	size_t i;

	if (*text != '[' || jx_parse(text, strlen(text), &list, NULL) < 0)
		return NULL;
	json_array_foreach(list, i, item)
		if (!json_is_string(item)) {
			json_decref(list);
			return NULL;
		}
	return json_is_array(list) ? list : (json_decref(list), NULL);
}

static json_t *command(const char *text)
{
	json_t *list = exec_form(text);

	return list ? list : json_pack("[s, s, s]", "/bin/sh", "-c", text);
}

/* ------------------------------------------------------------------ instructions */

static json_t *object_at(json_t *config, const char *key)
{
	if (!jx_obj(config, key))
		json_object_set_new(config, key, json_object());
	return jx_obj(config, key);
}

static json_t *array_at(json_t *config, const char *key)
{
	if (!jx_arr(config, key))
		json_object_set_new(config, key, json_array());
	return jx_arr(config, key);
}

static int do_cmd(json_t *config, const char *text, struct err *err)
{
	return json_object_set_new(config, "Cmd", command(text));
}

static int do_entrypoint(json_t *config, const char *text, struct err *err)
{
	return json_object_set_new(config, "Entrypoint", command(text));
}

static void set_env(json_t *env, const char *key, size_t n, const char *value)
{
	auto_free char *text = xasprintf("%.*s=%s", (int)n, key, value);
	size_t i;
	json_t *old;

	json_array_foreach(env, i, old) {
		const char *have = json_string_value(old);

		if (have && strncmp(have, text, n + 1) == 0) {
			json_array_set_new(env, i, json_string(text));
			return;
		}
	}
	json_array_append_new(env, json_string(text));
}

/* "A=b C=d", or "A the rest" as it was once written. */
static int each_pair(const char *text, void (*set)(void *arg, const char *key, size_t n, const char *value), void *arg, struct err *err)
{
	auto_strs struct strs words = STRS_INIT;
	size_t first = strcspn(text, " \t=");

	if (text[first] && text[first] != '=') {
		set(arg, text, first, text + first + strspn(text + first, " \t"));
		return 0;
	}
	if (split(text, &words, err) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++) {
		const char *eq = strchr(words.v[i], '=');

		if (!eq || eq == words.v[i])
			return err_set(err, ERR_INPUT, "'%s' does not have the form NAME=VALUE", words.v[i]);
		set(arg, words.v[i], (size_t)(eq - words.v[i]), eq + 1);
	}
	return 0;
}

static void on_env(void *arg, const char *key, size_t n, const char *value)
{
	set_env(arg, key, n, value);
}

static void on_label(void *arg, const char *key, size_t n, const char *value)
{
	auto_free char *name = xstrndup(key, n);

	jx_set_str(arg, name, value);
}

static int do_env(json_t *config, const char *text, struct err *err)
{
	return each_pair(text, on_env, array_at(config, "Env"), err);
}

static int do_label(json_t *config, const char *text, struct err *err)
{
	return each_pair(text, on_label, object_at(config, "Labels"), err);
}

/* "80", "80/udp", "8000-8010" */
static int check_port(const char *word, struct err *err)
{
	auto_free char *copy = xstrdup(word);
	char *proto = strchr(copy, '/'), *dash;
	unsigned from, to;

	if (proto)
		*proto++ = '\0';
	dash = strchr(copy, '-');
	if (dash)
		*dash++ = '\0';
	if (str_uint(copy, 1, 65535, &from) < 0 || (dash && (str_uint(dash, 1, 65535, &to) < 0 || to < from)) ||
		(proto && !STREQ(proto, "tcp") && !STREQ(proto, "udp") && !STREQ(proto, "sctp")))
		return err_set(err, ERR_INPUT, "'%s' is not a port", word);
	return 0;
}

static int do_expose(json_t *config, const char *text, struct err *err)
{
	auto_strs struct strs words = STRS_INIT;

	if (split(text, &words, err) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++) {
		auto_free char *port = strchr(words.v[i], '/') ? xstrdup(words.v[i]) : xasprintf("%s/tcp", words.v[i]);

		if (check_port(words.v[i], err) < 0)
			return -1;
		json_object_set_new(object_at(config, "ExposedPorts"), port, json_object());
	}
	return 0;
}

static int do_volume(json_t *config, const char *text, struct err *err)
{
	auto_json json_t *list = exec_form(text);
	auto_strs struct strs words = STRS_INIT;

	if (!list && split(text, &words, err) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++)
		strs_add(&words, json_string_value(json_array_get(list, i)));
	for (size_t i = 0; i < words.n; i++) {
		if (*words.v[i] != '/')
			return err_set(err, ERR_INPUT, "volume '%s' is not an absolute path", words.v[i]);
		json_object_set_new(object_at(config, "Volumes"), words.v[i], json_object());
	}
	return 0;
}

static int do_user(json_t *config, const char *text, struct err *err)
{
	jx_set_str(config, "User", text);
	return 0;
}

static int do_stopsignal(json_t *config, const char *text, struct err *err)
{
	jx_set_str(config, "StopSignal", text);
	return 0;
}

static int do_onbuild(json_t *config, const char *text, struct err *err)
{
	return json_array_append_new(array_at(config, "OnBuild"), json_string(text));
}

/* A relative one goes on from where the one before was. */
static int do_workdir(json_t *config, const char *text, struct err *err)
{
	const char *before = jx_str(config, "WorkingDir");
	auto_free char *joined = *text == '/' ? xstrdup(text) : xasprintf("%s/%s", before && !STREQ(before, "/") ? before : "", text);

	jx_set_str(config, "WorkingDir", joined);
	return 0;
}

static int health_option(json_t *health, const char *word, size_t n, struct err *err)
{
	static const char *const times[][2] = { { "--interval=", "Interval" }, { "--timeout=", "Timeout" },
		{ "--start-period=", "StartPeriod" }, { "--start-interval=", "StartInterval" } };
	auto_free char *text = xstrndup(word, n);
	int64_t v;

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		if (!str_starts(text, times[i][0]))
			continue;
		if (str_duration_ns(text + strlen(times[i][0]), &v) < 0 || v < 0)
			return err_set(err, ERR_INPUT, "'%s' is not a duration", text);
		jx_set_int(health, times[i][1], v);
		return 0;
	}
	if (!str_starts(text, "--retries=") || str_i64(text + strlen("--retries="), &v) < 0 || v < 0)
		return err_set(err, ERR_INPUT, "unknown flag '%s'", text);
	jx_set_int(health, "Retries", v);
	return 0;
}

static int do_healthcheck(json_t *config, const char *text, struct err *err)
{
	auto_json json_t *health = json_object(), *test = NULL;

	while (str_starts(text, "--")) {
		size_t n = strcspn(text, " \t");

		if (health_option(health, text, n, err) < 0)
			return -1;
		text += n + strspn(text + n, " \t");
	}
	if (strcasecmp(text, "NONE") == 0) {
		test = json_pack("[s]", "NONE");
	} else if (strncasecmp(text, "CMD", 3) == 0 && strchr(" \t", text[3]) && text[3]) {
		text += 3 + strspn(text + 3, " \t");
		test = exec_form(text);
		if (test)
			json_array_insert_new(test, 0, json_string("CMD"));
		else
			test = json_pack("[s, s]", "CMD-SHELL", text);
	} else {
		return err_set(err, ERR_INPUT, "it is CMD or NONE that follows, not '%s'", text);
	}
	json_object_set(health, "Test", test);
	return json_object_set(config, "Healthcheck", health);
}

static const struct instruction {
	const char *word;
	int (*apply)(json_t *config, const char *text, struct err *err);
} instructions[] = {
	{ "CMD", do_cmd }, { "ENTRYPOINT", do_entrypoint }, { "ENV", do_env }, { "EXPOSE", do_expose }, { "HEALTHCHECK", do_healthcheck },
	{ "LABEL", do_label }, { "ONBUILD", do_onbuild }, { "STOPSIGNAL", do_stopsignal }, { "USER", do_user }, { "VOLUME", do_volume },
	{ "WORKDIR", do_workdir },
};

int instruction_apply(json_t *config, const char *line, struct err *err)
{
	const char *start = line + strspn(line, " \t"), *text;
	auto_free char *word = xstrndup(start, strcspn(start, " \t"));

	text = start + strlen(word) + strspn(start + strlen(word), " \t");
	for (size_t i = 0; i < ARRAY_LEN(instructions); i++) {
		if (strcasecmp(instructions[i].word, word))
			continue;
		if (!*text)
			return err_set(err, ERR_INPUT, "change '%s': it says nothing", line);
		return instructions[i].apply(config, text, err) < 0 ? err_wrap(err, "change '%s'", line) : 0;
	}
	err_set(err, ERR_INPUT, "change '%s': '%s' is no instruction that changes how an image is run", line, word);
	return err_hint(err, "there are CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR");
}
