/*
 * Completion: what can be typed in place of a value or an argument. Printed for the shells' scripts
 * (tools/cmd_completion.c), one a line:
 *
 *     WORD<tab>DESCRIPTION     the whole word, from its beginning
 *     :files N, :dirs N        paths, behind the first N bytes of the word
 */
#ifndef TOOLS_CLI_COMPLETE_H
#define TOOLS_CLI_COMPLETE_H

#include <stddef.h>

struct option_spec;
struct store;

/* The word that is being typed. */
struct complete {
	const char *word;
	size_t at;	     /* the part that is completed begins here: behind "--format=" */
	struct store *store; /* where names come from; NULL: there is none */
};

/* complete_offer - print a candidate where the word begins like it; help may be NULL. */
void complete_offer(const struct complete *c, const char *candidate, const char *help);

/* complete_options - "-a" and "--all" of a table; not what the table before, or NULL, has too. */
void complete_options(const struct complete *c, const struct option_spec *table,
		      const struct option_spec *before);

/* complete_value - the argument of an option. */
void complete_value(const struct complete *c, const struct option_spec *o);

/*
 * complete_argument - argument number n, from 0, of a verb.
 * arguments  as in struct verb: "CONTAINER|IMAGE [IMAGE]"
 */
void complete_argument(const struct complete *c, const char *arguments, size_t n);

#endif
