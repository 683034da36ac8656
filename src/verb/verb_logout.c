/* verb_logout.c - credentials for a registry are forgotten.
 *
 *	"server": HOST[:PORT], "" for docker.io
 *
 *	{"ev":"logout","server","erased":bool}     server as it is filed; not erased: there were none */
#include <stdlib.h>

#include "../reg/creds.h"
#include "../reg/places.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "verb.h"

/* A registry that is blocked, or a file that is wrong, is no reason to keep its password: registries.conf is not asked. */
static int logout_run(const json_t *request, int output_fd, struct err *err)
{
	auto_reg_env struct reg_env env = { 0 };
	auto_free char *registry = NULL, *where = NULL;
	const char *server;
	json_t *ev;
	int r;

	reg_env_read(&env);
	if (jx_need_str(request, "server", &server, err) < 0 || reg_server_name(server, &registry, err) < 0)
		return -1;
	r = reg_creds_erase(&env, registry, &where, err);
	if (r < 0)
		return -1;
	ev = json_object();
	jx_set_str(ev, "ev", "logout");
	jx_set_str(ev, "server", registry);
	jx_set_bool(ev, "erased", r == 0);
	verb_emit(ev);
	return 0;
}

const struct verb verb_logout = { "logout", logout_run };
