#include "certs.h"

#include <dirent.h>
#include <errno.h>

#include "../util/auto.h"
#include "../util/mem.h"

enum { FILES_MAX = 1024 };

struct ending {
	const char *text;
	struct strs *names; /* without it */
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(const char *dir, DIR *d, const struct ending *endings, size_t n, struct err *err)
{
	size_t seen = 0;

	errno = 0;
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		if (++seen > FILES_MAX)
			return err_set(err, ERR_INPUT, "more than %d files in '%s'", FILES_MAX, dir);
		for (size_t i = 0; i < n; i++)
			if (e->d_name[0] != '.' && str_ends(e->d_name, endings[i].text))
				strs_addn(endings[i].names, e->d_name, strlen(e->d_name) - strlen(endings[i].text));
	}
	if (errno)
		return err_sys(err, errno, "read directory '%s'", dir);
	for (size_t i = 0; i < n; i++)
		if (endings[i].names->n)
			qsort(endings[i].names->v, endings[i].names->n, sizeof(char *), by_name);
	return 0;
}

static int without(const char *dir, const char *what, const char *has, const char *lacks, struct err *err)
{
	return err_set(err, ERR_INPUT, "'%s/%s%s' has no '%s%s' beside it", dir, what, has, what, lacks);
}

static int take_pair(const char *dir, const struct strs *certs, const struct strs *keys, struct reg_certs *c, struct err *err)
{
	for (size_t i = 0; i < certs->n; i++)
		if (!strs_has(keys, certs->v[i]))
			return without(dir, certs->v[i], ".cert", ".key", err);
	for (size_t i = 0; i < keys->n; i++)
		if (!strs_has(certs, keys->v[i]))
			return without(dir, keys->v[i], ".key", ".cert", err);
	if (certs->n > 1) {
		err_set(err, ERR_INPUT, "more than one client certificate in '%s': %s.cert, %s.cert", dir, certs->v[0], certs->v[1]);
		return err_hint(err, "leave the one there that the registry knows");
	}
	if (certs->n) {
		c->cert = xasprintf("%s/%s.cert", dir, certs->v[0]);
		c->key = xasprintf("%s/%s.key", dir, certs->v[0]);
	}
	return 0;
}

static int read_dir(const char *dir, DIR *d, struct reg_certs *c, struct err *err)
{
	auto_strs struct strs authorities = STRS_INIT, certs = STRS_INIT, keys = STRS_INIT;
	const struct ending endings[] = { { ".crt", &authorities }, { ".cert", &certs }, { ".key", &keys } };

	if (read_names(dir, d, endings, ARRAY_LEN(endings), err) < 0 || take_pair(dir, &certs, &keys, c, err) < 0)
		return -1;
	for (size_t i = 0; i < authorities.n; i++)
		strs_printf(&c->ca, "%s/%s.crt", dir, authorities.v[i]);
	return 0;
}

/* 1: the directory is there, 0: it is not. */
static int try_dir(const char *base, const char *below, const char *registry, struct reg_certs *c, struct err *err)
{
	auto_free char *dir = xasprintf("%s%s/%s", base, below, registry);
	auto_closedir DIR *d = opendir(dir);

	if (!d && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!d)
		return err_sys(err, errno, "open directory '%s'", dir);
	return read_dir(dir, d, c, err) < 0 ? -1 : 1;
}

int reg_certs_find(const struct reg_env *env, const char *registry, struct reg_certs *ret, struct err *err)
{
	const struct {
		const char *base, *below;
	} places[] = {
		{ env->config_home, "/containers/certs.d" },
		{ env->root, "/etc/containers/certs.d" },
		{ env->root, "/etc/docker/certs.d" },
	};
	struct reg_certs c = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		int r = places[i].base ? try_dir(places[i].base, places[i].below, registry, &c, err) : 0;

		if (r < 0) {
			reg_certs_done(&c);
			return -1;
		}
		if (r > 0)
			break;
	}
	*ret = c;
	return 0;
}

void reg_certs_done(struct reg_certs *c)
{
	strs_done(&c->ca);
	free(c->cert);
	free(c->key);
	*c = (struct reg_certs){ 0 };
}
