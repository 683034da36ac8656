/* lower.h - private: how canonical values become fields. */
#pragma once

#include "model.h"
#include "stages.h"
#include "tree.h"

struct lower {
	const struct stage_ctx *s;
	struct arena *a;
	struct node *root;
	struct project *p;
};

/* lower_values.c: NULL, empty or absent gives the field's "not given". */
void *low_array(struct lower *l, const struct node *list, size_t size); /* room for what is made of each item */
char *low_str(struct lower *l, const struct node *map, const char *key);
struct strv low_strv(struct lower *l, const struct node *map, const char *key);
struct kvs low_kvs(struct lower *l, const struct node *map, const char *key);
int64_t low_int(const struct node *map, const char *key, int64_t otherwise);
double low_num(const struct node *map, const char *key, double otherwise);
enum tristate low_tri(const struct node *map, const char *key);
int64_t low_bytes(const struct node *map, const char *key, int64_t otherwise);
int64_t low_ns(const struct node *map, const char *key, int64_t otherwise);
struct pos low_pos(const struct node *map, const char *key);

/* lower_lists.c */
void low_ports(struct lower *l, struct service *svc, const struct node *n);
void low_mounts(struct lower *l, struct service *svc, const struct node *n);
void low_networks(struct lower *l, struct service *svc, const struct node *n);
void low_dependencies(struct lower *l, struct service *svc, const struct node *n);
void low_file_refs(struct lower *l, struct file_ref **ret, size_t *ret_n, const struct node *n, const char *key);
void low_hosts(struct lower *l, struct host_entry **ret, size_t *ret_n, const struct node *n);
void low_devices(struct lower *l, struct service *svc, const struct node *n);
void low_ulimits(struct lower *l, struct ulimit **ret, size_t *ret_n, const struct node *n);
void low_hooks(struct lower *l, struct hook **ret, size_t *ret_n, const struct node *n, const char *key);
void low_watch(struct lower *l, struct service *svc, const struct node *n);

/* lower_build.c: `build`; the image's name has been read. */
void low_build(struct lower *l, struct service *svc, const struct node *n);

/* lower_update.c */
void low_updates(struct service *svc, const struct node *n);

/* x_davit.c: from `$davit` */
void low_x_davit(struct lower *l, struct service *svc, const struct node *n);

/* lower_service.c */
void low_service(struct lower *l, struct service *svc, const struct node_pair *p);
