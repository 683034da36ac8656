/* conf.c - which files are read, in which order. */
#include "conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "toml.h"

/* --- tables of one file go over those of the same prefix from earlier ones --- */

static struct reg_table *same_prefix(const struct reg_tables *l, const char *prefix)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_same(l->v[i].prefix, prefix))
			return &l->v[i];
	return NULL;
}

static int merge(struct reg_conf *c, const struct reg_tables *from, const char *file, struct err *err)
{
	for (size_t i = 0; i < from->n; i++) {
		struct reg_table *old = same_prefix(&c->tables, from->v[i].prefix);

		if (!old && c->tables.n >= CONF_TABLES_MAX)
			return err_set(err, ERR_INPUT, "%s: more than %d registries", file, CONF_TABLES_MAX);
		if (!old)
			old = XGROW(c->tables.v, c->tables.n, c->tables.cap);
		*old = from->v[i];
	}
	return 0;
}

/* --- files --- */

/* 1: read, 0: there is none. */
static int read_file(struct reg_conf *c, const char *file, bool drop_in, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	struct reg_tables tables = { 0 };
	auto_err struct err why = ERR_INIT;
	int r;

	if (path_read(AT_FDCWD, file, TOML_MAX, &text, &why) < 0)
		return why.errnum == ENOENT || why.errnum == ENOTDIR ? 0 : err_move(err, &why);
	r = conf_file(c, file, text.p, text.len, drop_in, &tables, err);
	if (r == 0)
		r = merge(c, &tables, file, err);
	free(tables.v);
	return r < 0 ? -1 : 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_drop_ins(const char *dir, struct strs *ret, struct err *err)
{
	auto_closedir DIR *d = opendir(dir);

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, errno, "open directory '%s'", dir);
	errno = 0;
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		if (!str_ends(e->d_name, ".conf") || e->d_type == DT_DIR)
			continue;
		if (ret->n >= CONF_DROP_INS_MAX)
			return err_set(err, ERR_INPUT, "more than %d files in '%s'", CONF_DROP_INS_MAX, dir);
		strs_add(ret, e->d_name);
	}
	if (errno)
		return err_sys(err, errno, "read directory '%s'", dir);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_name);
	return 0;
}

static int read_drop_ins(struct reg_conf *c, const char *base, struct err *err)
{
	auto_free char *dir = xasprintf("%s/containers/registries.conf.d", base);
	auto_strs struct strs names = STRS_INIT;

	if (list_drop_ins(dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *file = xasprintf("%s/%s", dir, names.v[i]);

		if (read_file(c, file, true, err) < 0)
			return -1;
	}
	return 0;
}

/* 1: it was the user's own file, whose drop-ins alone count. */
static int read_main(struct reg_conf *c, const struct reg_env *env, struct err *err)
{
	auto_free char *own = env->config_home ? xasprintf("%s/containers/registries.conf", env->config_home) : NULL;
	auto_free char *common = xasprintf("%s/etc/containers/registries.conf", env->root);
	int r;

	if (env->registries) {
		r = read_file(c, env->registries, false, err);
		if (r == 0)
			return err_sys(err, ENOENT, "open '%s', which CONTAINERS_REGISTRIES_CONF names", env->registries);
		return r < 0 ? -1 : 0;
	}
	r = own ? read_file(c, own, false, err) : 0;
	if (r)
		return r;
	return read_file(c, common, false, err) < 0 ? -1 : 0;
}

static int read_all(struct reg_conf *c, const struct reg_env *env, struct err *err)
{
	auto_free char *etc = xasprintf("%s/etc", env->root);
	int own = read_main(c, env, err);

	if (own < 0 || (!own && read_drop_ins(c, etc, err) < 0))
		return -1;
	return env->config_home ? read_drop_ins(c, env->config_home, err) : 0;
}

int reg_conf_load(const struct reg_env *env, struct reg_conf **ret, struct err *err)
{
	struct reg_conf *c = xcalloc(1, sizeof *c);

	c->arena = arena_new();
	if (read_all(c, env, err) < 0) {
		reg_conf_free(c);
		return -1;
	}
	*ret = c;
	return 0;
}

void reg_conf_free(struct reg_conf *c)
{
	if (!c)
		return;
	free(c->tables.v);
	strs_done(&c->warnings);
	arena_free(c->arena);
	free(c);
}

const struct strs *reg_conf_warnings(const struct reg_conf *c)
{
	return &c->warnings;
}
