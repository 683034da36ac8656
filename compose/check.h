/* check.h - private: what the check files share. */
#pragma once

#include "stages.h"

/* "services.web" + ".ports[1]" in the arena. */
const char *check_path(const struct stage_ctx *s, const char *section, const char *name, const char *rest);
/* A problem at a node, with the path. All return -1. */
int check_error(const struct stage_ctx *s, const struct node *n, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* check_values.c: what one service says against itself, and what services and resources say against each other. */
void check_service_values(const struct stage_ctx *s, const struct node_pair *service);
/* check_mounts.c: what one service mounts. */
void check_mounts(const struct stage_ctx *s, const char *name, const struct node *service);
void check_container_names(const struct stage_ctx *s, const struct node *services);
void check_published(const struct stage_ctx *s, const struct node *services);
void check_resources(const struct stage_ctx *s, const struct node *root);

/* check_effects.c: tells of what is understood and has no effect, if anybody wants to know. */
void check_effects(const struct stage_ctx *s, const struct node *root);
