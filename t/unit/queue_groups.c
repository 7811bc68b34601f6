
/*
 * In which order places are served that wait for different accounts and
 * models, and what others that wait say of how long it takes.
 *
 * Seen failing with each of these taken out: the turn in jm_queue_next_tag(),
 * its lines, and its look at their accounts, the turn in jm_queue_hold(), and
 * that it does not fall there, the tag and the serial in
 * jm_queue_next_place(), the tag in jm_queue_back(), jm_queue_usable() and the
 * tag of who need not wait in jm_queue_begin(), jm_queue_level(), what
 * jm_queue_view() counts, the look at a group's accounts in jm_queue_ahead(),
 * and the rank there.
 */


#define _GNU_SOURCE

#include "queue_world.h"
#include "jm_queue_turn.h"


#define CLIENTS  7
#define ROUNDS   30


/* a place of a client on accounts, a bit for each, which waits */

static void
wait_for(jm_queue_t *q, jm_place_t *p, uint8_t client, uint64_t accounts,
    uint64_t model)
{
    unsigned            i;
    uint64_t            wait;
    jm_queue_request_t  request;

    request_init(&request, client, NOW);
    request.naccounts = 0;
    request.model = model;
    request.worker = q->store->owner;

    for (i = 0; accounts != 0; i++, accounts >>= 1) {

        if (accounts & 1) {
            request.accounts[request.naccounts++] = (uint8_t) i;
        }
    }

    if (queue_enter(q, p, &request, NOW, &wait) != JM_QUEUE_WAIT) {
        abort();
    }
}


/* accounts of one slot each, which are taken: account i's is slots[i] */

static void
start_full(jm_queue_t *q, jm_queue_t *other, jm_place_t *slots, unsigned n)
{
    char                name[2] = "a";
    unsigned            i;
    uint64_t            wait;
    jm_queue_request_t  request;

    start(q, other);

    for (i = 0; i < n; i++) {
        name[0] = (char) ('a' + i);
        (void) account(q, name, 1, 1000);

        request_init(&request, 'r', NOW);
        request.accounts[0] = (uint8_t) i;
        (void) queue_enter(q, &slots[i], &request, NOW, &wait);
    }
}


/* ends what runs on an account: returns which of n places has its slot now */

static unsigned
next_of(jm_queue_t *q, jm_place_t *slot, jm_place_t *places, unsigned n)
{
    unsigned  i;

    queue_leave(q, slot, JM_LEAVE_OVER, NOW);

    for (i = 0; i < n; i++) {

        if (places[i].serial != 0
            && look(q, &places[i], NOW) == JM_QUEUE_GRANTED)
        {
            *slot = places[i];
            places[i].serial = 0;
            return i;
        }
    }

    return n;
}


/* n places that wait for an account, one after the other, have its slot */

static void
go_on(jm_queue_t *q, jm_place_t *slot, unsigned n)
{
    jm_place_t  p[20];
    unsigned    i;

    for (i = 0; i < n; i++) {
        wait_for(q, &p[i], 'x', jm_queue_bit(slot->account), 0);
    }

    for (i = 0; i < n; i++) {
        (void) next_of(q, slot, p, n);
    }
}


/* each client in its order, and once in a round, whatever they came in */

static void
test_rounds(void)
{
    unsigned               i, n, client, wrong, out_of_order;
    jm_place_t             slot, p[CLIENTS * ROUNDS], one, two;
    jm_queue_t             q, other;
    unsigned short         seed[3] = { 1, 2, 3 };
    static const unsigned  counts[2] = { CLIENTS, CLIENTS + 1 };

    unsigned  of[CLIENTS * ROUNDS], served[CLIENTS], last[CLIENTS];

    start_full(&q, &other, &slot, 1);

    memset(served, 0, sizeof(served));
    memset(last, 0, sizeof(last));

    for (n = 0; n < CLIENTS * ROUNDS; /* void */ ) {
        client = (unsigned) nrand48(seed) % CLIENTS;

        if (served[client] < ROUNDS) {
            wait_for(&q, &p[n], (uint8_t) client, 1, n % 3);
            of[n++] = client;
            served[client]++;
        }
    }

    memset(served, 0, sizeof(served));
    wrong = 0;
    out_of_order = 0;

    for (n = 0; n < CLIENTS * ROUNDS / 2; n++) {
        i = next_of(&q, &slot, p, CLIENTS * ROUNDS);
        client = of[i];

        out_of_order += (i < last[client]);
        last[client] = i;

        wrong += (served[client]++ != n / CLIENTS);
    }

    is_int(wrong, 0, "each client once in a round");
    is_int(out_of_order, 0, "and the oldest of its places");

    /* a newcomer is before anybody's next but one */

    wait_for(&q, &one, 'n', 1, 0);
    wait_for(&q, &two, 'n', 1, 0);

    for (n = 0; n < 2; n++) {

        for (i = 0; i <= counts[n]; i++) {
            (void) next_of(&q, &slot, p, CLIENTS * ROUNDS);

            if (look(&q, n ? &two : &one, NOW) == JM_QUEUE_GRANTED) {
                slot = n ? two : one;
                break;
            }
        }

        ok(i <= counts[n], "a newcomer has its turn %u", n);
    }

    ok(queue_is_whole(&q), "rounds: whole");

    stop();
}


/* what a client has on one account is nothing to another one's turns */

static void
test_apart(void)
{
    unsigned    i;
    jm_place_t  slots[2], p[10], b[3];
    jm_queue_t  q, other;

    start_full(&q, &other, slots, 2);

    for (i = 0; i < 10; i++) {
        wait_for(&q, &p[i], 'x', 1, 0);
    }

    wait_for(&q, &b[0], 'y', 2, 0);
    wait_for(&q, &b[1], 'y', 2, 0);
    wait_for(&q, &b[2], 'x', 2, 0);
    is_view(&q, 1, 0, 10, "apart");

    is_int(next_of(&q, &slots[1], b, 3), 0, "apart: who was first");
    is_int(next_of(&q, &slots[1], b, 3), 2, "apart: then the other client");
    is_int(next_of(&q, &slots[1], b, 3), 1, "apart: then the first again");

    stop();
}


/* places of two accounts go where a slot is, by their turns among others' */

static void
test_joined(void)
{
    jm_place_t  slots[2], p[6];
    jm_queue_t  q, other;

    start_full(&q, &other, slots, 2);

    wait_for(&q, &p[0], 'x', 1, 0);
    wait_for(&q, &p[1], 'x', 3, 0);
    wait_for(&q, &p[2], 'y', 3, 1);
    wait_for(&q, &p[3], 'y', 2, 0);
    wait_for(&q, &p[4], 'z', 1, 0);
    wait_for(&q, &p[5], 'x', 2, 0);

    is_int(store_count(q.store, JM_RECORD_GROUP), 4, "joined: four groups");
    is_int(store_count(q.store, JM_RECORD_LINE), 6, "joined: lines");

    is_int(next_of(&q, &slots[1], p, 6), 2, "joined: of both, the first turn");
    is_int(slots[1].account, 1, "joined: where the slot is");
    is_int(next_of(&q, &slots[0], p, 6), 0, "joined: the first's");
    is_int(next_of(&q, &slots[0], p, 6), 4, "joined: another client");
    is_int(next_of(&q, &slots[0], p, 6), 1, "joined: its second");
    is_int(next_of(&q, &slots[1], p, 6), 3, "joined: the other's second");
    is_int(next_of(&q, &slots[1], p, 6), 5, "joined: the third of the first");
    ok(queue_is_whole(&q), "joined: whole");
    is_int(store_count(q.store, JM_RECORD_GROUP), 0, "joined: no group");

    stop();
}


/* what was refused by one account is the next on the other, far behind it */

static void
test_comes_back(void)
{
    unsigned    i, first;
    uint64_t    wait;
    jm_place_t  slots[2], p[10], b[4];
    jm_queue_t  q, other;

    start_full(&q, &other, slots, 2);

    for (i = 0; i < 9; i++) {
        wait_for(&q, &p[i], 'x', 1, 0);
    }

    wait_for(&q, &p[9], 'x', 3, 0);

    for (i = 0; i < 10; i++) {
        (void) next_of(&q, &slots[0], p, 10);
    }

    wait_for(&q, &b[0], 'y', 2, 0);
    wait_for(&q, &b[1], 'z', 2, 0);

    is_int(queue_denied(&q, &slots[0], 0, NOW + 1, &wait, &first),
           JM_QUEUE_WAIT, "refused by one");
    b[3] = slots[0];
    wait_for(&q, &b[2], 'v', 2, 0);

    is_int(next_of(&q, &slots[1], b, 4), 3, "the next on the other");
    is_int(next_of(&q, &slots[1], b, 4), 0, "then who waits");
    is_int(next_of(&q, &slots[1], b, 4), 1, "and all of these");
    is_int(next_of(&q, &slots[1], b, 4), 2, "in their order");

    stop();
}


/* and who comes after it is not before those who were there */

static void
test_came_back(void)
{
    uint64_t            wait;
    jm_place_t          slots[2], b[3];
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start_full(&q, &other, slots, 2);
    go_on(&q, &slots[1], 20);
    wait_for(&q, &b[0], 'y', 2, 0);

    queue_leave(&q, &slots[0], JM_LEAVE_OVER, NOW);
    request_of_two(&request, 'w', NOW);
    (void) queue_enter(&q, &b[1], &request, NOW, &wait);
    is_int(queue_bind(&q, &b[1], 1, NOW, &wait), JM_QUEUE_WAIT,
           "bound to the other account");
    is_int(next_of(&q, &slots[1], b, 2), 1, "where it is the next");

    b[1].serial = 0;
    wait_for(&q, &b[2], 'z', 2, 0);
    is_int(next_of(&q, &slots[1], b, 3), 0, "then who was there");
    is_int(next_of(&q, &slots[1], b, 3), 2, "then who came");

    stop();
}


/*
 * One account is far ahead of the other, and is set aside: those who waited for
 * both must not be behind all who come to the other from then on, nor those who
 * come for both.
 */

static void
test_set_aside(void)
{
    unsigned    first;
    uint64_t    wait;
    jm_place_t  slots[2], b[4];
    jm_queue_t  q, other;

    start_full(&q, &other, slots, 2);
    go_on(&q, &slots[0], 20);

    wait_for(&q, &b[0], 'y', 3, 0);
    wait_for(&q, &b[1], 'z', 2, 0);
    wait_for(&q, &b[2], 'z', 2, 0);

    is_int(queue_denied(&q, &slots[0], 0, NOW + 1, &wait, &first),
           JM_QUEUE_ASIDE, "set aside");
    wait_for(&q, &b[3], 'v', 2, 0);

    is_int(next_of(&q, &slots[1], b, 4), 1, "aside: who waited for the other");
    is_int(next_of(&q, &slots[1], b, 4), 2, "aside: twice");
    is_int(next_of(&q, &slots[1], b, 4), 0, "aside: and who for both");
    is_int(next_of(&q, &slots[1], b, 4), 3, "aside: before who came later");

    stop();
}


/* what is set aside says nothing about the turns of those who come then */

static void
test_comes_then(void)
{
    unsigned    first;
    uint64_t    wait;
    jm_place_t  slots[2], b[3];
    jm_queue_t  q, other;

    start_full(&q, &other, slots, 2);

    wait_for(&q, &b[0], 'w', 1, 5);
    (void) next_of(&q, &slots[0], b, 1);
    is_int(queue_denied(&q, &slots[0], 1, NOW + 1, &wait, &first),
           JM_QUEUE_ASIDE, "set aside for a model");

    (void) enter(&q, &slots[0], 'r', NOW + 1);
    go_on(&q, &slots[0], 20);

    wait_for(&q, &b[0], 'y', 3, 5);
    wait_for(&q, &b[1], 'z', 2, 0);
    wait_for(&q, &b[2], 'z', 2, 0);

    is_int(next_of(&q, &slots[1], b, 3), 0, "who came first");
    is_int(next_of(&q, &slots[1], b, 3), 1, "then the other client");
    is_int(next_of(&q, &slots[1], b, 3), 2, "and its second");

    stop();
}


/* an account that has served nobody who waited is not behind for ever */

static void
test_idle(void)
{
    uint64_t            wait;
    jm_place_t          slots[2], b[3];
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start_full(&q, &other, slots, 2);
    go_on(&q, &slots[0], 20);

    queue_leave(&q, &slots[1], JM_LEAVE_OVER, NOW);
    request_of_two(&request, 'w', NOW);
    is_int(queue_enter(&q, &slots[1], &request, NOW, &wait), JM_QUEUE_GRANTED,
           "one that need not wait");
    is_int(slots[1].account, 1, "where nobody waits");

    wait_for(&q, &b[0], 'y', 3, 0);
    wait_for(&q, &b[1], 'z', 2, 0);
    wait_for(&q, &b[2], 'z', 2, 0);

    is_int(next_of(&q, &slots[1], b, 3), 0, "idle: who came first");
    is_int(next_of(&q, &slots[1], b, 3), 1, "idle: then the other");

    stop();
}


/* those who wait for nothing that it may use take no time of a place */

static void
test_ahead(void)
{
    unsigned            i;
    jm_place_t          slots[2], p[11];
    jm_queue_t          q, other;
    jm_queue_outlook_t  o;
    uint8_t             client[JM_QUEUE_CLIENT];

    start_full(&q, &other, slots, 2);

    for (i = 0; i < 2; i++) {
        jm_queue_number(&q, i)->average = 10000;
    }

    memset(client, 'n', sizeof(client));

    for (i = 0; i < 10; i++) {
        wait_for(&q, &p[i], 'x', 1, i % 2);
    }

    wait_for(&q, &p[10], 'y', 1, 1);

    jm_queue_foretell(&q, 2, jm_queue_next_key(&q, client, 2), NOW, &o);
    is_int((int64_t) o.delay, 10000, "nobody is ahead on the other account");
    jm_queue_foretell(&q, 1, jm_queue_next_key(&q, client, 1), NOW, &o);
    is_int((int64_t) o.delay, 30000, "one of each client, and itself");
    memset(client, 'x', sizeof(client));
    jm_queue_foretell(&q, 1, jm_queue_next_key(&q, client, 1), NOW, &o);
    is_int((int64_t) o.delay, 120000, "all of its own, and the other's");
    jm_queue_foretell(&q, 3, jm_queue_next_key(&q, client, 3), NOW, &o);
    is_int((int64_t) o.delay, 60000, "in half the time with both");

    stop();
}


int
main(void)
{
    test_rounds();
    test_apart();
    test_joined();
    test_comes_back();
    test_came_back();
    test_set_aside();
    test_comes_then();
    test_idle();
    test_ahead();

    return done_testing();
}
