/* banned.h - calls that have a better one in this tree. Included by the compiler's command line (-include), so that using one
 * of them is a compile error. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef atoi
#undef atol
#undef system
#undef gets
#define BANNED(what) banned_##what##_see_src_util
#define strcpy(d, s) BANNED(strcpy)
#define strcat(d, s) BANNED(strcat)
#define strncpy(d, s, n) BANNED(strncpy)
#define strncat(d, s, n) BANNED(strncat)
#define sprintf(...) BANNED(sprintf)
#define vsprintf(...) BANNED(vsprintf)
#define strtok(s, d) BANNED(strtok)
#define atoi(s) BANNED(atoi)
#define atol(s) BANNED(atol)
#define system(s) BANNED(system)
