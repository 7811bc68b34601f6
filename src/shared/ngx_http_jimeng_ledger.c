
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_shared.h"


/* bytes of an Idempotency-Key */

#define NGX_HTTP_JIMENG_KEY_MAX  255


static ngx_int_t ngx_http_jimeng_ledger_request(ngx_http_request_t *r,
    u_char *fingerprint, jm_ledger_request_t *request, jm_error_t *e);
static ngx_int_t ngx_http_jimeng_ledger_key(ngx_http_request_t *r,
    jm_str_t what, jm_ledger_request_t *request);
static ngx_int_t ngx_http_jimeng_ledger_who(ngx_http_request_t *r,
    jm_ledger_request_t *request);
static ngx_int_t ngx_http_jimeng_ledger_enter(ngx_http_jimeng_claim_t *claim,
    jm_ledger_request_t *request, jm_error_t *e, ngx_log_t *log);
static void ngx_http_jimeng_ledger_cleanup(void *data);
static ngx_uint_t ngx_http_jimeng_ledger_took(ngx_http_jimeng_claim_t *claim);


/* whether requests of this location are entered in the ledger */

ngx_uint_t
ngx_http_jimeng_ledger_kept(ngx_http_request_t *r)
{
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    return ngx_http_jimeng_zone_get(r) && jlcf->dedupe;
}


/*
 * Enters a request of n tasks, or finds it.  Returns NGX_OK and *claim, which
 * is NULL where there is no ledger, or no room for a request that has not
 * asked for it; NGX_AGAIN when a patient one is to be entered a moment later;
 * NGX_DECLINED and what the client is told; or NGX_ERROR.
 */

ngx_int_t
ngx_http_jimeng_ledger_open(ngx_http_request_t *r, u_char *fingerprint,
    ngx_uint_t n, ngx_uint_t patient, ngx_http_jimeng_claim_t **claim,
    jm_error_t *e)
{
    ngx_int_t                    rc;
    ngx_uint_t                   count;
    ngx_pool_cleanup_t          *cln;
    jm_ledger_request_t          request;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    *claim = NULL;

    if (!ngx_http_jimeng_ledger_kept(r)) {
        return NGX_OK;
    }

    rc = ngx_http_jimeng_ledger_request(r, fingerprint, &request, e);

    if (rc != NGX_OK) {
        return rc;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_jimeng_claim_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    request.n = (unsigned) n;
    request.keep = jlcf->dedupe;
    request.unmarked = jlcf->unmarked;
    request.patient = (unsigned) patient;

    *claim = cln->data;

    (*claim)->zone = ngx_http_jimeng_zone_get(r);
    (*claim)->request = r;
    (*claim)->answered = 0;
    (*claim)->repeats = request.named || request.unmarked
                        || ngx_http_jimeng_header(r, "x-stainless-retry-count",
                                                  &count)
                           != NULL;

    rc = ngx_http_jimeng_ledger_enter(*claim, &request, e,
                                      r->connection->log);

    if (rc == NGX_OK) {
        cln->handler = ngx_http_jimeng_ledger_cleanup;
        return NGX_OK;
    }

    *claim = NULL;

    if (rc == NGX_AGAIN) {
        return rc;
    }

    /* an Idempotency-Key has to work; other requests are served without */

    return request.named ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_ledger_request(ngx_http_request_t *r, u_char *fingerprint,
    jm_ledger_request_t *request, jm_error_t *e)
{
    jm_str_t     what;
    ngx_str_t   *value;
    ngx_uint_t   n;

    ngx_memzero(request, sizeof(jm_ledger_request_t));
    ngx_memcpy(request->fingerprint, fingerprint, JM_LEDGER_KEY);

    value = ngx_http_jimeng_header(r, "Idempotency-Key", &n);

    if (value) {

        if (n > 1 || value->len == 0 || value->len > NGX_HTTP_JIMENG_KEY_MAX) {
            jm_error_set(e, JM_CAUSE_INVALID_REQUEST, NULL,
                         "The header Idempotency-Key must be there once, with "
                         "1 to %d characters.", NGX_HTTP_JIMENG_KEY_MAX);
            return NGX_DECLINED;
        }

        request->named = 1;

        ngx_http_jimeng_str(&what, value);

        return ngx_http_jimeng_ledger_key(r, what, request);
    }

    value = ngx_http_jimeng_header(r, "x-stainless-retry-count", &n);

    request->repeat = (value && ngx_atoi(value->data, value->len) > 0);

    what.len = JM_LEDGER_KEY;
    what.data = fingerprint;

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
    parts[0].data = ngx_http_jimeng_zone_get(r)->memory.state.salt;

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
    parts[0].data = ngx_http_jimeng_zone_get(r)->memory.state.salt;

    ngx_http_jimeng_str(&parts[1], &r->connection->addr_text);

    if (ngx_http_jimeng_digest(client, parts, 2) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(&request->who, client, sizeof(uint32_t));

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_ledger_enter(ngx_http_jimeng_claim_t *claim,
    jm_ledger_request_t *request, jm_error_t *e, ngx_log_t *log)
{
    jm_state_t              *state;
    jm_ledger_e              found;
    ngx_http_jimeng_zone_t  *zone;

    zone = claim->zone;

    state = ngx_http_jimeng_zone_lock(zone);

    found = jm_ledger_open(&state->ledger, &claim->claim, request, state->now);

    ngx_http_jimeng_zone_unlock(zone);

    switch (found) {

    case JM_LEDGER_REUSED:
        jm_error_set(e, JM_CAUSE_KEY_REUSED, NULL, NULL);
        return NGX_DECLINED;

    case JM_LEDGER_FULL:
        ngx_http_jimeng_zone_full(zone, "and what is in there still runs");
        jm_error_set(e, JM_CAUSE_NO_ROOM, NULL, NULL);
        return NGX_DECLINED;

    case JM_LEDGER_TOLD:
        claim->error = state->ledger.told;
        claim->found = 1;
        return NGX_OK;

    case JM_LEDGER_TWIN:
        return NGX_AGAIN;

    default: /* JM_LEDGER_NEW, JM_LEDGER_FOUND */
        claim->found = (found == JM_LEDGER_FOUND);
        return NGX_OK;
    }
}


static void
ngx_http_jimeng_ledger_cleanup(void *data)
{
    ngx_http_jimeng_claim_t *claim = data;

    jm_state_t  *state;

    state = ngx_http_jimeng_zone_lock(claim->zone);

    if (ngx_http_jimeng_ledger_took(claim)) {
        jm_ledger_answered(&state->ledger, &claim->claim, state->now);
    }

    jm_ledger_close(&state->ledger, &claim->claim, state->now);

    ngx_http_jimeng_zone_unlock(claim->zone);
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


/*
 * Whether all n tasks of a request are another one's: what is its own is going
 * to be submitted.
 */

ngx_uint_t
ngx_http_jimeng_ledger_joins(ngx_http_jimeng_claim_t *claim, ngx_uint_t n)
{
    jm_str_t     id;
    ngx_uint_t   i, joins;
    jm_state_t  *state;

    if (claim == NULL || !claim->found) {
        return 0;
    }

    joins = 1;

    state = ngx_http_jimeng_zone_lock(claim->zone);

    for (i = 0; joins && i < n; i++) {
        joins = jm_ledger_look(&state->ledger, &claim->claim, (unsigned) i,
                               state->now, &id)
                != JM_LOOK_OWN;
    }

    ngx_http_jimeng_zone_unlock(claim->zone);

    return joins;
}


/*
 * Whose a task is.  Sets *id with JM_LOOK_TAKEN, and *account to the number of
 * the account that the request's tasks are on, or to JM_LEDGER_ANY.  Without a
 * claim each task is the request's own.
 */

jm_look_e
ngx_http_jimeng_ledger_look(ngx_http_jimeng_claim_t *claim, ngx_uint_t i,
    ngx_str_t *id, ngx_uint_t *account)
{
    u_char       text[JM_LEDGER_ID];
    jm_str_t     view;
    jm_look_e    look;
    jm_state_t  *state;

    *account = JM_LEDGER_ANY;

    if (claim == NULL) {
        return JM_LOOK_OWN;
    }

    state = ngx_http_jimeng_zone_lock(claim->zone);

    look = jm_ledger_look(&state->ledger, &claim->claim, (unsigned) i,
                          state->now, &view);

    *account = jm_ledger_account(&state->ledger, &claim->claim);

    if (look != JM_LOOK_TAKEN && look != JM_LOOK_TOLD) {
        view.len = 0;
    }

    if (view.len) {
        ngx_memcpy(text, view.data, view.len);
    }

    ngx_http_jimeng_zone_unlock(claim->zone);

    if (view.len == 0) {
        return look;
    }

    id->data = ngx_pnalloc(claim->request->pool, view.len);
    if (id->data == NULL) {
        return JM_LOOK_UNKNOWN;
    }

    ngx_memcpy(id->data, text, view.len);
    id->len = view.len;

    return look;
}


/* the submit was not accepted, and may be made again */

void
ngx_http_jimeng_ledger_unsent(ngx_http_jimeng_claim_t *claim, ngx_uint_t i)
{
    jm_state_t  *state;

    if (claim == NULL) {
        return;
    }

    state = ngx_http_jimeng_zone_lock(claim->zone);

    jm_ledger_unsent(&state->ledger, &claim->claim, (unsigned) i);

    ngx_http_jimeng_zone_unlock(claim->zone);
}


/* nobody knows what became of the submit: it is not made again */

void
ngx_http_jimeng_ledger_unknown(ngx_http_jimeng_claim_t *claim, ngx_uint_t i)
{
    jm_state_t  *state;

    if (claim == NULL) {
        return;
    }

    state = ngx_http_jimeng_zone_lock(claim->zone);

    jm_ledger_unknown(&state->ledger, &claim->claim, (unsigned) i, state->now);

    ngx_http_jimeng_zone_unlock(claim->zone);
}


/* the task has failed for good, and costs nothing: a repeat may submit it */

void
ngx_http_jimeng_ledger_free(ngx_http_jimeng_claim_t *claim, ngx_uint_t i)
{
    jm_state_t  *state;

    if (claim == NULL) {
        return;
    }

    state = ngx_http_jimeng_zone_lock(claim->zone);

    jm_ledger_free(&state->ledger, &claim->claim, (unsigned) i, state->now);

    ngx_http_jimeng_zone_unlock(claim->zone);
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


/* the client has left, or was told to repeat: what it ordered is owed */

void
ngx_http_jimeng_ledger_left(ngx_http_jimeng_claim_t *claim)
{
    jm_state_t  *state;

    if (claim == NULL || !claim->claim.attached) {
        return;
    }

    state = ngx_http_jimeng_zone_lock(claim->zone);

    jm_ledger_left(&state->ledger, &claim->claim, state->now);

    ngx_http_jimeng_zone_unlock(claim->zone);
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
    jm_state_t  *state;

    if (claim == NULL || !ngx_http_jimeng_ledger_took(claim)) {
        return;
    }

    state = ngx_http_jimeng_zone_lock(claim->zone);

    jm_ledger_answered(&state->ledger, &claim->claim, state->now);

    ngx_http_jimeng_zone_unlock(claim->zone);
}


/* the answer is an error that is final: a repeat gets the same */

void
ngx_http_jimeng_ledger_told(ngx_http_jimeng_claim_t *claim,
    const jm_error_t *e)
{
    jm_state_t  *state;

    if (claim == NULL || !claim->claim.attached) {
        return;
    }

    state = ngx_http_jimeng_zone_lock(claim->zone);

    jm_ledger_told(&state->ledger, &claim->claim, e, state->now);

    ngx_http_jimeng_zone_unlock(claim->zone);
}


/* a client that asked by an id took what the entry's tasks brought */

void
ngx_http_jimeng_ledger_fetched(ngx_http_request_t *r, uint64_t entry,
    ngx_str_t *ids, ngx_uint_t n)
{
    jm_str_t                 id[JM_TICKET_TASKS];
    ngx_uint_t               i;
    jm_state_t              *state;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(r);
    if (zone == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        ngx_http_jimeng_str(&id[i], &ids[i]);
    }

    state = ngx_http_jimeng_zone_lock(zone);

    jm_ledger_fetched(&state->ledger, entry, id, n);

    ngx_http_jimeng_zone_unlock(zone);
}
