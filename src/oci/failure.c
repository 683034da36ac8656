/* failure.c - one clean sentence from what a runtime says when it fails.
 *
 * How it works: crun and runc both write JSON lines {"level","msg"} into the log file given to them. The
 * last complaint is the reason. What concerns the user's command is told by a table of their phrases; the
 * command's name is taken from the bundle, because crun does not always say it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "oci.h"
#include "spec.h"

enum { MAX_LOG = 1024 * 1024, MAX_MSG = 600 };

static const char *const verbs[] = {
	[OCI_CREATE] = "create",
	[OCI_START] = "start",
	[OCI_KILL] = "kill",
	[OCI_DELETE] = "delete",
	[OCI_EXEC] = "exec",
};

/* --- the log --- */

static bool is_complaint(const json_t *line)
{
	const char *level = jx_str(line, "level");
	return level && (STREQ(level, "error") || STREQ(level, "fatal") || STREQ(level, "panic"));
}

/* The last line of the log that is an error, NULL when there is none. */
static char *last_complaint(const char *log_file)
{
	auto_buf struct buf b = BUF_INIT;
	char *found = NULL;
	if (!log_file || path_read(AT_FDCWD, log_file, MAX_LOG, &b, NULL) < 0)
		return NULL;
	for (const char *p = b.p; p && *p;) {
		auto_json json_t *line = NULL;
		size_t n = strcspn(p, "\n");
		if (n > 0 && jx_parse(p, n, &line, NULL) == 0 && is_complaint(line) && jx_str(line, "msg")) {
			free(found);
			found = xstrdup(jx_str(line, "msg"));
		}
		p += n + (p[n] == '\n');
	}
	return found;
}

bool oci_complained(const struct oci_call *call)
{
	auto_free char *msg = last_complaint(call->log_file);
	return msg != NULL;
}

/* --- the command --- */

static char *first_word(const json_t *process)
{
	const json_t *args = jx_arr(process, "args");
	const char *word = json_string_value(json_array_get(args, 0));
	if (word && STREQ(word, OCI_INIT_TARGET))
		word = json_string_value(json_array_get(args, 2));
	return xstrdup(word);
}

/* `x` or "x" in the message */
static char *quoted_word(const char *msg)
{
	const char *p = strpbrk(msg, "`\"");
	const char *end = p ? strchr(p + 1, *p) : NULL;
	return end ? xstrndup(p + 1, (size_t)(end - p - 1)) : NULL;
}

static char *command_of(const struct oci_call *call, const char *msg)
{
	auto_json json_t *j = NULL;
	char *word = NULL;
	if (call->verb == OCI_EXEC && call->process_file) {
		if (spec_load(AT_FDCWD, call->process_file, &j, NULL) == 0)
			word = first_word(j);
	} else if (call->bundle) {
		auto_close int dir = open(call->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0 && spec_load(dir, "config.json", &j, NULL) == 0)
			word = first_word(jx_obj(j, "process"));
	}
	return word ? word : quoted_word(msg);
}

/* --- phrases --- */

enum reason { NO_FILE, NO_INTERPRETER, NO_EXEC, NO_FORMAT };

struct phrase {
	const char *first, *second; /* both must be there, in this order; the case is ignored */
	enum reason reason;
};

static const struct phrase phrases[] = {
	{"exec format error", "", NO_FORMAT},
	{"exec container process", "no such file or directory", NO_INTERPRETER},
	{"exec /", "no such file or directory", NO_INTERPRETER},
	{"exec: no such file or directory", "", NO_INTERPRETER},
	{"exec: permission denied", "", NO_EXEC},
	{"exec container process", "permission denied", NO_EXEC},
	{"executable file", "not found", NO_FILE},
	{"exec: \"", "no such file or directory", NO_FILE},
	{"exec: \"", "not a directory", NO_FILE},
	{"exec: \"", "permission denied", NO_EXEC},
	{"exec: \"", "is a directory", NO_EXEC},
	{"exists but it is not executable", "", NO_EXEC},
	{"is not a regular file", "", NO_EXEC},
	{"cannot open `", "not a directory", NO_FILE},
	{"open executable", "permission denied", NO_EXEC},
	{"open executable", "operation not permitted", NO_EXEC},
	{"open executable", "no such file or directory", NO_FILE},
	{"open executable", "not a directory", NO_FILE},
};

static int say(enum reason reason, const char *command, struct err *err)
{
	switch (reason) {
	case NO_FILE:
		return err_set(err, ERR_CMD_NOT_FOUND, "command '%s' does not exist in the image", command);
	case NO_INTERPRETER:
		return err_set(err, ERR_CMD_NOT_FOUND,
			"command '%s' cannot run: the interpreter or loader it names does not exist in the "
			"image",
			command);
	case NO_EXEC:
		return err_set(err, ERR_CMD_NOT_EXEC, "command '%s' is not executable", command);
	case NO_FORMAT:
		break;
	}
	return err_set(err, ERR_CMD_NOT_EXEC,
		"command '%s' is no program for this machine (another architecture, or no '#!' line)",
		command);
}

static bool matches(const struct phrase *p, const char *msg)
{
	const char *at = strcasestr(msg, p->first);
	return at && strcasestr(at + strlen(p->first), p->second);
}

static int command_failure(const struct oci_call *call, const char *msg, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
		if (!matches(&phrases[i], msg))
			continue;
		auto_free char *word = command_of(call, msg);
		return say(phrases[i].reason, word ? word : "?", err);
	}
	return 0;
}

/* --- anything else --- */

/* Line ends become blanks, and what the runtime says about itself goes. */
static char *clean(const char *msg)
{
	static const char *const noise[] = {
		"runc create failed: ",
		"runc start failed: ",
		"runc exec failed: ",
		"runc run failed: ",
		"unable to start container process: ",
		"error during container init: ",
		"exec failed: ",
	};
	for (size_t i = 0; i < ARRAY_LEN(noise);) {
		if (str_starts(msg, noise[i])) {
			msg += strlen(noise[i]);
			i = 0;
		} else {
			i++;
		}
	}
	char *s = xstrndup(msg, strnlen(msg, MAX_MSG));
	for (char *p = s; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	size_t n = strlen(s);
	while (n > 0 && s[n - 1] == ' ')
		s[--n] = '\0';
	if (str_ends(s, ": unknown"))
		s[n - strlen(": unknown")] = '\0';
	return s;
}

static enum err_kind kind_of(const char *msg)
{
	static const char *const gone[] = {"does not exist", "container not running", "is not running",
		"no such process", "/status`: no such file", "container that has stopped"};
	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		if (strcasestr(msg, gone[i]))
			return ERR_NOT_FOUND;
	return strcasestr(msg, "operation not permitted") ? ERR_PERM : ERR_FAIL;
}

int oci_failure(const struct oci_call *call, int status, struct err *err)
{
	auto_free char *msg = last_complaint(call->log_file);
	if (!msg && status > 128)
		return err_set(err, ERR_FAIL, "%s %s was killed by signal %d", call->runtime->name,
			verbs[call->verb], status - 128);
	if (!msg)
		return err_set(err, ERR_FAIL, "%s %s failed with status %d and without a word",
			call->runtime->name, verbs[call->verb], status);
	if ((call->verb == OCI_CREATE || call->verb == OCI_EXEC || call->verb == OCI_START) &&
		command_failure(call, msg, err) < 0)
		return -1;
	if (kind_of(msg) == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "%s %s: container '%s' does not exist or does not run",
			call->runtime->name, verbs[call->verb], call->id);
	auto_free char *text = clean(msg);
	return err_set(err, kind_of(msg), "%s %s: %s", call->runtime->name, verbs[call->verb], text);
}
