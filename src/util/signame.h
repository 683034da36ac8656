/* signame.h - signals as people write them. */
#pragma once

/* The number of "SIGTERM", "term", "15", "SIGRTMIN+3"; -1: there is none. */
int signal_number(const char *name);
