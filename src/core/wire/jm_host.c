
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_host.h"


#define JM_HOST_PORTS       65535


static unsigned jm_host_scheme(jm_str_t *url);
static unsigned jm_host_characters(jm_str_t url);
static jm_str_t jm_host_cut(jm_str_t *s, const char *stops);
static jm_rc_e jm_host_authority(jm_host_t *host, jm_str_t text);
static unsigned jm_host_name(jm_str_t name);
static unsigned jm_host_address(jm_str_t name);
static unsigned jm_host_port(jm_str_t text);
static unsigned jm_host_is(const jm_host_t *host, jm_str_t name);
static unsigned jm_host_equal(const uint8_t *p, const uint8_t *q, size_t len);
static uint8_t jm_host_lower(uint8_t c);


jm_rc_e
jm_host_read(jm_host_t *host, jm_str_t text)
{
    unsigned  below;

    below = text.len > 2 && memcmp(text.data, "*.", 2) == 0;

    if (below) {
        text.data += 2;
        text.len -= 2;
    }

    if (jm_host_authority(host, text) != JM_OK
        || (below && host->name.data[0] == '['))
    {
        return JM_INVALID;
    }

    host->below = below;

    return JM_OK;
}


unsigned
jm_host_lists(const jm_host_t *hosts, size_t n, jm_str_t url)
{
    size_t     i;
    unsigned   port;
    jm_str_t   authority;
    jm_host_t  host;

    if (!jm_host_characters(url)) {
        return 0;
    }

    port = jm_host_scheme(&url);

    if (port == 0) {
        return 0;
    }

    authority = jm_host_cut(&url, "/?");

    if (url.len == 0 || url.data[0] != '/'
        || jm_host_authority(&host, authority) != JM_OK)
    {
        return 0;
    }

    if (host.port == 0) {
        host.port = port;
    }

    for (i = 0; i < n; i++) {
        if (host.port == (hosts[i].port != 0 ? hosts[i].port : port)
            && jm_host_is(&hosts[i], host.name))
        {
            return 1;
        }
    }

    return 0;
}


/* the port of the scheme, which is cut off, or 0 */

static unsigned
jm_host_scheme(jm_str_t *url)
{
    size_t          i, len;
    const uint8_t  *name;

    static const struct {
        const char  *name;
        unsigned     port;
    } schemes[] = { { "https://", 443 }, { "http://", 80 } };

    for (i = 0; i < jm_nitems(schemes); i++) {
        name = (const uint8_t *) schemes[i].name;
        len = strlen(schemes[i].name);

        if (url->len >= len && jm_host_equal(url->data, name, len)) {
            url->data += len;
            url->len -= len;

            return schemes[i].port;
        }
    }

    return 0;
}


/* those of RFC 3986, less the "#" of a fragment */

static unsigned
jm_host_characters(jm_str_t url)
{
    size_t   i;
    uint8_t  c;

    static const char  others[] = "-._~:/?[]@!$&'()*+,;=%";

    for (i = 0; i < url.len; i++) {
        c = jm_host_lower(url.data[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')
            && (c == '\0' || strchr(others, c) == NULL))
        {
            return 0;
        }
    }

    return 1;
}


/* cuts off what stands before the first of some characters */

static jm_str_t
jm_host_cut(jm_str_t *s, const char *stops)
{
    size_t    i;
    jm_str_t  front;

    for (i = 0; i < s->len && strchr(stops, s->data[i]) == NULL; i++) {
        /* void */
    }

    front.len = i;
    front.data = s->data;

    s->data += i;
    s->len -= i;

    return front;
}


static jm_rc_e
jm_host_authority(jm_host_t *host, jm_str_t text)
{
    jm_str_t  front;

    host->below = 0;
    host->port = 0;

    if (text.len != 0 && text.data[0] == '[') {
        front = jm_host_cut(&text, "]");

        if (text.len == 0) {
            return JM_INVALID;
        }

        front.len++;
        text.data++;
        text.len--;

        if (!jm_host_address(front)) {
            return JM_INVALID;
        }

    } else {
        front = jm_host_cut(&text, ":");

        if (!jm_host_name(front)) {
            return JM_INVALID;
        }
    }

    host->name = front;

    if (text.len == 0) {
        return JM_OK;
    }

    if (text.data[0] != ':') {
        return JM_INVALID;
    }

    text.data++;
    text.len--;

    host->port = jm_host_port(text);

    return host->port != 0 ? JM_OK : JM_INVALID;
}


/* labels of letters, digits and "-", with a dot between two (RFC 1123, 2.1) */

static unsigned
jm_host_name(jm_str_t name)
{
    size_t   i;
    uint8_t  c, before;

    before = '.';

    for (i = 0; i < name.len; i++) {
        c = jm_host_lower(name.data[i]);

        if (c == '.') {
            if (before == '.' || before == '-') {
                return 0;
            }

        } else if (c == '-') {
            if (before == '.') {
                return 0;
            }

        } else if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
            return 0;
        }

        before = c;
    }

    /* nginx takes "unix:" for a socket's path */

    if (name.len == 4 && jm_host_equal(name.data, (const uint8_t *) "unix", 4))
    {
        return 0;
    }

    return name.len != 0 && name.len <= 253 && before != '.' && before != '-';
}


/* "[...]": what an IPv6 address has, whether or not it is one */

static unsigned
jm_host_address(jm_str_t name)
{
    size_t   i;
    uint8_t  c;

    for (i = 1; i + 1 < name.len; i++) {
        c = jm_host_lower(name.data[i]);

        if (!(c >= 'a' && c <= 'f') && !(c >= '0' && c <= '9') && c != ':'
            && c != '.')
        {
            return 0;
        }
    }

    return name.len > 2;
}


static unsigned
jm_host_port(jm_str_t text)
{
    size_t    i;
    unsigned  port;

    if (text.len == 0 || text.len > 5 || text.data[0] == '0') {
        return 0;
    }

    port = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }

        port = port * 10 + (unsigned) (text.data[i] - '0');
    }

    return port <= JM_HOST_PORTS ? port : 0;
}


static unsigned
jm_host_is(const jm_host_t *host, jm_str_t name)
{
    size_t  front;

    if (!host->below) {
        return name.len == host->name.len
               && jm_host_equal(name.data, host->name.data, name.len);
    }

    if (name.len < host->name.len + 2) {
        return 0;
    }

    front = name.len - host->name.len;

    return name.data[front - 1] == '.'
           && jm_host_equal(name.data + front, host->name.data,
                            host->name.len);
}


static unsigned
jm_host_equal(const uint8_t *p, const uint8_t *q, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (jm_host_lower(p[i]) != jm_host_lower(q[i])) {
            return 0;
        }
    }

    return 1;
}


static uint8_t
jm_host_lower(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') ? (uint8_t) (c | 0x20) : c;
}
