/*
 * Whether a registry takes a user and a password.
 */
#ifndef REGISTRY_LOGIN_H
#define REGISTRY_LOGIN_H

#include <stdbool.h>

#include "base/err.h"

struct cred;

/*
 * login_check - ask the registry itself; nothing is stored.
 * key         "docker.io", or host[:port]
 * plain_http  what --plain-http said
 * c           where the registry gives an identity token, that stands in it in place of the password then
 * errors      -EACCES the registry does not take them; those of client_open()
 */
int login_check(const char *key, bool plain_http, struct cred *c, struct err *err) MUST_CHECK;

#endif
