#include "volume_user.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "journal.h"

enum { LAUNCH_MAX = 1 << 20 };

static DIR *open_list(int dir_fd, const char *path)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	return d;
}

static bool has_volume(int containers_fd, const char *id, const char *volume)
{
	auto_free char *name = xasprintf("%s/launch.json", id);
	auto_json json_t *launch = NULL;
	const json_t *v;
	size_t i;

	if (jx_load(containers_fd, name, LAUNCH_MAX, &launch, NULL) < 0)
		return false;
	json_array_foreach(jx_arr(launch, "volumes"), i, v)
		if (str_eq(json_string_value(v), volume))
			return true;
	return false;
}

/* Its name, which the journal knows; else its id. */
static char *name_of(int state_fd, const char *id)
{
	struct world w = { 0 };
	char *name = NULL;

	if (world_load(state_fd, &w, NULL) == 0)
		map_each(&w.units, it) {
			const struct unit_rec *r = it->value;

			if (!name && str_eq(r->id, id))
				name = xstrdup(r->name);
		}
	world_done(&w);
	return name ? name : xstrdup(id);
}

static char *user_in(int projects_fd, const char *project, const char *volume)
{
	auto_close int state_fd = openat(projects_fd, project, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_closedir DIR *d = state_fd < 0 ? NULL : open_list(state_fd, "containers");

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		if (e->d_name[0] == '.' || !has_volume(dirfd(d), e->d_name, volume))
			continue;
		auto_free char *name = name_of(state_fd, e->d_name);
		return xasprintf("container '%s' of project '%s'", name, project);
	}
	return NULL;
}

static bool is_listed(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (str_eq(*names, name))
			return true;
	return false;
}

/* A container of the project's other services. */
static char *user_beside(int projects_fd, const char *project, const char *const *services, const char *volume)
{
	auto_close int state_fd = openat(projects_fd, project, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_closedir DIR *d = state_fd < 0 ? NULL : open_list(state_fd, "containers");
	struct world w = { 0 };
	char *user = NULL;

	if (d && world_load(state_fd, &w, NULL) == 0)
		map_each(&w.units, it) {
			const struct unit_rec *r = it->value;

			if (!user && r->id && !is_listed(services, r->service) && has_volume(dirfd(d), r->id, volume))
				user = xasprintf("container '%s' of project '%s'", r->name, project);
		}
	world_done(&w);
	return user;
}

char *volume_user(const char *state_root, const char *project, const char *const *services, const char *volume)
{
	auto_free char *path = xasprintf("%s/projects", state_root);
	auto_closedir DIR *d = open_list(AT_FDCWD, path);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		char *user = NULL;

		if (!STREQ(e->d_name, project))
			user = e->d_name[0] == '.' ? NULL : user_in(dirfd(d), e->d_name, volume);
		else if (services)
			user = user_beside(dirfd(d), project, services, volume);
		if (user)
			return user;
	}
	return NULL;
}
