
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_shared.h"


/* bytes of an Idempotency-Key */

#define NGX_HTTP_JIMENG_KEY_MAX  255


static ngx_int_t ngx_http_jimeng_ledger_key(ngx_http_request_t *r,
    jm_str_t what, jm_ledger_request_t *request);
static ngx_int_t ngx_http_jimeng_ledger_who(ngx_http_request_t *r,
    jm_ledger_request_t *request);
static void ngx_http_jimeng_ledger_cleanup(void *data);
static ngx_uint_t ngx_http_jimeng_ledger_took(ngx_http_jimeng_claim_t *claim);
static void ngx_http_jimeng_ledger_ended(ngx_http_jimeng_claim_t *claim,
    jm_claim_e how, const jm_error_t *e);


/* whether requests of this location are entered in the ledger */

ngx_uint_t
ngx_http_jimeng_ledger_kept(ngx_http_request_t *r)
{
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    return ngx_http_jimeng_zone_get(r) && jlcf->dedupe;
}


/*
 * Makes the claim, and what is asked for it, of a request that is to be opened.
 * NGX_DECLINED: o->error is what its client is told.
 */

ngx_int_t
ngx_http_jimeng_ledger_claim(ngx_http_jimeng_open_t *o)
{
    ngx_int_t                    rc;
    ngx_uint_t                   count;
    ngx_http_request_t          *r;
    ngx_pool_cleanup_t          *cln;
    jm_ledger_request_t         *request;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    r = o->request;
    request = &o->op.request;

    rc = ngx_http_jimeng_ledger_request(o, request);

    if (rc != NGX_OK) {
        return rc;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_jimeng_claim_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    request->n = (unsigned) o->n;
    request->keep = jlcf->dedupe;
    request->patient = (unsigned) o->patient;
    request->waited = o->waited;

    o->claim = cln->data;

    ngx_memzero(o->claim, sizeof(ngx_http_jimeng_claim_t));

    o->claim->zone = ngx_http_jimeng_zone_get(r);
    o->claim->request = r;
    o->claim->repeats = request->named || request->unmarked
                        || ngx_http_jimeng_header(&r->headers_in.headers,
                                                  "x-stainless-retry-count",
                                                  &count)
                           != NULL;

    o->op.claim = &o->claim->claim;

    cln->handler = ngx_http_jimeng_ledger_cleanup;

    return NGX_OK;
}


/*
 * Sets what the ledger knows a request by, which was zeroed.  NGX_DECLINED:
 * o->error is what its client is told.
 */

ngx_int_t
ngx_http_jimeng_ledger_request(ngx_http_jimeng_open_t *o,
    jm_ledger_request_t *request)
{
    jm_str_t                     what;
    ngx_str_t                   *value;
    ngx_uint_t                   n;
    ngx_http_request_t          *r;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    r = o->request;
    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    request->unmarked = jlcf->unmarked;
    request->several = (unsigned) o->several;

    ngx_memcpy(request->fingerprint, o->fingerprint, JM_LEDGER_KEY);

    value = ngx_http_jimeng_header(&r->headers_in.headers,
                                   "Idempotency-Key", &n);

    if (value) {

        if (n > 1 || value->len == 0 || value->len > NGX_HTTP_JIMENG_KEY_MAX) {
            jm_error_set(&o->error, JM_CAUSE_INVALID_REQUEST, NULL,
                         "The header Idempotency-Key must be there once, with "
                         "1 to %d characters.", NGX_HTTP_JIMENG_KEY_MAX);
            return NGX_DECLINED;
        }

        request->named = 1;

        ngx_http_jimeng_str(&what, value);

        return ngx_http_jimeng_ledger_key(r, what, request);
    }

    value = ngx_http_jimeng_header(&r->headers_in.headers,
                                   "x-stainless-retry-count", &n);

    request->repeat = (value && ngx_atoi(value->data, value->len) > 0);

    /* whatever service it was read for, its key is the same */

    what.len = o->several ? JM_LEDGER_KEY - 1 : JM_LEDGER_KEY;
    what.data = o->fingerprint;

    return ngx_http_jimeng_ledger_key(r, what, request);
}


/*
 * The salt keeps clients from making keys that are next to each other, and
 * what is in a core dump from telling anything of theirs.
 */

static ngx_int_t
ngx_http_jimeng_ledger_key(ngx_http_request_t *r, jm_str_t what,
    jm_ledger_request_t *request)
{
    u_char    client[JM_DIGEST_LEN + 1];
    jm_str_t  parts[3];

    if (ngx_http_jimeng_identity(r, client) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!request->named && ngx_http_jimeng_ledger_who(r, request) != NGX_OK) {
        return NGX_ERROR;
    }

    client[JM_DIGEST_LEN] = (u_char) request->named;

    /* all but the last are always as long; an HMAC takes ten times as long */

    parts[0].len = JM_DIGEST_LEN;
    parts[0].data = ngx_http_jimeng_zone_get(r)->backend.salt;

    parts[1].len = sizeof(client);
    parts[1].data = client;

    parts[2] = what;

    return ngx_http_jimeng_digest(request->key, parts, 3);
}


/*
 * Clients that have not said who they are, are told apart by their addresses;
 * not with an Idempotency-Key, which says that a request came before.
 */

static ngx_int_t
ngx_http_jimeng_ledger_who(ngx_http_request_t *r,
    jm_ledger_request_t *request)
{
    u_char    client[JM_DIGEST_LEN];
    jm_str_t  parts[2];

    static u_char  nobody[JM_DIGEST_LEN];

    if (ngx_http_jimeng_identity(r, client) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_memcmp(client, nobody, JM_DIGEST_LEN) != 0) {
        return NGX_OK;
    }

    parts[0].len = JM_DIGEST_LEN;
    parts[0].data = ngx_http_jimeng_zone_get(r)->backend.salt;

    ngx_http_jimeng_str(&parts[1], &r->connection->addr_text);

    if (ngx_http_jimeng_digest(client, parts, 2) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(&request->who, client, sizeof(uint32_t));

    return NGX_OK;
}


static void
ngx_http_jimeng_ledger_cleanup(void *data)
{
    ngx_http_jimeng_claim_t *claim = data;

    if (claim->entered) {
        ngx_http_jimeng_ledger_ended(claim, ngx_http_jimeng_ledger_took(claim)
                                            ? JM_CLAIM_OVER : JM_CLAIM_CLOSED,
                                     NULL);
    }
}


static ngx_uint_t
ngx_http_jimeng_ledger_took(ngx_http_jimeng_claim_t *claim)
{
    return claim->answered && claim->claim.attached
           && ngx_http_jimeng_client_took(claim->request);
}


/* whether a repeat of the request would be found, and not be submitted */

ngx_uint_t
ngx_http_jimeng_ledger_repeats(ngx_http_jimeng_claim_t *claim)
{
    return claim && claim->repeats;
}


/* whether the request got what was owed to its client */

ngx_uint_t
ngx_http_jimeng_ledger_owed(ngx_http_jimeng_claim_t *claim)
{
    return claim && claim->owed;
}


/* the claim itself, for what is done about its tasks */

jm_ledger_claim_t *
ngx_http_jimeng_ledger_of(ngx_http_jimeng_claim_t *claim)
{
    return claim ? &claim->claim : NULL;
}


/* the error that a repeat is told again, with JM_LOOK_TOLD */

const jm_error_t *
ngx_http_jimeng_ledger_error(ngx_http_jimeng_claim_t *claim)
{
    return &claim->error;
}


/* the entry's serial number, which is sealed into the client's id; 0: none */

uint64_t
ngx_http_jimeng_ledger_entry(ngx_http_jimeng_claim_t *claim)
{
    return claim ? claim->claim.serial : 0;
}


/* the client gets an id, though not all of its tasks have one */

void
ngx_http_jimeng_ledger_hand(ngx_http_jimeng_claim_t *claim)
{
    if (!claim->handed) {
        claim->handed = 1;
        ngx_http_jimeng_ledger_ended(claim, JM_CLAIM_HANDED, NULL);
    }
}


ngx_uint_t
ngx_http_jimeng_ledger_handed(ngx_http_jimeng_claim_t *claim)
{
    return claim && claim->handed;
}


/* a task has failed that was never accepted: who asks by the id is told why */

void
ngx_http_jimeng_ledger_failed(ngx_http_jimeng_claim_t *claim,
    const jm_error_t *e)
{
    if (claim && claim->handed) {
        ngx_http_jimeng_ledger_ended(claim, JM_CLAIM_FAILED, e);
    }
}


/* the client has left, or was told to repeat: what it ordered is owed */

void
ngx_http_jimeng_ledger_left(ngx_http_jimeng_claim_t *claim)
{
    if (claim && claim->claim.attached) {
        ngx_http_jimeng_ledger_ended(claim, JM_CLAIM_LEFT, NULL);
    }
}


/* the reply was made: the request is answered as soon as the client took it */

void
ngx_http_jimeng_ledger_answered(ngx_http_jimeng_claim_t *claim)
{
    if (claim) {
        claim->answered = 1;
    }
}


/* called while a request goes on after its reply, which may be taken by now */

void
ngx_http_jimeng_ledger_sent(ngx_http_jimeng_claim_t *claim)
{
    if (claim && ngx_http_jimeng_ledger_took(claim)) {
        ngx_http_jimeng_ledger_ended(claim, JM_CLAIM_ANSWERED, NULL);
    }
}


/* the answer is an error that is final: a repeat gets the same */

void
ngx_http_jimeng_ledger_told(ngx_http_jimeng_claim_t *claim,
    const jm_error_t *e)
{
    if (claim && claim->claim.attached) {
        ngx_http_jimeng_ledger_ended(claim, JM_CLAIM_TOLD, e);
    }
}


static void
ngx_http_jimeng_ledger_ended(ngx_http_jimeng_claim_t *claim, jm_claim_e how,
    const jm_error_t *e)
{
    jm_backend_t  *b;

    b = &claim->zone->backend;

    b->ended(b, &claim->claim, how, e);
}


/* a client that asked by an id took what the entry's tasks brought */

void
ngx_http_jimeng_ledger_fetched(ngx_http_request_t *r, uint64_t entry,
    ngx_str_t *ids, ngx_uint_t n)
{
    jm_str_t                 id[JM_TICKET_TASKS];
    ngx_uint_t               i;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(r);
    if (zone == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        ngx_http_jimeng_str(&id[i], &ids[i]);
    }

    zone->backend.fetched(&zone->backend, entry, id, n);
}
