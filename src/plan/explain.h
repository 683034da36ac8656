/* explain.h - a plan as people and programs read it: which resources change, how and why, field by field. Pure.
 *
 * explain_plan() says what becomes of containers and services. Images, networks and volumes are looked up outside (the store, the address
 * book) and added by changes_add(); changes_sort() puts all into the order in which they happen. */
#pragma once

#include "fields.h"
#include "plan.h"

enum change_resource { CHANGE_IMAGE, CHANGE_VOLUME, CHANGE_NETWORK, CHANGE_CONTAINER, CHANGE_SERVICE, CHANGE_NRESOURCES };
enum change_action {
	CHANGE_BUILD, CHANGE_PULL,
	CHANGE_CREATE,           /* and start, unless the request says not to */
	CHANGE_RECREATE, CHANGE_START, CHANGE_RESTART, CHANGE_STOP, CHANGE_REMOVE, CHANGE_KILL, CHANGE_PAUSE, CHANGE_UNPAUSE, CHANGE_PUSH,
	CHANGE_UPDATE,           /* takes effect on what is there */
	CHANGE_KEEP,             /* nothing happens to it */
	CHANGE_NACTIONS
};

struct change {
	enum change_resource resource;
	enum change_action action;
	char *name, *service;    /* service: of a container or an image, else NULL */
	char *why;               /* may be NULL */
	bool orphan;             /* of a service that the file does not have; it is kept */
	bool late;               /* it goes when all that comes is known to be good (plan.h: OP_COMMIT) */
	struct fields fields;
	size_t rank;             /* among those of its kind */
};
struct changes {
	struct change *v;
	size_t n, cap;
};

/* Appends one; name, service and why (may be NULL) are copied. Valid until the next one is added. */
struct change *changes_add(struct changes *c, enum change_resource resource, enum change_action action, const char *name,
			   const char *service, const char *why);
/* The order in which they happen: images, volumes, what goes, networks, containers as their dependencies say, what goes when these are good, and
 * at a `down` the networks and volumes that go with it. */
void changes_sort(struct changes *c);
size_t changes_count(const struct changes *c, enum change_action action);
/* Whether there is any but CHANGE_KEEP. */
bool changes_any(const struct changes *c);
void changes_done(struct changes *c);
const char *change_resource_str(enum change_resource r);
const char *change_action_str(enum change_action a);

struct explaining {
	const struct project *model;         /* that the plan was made with; may be NULL */
	const struct world *world;
	const struct project *last;          /* in force until now; NULL: there is none */
	/* The model that a container was made from, and the id of the image that its service would run now; NULL: not known. */
	const struct project *(*made_from)(void *ctx, const struct unit_rec *r);
	const char *(*image_id)(void *ctx, const struct service *svc);
	void *ctx;
};
void explain_plan(const struct explaining *e, const struct plan *p, struct changes *out);
