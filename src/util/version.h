/* version.h - which davit this is. The one object in which two builds of the same source differ (`make next`). */
#pragma once

struct version {
	const char *number, *date;     /* "0.1.0", "2026-11-21": when it was released, or is to be; no build puts its own there */
	int wire, wire_oldest;         /* the protocol of src/ctl that it speaks, and the oldest that it can do with */
};
extern const struct version davit_version;
