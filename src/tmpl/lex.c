#include "parts.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"

int tmpl_wrong(const char *text, const char *at, struct err *err, const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	return err_set(err, ERR_USAGE, "template: character %zu: %s", (size_t)(at - text) + 1, b.p);
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static size_t fields_len(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && (p[n] == '.' || is_name(p[n])))
		n++;
	return n;
}

static int escape(const struct lexer *l, const char **at, struct buf *out, struct err *err)
{
	static const char from[] = "ntr\\\"'", to[] = "\n\t\r\\\"'";
	const char *known = **at && *at < l->end ? strchr(from, **at) : NULL;

	if (!known)
		return tmpl_wrong(l->text, *at, err, "unknown escape in a string");
	buf_char(out, to[known - from]);
	(*at)++;
	return 0;
}

static int lex_string(struct lexer *l, struct token *ret, struct err *err)
{
	const char *begin = l->at, *p = l->at + 1;
	auto_buf struct buf b = BUF_INIT;

	while (p < l->end && *p != *begin) {
		if (*p == '\\' && *begin == '"') {
			p++;
			if (escape(l, &p, &b, err) < 0)
				return -1;
		} else {
			buf_char(&b, *p++);
		}
	}
	if (p >= l->end)
		return tmpl_wrong(l->text, begin, err, "the string does not end");
	l->at = p + 1;
	ret->kind = TOKEN_CONSTANT;
	ret->constant = json_string(b.p ? b.p : "");
	return ret->constant ? 0 : tmpl_wrong(l->text, begin, err, "the string is not UTF-8");
}

static int lex_number(struct lexer *l, struct token *ret, struct err *err)
{
	auto_free char *text = NULL;
	size_t n = 1;
	char *end;

	while (l->at + n < l->end && (is_name(l->at[n]) || l->at[n] == '.'))
		n++;
	text = xstrndup(l->at, n);
	ret->kind = TOKEN_CONSTANT;
	ret->constant = json_integer(strtoll(text, &end, 10));
	if (*end) {
		json_decref(ret->constant);
		ret->constant = json_real(strtod(text, &end));
	}
	if (*end || !ret->constant) {
		json_decref(take(ret->constant));
		return tmpl_wrong(l->text, l->at, err, "'%s' is no number", text);
	}
	l->at += n;
	return 0;
}

static int take_text(struct lexer *l, struct token *ret, enum token_kind kind, size_t skip, size_t n)
{
	*ret = (struct token){ .kind = kind, .p = l->at + skip, .n = n - skip, .spaced = ret->spaced };
	l->at += n;
	return 0;
}

int lex_next(struct lexer *l, struct token *ret, struct err *err)
{
	const char *begin = l->at;
	size_t n = 0;
	char c;

	*ret = (struct token){ 0 };
	while (l->at < l->end && isspace((unsigned char)*l->at))
		l->at++;
	ret->spaced = l->at > begin;
	ret->p = l->at;
	if (l->at >= l->end)
		return 0;
	c = *l->at;
	if (c == '|' || c == '(' || c == ')')
		return take_text(l, ret, c == '|' ? TOKEN_PIPE : c == '(' ? TOKEN_OPEN : TOKEN_CLOSE, 0, 1);
	if (c == '"' || c == '`')
		return lex_string(l, ret, err);
	if (c == '.')
		return take_text(l, ret, TOKEN_FIELD, 0, fields_len(l->at, l->end));
	if (c == '$')
		return take_text(l, ret, TOKEN_ROOT, 1, 1 + fields_len(l->at + 1, l->end));
	if (isdigit((unsigned char)c) || ((c == '-' || c == '+') && l->at + 1 < l->end && isdigit((unsigned char)l->at[1])))
		return lex_number(l, ret, err);
	while (l->at + n < l->end && is_name(l->at[n]))
		n++;
	if (n == 0)
		return tmpl_wrong(l->text, l->at, err, "'%c' is not expected here", c);
	return take_text(l, ret, TOKEN_WORD, 0, n);
}
