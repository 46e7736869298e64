/*
 * Images that are no longer at their place, but of which files are open or
 * directories stood in: the kernel is told to forget each of them as it is given up.
 */
#ifndef FS_IMAGES_EVICT_H
#define FS_IMAGES_EVICT_H

struct images;

/* evict_stale - called when the name space was updated and the kernel told; without locks. */
void evict_stale(struct images *im);

#endif
