/*
 * What the running kernel supports of what imagefs uses, found by trying it.
 */
#ifndef TOOLS_KERNEL_H
#define TOOLS_KERNEL_H

#include <stddef.h>

struct kernel_feature {
	const char *name; /* as a key of JSON */
	const char *label;
	/* 0: supported for this user; else -errno */
	int (*probe)(void);
};

extern const struct kernel_feature kernel_features[];
extern const size_t kernel_n_features;

/* kernel_answer - "supported", or "not supported: REASON" in text. */
const char *kernel_answer(int result, char text[static 128]);

#endif
