#include "parts.h"

#include <string.h>

bool value_true(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_NULL:
	case JSON_FALSE:
		return false;
	case JSON_INTEGER:
		return json_integer_value(v) != 0;
	case JSON_REAL:
		return json_real_value(v) != 0;
	case JSON_STRING:
		return json_string_length(v) != 0;
	case JSON_ARRAY:
		return json_array_size(v) != 0;
	case JSON_OBJECT:
		return json_object_size(v) != 0;
	default:
		return true;
	}
}

static void print_list(const json_t *v, struct buf *out)
{
	const json_t *one;
	size_t i;

	buf_char(out, '[');
	json_array_foreach(v, i, one) {
		if (i)
			buf_char(out, ' ');
		value_print(one, out);
	}
	buf_char(out, ']');
}

static void print_map(const json_t *v, struct buf *out)
{
	const char *key, *between = "";
	json_t *one;

	buf_str(out, "map[");
	json_object_foreach((json_t *)v, key, one) {
		buf_printf(out, "%s%s:", between, key);
		value_print(one, out);
		between = " ";
	}
	buf_char(out, ']');
}

void value_print(const json_t *v, struct buf *out)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		buf_add(out, json_string_value(v), json_string_length(v));
		return;
	case JSON_INTEGER:
		buf_printf(out, "%lld", (long long)json_integer_value(v));
		return;
	case JSON_REAL:
		buf_printf(out, "%g", json_real_value(v));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_str(out, json_is_true(v) ? "true" : "false");
		return;
	case JSON_ARRAY:
		print_list(v, out);
		return;
	case JSON_OBJECT:
		print_map(v, out);
		return;
	default:
		buf_str(out, "<no value>");
	}
}

bool value_compare(const json_t *a, const json_t *b, int *ret)
{
	if (json_is_string(a) && json_is_string(b)) {
		*ret = strcmp(json_string_value(a), json_string_value(b));
		return true;
	}
	if (json_is_integer(a) && json_is_integer(b)) {
		*ret = (json_integer_value(a) > json_integer_value(b)) - (json_integer_value(a) < json_integer_value(b));
		return true;
	}
	if (json_is_number(a) && json_is_number(b)) {
		*ret = (json_number_value(a) > json_number_value(b)) - (json_number_value(a) < json_number_value(b));
		return true;
	}
	if (json_is_boolean(a) && json_is_boolean(b)) {
		*ret = json_is_true(a) - json_is_true(b);
		return true;
	}
	return false;
}
