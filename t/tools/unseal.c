
/*
 * unseal FILE ID
 * unseal FILE ID NAME=VALUE ...
 *
 * Prints what is in a sealed task id as JSON; or, with other values for
 * "account", "owner", "created", "entry" and "ids" (separated by commas), an
 * id that has them, sealed with the first secret.  FILE has the secrets that
 * may have sealed it, one a line, as the file of "jimeng_task_secret".  Exits
 * with 1 when the id is none of theirs, and with 2 when something is wrong.
 */


#include <openssl/rand.h>

#include "tap.h"
#include "jm_json.h"
#include "jm_seal.h"


static int fail(const char *what);
static size_t read_keys(const char *path, jm_seal_key_t *keys);
static int print_ticket(const jm_ticket_t *t);
static int change(jm_ticket_t *t, const char *text);
static int print_sealed(const jm_ticket_t *t, const jm_seal_key_t *key);


int
main(int argc, char **argv)
{
    int            i, rc;
    size_t         n;
    tap_mem_t      m;
    jm_ticket_t    t;
    jm_seal_key_t  keys[JM_SEAL_KEYS];

    if (argc < 3) {
        return fail("usage: unseal FILE ID [NAME=VALUE ...]");
    }

    n = read_keys(argv[1], keys);

    if (n == 0) {
        return fail("no file with secrets");
    }

    tap_mem_init(&m, 0);

    rc = (jm_unseal(&t, keys, n, str(argv[2]), &m.mem) == JM_OK) ? 0 : 1;

    for (i = 3; rc == 0 && i < argc; i++) {
        rc = change(&t, argv[i]);
    }

    if (rc == 0) {
        rc = argc > 3 ? print_sealed(&t, &keys[0]) : print_ticket(&t);
    }

    tap_mem_done(&m);

    while (n != 0) {
        jm_seal_key_free(&keys[--n]);
    }

    return rc;
}


static int
fail(const char *what)
{
    fprintf(stderr, "unseal: %s\n", what);

    return 2;
}


/* how many there are; 0 when one of them is not good */

static size_t
read_keys(const char *path, jm_seal_key_t *keys)
{
    char       line[4096];
    FILE      *file;
    size_t     n;
    jm_str_t   secret;

    file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }

    for (n = 0; n < JM_SEAL_KEYS && fgets(line, sizeof(line), file); n++) {
        secret = str(line);
        secret.len = strcspn(line, "\r\n");

        if (jm_seal_derive(&keys[n], secret) != JM_OK) {
            while (n != 0) {
                jm_seal_key_free(&keys[--n]);
            }

            break;
        }
    }

    fclose(file);

    return n;
}


static int
print_ticket(const jm_ticket_t *t)
{
    size_t            i;
    uint8_t           text[16 * JM_TICKET_MAX];
    jm_buf_t          b;
    jm_json_writer_t  w;

    jm_buf_fixed(&b, text, sizeof(text));

    jm_json_open(&w, &b);
    jm_json_object(&w);

    jm_json_key(&w, "ids");
    jm_json_array(&w);

    for (i = 0; i < t->n; i++) {
        jm_json_string(&w, t->ids[i]);
    }

    jm_json_end_array(&w);

    jm_json_key(&w, "req_key");
    jm_json_string(&w, t->req_key);

    jm_json_key(&w, "account");
    jm_json_string(&w, t->account);

    jm_json_key(&w, "owner");
    jm_json_string(&w, t->owner);

    jm_json_key(&w, "req_json");
    jm_json_string(&w, t->req_json);

    jm_json_key(&w, "created");
    jm_json_int(&w, t->created);

    jm_json_key(&w, "width");
    jm_json_int(&w, t->size.width);

    jm_json_key(&w, "height");
    jm_json_int(&w, t->size.height);

    jm_json_key(&w, "area");
    jm_json_int(&w, t->size.area);

    jm_json_key(&w, "max_images");
    jm_json_int(&w, t->max_images);

    jm_json_key(&w, "entry");
    jm_json_int(&w, (int64_t) t->entry);

    jm_json_key(&w, "b64");
    jm_json_bool(&w, t->b64);

    jm_json_end_object(&w);

    if (jm_json_close(&w) != JM_OK) {
        return fail("the ticket cannot be written as JSON");
    }

    printf("%.*s\n", (int) b.len, (char *) b.data);

    return 0;
}


static int
change(jm_ticket_t *t, const char *text)
{
    size_t       len;
    const char  *value;

    value = strchr(text, '=');
    if (value == NULL) {
        return fail("a change is a name and a value");
    }

    value++;

    if (strncmp(text, "account=", 8) == 0) {
        t->account = str(value);

    } else if (strncmp(text, "owner=", 6) == 0) {
        t->owner = str(value);

    } else if (strncmp(text, "created=", 8) == 0) {
        t->created = strtoll(value, NULL, 10);

    } else if (strncmp(text, "entry=", 6) == 0) {
        t->entry = strtoull(value, NULL, 10);

    } else if (strncmp(text, "ids=", 4) == 0) {

        for (t->n = 0; t->n < JM_TICKET_TASKS; t->n++, value += len + 1) {
            len = strcspn(value, ",");

            t->ids[t->n] = str(value);
            t->ids[t->n].len = len;

            if (value[len] == '\0') {
                t->n++;
                break;
            }
        }

    } else {
        return fail("a name that cannot be changed");
    }

    return 0;
}


static int
print_sealed(const jm_ticket_t *t, const jm_seal_key_t *key)
{
    uint8_t   text[JM_SEAL_MAX], nonce[JM_CRYPT_NONCE];
    jm_buf_t  b;

    jm_buf_fixed(&b, text, sizeof(text));

    if (RAND_bytes(nonce, JM_CRYPT_NONCE) != 1
        || jm_seal(&b, key, nonce, t) != JM_OK)
    {
        return fail("the ticket cannot be sealed");
    }

    printf("%.*s\n", (int) b.len, (char *) b.data);

    return 0;
}
