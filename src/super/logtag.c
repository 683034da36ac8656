#include "logtag.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "logopt.h"

enum { SHORT = 12 };

static const char *const words[] = {
	".ID", ".FullID", ".Name", ".FullName", ".ImageName", ".ImageID", ".ImageFullID", ".DaemonName", NULL,
};

/* Without "sha256:". */
static const char *digits(const char *id)
{
	const char *colon = strchr(id, ':');

	return colon ? colon + 1 : id;
}

static bool add_word(struct buf *b, const char *word, const struct log_who *who)
{
	if (STREQ(word, ".ID"))
		buf_add(b, who->id, strnlen(who->id, SHORT));
	else if (STREQ(word, ".FullID"))
		buf_str(b, who->id);
	else if (STREQ(word, ".Name"))
		buf_str(b, who->name);
	else if (STREQ(word, ".FullName"))
		buf_printf(b, "/%s", who->name);
	else if (STREQ(word, ".ImageName"))
		buf_str(b, who->image);
	else if (STREQ(word, ".ImageID"))
		buf_add(b, digits(who->image_id), strnlen(digits(who->image_id), SHORT));
	else if (STREQ(word, ".ImageFullID"))
		buf_str(b, who->image_id);
	else if (STREQ(word, ".DaemonName"))
		buf_str(b, "davit");
	else
		return false;
	return true;
}

/* What stands between the braces, without blanks. */
static char *inner(const char *from, const char *to)
{
	for (; from < to && *from == ' '; from++)
		;
	for (; to > from && to[-1] == ' '; to--)
		;
	return xstrndup(from, (size_t)(to - from));
}

char *log_tag(const char *text, const struct log_who *who, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;

	for (const char *p = text; *p;) {
		const char *open = strstr(p, "{{"), *close = open ? strstr(open, "}}") : NULL;
		auto_free char *word = close ? inner(open + 2, close) : NULL;

		if (!open) {
			buf_str(&b, p);
			break;
		}
		buf_add(&b, p, (size_t)(open - p));
		if (!word || !add_word(&b, word, who)) {
			const char *near = word ? str_nearest(word, words) : NULL;
			err_set(err, ERR_INPUT, "log option tag '%s': '%s' is not known", text, word ? word : open);
			if (near)
				err_hint(err, "did you mean '{{%s}}'?", near);
			else
				err_hint(err, "there are .ID .FullID .Name .FullName .ImageName .ImageID .ImageFullID .DaemonName");
			return NULL;
		}
		p = close + 2;
	}
	return buf_take(&b);
}
