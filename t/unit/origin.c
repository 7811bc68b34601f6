
/*
 * Whose page asks: origins beside hosts, with every spelling of a port that is
 * none, and names that are only like one another.
 */


#include "tap.h"
#include "jm_origin.h"


typedef struct {
    const char      *origin;
    const char      *host;
    unsigned         same;
} origin_case_t;


static const origin_case_t  origin_cases[] = {
    { "http://gateway.example.com", "gateway.example.com", 1 },
    { "https://gateway.example.com", "gateway.example.com", 1 },
    { "https://Gateway.Example.COM", "gateway.example.com", 1 },
    { "HTTPS://gateway.example.com", "GATEWAY.example.com", 1 },
    { "http://gateway.example.com:8080", "gateway.example.com:8080", 1 },
    { "https://gateway.example.com:8443", "gateway.example.com:8443", 1 },
    { "http://localhost", "localhost", 1 },
    { "http://127.0.0.1:8080", "127.0.0.1:8080", 1 },
    { "http://[::1]:8080", "[::1]:8080", 1 },
    { "http://[2001:DB8::80]", "[2001:db8::80]", 1 },

    /* TLS that ends before it comes here, or begins */

    { "https://gateway.example.com", "gateway.example.com:80", 1 },
    { "https://gateway.example.com", "gateway.example.com:443", 1 },
    { "https://gateway.example.com", "gateway.example.com:", 1 },
    { "http://gateway.example.com", "gateway.example.com:443", 1 },
    { "https://gateway.example.com:443", "gateway.example.com", 1 },
    { "https://gateway.example.com:80", "gateway.example.com:443", 1 },
    { "http://[::1]", "[::1]:80", 1 },

    { "https://gateway.example.com", "gateway.example.com:8080", 0 },
    { "https://gateway.example.com:8080", "gateway.example.com", 0 },
    { "https://gateway.example.com:8080", "gateway.example.com:8081", 0 },
    { "https://gateway.example.com:8080", "gateway.example.com:80", 0 },
    { "https://gateway.example.com:4430", "gateway.example.com", 0 },
    { "https://gateway.example.com:080", "gateway.example.com", 0 },

    { "https://app.example.com", "gateway.example.com", 0 },
    { "https://example.com", "gateway.example.com", 0 },
    { "https://gateway.example.com.evil.example", "gateway.example.com", 0 },
    { "https://evil-gateway.example.com", "gateway.example.com", 0 },
    { "https://gateway.example.con", "gateway.example.com", 0 },
    { "https://gateway.example.com@evil.example", "gateway.example.com", 0 },
    { "http://[::1]", "[::2]", 0 },
    { "http://[::80]", "[:", 0 },

    { "null", "gateway.example.com", 0 },
    { "null", "null", 0 },
    { "", "gateway.example.com", 0 },
    { "", "", 0 },
    { "https://", "", 0 },
    { "https://:443", "", 0 },
    { "https://:443", ":443", 0 },
    { "https:/", "", 0 },
    { "gateway.example.com", "gateway.example.com", 0 },
    { "//gateway.example.com", "gateway.example.com", 0 },
    { "file://gateway.example.com", "gateway.example.com", 0 },
    { "chrome-extension://gateway", "gateway", 0 },
    { "https://gateway.example.com/", "gateway.example.com", 0 },
    { "https://gateway.example.com https://evil.example",
      "gateway.example.com", 0 },
    { "https://evil.example https://gateway.example.com",
      "gateway.example.com", 0 }
};


int
main(void)
{
    size_t                i;
    jm_str_t              origin, host;
    const origin_case_t  *c;

    plan(jm_nitems(origin_cases));

    for (i = 0; i < jm_nitems(origin_cases); i++) {
        c = &origin_cases[i];

        origin = exact(str(c->origin));
        host = exact(str(c->host));

        is_int(jm_origin_is_host(origin, host), c->same, "\"%s\", \"%s\"",
               c->origin, c->host);

        exact_done(origin);
        exact_done(host);
    }

    return done_testing();
}
