/* cmd_login.c - asks who somebody is; davit-image asks the registry whether that is so, and keeps it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/secret.h"
#include "cli.h"
#include "imager.h"
#include "prompt.h"

enum { PASSWORD_MAX = 64 << 10 };

struct login_opts {
	const char *user, *password;
	bool from_stdin, tls_verify;
};

static const struct login_opts login_defaults = { .tls_verify = true };

static const struct opt login_flags[] = {
	{ 'u', "username", OPT_STRING, offsetof(struct login_opts, user), "who you are there", "NAME" },
	{ 'p', "password", OPT_STRING, offsetof(struct login_opts, password), "password or access token; others may see it: better is --password-stdin",
	  "TEXT" },
	{ 0, "password-stdin", OPT_BOOL, offsetof(struct login_opts, from_stdin), "read it from standard input" },
	{ 0, "tls-verify", OPT_BOOL, offsetof(struct login_opts, tls_verify),
	  "with =false: allow plain http, and take any certificate" },
	{ 0 }
};

struct attempt {
	struct cli *c;
	char *stored_user;       /* who was tried, "" when the credentials do not say; NULL: nobody */
	bool in;
};

static void say_in(struct cli *c, const json_t *ev)
{
	const char *file = jx_str(ev, "file");

	if (file)
		ui_warn(&c->ui, "the password is stored unencrypted in '%s'; a credential helper there ('credsStore') would keep it safer", file);
	ui_print(&c->ui, "Login Succeeded\n");
}

static int on_event(void *arg, const json_t *ev, struct err *err)
{
	struct attempt *a = arg;
	const char *kind = jx_str(ev, "ev"), *user = jx_str(ev, "user");

	if (str_eq(kind, "warn")) {
		ui_warn(&a->c->ui, "%s", jx_str(ev, "msg") ? jx_str(ev, "msg") : "");
	} else if (str_eq(kind, "stored") && user && !a->stored_user) {
		a->stored_user = xstrdup(user);
		ui_print(&a->c->ui, "Authenticating with existing credentials...%s%s%s\n", *user ? " [Username: " : "", user,
			*user ? "]" : "");
		return ui_flush(&a->c->ui, err);
	} else if (str_eq(kind, "login")) {
		a->in = true;
		say_in(a->c, ev);
	}
	return 0;
}

/* password NULL: what is stored is tried. */
static int try(struct attempt *a, const struct login_opts *o, const char *user, const char *password, struct err *err)
{
	const struct imager what = {
		.verb = "login",
		.request = json_pack("{s:s, s:s*, s:s*, s:b}", "server", a->c->args.n ? a->c->args.v[0] : "", "user", user, "password",
			password, "tls_verify", o->tls_verify),
		.input_fd = -1,
		.output_fd = -1,
		.on_event = on_event,
		.arg = a,
	};

	if (!what.request)
		return err_set(err, ERR_INPUT, "server, user name and password must be UTF-8");
	return imager_run(a->c, &what, err);
}

/* --- asking --- */

static int read_stdin(char **ret, struct err *err)
{
	auto_secret_buf struct buf b = BUF_INIT;

	buf_room(&b, PASSWORD_MAX + 1);
	if (path_read_fd(STDIN_FILENO, PASSWORD_MAX, &b, err) < 0)
		return err_wrap(err, "the password on standard input");
	if (b.len && b.p[b.len - 1] == '\n')
		b.p[--b.len] = '\0';
	if (b.len && b.p[b.len - 1] == '\r')
		b.p[--b.len] = '\0';
	if (strlen(b.p) != b.len)
		return err_set(err, ERR_INPUT, "the password on standard input has a NUL character");
	*ret = xstrdup(b.p);
	return 0;
}

static int need_terminal(struct err *err)
{
	if (isatty(STDIN_FILENO))
		return 0;
	err_set(err, ERR_USAGE, "cannot ask for a password: standard input is not a terminal");
	return err_hint(err, "give --username, and the password on standard input with --password-stdin");
}

static int ask_user(const char *known, char **ret, struct err *err)
{
	auto_free char *text = known && *known ? xasprintf("Username (%s): ", known) : xstrdup("Username: ");

	if (need_terminal(err) < 0 || prompt_line(text, false, ret, err) < 0)
		return -1;
	if (**ret || !known)
		return 0;
	free(*ret);
	*ret = xstrdup(known);
	return 0;
}

static int ask_password(char **ret, struct err *err)
{
	return need_terminal(err) < 0 ? -1 : prompt_line("Password: ", true, ret, err);
}

/* What was not given is asked for. */
static int with_password(struct attempt *a, const struct login_opts *o, struct err *err)
{
	auto_secret char *user = xstrdup(o->user);
	auto_secret char *password = xstrdup(o->password);

	if (o->password) {
		ui_warn(&a->c->ui, "using --password on the command line is insecure; use --password-stdin");
		explicit_bzero((char *)o->password, strlen(o->password)); /* ps has no need to show it any longer */
	}
	if (ui_flush(&a->c->ui, err) < 0 || (!user && ask_user(a->stored_user, &user, err) < 0))
		return -1;
	if (!*user)
		return err_set(err, ERR_USAGE, "the user name is empty");
	if (!password && (o->from_stdin ? read_stdin(&password, err) : ask_password(&password, err)) < 0)
		return -1;
	if (!*password)
		return err_set(err, ERR_USAGE, "the password is empty");
	return try(a, o, user, password, err);
}

/* 1: in, 0: who somebody is must be asked for. */
static int with_stored(struct attempt *a, const struct login_opts *o, struct err *err)
{
	auto_err struct err why = ERR_INIT;

	if (try(a, o, NULL, NULL, &why) == 0)
		return a->in;
	if (why.kind != ERR_PERM || !a->stored_user || !isatty(STDIN_FILENO))
		return err_move(err, &why);
	ui_warn(&a->c->ui, "%s", err_msg(&why));
	return 0;
}

static int check(const struct login_opts *o, struct err *err)
{
	if (o->password && o->from_stdin)
		return err_set(err, ERR_USAGE, "--password and --password-stdin cannot be given together");
	if (o->from_stdin && !o->user)
		return err_set(err, ERR_USAGE, "--password-stdin needs --username");
	return 0;
}

static int login_run(struct cli *c, const void *opts, struct err *err)
{
	const struct login_opts *o = opts;
	struct attempt a = { .c = c };
	int r;

	if (check(o, err) < 0)
		return -1;
	secret_json();
	r = o->user || o->password ? 0 : with_stored(&a, o, err);
	if (r == 0)
		r = with_password(&a, o, err);
	free(a.stored_user);
	return r < 0 ? -1 : 0;
}

const struct cmd cmd_login = {
	.name = "login",
	.args = "[SERVER]",
	.summary = "log in to a registry; without SERVER, to docker.io",
	.max_args = 1,
	.opts = login_flags,
	.opts_size = sizeof(struct login_opts),
	.defaults = &login_defaults,
	.run = login_run,
};
