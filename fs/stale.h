/*
 * Images that are no longer at their place, but of which files are open or
 * directories stood in: the kernel is told to forget each of them as it is given up.
 */
#ifndef FS_STALE_H
#define FS_STALE_H

struct images;

/* stale_forget - called when the name space was updated and the kernel told; without locks. */
void stale_forget(struct images *im);

#endif
