/* volumes.c - which volumes `down -v` is about (plan.h). */
#include "../../compose/project.h"
#include "plan.h"

/* Below its "volumes", by the key that the file has for it. */
static bool mounts(const struct service *svc, const char *key)
{
	for (size_t i = 0; i < svc->n_mounts; i++)
		if (svc->mounts[i].type == MOUNT_VOLUME && str_eq(svc->mounts[i].source, key))
			return true;
	return false;
}

bool plan_takes_volume(const struct project *model, const char *const *services, const char *name)
{
	const struct volume *v = NULL;

	for (size_t i = 0; model && i < model->n_volumes; i++)
		if (STREQ(model->volumes[i].name, name))
			v = &model->volumes[i];
	if (v && v->external)
		return false;
	for (size_t i = 0; services && services[i]; i++) {
		const struct service *svc = v ? project_service(model, services[i]) : NULL;
		if (svc && mounts(svc, v->key))
			return true;
	}
	return !services;
}
