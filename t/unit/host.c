
/*
 * Which URLs may be fetched: each of these is spelled so as to be read in two
 * ways, or is only like one of the list's.
 */


#include "tap.h"
#include "jm_host.h"


typedef struct {
    const char      *url;
    unsigned         listed;
} host_case_t;


typedef struct {
    const char      *text;
    jm_rc_e          rc;
} entry_case_t;


static const char *const  host_entries[] = {
    "*.byteimg.com", "*.tos-cn-beijing.volces.com", "127.0.0.1:8080",
    "Pictures.Example.com", "pictures.example.com:8443", "[2001:db8::1]",
    "*.alt.example.com:444"
};


static const host_case_t  host_cases[] = {
    { "https://p26-sign.byteimg.com/tos-cn-i/a~tplv.image?x=1&y=%2F", 1 },
    { "http://a.b.byteimg.com/", 1 },
    { "HTTPS://P26.BYTEIMG.COM/x", 1 },
    { "https://p26.byteimg.com:443/x", 1 },
    { "http://p26.byteimg.com:80/x", 1 },
    { "https://bucket.tos-cn-beijing.volces.com/x.jpeg", 1 },
    { "http://127.0.0.1:8080/x", 1 },
    { "https://127.0.0.1:8080/x", 1 },
    { "https://pictures.example.com/x", 1 },
    { "https://pictures.example.com:8443/x", 1 },
    { "https://[2001:DB8::1]/x", 1 },
    { "https://[2001:db8::1]:443/x", 1 },
    { "https://a.alt.example.com:444/x", 1 },
    { "https://p26.byteimg.com/a/../@evil.example/b:c", 1 },

    /* another port, or the other scheme's */

    { "https://p26.byteimg.com:80/x", 0 },
    { "http://p26.byteimg.com:443/x", 0 },
    { "https://p26.byteimg.com:8443/x", 0 },
    { "https://p26.byteimg.com:/x", 0 },
    { "https://p26.byteimg.com:0443/x", 0 },
    { "https://p26.byteimg.com:65979/x", 0 },
    { "https://p26.byteimg.com:4294967739/x", 0 },
    { "https://p26.byteimg.com:443:443/x", 0 },
    { "https://p26.byteimg.com:44a/x", 0 },
    { "https://p26.byteimg.com:+443/x", 0 },
    { "http://127.0.0.1/x", 0 },
    { "https://a.alt.example.com/x", 0 },
    { "https://pictures.example.com:8444/x", 0 },

    /* names that are like these */

    { "https://byteimg.com/x", 0 },
    { "https://.byteimg.com/x", 0 },
    { "https://evilbyteimg.com/x", 0 },
    { "https://p26.byteimg.com.evil.example/x", 0 },
    { "https://p26.byteimg.com./x", 0 },
    { "https://p26..byteimg.com/x", 0 },
    { "https://evil.example/p26.byteimg.com/x", 0 },
    { "https://evil.example?p26.byteimg.com/x", 0 },
    { "https://evil.example/?.byteimg.com/x", 0 },
    { "https://a.pictures.example.com/x", 0 },
    { "https://-.byteimg.com/x", 0 },
    { "https://a-.byteimg.com/x", 0 },
    { "https://a_b.byteimg.com/x", 0 },
    { "https://xn--a.byteimg.con/x", 0 },
    { "https://127.0.0.1:80801/x", 0 },
    { "https://2130706433:8080/x", 0 },
    { "http://127.1:8080/x", 0 },
    { "http://0x7f.0.0.1:8080/x", 0 },
    { "https://[2001:db8::2]/x", 0 },
    { "https://[::ffff:127.0.0.1]:8080/x", 0 },
    { "https://[2001:db8::1/x", 0 },
    { "https://[2001:db8::1]x/x", 0 },
    { "https://[2001:db8::1]443/x", 0 },
    { "https://[2001:db8::1%25eth0]/x", 0 },
    { "https://[]/x", 0 },
    { "https://]/x", 0 },
    { "http://unix:/run/docker.sock:/x", 0 },

    /* a user's name, and what some take for its end */

    { "https://p26.byteimg.com@evil.example/x", 0 },
    { "https://p26.byteimg.com:443@evil.example/x", 0 },
    { "https://user@p26.byteimg.com/x", 0 },
    { "https://evil.example\\@p26.byteimg.com/x", 0 },
    { "https://evil.example\\.byteimg.com/x", 0 },
    { "https://p26.byteimg.com\\x", 0 },
    { "https:\\\\p26.byteimg.com/x", 0 },
    { "https://evil.example#.byteimg.com/x", 0 },
    { "https://evil.example#@p26.byteimg.com/x", 0 },
    { "https://p26.byteimg.com/x#y", 0 },
    { "https://evil.example%2f.byteimg.com/x", 0 },
    { "https://evil.example%00.byteimg.com/x", 0 },
    { "https://p26%2ebyteimg.com/x", 0 },
    { "https://evil.example;.byteimg.com/x", 0 },
    { "https://evil.example&.byteimg.com/x", 0 },

    /* characters that are none of a URL's */

    { "https://p26.byteimg.com/a b", 0 },
    { " https://p26.byteimg.com/x", 0 },
    { "https://p26.byteimg.com/x ", 0 },
    { "https://p26.byte\timg.com/x", 0 },
    { "ht\ntps://p26.byteimg.com/x", 0 },
    { "https://p26.byteimg.com/x\r\nHost: evil.example", 0 },
    { "https://p26.byteimg.com/\x7f", 0 },
    { "https://p26.byteimg.com/\xe5\x9b\xbe", 0 },
    { "https://p26.byteimg\xe3\x80\x82""com/x", 0 },
    { "https://p26.byteimg.com/\"x", 0 },
    { "https://p26.byteimg.com/<x>", 0 },
    { "https://p26.byteimg.com/{x}", 0 },
    { "https://p26.byteimg.com/$x", 1 },

    /* no URL, or none with a path */

    { "https://p26.byteimg.com", 0 },
    { "https://p26.byteimg.com?x", 0 },
    { "//p26.byteimg.com/x", 0 },
    { "/x", 0 },
    { "p26.byteimg.com/x", 0 },
    { "https:/p26.byteimg.com/x", 0 },
    { "https:p26.byteimg.com/x", 0 },
    { "https:///p26.byteimg.com/x", 0 },
    { "https://", 0 },
    { "https:///", 0 },
    { "ftp://p26.byteimg.com/x", 0 },
    { "file:///etc/passwd", 0 },
    { "gopher://p26.byteimg.com/x", 0 },
    { "data:image/png;base64,AA==", 0 },
    { "", 0 }
};


static const entry_case_t  entry_cases[] = {
    { "*.byteimg.com", JM_OK },
    { "a-1.example.com:8443", JM_OK },
    { "localhost", JM_OK },
    { "10.0.0.1:80", JM_OK },
    { "[::1]:80", JM_OK },
    { "[::1]", JM_OK },
    { "", JM_INVALID },
    { "*", JM_INVALID },
    { "*.", JM_INVALID },
    { "*byteimg.com", JM_INVALID },
    { "a.*.com", JM_INVALID },
    { "*.*.com", JM_INVALID },
    { "*.[::1]", JM_INVALID },
    { ".byteimg.com", JM_INVALID },
    { "byteimg.com.", JM_INVALID },
    { "https://byteimg.com", JM_INVALID },
    { "byteimg.com/", JM_INVALID },
    { "byteimg.com:", JM_INVALID },
    { "byteimg.com:0", JM_INVALID },
    { "byteimg.com:70000", JM_INVALID },
    { "user@byteimg.com", JM_INVALID },
    { "::1", JM_INVALID },
    { "[::1", JM_INVALID },
    { "[::1]:x", JM_INVALID },
    { "[]", JM_INVALID },
    { "UNIX", JM_INVALID },
    { "unix:80", JM_INVALID },
    { "a b", JM_INVALID }
};


static void
test_entries(void)
{
    size_t               i;
    jm_str_t             text;
    jm_host_t            host;
    const entry_case_t  *c;

    for (i = 0; i < jm_nitems(entry_cases); i++) {
        c = &entry_cases[i];
        text = exact(str(c->text));

        is_int(jm_host_read(&host, text), c->rc, "the entry \"%s\"", c->text);

        exact_done(text);
    }
}


static void
test_long(const jm_host_t *hosts, size_t n)
{
    char    url[400];
    size_t  i;

    strcpy(url, "https://");

    for (i = 0; i < 120; i++) {
        strcat(url, "a.");
    }

    strcat(url, "byteimg.com/");
    ok(jm_host_lists(hosts, n, str(url)) != 0, "a long name");

    strcpy(url + 8 + 240, "ab.byteimg.com/");
    ok(jm_host_lists(hosts, n, str(url)) == 0, "that is no name");
}


int
main(void)
{
    size_t              i;
    jm_str_t            url;
    jm_host_t           hosts[jm_nitems(host_entries)];
    const host_case_t  *c;

    for (i = 0; i < jm_nitems(host_entries); i++) {
        is_int(jm_host_read(&hosts[i], str(host_entries[i])), JM_OK,
               "the list's \"%s\"", host_entries[i]);
    }

    for (i = 0; i < jm_nitems(host_cases); i++) {
        c = &host_cases[i];
        url = exact(str(c->url));

        is_int(jm_host_lists(hosts, jm_nitems(hosts), url), c->listed,
               "URL %zu", i);
        is_int(jm_host_lists(hosts, 0, url), 0, "none of no list");

        exact_done(url);
    }

    url.len = sizeof("https://a\0.byteimg.com/") - 1;
    url.data = (const uint8_t *) "https://a\0.byteimg.com/";
    ok(jm_host_lists(hosts, jm_nitems(hosts), url) == 0, "a zero");

    test_long(hosts, jm_nitems(hosts));
    test_entries();

    return done_testing();
}
