/* curl_api.h - libcurl, loaded when the first request needs it (internal to net).
 *
 * Linking libcurl would cost every program that only meters 6 MB of memory and
 * the start-up time of a TLS library. Each member is the libcurl function of
 * that name without its "curl_". */
#ifndef FR_NET_CURL_API_H
#define FR_NET_CURL_API_H

#define CURL_DISABLE_TYPECHECK /* its macros would hide the members */
#include <curl/curl.h>

#include "base/error.h"

/* clang-format off */
#define FR_CURL_MAP(X)                                                                    \
    X(global_init) X(free)                                                                \
    X(easy_init) X(easy_cleanup) X(easy_reset) X(easy_setopt) X(easy_getinfo)             \
    X(easy_strerror) X(slist_append) X(slist_free_all)                                    \
    X(multi_init) X(multi_cleanup) X(multi_setopt) X(multi_add_handle)                    \
    X(multi_remove_handle) X(multi_perform) X(multi_poll) X(multi_info_read)              \
    X(multi_strerror) X(url) X(url_cleanup) X(url_set) X(url_get)
/* clang-format on */

typedef struct fr_curl_api {
#define FR_CURL_MEMBER(name) __typeof__(curl_##name) *name;
    FR_CURL_MAP(FR_CURL_MEMBER)
#undef FR_CURL_MEMBER
} fr_curl_api;

/* The functions, loaded and started once a process; thread-safe. Never unloaded: TLS libraries
 * keep pointers into themselves.
 * Errors: FR_ERR_NET, naming the package to install, when libcurl.so.4 is not there or too old. */
FR_NODISCARD fr_status fr__curl_open(const fr_curl_api **out, fr_error *err);

/* The same from a library of another name, without starting it. */
FR_NODISCARD fr_status fr__curl_load(fr_curl_api *api, const char *library, fr_error *err);

#endif
