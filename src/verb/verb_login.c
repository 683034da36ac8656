/* verb_login.c - whether a registry takes credentials; if so, they are stored.
 *
 *	"server": HOST[:PORT], "" for docker.io
 *	"user", "password": both, or neither: those that are stored are tried
 *	"tls_verify": false allows plain http and any certificate
 *
 *	{"ev":"warn","msg"}
 *	{"ev":"stored","user"}                     those will be tried; without user: there are none, and this is all
 *	{"ev":"login","server","file","helper"}    file: where they went, in plain text; or helper: what keeps them; neither: they were stored */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "../reg/creds.h"
#include "../reg/places.h"
#include "../reg/reg.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/secret.h"
#include "../util/str.h"
#include "verb.h"

struct login {
	struct reg_env env;
	struct reg_conf *conf;
	struct reg_place at;
	struct event_base *base;
	struct reg *reg;
	struct reg_creds creds;
	struct err *err;
	bool refused;
};

static void login_done(struct login *l)
{
	if (l->reg)
		reg_free(l->reg);
	if (l->base)
		event_base_free(l->base);
	reg_creds_done(&l->creds);
	reg_place_done(&l->at);
	reg_conf_free(l->conf);
	reg_env_done(&l->env);
}

static void warn(void *arg, const char *text)
{
	json_t *ev = json_object();

	jx_set_str(ev, "ev", "warn");
	jx_set_str(ev, "msg", text);
	verb_emit(ev);
}

/* --- which credentials --- */

static void say_stored(const struct reg_creds *c)
{
	json_t *ev = json_object();

	jx_set_str(ev, "ev", "stored");
	jx_set_str(ev, "user", c->user ? c->user : c->identity_token ? "" : NULL);
	verb_emit(ev);
}

/* 1: there are some. A file that is wrong does not keep anybody from logging in anew. */
static int stored_creds(struct login *l)
{
	auto_err struct err err = ERR_INIT;
	int r = reg_creds_find(&l->env, l->at.ref.registry, NULL, &l->creds, &err);

	if (r < 0)
		warn(NULL, err_msg(&err));
	say_stored(&l->creds);
	return r > 0;
}

static int given_creds(struct login *l, const json_t *request, struct err *err)
{
	const char *user, *password;

	if (jx_need_str(request, "user", &user, err) < 0 || jx_need_str(request, "password", &password, err) < 0)
		return -1;
	if (!*user || !*password)
		return err_set(err, ERR_INPUT, "the %s is empty", *user ? "password" : "user name");
	l->creds.user = xstrdup(user);
	l->creds.password = xstrdup(password);
	return 1;
}

/* --- what the registry says --- */

static void on_answer(void *arg, const struct err *err)
{
	struct login *l = arg;

	l->refused = err != NULL;
	if (err)
		err_copy(l->err, err);
	event_base_loopbreak(l->base);
}

static int ask(struct login *l, struct err *err)
{
	const struct reg_opts opts = { .base = l->base = event_base_new(), .told = warn };
	struct reg_call *call;

	if (!l->base)
		return err_set(err, ERR_FAIL, "libevent cannot start");
	l->err = err;
	if (reg_new(&opts, &l->reg, err) < 0)
		return -1;
	reg_use_creds(l->reg, &l->at, &l->creds);
	if (reg_prepare(l->reg, &l->env, &l->at, err) < 0 || reg_try_login(l->reg, &l->at, on_answer, l, &call, err) < 0)
		return -1;
	if (event_base_dispatch(l->base) < 0)
		return err_set(err, ERR_FAIL, "the loop of libevent failed");
	return l->refused ? -1 : 0;
}

static int keep(struct login *l, bool given, struct err *err)
{
	auto_free char *where = NULL;
	json_t *ev;

	if (given && reg_creds_store(&l->env, l->at.ref.registry, &l->creds, &where, err) < 0)
		return -1;
	ev = json_object();
	jx_set_str(ev, "ev", "login");
	jx_set_str(ev, "server", l->at.ref.registry);
	if (where)
		jx_set_str(ev, strchr(where, '/') ? "file" : "helper", where);
	verb_emit(ev);
	return 0;
}

static int login(struct login *l, const json_t *request, struct err *err)
{
	const bool given = jx_str(request, "user") || jx_str(request, "password");
	const char *server;
	int r;

	if (jx_need_str(request, "server", &server, err) < 0 || reg_conf_load(&l->env, &l->conf, err) < 0)
		return -1;
	for (size_t i = 0; i < reg_conf_warnings(l->conf)->n; i++)
		warn(NULL, reg_conf_warnings(l->conf)->v[i]);
	if (reg_conf_server(l->conf, server, jx_bool(request, "tls_verify", true) ? 0 : REG_UNVERIFIED, &l->at, err) < 0)
		return -1;
	r = given ? given_creds(l, request, err) : stored_creds(l);
	if (r <= 0)
		return r;
	return ask(l, err) < 0 ? -1 : keep(l, given, err);
}

static int login_run(const json_t *request, int output_fd, struct err *err)
{
	struct login l = { 0 };
	int r;

	secret_json();
	reg_env_read(&l.env);
	r = login(&l, request, err);
	login_done(&l);
	return r;
}

const struct verb verb_login = { "login", login_run };
