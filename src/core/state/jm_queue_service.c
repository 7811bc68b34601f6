
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_service.h"
#include "jm_queue_turn.h"


static jm_queue_aside_t *jm_queue_service_tries(jm_queue_t *q,
    const jm_queue_service_t *service, uint64_t now, unsigned *serves);
static jm_queue_aside_t *jm_queue_service_left(jm_queue_t *q,
    const jm_queue_service_t *service);
static void jm_queue_service_leave(jm_queue_t *q,
    const jm_queue_service_t *service);
static jm_queue_aside_t *jm_queue_account_aside(jm_queue_t *q, unsigned i,
    uint64_t model);


unsigned
jm_queue_service(jm_queue_t *q, const jm_queue_service_t *services,
    unsigned n, uint64_t now, jm_service_news_e *news)
{
    unsigned           i, serves;
    jm_queue_aside_t  *aside;

    *news = JM_SERVICE_NO_NEWS;

    serves = 0;
    aside = NULL;

    for (i = 0; i < n; i++) {
        aside = jm_queue_service_tries(q, &services[i], now, &serves);

        if (serves || aside != NULL) {
            break;
        }
    }

    if (i == n) {
        return 0;
    }

    if (!serves) {
        jm_put(q->store, aside->tried, (uint16_t) (now / JM_QUEUE_SECOND));
    }

    aside = jm_queue_service_left(q, &services[0]);

    if (i != 0 && aside == NULL) {
        jm_queue_service_leave(q, &services[0]);
        *news = JM_SERVICE_LEFT;

    } else if (i == 0 && aside != NULL && serves) {

        do {
            jm_put(q->store, aside->left, 0);
            aside = jm_queue_service_left(q, &services[0]);
        } while (aside != NULL);

        *news = JM_SERVICE_BACK;
    }

    return i;
}


/*
 * Sets *serves when one of the accounts takes submits, as far as is known.
 * Else returns what one was set aside for that is to be tried now, or NULL.
 */

static jm_queue_aside_t *
jm_queue_service_tries(jm_queue_t *q, const jm_queue_service_t *service,
    uint64_t now, unsigned *serves)
{
    uint64_t           usable;
    uint16_t           since;
    unsigned           i;
    jm_queue_aside_t  *aside, *tries;

    tries = NULL;
    *serves = 0;

    usable = jm_queue_usable(q, service->accounts, service->model, now);

    for (i = 0; i < q->shared->naccounts; i++) {

        if (!(usable & jm_queue_bit(i))) {
            continue;
        }

        aside = jm_queue_account_aside(q, i, service->model);

        if (aside == NULL || aside->times == 0) {
            *serves = 1;
            return NULL;
        }

        since = (uint16_t) (now / JM_QUEUE_SECOND - aside->tried);

        if (tries == NULL && since >= JM_QUEUE_TRY / JM_QUEUE_SECOND) {
            tries = aside;
        }
    }

    return tries;
}


/* what says that another service stands in for this one, or NULL */

static jm_queue_aside_t *
jm_queue_service_left(jm_queue_t *q, const jm_queue_service_t *service)
{
    unsigned           i;
    jm_queue_aside_t  *aside;

    for (i = 0; i < q->shared->naccounts; i++) {

        if (!(service->accounts & jm_queue_bit(i))) {
            continue;
        }

        aside = &jm_queue_number(q, i)->aside;

        if (aside->left) {
            return aside;
        }

        aside = jm_queue_find_model(q, jm_queue_number(q, i), service->model);

        if (aside != NULL && aside->left) {
            return aside;
        }
    }

    return NULL;
}


static void
jm_queue_service_leave(jm_queue_t *q, const jm_queue_service_t *service)
{
    unsigned           i;
    jm_queue_aside_t  *aside;

    for (i = 0; i < q->shared->naccounts; i++) {

        if (!(service->accounts & jm_queue_bit(i))) {
            continue;
        }

        aside = jm_queue_account_aside(q, i, service->model);

        if (aside != NULL) {
            jm_put(q->store, aside->left, 1);
            return;
        }
    }
}


/* what keeps an account from being used for the model, or may; or NULL */

static jm_queue_aside_t *
jm_queue_account_aside(jm_queue_t *q, unsigned i, uint64_t model)
{
    jm_queue_account_t  *a;

    a = jm_queue_number(q, i);

    return a->aside.times != 0 ? &a->aside : jm_queue_find_model(q, a, model);
}
