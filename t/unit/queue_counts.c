
/*
 * How many places wait, of all and of one client, and what the tasks cost that
 * run, or that nobody follows.
 *
 * Seen failing: "of a client whose line is in the same chain", with all lines
 * counted; "for several sets of accounts", with the last line alone; what is
 * lost, with all that is held.
 */


#define _GNU_SOURCE

#include "queue_world.h"
#include "jm_queue_standing.h"


/* the first bytes, which lead to its chain, are another client's, too */

static void
client_set(uint8_t *client, uint8_t c)
{
    memset(client, 'x', JM_QUEUE_CLIENT);
    client[7] = c;
}


static jm_queue_e
enter_as(jm_queue_t *q, jm_place_t *p, uint8_t c, unsigned n, uint64_t price)
{
    uint64_t            wait;
    jm_queue_request_t  request;

    request_init(&request, 'x', NOW);
    client_set(request.client, c);

    request.worker = q->store->owner;
    request.price = price;
    request.naccounts = n;
    request.accounts[1] = 1;

    return queue_enter(q, p, &request, NOW, &wait);
}


static uint32_t
waits(jm_queue_t *q, uint8_t c)
{
    uint8_t  client[JM_QUEUE_CLIENT];

    client_set(client, c);

    return jm_queue_client_waits(q, client);
}


int
main(void)
{
    jm_queue_t       q, other;
    jm_place_t       run[2], p[5];
    jm_queue_view_t  v;

    start(&q, &other);
    (void) account(&q, "a", 2, 100);
    (void) account(&q, "b", 1, 100);

    is_int(jm_queue_waits(&q), 0, "nobody waits");
    is_int(waits(&q, 'a'), 0, "nor does a client");

    (void) enter_as(&q, &run[0], 'a', 1, 220000);
    (void) enter_as(&q, &run[1], 'b', 1, 500000);
    (void) enter_as(&q, &p[0], 'c', 2, 9);
    is_int(jm_queue_waits(&q), 0, "they run");

    queue_view(&q, 0, &v, NOW);
    is_int((int64_t) v.cost, 720000, "what they cost");
    is_int((int64_t) v.cost_lost, 0, "and none of it is lost");
    queue_view(&q, 1, &v, NOW);
    is_int((int64_t) v.cost, 9, "of another account");

    is_int(enter_as(&q, &p[1], 'a', 1, 7), JM_QUEUE_WAIT, "one waits");
    (void) enter_as(&q, &p[2], 'a', 2, 7);
    (void) enter_as(&q, &p[3], 'a', 2, 7);
    (void) enter_as(&q, &p[4], 'b', 1, 7);

    is_int(jm_queue_waits(&q), 4, "four wait");
    is_int(waits(&q, 'a'), 3, "for several sets of accounts");
    is_int(waits(&q, 'b'), 1, "of a client whose line is in the same chain");
    is_int(waits(&q, 'c'), 0, "who does not wait");
    is_int(waits(&q, 'd'), 0, "who is not there");

    queue_view(&q, 0, &v, NOW);
    is_int((int64_t) v.cost, 720000, "what waits costs nothing yet");

    queue_leave(&q, &p[1], JM_LEAVE_FREE, NOW);
    is_int(waits(&q, 'a'), 2, "one has left");

    queue_accepted(&q, &run[1], 1, NOW);
    queue_leave(&q, &run[1], JM_LEAVE_LOST, NOW);
    queue_view(&q, 0, &v, NOW);
    is_int((int64_t) v.cost, 720000, "lost: it costs as much");
    is_int((int64_t) v.cost_lost, 500000, "lost: it alone");

    stop();

    return done_testing();
}
