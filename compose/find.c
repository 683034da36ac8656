/* How it works, in the reference's order: the process' environment; what .env of the directory known so far,
 * or the env files, say about COMPOSE_ things; then all they say; -f or COMPOSE_FILE or the nearest directory
 * upwards with a compose file; then .env once more, of the directory that was found. What was set first
 * stays. */
#include "find.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "diag.h"
#include "interp.h"
#include "near.h"
#include "project.h"

extern char **environ;

static const char *const names[] = { "compose.yaml", "compose.yml", "docker-compose.yml",
	"docker-compose.yaml" };
static const char *const override_names[] = {
	"compose.override.yml",
	"compose.override.yaml",
	"docker-compose.override.yml",
	"docker-compose.override.yaml",
};

static const char *join(struct arena *a, const char *dir, const char *name)
{
	auto_free char *path = path_join(dir, name);

	return arena_strdup(a, path);
}

/* The working directory as the shell calls it, when that is true. */
static const char *working_dir(struct arena *a, const char *pwd)
{
	auto_free char *cwd = NULL;
	struct stat here, there;

	if (pwd && pwd[0] == '/' && stat(pwd, &there) == 0 && stat(".", &here) == 0 &&
		here.st_dev == there.st_dev && here.st_ino == there.st_ino)
		return join(a, pwd, ".");
	cwd = getcwd(NULL, 0);
	return arena_strdup(a, cwd);
}

static const char *shown(const struct found *f, const char *path)
{
	size_t n = strlen(f->cwd);

	return strncmp(path, f->cwd, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

/* The project directory by what is known so far. */
static const char *current_dir(const struct found *f)
{
	if (f->opts->project_directory && *f->opts->project_directory)
		return join(f->a, f->cwd, f->opts->project_directory);
	for (size_t i = 0; i < f->n_files; i++) {
		if (!STREQ(f->files[i], "-"))
			return join(f->a, f->files[i], "..");
	}
	return f->cwd;
}

static void add_name(struct arena *a, const char ***list, size_t *n, const char *name)
{
	const char **all = arena_array(a, *n + 1, sizeof *all);

	if (*n)
		memcpy(all, *list, *n * sizeof *all);
	all[(*n)++] = name;
	*list = all;
}

static void add_file(struct found *f, const char *path)
{
	add_name(f->a, &f->files, &f->n_files, STREQ(path, "-") ? path : join(f->a, f->cwd, path));
}

/* ------------------------------------------------------------------ .env */

/* COMPOSE_DISABLE_ENV_FILE, which has to be a boolean of a few forms when it is set. */
static bool dotenv_disabled(const struct found *f)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" }, *const no[] = { "0", "f",
		"F", "FALSE", "false", "False" };
	const struct env_var *v = env_find(&f->env, "COMPOSE_DISABLE_ENV_FILE");

	for (size_t i = 0; v && i < ARRAY_LEN(yes); i++) {
		if (STREQ(v->value, yes[i]))
			return true;
		if (STREQ(v->value, no[i]))
			return false;
	}
	if (v)
		diag_error(f->d, v->pos, "COMPOSE_DISABLE_ENV_FILE must be 'true' or 'false', not '%s'",
			v->value);
	return false;
}

static void hint_file(const struct found *f, const char *path)
{
	const char *near = near_file(f->a, path);

	if (near)
		diag_hint(f->d, "did you mean '%s'?", shown(f, near));
}

static int read_env_file(struct found *f, struct env *into, const char *path)
{
	int r = env_load(into, &f->env, f->d, path, shown(f, path), false);

	if (r == ENV_ABSENT) {
		r = diag_error(f->d, (struct pos){ shown(f, path), 0, 0 }, "the env file '%s' does not exist",
			shown(f, path));
		hint_file(f, path);
	}
	if (r < 0)
		into->partial = true;
	return r;
}

static int read_dotenv(struct found *f, struct env *into)
{
	const char *path = join(f->a, current_dir(f), ".env");
	struct stat st;

	if (dotenv_disabled(f) || stat(path, &st) < 0 || S_ISDIR(st.st_mode))
		return 0;
	return read_env_file(f, into, path);
}

/* Each item of a list, for which item() is called. */
static void split(struct arena *a, const char *list, const char *sep,
	void (*item)(void *ctx, const char *text), void *ctx)
{
	for (const char *end; (end = strstr(list, sep)); list = end + strlen(sep))
		item(ctx, arena_strndup(a, list, (size_t)(end - list)));
	item(ctx, list);
}

static void on_env_file(void *ctx, const char *name)
{
	struct found *f = ctx;

	if (*name)
		add_name(f->a, &f->env_files, &f->n_env_files, join(f->a, f->cwd, name));
}

/* Only what the caller's environment says can name files of variables: what they say themselves comes too
 * late. */
static void find_env_files(struct found *f)
{
	const char *list = env_value(&f->env, "COMPOSE_ENV_FILES");

	for (size_t i = 0; i < f->opts->env_files.n; i++)
		add_name(f->a, &f->env_files, &f->n_env_files, join(f->a, f->cwd, f->opts->env_files.v[i]));
	if (list && f->n_env_files == 0)
		split(f->a, list, ",", on_env_file, f);
}

/* Adds the variables of the files, or only those that say how to go on. What is wrong with a file is
 * reported, and its variables are unknown from then on. */
static void read_env(struct found *f, bool only_own)
{
	static const char own[] = "COMPOSE_";
	struct env read;

	env_init(&read, f->a);
	for (size_t i = 0; i < f->n_env_files; i++)
		read_env_file(f, &read, f->env_files[i]);
	if (f->n_env_files == 0)
		read_dotenv(f, &read);
	map_each (&read.vars, it) {
		const struct env_var *v = it->value;

		if (!only_own || strncmp(v->name, own, sizeof own - 1) == 0)
			env_put(&f->env, v->name, v->value, v->pos, false);
	}
	f->env.partial |= read.partial;
	env_done(&read);
}

/* ------------------------------------------------------------------ compose files */

/* Adds the first of the names that is in dir; warns when there are more. */
static bool discover_in(struct found *f, const char *dir, const char *const *list, size_t n)
{
	const char *hit = NULL;
	auto_buf struct buf all = BUF_INIT;
	size_t hits = 0;
	struct stat st;

	for (size_t i = 0; i < n; i++) {
		const char *path = join(f->a, dir, list[i]);

		if (stat(path, &st) < 0)
			continue;
		buf_printf(&all, "%s%s", hits++ ? ", " : "", list[i]);
		if (!hit)
			hit = path;
	}
	if (!hit)
		return false;
	add_file(f, hit);
	if (hits > 1)
		diag_warn(f->d, (struct pos){ 0 }, "more than one compose file is there (%s), '%s' is used",
			all.p, shown(f, hit));
	return true;
}

static void discover(struct found *f)
{
	const char *dir = current_dir(f);

	for (;;) {
		if (discover_in(f, dir, names, ARRAY_LEN(names))) {
			discover_in(f, dir, override_names, ARRAY_LEN(override_names));
			return;
		}
		if (STREQ(dir, "/"))
			return;
		dir = join(f->a, dir, "..");
	}
}

static void on_compose_file(void *ctx, const char *name)
{
	struct found *f = ctx;
	const struct env_var *v = env_find(&f->env, "COMPOSE_FILE");

	if (*name) {
		add_file(f, name);
		return;
	}
	diag_error(f->d, v->pos, "COMPOSE_FILE has an empty file name: '%s'", v->value);
}

static void find_files(struct found *f)
{
	const struct env_var *list = env_find(&f->env, "COMPOSE_FILE");
	const char *sep = env_value(&f->env, "COMPOSE_PATH_SEPARATOR");

	if (f->n_files)
		return;
	if (list)
		split(f->a, list->value, sep && *sep ? sep : ":", on_compose_file, f);
	else
		discover(f);
}

void found_done(struct found *f)
{
	env_done(&f->bare);
	env_done(&f->env);
}

int find_project(struct found *f, struct arena *a, struct diag *d, const struct compose_opts *opts)
{
	*f = (struct found){ .a = a, .d = d, .opts = opts };
	env_init(&f->env, a);
	env_init(&f->bare, a);
	env_put_list(&f->env, opts->environ ? opts->environ : (const char *const *)environ, false);
	f->cwd = working_dir(a, env_value(&f->env, "PWD"));
	if (!f->cwd)
		return diag_error(d, (struct pos){ 0 }, "the working directory is not there any more: %s",
			strerror(errno));
	env_put(&f->env, "PWD", f->cwd, (struct pos){ 0 }, true);
	for (size_t i = 0; i < opts->files.n; i++)
		add_file(f, opts->files.v[i]);
	find_env_files(f);
	read_env(f, true);
	read_env(f, false);
	find_files(f);
	f->dir = current_dir(f);
	read_env(f, false);
	return 0;
}

int find_no_file(const struct found *f)
{
	const char *const all[] = { names[0], names[1], names[2], names[3], NULL };
	const char *near;

	if (f->env.partial || env_value(&f->env, "COMPOSE_FILE"))
		return -1; /* it may be named in the file of variables that is wrong; or what is named has no
			      name */
	near = near_names(f->a, f->dir, all);
	diag_error(f->d, (struct pos){ 0 }, "no configuration file provided: not found");
	if (near)
		diag_hint(f->d, "there is '%s': rename it, or name it with -f", near);
	diag_hint(f->d,
		"looked for %s, %s, %s and %s in '%s' and the directories above; name another with -f",
		names[0], names[1], names[2], names[3], f->dir);
	return -1;
}

/* ------------------------------------------------------------------ profiles */

struct words {
	struct arena *a;
	const char **v;
	size_t n;
};

static void on_profile(void *ctx, const char *text)
{
	struct words *w = ctx;
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len && strchr(" \t", text[len - 1]))
		len--;
	add_name(w->a, &w->v, &w->n, arena_strndup(w->a, text, len));
}

const char *const *find_profiles(const struct found *f, size_t *ret_n)
{
	struct words w = { .a = f->a };
	const char *list = env_value(&f->env, "COMPOSE_PROFILES");

	for (size_t i = 0; i < f->opts->profiles.n; i++)
		add_name(w.a, &w.v, &w.n, f->opts->profiles.v[i]);
	if (w.n == 0)
		split(f->a, list ? list : "", ",", on_profile, &w);
	*ret_n = w.n;
	return w.v;
}

/* ------------------------------------------------------------------ the name */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Lower case, what cannot be in a name dropped, and what cannot start one from the front. */
static const char *normalise_name(struct arena *a, const char *text)
{
	char *name = arena_strdup(a, text);
	size_t len = 0;

	for (const char *p = text; *p; p++) {
		char c = *p >= 'A' && *p <= 'Z' ? (char)(*p + 'a' - 'A') : *p;

		if (is_name_char(c) && (len || (c != '_' && c != '-')))
			name[len++] = c;
	}
	name[len] = '\0';
	return name;
}

int find_given_name(const struct found *f, const char **ret)
{
	const char *name = f->opts->project_name;

	if (!name || !*name)
		name = env_value(&f->env, "COMPOSE_PROJECT_NAME");
	*ret = NULL;
	if (!name || !*name)
		return 0;
	if (!STREQ(normalise_name(f->a, name), name)) {
		diag_error(f->d, (struct pos){ 0 },
			"invalid project name '%s': it must consist of lower-case letters, digits, '-' and "
			"'_', and start with "
			"a letter or digit",
			name);
		return -1;
	}
	*ret = name;
	return 0;
}

/* NULL when the files have none. */
static const char *name_in_files(const struct found *f, struct node *const *docs, size_t n)
{
	const struct node *name = NULL;
	struct interp_result r;

	for (size_t i = 0; i < n; i++) {
		const struct node *own = node_get(docs[i], "name");

		if (own && own->kind == NODE_STR && own->len)
			name = own;
	}
	if (!name)
		return NULL;
	/* what is wrong with its variables is reported when the document is interpolated */
	if (f->opts->no_interpolate ||
		interp_text(f->a, &f->env, name->text, name->len, NULL, &r) != INTERP_OK)
		return normalise_name(f->a, name->text);
	return normalise_name(f->a, r.text);
}

int find_name(const struct found *f, struct node *const *docs, size_t n, const char **ret)
{
	const char *name = name_in_files(f, docs, n);
	const char *base = strrchr(f->dir, '/'), *from = name ? "'name:' of the compose file" : f->dir;

	if (!name)
		name = normalise_name(f->a, base ? base + 1 : f->dir);
	if (!*name) {
		diag_error(
			f->d, (struct pos){ 0 }, "the project name must not be empty: %s gives none", from);
		diag_hint(f->d, "give one with -p, COMPOSE_PROJECT_NAME or 'name:' in the compose file");
		return -1;
	}
	*ret = name;
	return 0;
}
