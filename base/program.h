/*
 * Programs of the system that others are started from.
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

/*
 * program_find - the path of an executable program in $PATH, to be given to posix_spawn(3).
 * Only absolute elements of $PATH count. Without a PATH the system's default holds.
 * name    without a slash
 * returns heap; NULL: there is none, or no memory
 */
char *program_find(const char *name);

#endif
