/*
 * What the file ought to hold, random numbers, and what is said when they differ.
 */
#ifndef TESTS_FSX_MODEL_H
#define TESTS_FSX_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#define PAGE 4096u

struct model {
	unsigned char *data;
	size_t size, limit;
	const char *path;  /* of the file */
	unsigned long now; /* the number of the operation, from 1 */
	const char *name;  /* and what it does */
	bool verbose;
};

extern struct model model;

/* model_seed - choose the random numbers. */
void model_seed(unsigned long seed);
/* below - a random number, 0 <= result < n; 0 where n is 0. */
size_t below(size_t n);

/* note - begin an operation: what it does, for the list of the last ones. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* bad - print the last operations and what is wrong, and end the program. */
void bad(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* failed - the same with what errno says. */
void failed(const char *call) __attribute__((noreturn));

/* compare - what was read at off with the model; how: by which way. */
void compare(const unsigned char *got, size_t off, size_t len, const char *how);
/*
 * compare_mapped - whole pages of a mapping: what is there, and zeros behind the end of the file.
 */
void compare_mapped(const unsigned char *p, size_t off, size_t len, const char *how);

void model_size(size_t to);
void model_write(const unsigned char *data, size_t off, size_t len);
/* model_fill - data for a write of the operation now, no byte of it 0. */
void model_fill(unsigned char *p, size_t off, size_t len);

#endif
