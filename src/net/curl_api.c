/* curl_api.c - finds libcurl and its functions. */
#include "net/curl_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static fr_curl_api the_api;
static fr_error failure; /* status FR_OK: loaded */

/* ISO C knows no cast from void * to a function. */
static bool find(void *handle, const char *name, void *member, size_t size)
{
    void *symbol = dlsym(handle, name);
    memcpy(member, &symbol, size);
    return symbol;
}

fr_status fr__curl_load(fr_curl_api *api, const char *library, fr_error *err)
{
    fr_status st = FR_OK;
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        FR_FAIL(err, FR_ERR_NET,
                "no network: %s; install libcurl (on Debian and Ubuntu: apt-get install libcurl4)",
                dlerror());
#define FIND(name)                                                   \
    if (!find(handle, "curl_" #name, &api->name, sizeof(api->name))) \
        FR_FAIL(err, FR_ERR_NET,                                     \
                "no network: %s has no curl_" #name "; install libcurl 7.85 or newer", library);
    FR_CURL_MAP(FIND)
#undef FIND
cleanup:
    if (st != FR_OK && handle) dlclose(handle);
    return st;
}

static void start(void)
{
    if (fr__curl_load(&the_api, "libcurl.so.4", &failure) != FR_OK) return;
    CURLcode rc = the_api.global_init(CURL_GLOBAL_DEFAULT);
    if (rc != CURLE_OK)
        fr_error_set(&failure, FR_ERR_NET, "no network: libcurl does not start: %s",
                     the_api.easy_strerror(rc));
}

fr_status fr__curl_open(const fr_curl_api **out, fr_error *err)
{
    pthread_once(&once, start);
    *out = failure.status == FR_OK ? &the_api : NULL;
    if (failure.status == FR_OK) return FR_OK;
    return fr_error_set(err, failure.status, "%s", failure.message);
}
