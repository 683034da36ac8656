/* image_main.c - davit-image: the program that talks to registries and touches foreign archives. */
#include "verb/verb.h"

int main(int argc, char **argv)
{
	return verb_main(argc, argv);
}
