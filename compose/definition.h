/* definition.h - private: what of a service's keys a container is made from. */
#pragma once

struct arena;
struct node;

/* A copy in `a`, as JSON has it, of all that requires a new container when it changes; n is the service in the canonical tree. */
struct node *definition_of_container(struct arena *a, const struct node *n);
