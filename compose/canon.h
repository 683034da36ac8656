/* canon.h - private to the canonical form: its walker and the short forms that rows name. */
#pragma once

#include "../src/util/buf.h"
#include "attr.h"
#include "stages.h"

struct canon {
	const struct stage_ctx *s;
	struct arena *a;
	struct buf path;        /* "services.web.ports[1]" */
	bool wrong;             /* the value that is looked at was reported */
	const struct attr *obj, *outer; /* the object whose keys are walked, and the one around it */
};

/* Reports a problem at n with the path walked so far, unless n was reported already; returns NULL so that a hook can return it. */
struct node *canon_error(struct canon *c, const struct node *n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void canon_warn(struct canon *c, const struct node *n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void canon_hint(struct canon *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What a user calls the value: "string", "date". */
const char *canon_kind(const struct node *n);
/* "'ports' must be a list, not a string"; returns NULL. */
struct node *canon_wrong(struct canon *c, const struct attr *row, const struct node *n, const char *want);
/* "a list": what a row takes, in words. */
const char *canon_wanted(const struct attr *row);
/* What was meant, to be called right after the problem was reported (canon_hint.c). The first returns the key of the row that was
 * meant, NULL when it is none of them; the second is for texts, the third for values of the wrong type. */
const char *canon_hint_key(struct canon *c, const struct attr *row, const struct node_pair *p);
/* For an item that is a mapping where a text is wanted: false when it does not look like a text with ": " in it. */
bool canon_hint_pair(struct canon *c, const struct node *n);
void canon_hint_text(struct canon *c, const struct node *n);
void canon_hint_wrong(struct canon *c, const struct attr *row, const struct node *n);
bool canon_takes_list(const struct attr *row);
/* An item of a list of names that is none. */
void canon_name_wrong(struct canon *c, const struct node *item, const char *key);
/* Path segments: returns what to give back to canon_pop(). */
size_t canon_push(struct canon *c, const char *key);
size_t canon_push_index(struct canon *c, size_t i);
void canon_pop(struct canon *c, size_t mark);
/* One value by its row. Never NULL: what was wrong with it is taken out (node_spoil), lists and maps keep what is right. */
struct node *canon_value(struct canon *c, const struct attr *row, struct node *n);
/* Takes a wrong value out: what is left is empty, or a list or map of which the rest is right. */
void canon_spoil(const struct attr *row, struct node *n);
/* The types, by file: canon_scalar.c, canon_text.c. Never NULL, as canon_value(). */
struct node *canon_scalar(struct canon *c, const struct attr *row, struct node *n);
struct node *canon_command(struct canon *c, const struct attr *row, struct node *n);
struct node *canon_kv(struct canon *c, const struct attr *row, struct node *n);
bool canon_is_scalar(const struct node *n);
/* Reports strings that are in a list twice. */
void canon_equal_items(struct canon *c, const struct attr *row, const struct node *n);
/* What the user calls the value at the end of the path. */
const char *canon_subject(const struct canon *c, const struct attr *row);
/* Gives n the span and origin of `from`; returns n. */
struct node *canon_place(struct node *n, const struct node *from);
/* New nodes that stand for a piece of another: its position, span and origin. */
struct node *canon_str(struct canon *c, const struct node *from, const char *text);
struct node *canon_like(struct canon *c, const struct node *from, enum node_kind kind);
void canon_set(struct canon *c, struct node *map, const char *key, const struct node *from, struct node *value);
void canon_set_str(struct canon *c, struct node *map, const char *key, const struct node *from, const char *text);
/* Stands for an item that was reported and left out, so that those after it keep their numbers. */
struct node *canon_gap(struct canon *c, const struct node *n);

/* Hooks of rows, by file. */
attr_canon_fn canon_ports, canon_port, canon_published, canon_networks, canon_extra_hosts, canon_dns;
attr_canon_fn canon_volumes, canon_devices, canon_file_refs, canon_service_secrets, canon_mode, canon_mode_int;
attr_canon_fn canon_build, canon_ssh, canon_depends_on, canon_env_file, canon_extends, canon_include_item, canon_models,
	canon_provider_option, canon_pull_policy, canon_test, canon_ulimit, canon_external, canon_count, canon_device_request, canon_reservation, canon_attest,
	canon_gpus, canon_name, canon_filled;
attr_key_fn key_port, key_expose, key_target, key_file_ref, key_path;
