#include "signame.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

#include "str.h"

int signal_number(const char *name)
{
	unsigned n;

	if (str_uint(name, 1, 64, &n) == 0)
		return (int)n;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int i = 1; i < 32; i++) {
		const char *abbrev = sigabbrev_np(i);
		if (abbrev && strcasecmp(abbrev, name) == 0)
			return i;
	}
	if (strncasecmp(name, "RTMIN", 5) == 0)
		return str_uint(name[5] == '+' ? name + 6 : "0", 0, 30, &n) == 0 ? SIGRTMIN + (int)n : -1;
	if (strncasecmp(name, "RTMAX", 5) == 0)
		return str_uint(name[5] == '-' ? name + 6 : "0", 0, 30, &n) == 0 ? SIGRTMAX - (int)n : -1;
	return -1;
}
