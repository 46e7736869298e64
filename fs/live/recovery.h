/*
 * The first use of a container after a daemon that was killed: what it left in work/ is finished or
 * removed.
 */
#ifndef FS_LIVE_RECOVERY_H
#define FS_LIVE_RECOVERY_H

#include "base/err.h"

/*
 * recovery_first_use - the first_use of struct live_shared: prepare the container, and sweep its
 * work/. live is a struct live. What cannot be swept is left, and the log says so.
 * errors  those of live_prepare()
 */
int recovery_first_use(void *live) MUST_CHECK;

#endif
