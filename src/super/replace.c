/* replace.c - the supervisor's side of an upgrade: what it is, and making room for another program.
 *
 * Nothing is finished for that, and nothing written but that this was no crash: whatever matters is on disk at any moment, because the
 * supervisor may be killed at any moment. So the successor finds what it would find after a crash, and resumes the request in progress; the keeper holds
 * sockets and terminals meanwhile, and starts the successor at once. */
#include "sup.h"

#include <sys/stat.h>

#include "../keeper/keeper.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/version.h"
#include "program.h"
#include "txn.h"

json_t *replace_about(struct super *s)
{
	auto_free char *self = program_self(), *file = program_file("/proc/self/exe");
	json_t *e = json_object();

	jx_set_str(e, "ev", "pong");
	jx_set_int(e, "pid", getpid());
	jx_set_str(e, "version", davit_version.number);
	jx_set_int(e, "v", davit_version.wire);
	jx_set_int(e, "v_oldest", davit_version.wire_oldest);
	jx_set_str(e, "program", self);
	jx_set_str(e, "file", file);
	jx_set_bool(e, "ready", !s->adopting);
	jx_set_bool(e, "back", s->went_back);
	return e;
}

static int check_program(const char *path, struct err *err)
{
	struct stat st;

	if (!path || path[0] != '/' || strlen(path) > KEEPER_PATH_MAX)
		return err_set(err, ERR_USAGE, "the program has to be named by an absolute path of at most %d bytes",
			       KEEPER_PATH_MAX);
	if (stat(path, &st) < 0 || access(path, X_OK) < 0)
		return err_sys(err, errno, "'%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "'%s' is not a program", path);
	return 0;
}

void replace_request(struct client *c, struct super *s, const json_t *req)
{
	const char *program = jx_str(req, "program");
	auto_err struct err err = ERR_INIT;

	if (check_program(program, &err) < 0) {
		client_fail(c, &err, NULL, NULL);
		return;
	}
	log_info("making room for '%s'", program);
	crash_uncount(s);
	super_event(s, EV_SUPERVISOR_UPGRADE, s->p.name, json_pack("{s:s,s:s}", "program", program, "from", davit_version.number));
	keeper_next(s, program);
}
