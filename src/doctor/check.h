/* check.h - private to src/doctor: a check is a row, a group of checks is a file. */
#pragma once

#include <jansson.h>

#include "../state/journal.h"
#include "doctor.h"

struct patient {                         /* a project under examination */
	const char *name;                /* borrowed */
	struct pdirs p;                  /* descriptors are -1 where nothing is */
	struct world w;
};

struct doctor {
	const struct dirs *dirs;
	const char *only;                /* the one project asked for, NULL: all */
	struct patient *patients;
	size_t n_patients;
	json_t *links;                   /* net_census() */
	json_t *nets;                    /* ipam_list() of all projects */
	const struct check *check;       /* the one that looks now … */
	const struct patient *patient;   /* … at this project; NULL: at the host */
	struct findings *found;
};

struct check {
	const char *name;
	void (*project)(struct doctor *d, const struct patient *p);   /* called for each, or NULL */
	void (*host)(struct doctor *d);                               /* called once, or NULL */
	const char *why;
	const char *todo;                /* NAME stands for the project, STATE for the state directory */
};

/* Notes a finding of the check that looks now. */
void amiss(struct doctor *d, const char *where, const char *what, ...) __attribute__((format(printf, 3, 4)));
/* The one of that name, NULL: it is not examined. */
const struct patient *patient_called(const struct doctor *d, const char *name);
/* The record of a slot, NULL: there is none. */
const struct unit_rec *record_of(const struct patient *p, const char *slot);
/* The first n bytes of name are the slot. */
const struct unit_rec *record_ofn(const struct patient *p, const char *name, size_t n);
/* Whose container that is, or was set aside. */
const struct unit_rec *record_with_id(const struct patient *p, const char *id);
bool rec_is(const struct unit_rec *r, const char *state);
/* In this state a process of it exists. */
bool rec_has_process(const struct unit_rec *r);
/* In this state nothing of it is known to the runtime, and nothing is about to be. */
bool rec_rests(const struct unit_rec *r);

/* Each ends with a row without a name. */
extern const struct check process_checks[], record_checks[], leftover_checks[], network_checks[], diary_checks[], host_checks[];
