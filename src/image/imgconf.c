/* imgconf.c - the config document of an image, as written by strangers: every field is optional, has one
 * type, and is bounded before it is copied. */
#include "image.h"

#include "../util/json.h"
#include "../util/mem.h"
#include "store.h"

enum {
	LIST_MAX = 16384,     /* words of a command, variables, volumes, ports, labels */
	TEXT_MAX = 128 << 10, /* execve(2) takes no longer word */
};

static int wrong(struct err *err, const char *key, const char *what)
{
	return err_set(err, ERR_INPUT, "the image's config is not valid: '%s' %s", key, what);
}

/* Absent and null are NULL. */
static int text_field(const json_t *o, const char *key, char **ret, struct err *err)
{
	const json_t *v = json_object_get(o, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return wrong(err, key, "is not a string");
	if (json_string_length(v) > TEXT_MAX)
		return wrong(err, key, "is longer than 128 KiB");
	if (json_string_length(v))
		*ret = xstrdup(json_string_value(v));
	return 0;
}

/* A list of words; a single string counts as a list of one, as Docker takes it. */
static int list_field(const json_t *o, const char *key, struct strs *ret, bool *given, struct err *err)
{
	const json_t *v = json_object_get(o, key), *item;
	size_t i;

	if (!v || json_is_null(v))
		return 0;
	if (given)
		*given = true;
	if (json_is_string(v)) {
		strs_add(ret, json_string_value(v));
		return 0;
	}
	if (!json_is_array(v))
		return wrong(err, key, "is not a list");
	if (json_array_size(v) > LIST_MAX)
		return wrong(err, key, "has more than 16384 items");
	json_array_foreach(v, i, item) {
		if (!json_is_string(item) || json_string_length(item) > TEXT_MAX)
			return wrong(err, key, "has an item that is not a string of at most 128 KiB");
		strs_add(ret, json_string_value(item));
	}
	return 0;
}

/* {"/data": {}}: the keys matter. */
static int keys_field(const json_t *o, const char *key, struct strs *ret, struct err *err)
{
	json_t *v = json_object_get(o, key), *item;
	const char *name;

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_object(v))
		return wrong(err, key, "is not an object");
	if (json_object_size(v) > LIST_MAX)
		return wrong(err, key, "has more than 16384 items");
	json_object_foreach(v, name, item) {
		if (strlen(name) > TEXT_MAX)
			return wrong(err, key, "has a name longer than 128 KiB");
		strs_add(ret, name);
	}
	return 0;
}

static int labels_field(const json_t *o, json_t **ret, struct err *err)
{
	json_t *v = json_object_get(o, "Labels"), *item;
	const char *name;

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_object(v))
		return wrong(err, "Labels", "is not an object");
	if (json_object_size(v) > LIST_MAX)
		return wrong(err, "Labels", "has more than 16384 items");
	json_object_foreach(v, name, item)
		if (!json_is_string(item))
			return wrong(err, "Labels", "has a value that is not a string");
	*ret = json_incref(v);
	return 0;
}

static int number_field(const json_t *o, const char *key, int64_t *ret, struct err *err)
{
	const json_t *v = json_object_get(o, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return wrong(err, key, "is not a positive number");
	*ret = json_integer_value(v);
	return 0;
}

static int health_field(const json_t *config, struct image_health *ret, struct err *err)
{
	const json_t *v = json_object_get(config, "Healthcheck");

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_object(v))
		return wrong(err, "Healthcheck", "is not an object");
	if (list_field(v, "Test", &ret->test, NULL, err) < 0 ||
		number_field(v, "Interval", &ret->interval_ns, err) < 0 ||
		number_field(v, "Timeout", &ret->timeout_ns, err) < 0 ||
		number_field(v, "StartPeriod", &ret->start_period_ns, err) < 0 ||
		number_field(v, "StartInterval", &ret->start_interval_ns, err) < 0 ||
		number_field(v, "Retries", &ret->retries, err) < 0)
		return -1;
	ret->given = true;
	return 0;
}

/* An item without '=' would be a variable that cannot exist: it is left out, the image is not refused for it.
 */
static int env_field(const json_t *c, struct strs *ret, struct err *err)
{
	auto_strs struct strs all = STRS_INIT;

	if (list_field(c, "Env", &all, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i][0] != '=' && strchr(all.v[i], '='))
			strs_add(ret, all.v[i]);
	return 0;
}

static int process_fields(const json_t *c, struct image *i, struct err *err)
{
	if (list_field(c, "Entrypoint", &i->entrypoint, &i->entrypoint_set, err) < 0 ||
		list_field(c, "Cmd", &i->cmd, &i->cmd_set, err) < 0 ||
		list_field(c, "Shell", &i->shell, NULL, err) < 0 || env_field(c, &i->env, err) < 0 ||
		keys_field(c, "Volumes", &i->volumes, err) < 0 ||
		keys_field(c, "ExposedPorts", &i->exposed_ports, err) < 0)
		return -1;
	if (text_field(c, "User", &i->user, err) < 0 ||
		text_field(c, "WorkingDir", &i->working_dir, err) < 0 ||
		text_field(c, "StopSignal", &i->stop_signal, err) < 0)
		return -1;
	if (labels_field(c, &i->labels, err) < 0)
		return -1;
	return health_field(c, &i->health, err);
}

int imgconf_read(const json_t *config, struct image *ret, struct err *err)
{
	const json_t *c;

	if (!json_is_object(config))
		return err_set(err, ERR_INPUT, "the image's config is not a JSON object");
	if (text_field(config, "architecture", &ret->architecture, err) < 0 ||
		text_field(config, "variant", &ret->variant, err) < 0 ||
		text_field(config, "os", &ret->os, err) < 0 ||
		text_field(config, "created", &ret->created, err) < 0)
		return -1;
	c = json_object_get(config, "config");
	if (!c || json_is_null(c))
		return 0;
	if (!json_is_object(c))
		return wrong(err, "config", "is not an object");
	return process_fields(c, ret, err);
}
