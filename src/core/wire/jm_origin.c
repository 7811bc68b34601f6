
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_origin.h"


static unsigned jm_origin_cut(jm_str_t *s, const char *lower);
static unsigned jm_origin_equal(const uint8_t *p, const uint8_t *q,
    size_t len);
static void jm_origin_no_port(jm_str_t *host);
static uint8_t jm_origin_lower(uint8_t c);


unsigned
jm_origin_is_host(jm_str_t origin, jm_str_t host)
{
    if (!jm_origin_cut(&origin, "https://")
        && !jm_origin_cut(&origin, "http://"))
    {
        return 0;
    }

    jm_origin_no_port(&origin);
    jm_origin_no_port(&host);

    return host.len != 0 && origin.len == host.len
           && jm_origin_equal(origin.data, host.data, host.len);
}


/* whether s begins with it, in any case; if so, it is cut off */

static unsigned
jm_origin_cut(jm_str_t *s, const char *lower)
{
    size_t  len;

    len = strlen(lower);

    if (s->len < len
        || !jm_origin_equal(s->data, (const uint8_t *) lower, len))
    {
        return 0;
    }

    s->data += len;
    s->len -= len;

    return 1;
}


static unsigned
jm_origin_equal(const uint8_t *p, const uint8_t *q, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (jm_origin_lower(p[i]) != jm_origin_lower(q[i])) {
            return 0;
        }
    }

    return 1;
}


/* an IPv6 address is in brackets: what follows its last colon is no port */

static void
jm_origin_no_port(jm_str_t *host)
{
    size_t       i, len;
    const char  *port;

    static const char *const  ports[] = { ":", ":80", ":443" };

    for (i = 0; i < jm_nitems(ports); i++) {
        port = ports[i];
        len = strlen(port);

        if (host->len >= len
            && memcmp(host->data + host->len - len, port, len) == 0)
        {
            host->len -= len;
            return;
        }
    }
}


static uint8_t
jm_origin_lower(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') ? (uint8_t) (c | 0x20) : c;
}
