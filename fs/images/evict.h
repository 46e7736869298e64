/*
 * Eviction of images that lost their namespace entry while they are in use: the kernel is told to
 * forget their names, so that nothing of them stays in its cache when the last user is gone.
 */
#ifndef FS_IMAGES_EVICT_H
#define FS_IMAGES_EVICT_H

struct images;

/*
 * evict_stale - called after an update of the namespace, when the kernel was told. The caller holds
 * no locks.
 */
void evict_stale(struct images *im);

#endif
