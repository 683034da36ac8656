#include "joined_keys.h"

#include <string.h>
#include <strings.h>

#include "../util/str.h"

static bool parse_one(const char *word, size_t n, char *ret)
{
	static const char odd[] = "@[\\]^_";
	char c = n ? word[n - 1] : 0;

	if (n == 1) {
		*ret = c;
		return true;
	}
	if (n != strlen("ctrl-x") || strncasecmp(word, "ctrl-", n - 1) != 0)
		return false;
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	*ret = (char)(c - '@');
	return (c >= 'A' && c <= 'Z') || strchr(odd, c);
}

int keys_parse(const char *text, struct keys *ret, struct err *err)
{
	struct keys k = { .n = 0 };

	for (const char *p = text ? text : "ctrl-p,ctrl-q";; p++) {
		size_t n = strcspn(p, ",");

		if (k.n == KEYS_MAX || !parse_one(p, n, &k.seq[k.n++])) {
			err_set(err, ERR_USAGE, "flag '--detach-keys' takes keys like 'ctrl-p,ctrl-q', not '%s'", text);
			return -1;
		}
		p += n;
		if (!*p)
			break;
	}
	*ret = k;
	return 0;
}

bool keys_filter(struct keys *k, const char *typed, size_t n, char *out, size_t *ret_n)
{
	size_t len = 0;

	for (size_t i = 0; i < n && k->seen < k->n; i++) {
		if (typed[i] != k->seq[k->seen]) {
			memcpy(out + len, k->seq, k->seen);
			len += k->seen;
			k->seen = 0;
		}
		if (typed[i] == k->seq[k->seen])
			k->seen++;
		else
			out[len++] = typed[i];
	}
	*ret_n = len;
	return k->seen == k->n;
}
