/* url.c - what of a URL may be shown, and whether it stays on this machine. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/curl_api.h"
#include "net/http.h"

/* What stands before ? and #, from `begin` on, with nothing that a terminal would obey. */
static char *show_from(const char *url, size_t begin, char *buf, size_t size)
{
    size_t n = strcspn(url, "?#"), out = 0;
    for (size_t i = begin; i < n && out + 1 < size; i++) {
        unsigned char c = (unsigned char)url[i];
        buf[out++] = c > 32 && c < 127 ? url[i] : '?';
    }
    buf[out] = '\0';
    return buf;
}

/* Behind the last @: for text that libcurl does not take as a URL. */
static size_t behind_user(const char *url)
{
    size_t n = strcspn(url, "?#"), begin = 0;
    for (size_t i = 0; i < n; i++)
        if (url[i] == '@') begin = i + 1;
    return begin;
}

char *fr_http_url_show(const char *url, char *buf, size_t size)
{
    char *shown = NULL;
    const fr_curl_api *curl;
    bool loaded = fr__curl_open(&curl, NULL) == FR_OK;
    CURLU *u = loaded ? curl->url() : NULL;
    if (u && curl->url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl->url_set(u, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
        curl->url_set(u, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
        curl->url_set(u, CURLUPART_OPTIONS, NULL, 0) == CURLUE_OK &&
        curl->url_set(u, CURLUPART_QUERY, NULL, 0) == CURLUE_OK &&
        curl->url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
        curl->url_get(u, CURLUPART_URL, &shown, 0) == CURLUE_OK)
        show_from(shown, 0, buf, size);
    else
        show_from(url, behind_user(url), buf, size);
    if (loaded) {
        curl->free(shown);
        curl->url_cleanup(u);
    }
    return buf;
}

bool fr_http_url_is_loopback(const char *url)
{
    bool loopback = false;
    char *host = NULL;
    const fr_curl_api *curl;
    if (fr__curl_open(&curl, NULL) != FR_OK) return false;
    CURLU *u = curl->url();
    if (u && curl->url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl->url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        size_t n = strlen(host);
        struct in_addr v4;
        struct in6_addr v6;
        if (n > 2 && host[0] == '[') {
            host[n - 1] = '\0';
            loopback = inet_pton(AF_INET6, host + 1, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
        } else {
            loopback = strcasecmp(host, "localhost") == 0 ||
                       (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
        }
    }
    curl->free(host);
    curl->url_cleanup(u);
    return loopback;
}
