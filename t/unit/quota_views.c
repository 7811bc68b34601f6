
/*
 * A report of many clients looks at a few with the lock held, and then at the
 * next: others get in between.  Each client here has something that runs in
 * another process, which is asked for whenever the client is looked at: so
 * many questions are so much work.
 *
 * Seen failing without the limit in jm_quota_views().
 */


#define _GNU_SOURCE

#include "tap.h"

#include "quota.h"


#define SIZE     262144
#define CLIENTS  (3 * JM_QUOTA_PIECE + 7)


static unsigned     asked;
static jm_store_t   stores[2];
static char         names[CLIENTS][16];
static jm_client_t  clients[CLIENTS];


static unsigned
alive(uint32_t owner)
{
    asked++;

    return owner != 0;
}


static void
start(jm_quota_t *q, const jm_client_t **all)
{
    unsigned  i;

    for (i = 0; i < CLIENTS; i++) {
        snprintf(names[i], sizeof(names[i]), "client%03u", i);

        clients[i] = client(names[i], 1000, 5, 100 + i);
        all[i] = &clients[i];
    }

    quota_init(q, &stores[0], SIZE);
    store_alive_by(&stores[0], alive);

    if (quota_sync(q, all, CLIENTS) != JM_OK) {
        abort();
    }
}


int
main(void)
{
    size_t              i, n, seen, most, wrong;
    jm_hold_t           holds[CLIENTS];
    jm_quota_t          q, other;
    jm_quota_rate_t     rates[CLIENTS];
    jm_quota_view_t     views[CLIENTS];
    const jm_client_t  *all[CLIENTS];

    start(&q, all);

    quota_other(&other, &stores[1], &q, 2);

    for (i = 0; i < CLIENTS; i++) {
        (void) jm_quota_rate(&other, all[i], NOW, &rates[0]);
        (void) jm_quota_hold(&other, all[i], bill(1), 0, SECONDS, &holds[i],
                             &views[0]);
        jm_store_commit(&stores[1]);
    }

    most = 0;
    wrong = 0;

    for (seen = 0; seen < CLIENTS; seen += n) {
        asked = 0;

        n = jm_quota_views(&q, &all[seen], CLIENTS - seen, NOW, SECONDS, rates,
                           views);

        most = jm_max(most, asked);

        for (i = 0; i < n; i++) {
            wrong += (rates[i].remaining != 999 || views[i].running != 1
                      || views[i].reserved != 1
                      || views[i].limit != 100 + seen + i);
        }

        if (n == 0) {
            break;
        }

        /* what gets in between: one that is not looked at yet is over */

        if (seen + n < CLIENTS) {
            jm_quota_release(&other, &holds[CLIENTS - 1]);
            jm_store_commit(&stores[1]);
        }
    }

    is_int((int64_t) seen, CLIENTS, "all were looked at");
    is_int((int64_t) most, JM_QUOTA_PIECE, "no more than a piece at a time");
    is_int((int64_t) wrong, 1, "all are as they were, but for one that ended");
    is_int(views[n - 1].running, 0, "which has nothing that runs");

    for (i = 0; i < CLIENTS; i++) {
        jm_quota_release(&other, &holds[i]);
        jm_store_commit(&stores[1]);
    }

    store_done(&stores[0]);

    return done_testing();
}
