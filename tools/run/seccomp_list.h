/*
 * The default list of system calls, in docker's form: with its conditions. seccomp_make() resolves
 * it.
 */
#ifndef TOOLS_RUN_SECCOMP_LIST_H
#define TOOLS_RUN_SECCOMP_LIST_H

struct json_t;

/* seccomp_list - a new reference; NULL: no memory. */
struct json_t *seccomp_list(void);

#endif
