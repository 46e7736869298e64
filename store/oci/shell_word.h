/*
 * Expansion of a word in a Dockerfile instruction: quotes and escapes are removed and $variables
 * replaced, as in docker's builder (Dockerfile reference, "Environment replacement").
 */
#ifndef STORE_OCI_SHELL_WORD_H
#define STORE_OCI_SHELL_WORD_H

#include "base/err.h"

struct buf;
struct json_t;

/*
 * shell_word_expand - append the expansion of word to out.
 * escape  the escape character, usually a backslash
 * env     array of strings NAME=VALUE; unset variables are empty
 * forms   $NAME, ${NAME}, ${NAME:-word} :+ :? (also without the colon), ${NAME#pattern} ## % %%,
 *         ${NAME/pattern/word} //; names are ASCII letters, digits and _
 * errors  -EINVAL an unclosed quote or brace, an unknown form, a :? that applies; -ENOMEM
 */
int shell_word_expand(const char *word, char escape, const struct json_t *env, struct buf *out,
		      struct err *err) MUST_CHECK;

/*
 * shell_word_split - the same, split at unquoted blanks; the words are appended to the array out.
 */
int shell_word_split(const char *word, char escape, const struct json_t *env, struct json_t *out,
		     struct err *err) MUST_CHECK;

#endif
