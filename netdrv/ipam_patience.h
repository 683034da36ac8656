/* ipam_patience.h - how long the address book's lock is waited for; 2 s unless told. */
#pragma once

struct ipam;
void ipam_set_patience(struct ipam *p, int ms);
