
/*
 * The ledger in a simulated world: processes that ask, submit, die, and come
 * back in the same slot, clients that leave, time that goes by, room for a
 * few records only, and nginx that is started again, with what it left.  The
 * input decides what happens next.  The world knows of each task what the
 * upstream has: nothing, something, or nobody knows.  Whatever happens: no task
 * is submitted that it may have, who asks again for what runs finds it, what is
 * found is what was entered, and what runs is not forgotten.  Without a mark
 * what is owed is found, for as long as it is, and nothing else; and an error
 * that was told is told again.  What a call has brought is there in its time.
 *
 * Seen failing with each of these taken out of the ledger: the state that
 * jm_ledger_submit() stores, the round in jm_ledger_take(), the look at alive()
 * in jm_ledger_look_at(), the one at owners where time is up, the settling in
 * jm_ledger_look(), jm_store_recover(), and with what runs evicted; and, out of
 * its import, who waited, the states, and the serial number that is passed on.
 * And with what calls have brought dropped where it is to be retired.
 */


#define _GNU_SOURCE

#include "ledger.h"


static unsigned
lives(uint32_t owner)
{
    return !killed[1 + jm_store_slot(owner)];
}


static void
look_around(world_t *w)
{
    unsigned  i;

    check(ledger_length(&w->l) >= 0);

    for (i = 0; i < w->nentered; i++) {
        check(!runs(&w->entered[i]) || find(w, &w->entered[i]) != NULL);

        if (w->calls) {
            look_at_texts(w, &w->entered[i]);
        }
    }
}


static void
found(world_t *w, holder_t *h, const jm_ledger_request_t *request)
{
    unsigned  i;

    for (i = 0; i < w->nentered; i++) {

        if (w->entered[i].serial == h->claim.serial) {
            h->entered = &w->entered[i];
        }
    }

    check(h->entered != NULL && h->entered->request.n == request->n);
    check(h->claim.n == request->n);
    check(h->claim.attached == !h->claim.told);
    check(memcmp(h->entered->request.key, request->key, JM_LEDGER_KEY) == 0);
    check(memcmp(h->entered->request.fingerprint, request->fingerprint,
                 JM_LEDGER_KEY)
          == 0);
}


static void
entered(world_t *w, holder_t *h, const jm_ledger_request_t *request)
{
    unsigned    i;
    entered_t  *e;

    e = &w->entered[w->nentered++];
    h->entered = e;

    memset(e, 0, sizeof(entered_t));

    e->request = *request;
    e->serial = h->claim.serial;
    e->since = w->now;

    for (i = 0; i < request->n; i++) {
        e->tasks[i].claim = number(w, h);
    }
}


static void
ask(world_t *w, holder_t *h)
{
    unsigned             i, n, same, owed, told;
    jm_ledger_request_t  request;

    if (h->process != 0 || w->nentered == REQUESTS) {
        return;
    }

    h->process = 1 + choose(&w->input, PROCESSES);

    if (killed[h->process]) {
        h->process = 0;
        return;
    }

    n = choose(&w->input, 16);

    request_init(&request, (uint8_t) choose(&w->input, KEYS),
                 n < 12 ? 1 + n % 2 : 1 + choose(&w->input, JM_LEDGER_SLOTS));

    request.named = choose(&w->input, 2);
    request.repeat = choose(&w->input, 2);
    request.keep = 1 + choose(&w->input, 8) * 100;
    request.who = choose(&w->input, 2);
    request.unmarked = choose(&w->input, 4) * 100;
    request.key[31] = (uint8_t) request.named;

    if (request.named && choose(&w->input, 16) == 1) {
        request.fingerprint[0] ^= 1;
    }

    request.patient = choose(&w->input, 2);

    for (i = 0, same = 0; i < w->nentered; i++) {
        same += (memcmp(w->entered[i].request.key, request.key, JM_LEDGER_KEY)
                 == 0
                 && (request.named
                     || (request.repeat
                         && w->entered[i].request.n == request.n))
                 && runs(&w->entered[i]));
    }

    owed = 0;
    told = 0;

    if (!request.named && !request.repeat && request.unmarked) {
        owed = same_owed(w, &request, 0);
        told = same_owed(w, &request, 1);
    }

    switch (ledger_open(as(w, h), &h->claim, &request, w->now)) {

    case JM_LEDGER_NEW:
        check(same == 0 && owed == 0 && told == 0);
        entered(w, h, &request);
        h->entered->last = number(w, h);
        return;

    case JM_LEDGER_FOUND:
        found(w, h, &request);

        if (!request.named && !request.repeat) {
            found_owed(w, h, &request, 0);
        }

        h->entered->last = number(w, h);
        return;

    case JM_LEDGER_TOLD:
        check(!request.named && !request.repeat && owed == 0);
        found(w, h, &request);
        found_owed(w, h, &request, 1);
        return;

    case JM_LEDGER_TWIN:
        check(request.patient && !request.named && !request.repeat);
        check(owed == 0 && told == 0 && same_waits(w, &request));
        break;

    case JM_LEDGER_OTHER:
        check(0);
        break;

    case JM_LEDGER_REUSED:
        check(request.named);
        break;

    case JM_LEDGER_FULL:
        check(same == 0 && owed == 0 && told == 0);
        break;
    }

    check(h->claim.serial == 0);

    h->process = 0;
}


/* of the tasks that were this one's, as they are when it ends */

static void
let_go(const world_t *w, holder_t *h)
{
    unsigned  i;

    for (i = 0; i < h->entered->request.n; i++) {

        if (h->entered->tasks[i].claim == number(w, h)) {
            h->entered->tasks[i].claim = 0;
        }
    }

    h->entered = NULL;
    h->process = 0;
}


static void
look(world_t *w, holder_t *h, unsigned i)
{
    char      text[16];
    jm_str_t  id;
    task_t   *task;

    task = &h->entered->tasks[i];

    switch (ledger_look(as(w, h), &h->claim, i, w->now, &id)) {

    case JM_LOOK_OWN:
        check(task->has == HAS_NOTHING || task->claim == number(w, h));
        check(task->claim == 0 || task->claim == number(w, h));
        task->claim = number(w, h);
        break;

    case JM_LOOK_WAIT:
        check(task->claim != 0 && task->claim != number(w, h));
        check(task->has == HAS_NOTHING || task->has == HAS_MAYBE);
        break;

    case JM_LOOK_TAKEN:
        check(task->has == HAS_IT || task->has == HAS_ENDED);
        check(task->id != 0);
        check(h->claim.slots[i].over == (task->has == HAS_ENDED));
        sprintf(text, "%u", task->id);
        check(id.len == strlen(text) && memcmp(id.data, text, id.len) == 0);
        break;

    case JM_LOOK_TOLD:
        check(h->claim.told);
        break;

    case JM_LOOK_CANCELED:
    case JM_LOOK_GONE:
        check(0);
        break;

    case JM_LOOK_RESULT:
        check(task->has == HAS_ENDED && task->id == 0 && task->brought != 0);
        check(h->claim.slots[i].over);
        break;

    case JM_LOOK_LOST:
        check(task->has == HAS_ENDED && task->id == 0);
        check(h->claim.slots[i].over);
        break;

    case JM_LOOK_UNKNOWN:
        check((task->has == HAS_MAYBE && task->claim == 0)
              || find(w, h->entered) == NULL);
        break;
    }
}


static void
submit(world_t *w, holder_t *h, unsigned i)
{
    task_t  *task;

    task = &h->entered->tasks[i];

    if (ledger_submit(as(w, h), &h->claim, i, 0) != JM_OK) {
        check(task->claim != number(w, h) || task->has == HAS_MAYBE);
        return;
    }

    /* what it has, this claim has submitted, and knows to have failed */

    check(task->claim == number(w, h));
    check(task->has == HAS_NOTHING || task->has == HAS_IT);

    task->has = HAS_MAYBE;
}


/* what became of a submit, or of a task; said by anybody */

static void
tell(world_t *w, holder_t *h, unsigned i)
{
    char       text[16];
    unsigned   own, under_way, knows, what;
    task_t    *task;

    task = &h->entered->tasks[i];

    own = (task->claim == number(w, h));
    under_way = (own && task->has == HAS_MAYBE);

    /* it has looked, since the last submit */

    knows = (task->has == HAS_IT && find(w, h->entered) != NULL
             && h->claim.slots[i].round
                == jm_ledger_slot(&w->l, find(w, h->entered), i)->round);

    what = choose(&w->input, 5);

    switch (what) {

    case 0:
        ledger_unsent(as(w, h), &h->claim, i);

        if (under_way) {
            task->has = HAS_NOTHING;
        }

        return;

    case 1:
        sprintf(text, "%u", ++w->ids);
        ledger_accepted(as(w, h), &h->claim, i, str(text));

        if (under_way) {
            task->has = HAS_IT;
            task->id = w->ids;
        }

        return;

    case 2:
        ledger_unknown(as(w, h), &h->claim, i, w->now);

        if (under_way) {
            task->claim = 0;
        }

        return;

    case 3:
        ledger_free(as(w, h), &h->claim, i, w->now);

        if (own || knows) {
            task->has = HAS_NOTHING;
            task->claim = 0;
        }

        return;

    default:

        if (w->calls && task->id % 2 == 0) {
            call(w, h, i, under_way);
            return;
        }

        ledger_over(as(w, h), &h->claim, i, w->now);

        if (own || (knows && task->claim == 0)) {
            task->has = (task->has == HAS_IT) ? HAS_ENDED : task->has;
            task->claim = 0;
        }
    }
}


/* what the process of a claim does when it dies with the lock held */

static void
begin(world_t *w, holder_t *h)
{
    unsigned           i, kept;
    jm_ledger_t       *l;
    jm_ledger_claim_t  claim;

    l = as(w, h);
    claim = h->claim;
    i = choose(&w->input, claim.n);

    jm_store_begin(l->store);

    switch (choose(&w->input, 5)) {

    case 0:

        if (w->calls) {
            (void) jm_ledger_brought(l, &claim, i, text_of(0, 700),
                                     UINT64_MAX, w->now, &kept);
            break;
        }

        (void) jm_ledger_submit(l, &claim, i, 0);
        jm_ledger_accepted(l, &claim, i, str("nobody's"));
        break;

    case 1:
        jm_ledger_close(l, &claim, w->now);
        break;

    case 2:
        jm_ledger_free(l, &claim, i, w->now);
        jm_ledger_answered(l, &claim, w->now);
        break;

    case 3:
        (void) jm_ledger_shrink(l, w->now);
        break;

    default:
        break;
    }
}


/* none of its claims is there any more */

static void
abandon(world_t *w, unsigned process)
{
    unsigned    i, last;
    holder_t   *h;
    entered_t  *e;

    for (i = 0; i < CLAIMS; i++) {
        h = &w->holders[i];

        if (h->process != process) {
            continue;
        }

        e = h->entered;
        last = (e->last == number(w, h));

        begin(w, h);
        let_go(w, h);

        if (last) {
            owe(w, e);
        }
    }
}


/* another one comes in its place */

static void
join(world_t *w, unsigned process)
{
    w->owners[process] += JM_STORE_OWNERS;

    store_own(w->l.store, w->owners[process]);
}


static void
die(world_t *w, unsigned process)
{
    static const uint8_t  nobodys[JM_LEDGER_KEY];

    abandon(w, process);

    killed[process] = !killed[process];

    if (killed[process]) {

        /* all are looked at, whatever the key is */

        w->l.store->owner = 0;
        w->l.shared->watched = 0;
        ledger_do(watch, &w->l, nobodys, w->now);
        return;
    }

    join(w, process);
}


/* nginx is started again, with what the ledger was left as */

static void
restart(world_t *w)
{
    unsigned              i, n, all;
    jm_store_t           *s;
    jm_ledger_t           old;
    static const uint8_t  map[256];

    for (i = 1; i <= PROCESSES; i++) {
        abandon(w, i);
        killed[i] = 0;
    }

    jm_store_begin(w->l.store);
    look_around(w);

    /* what was entered, and may not be lost as there is room for it */

    old = w->l;
    s = old.store;
    n = s->shared->records;
    all = (old.shared->records < n);

    forget(w);
    save_texts(w);

    ledger_init(&w->l, n, 1, lives);
    (void) ledger_restart(&w->l, s, map, w->now);

    for (i = 0; i < w->nentered && all; i++) {
        check(!costs(&w->entered[i]) || w->entered[i].serial == 0
              || find(w, &w->entered[i]) != NULL);
    }

    /* a ledger by itself may give the number of what was lost to another */

    forget(w);
    ledger_detach(&old);

    for (i = 1; i <= PROCESSES; i++) {
        join(w, i);
    }
}


/* how a client's waiting ends */

static void
end(world_t *w, holder_t *h, unsigned how)
{
    unsigned     last;
    entered_t   *e;
    jm_error_t   error;

    e = h->entered;
    last = (h->claim.attached && e->last == number(w, h));

    switch (how) {

    case 0:
        ledger_left(as(w, h), &h->claim, w->now);

        if (last) {
            owe(w, e);
        }

        break;

    case 1:
        ledger_answered(as(w, h), &h->claim, w->now);

        if (last) {
            e->owed = 0;
            e->may = 0;
            e->told = 0;
            e->last = 0;
        }

        break;

    case 2:
        jm_error_set(&error, JM_CAUSE_UPSTREAM, NULL, NULL);
        error.upstream_code = ++w->errors;

        ledger_told(as(w, h), &h->claim, &error, w->now);

        if (last) {
            e->told = 0;
            e->owed = 0;
            e->may = 0;
            e->last = 0;

            /* there may be no room for it */

            if (find(w, e) != NULL && find(w, e)->told != 0) {
                e->told = w->errors;
                e->owed = w->now;
                e->may = w->now;
            }
        }

        break;

    default:
        ledger_close(as(w, h), &h->claim, w->now);
        let_go(w, h);

        if (last) {
            owe(w, e);
        }
    }

    check(!h->claim.attached || how > 2);
}


static void
happen(world_t *w)
{
    unsigned   i;
    holder_t  *h;

    h = &w->holders[choose(&w->input, CLAIMS)];

    if (h->process == 0) {
        ask(w, h);
        return;
    }

    i = choose(&w->input, h->claim.n);

    switch (choose(&w->input, 12)) {

    case 0:
    case 1:
        look(w, h, i);
        break;

    case 2:
    case 3:
    case 4:
        submit(w, h, i);
        break;

    case 5:
    case 6:
    case 7:
    case 8:
        tell(w, h, i);
        break;

    case 9:
        end(w, h, choose(&w->input, 3));
        break;

    case 10:
        end(w, h, 3);
        break;

    default:
        w->now += choose(&w->input, 256) == 255 ? JM_LEDGER_STALE
                                                : choose(&w->input, 200);

        switch (choose(&w->input, 8)) {

        case 7:
            restart(w);
            break;

        case 6:
        case 3:
            die(w, 1 + choose(&w->input, PROCESSES));
            break;

        default:
            break;
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned  i;

    static world_t  w;

    if (size < 1) {
        return 0;
    }

    memset(&w, 0, sizeof(world_t));
    memset(killed, 0, sizeof(killed));

    w.input.data = data;
    w.input.size = size;
    w.now = JM_LEDGER_WATCH;
    w.calls = (data[0] >= CALLS);

    ledger_init(&w.l, 4 + choose(&w.input, 16), 1, lives);

    for (i = 1; i <= PROCESSES; i++) {
        w.owners[i] = i;
        join(&w, i);
    }

    while (w.input.size != 0) {
        happen(&w);
        look_around(&w);
    }

    ledger_detach(&w.l);

    return 0;
}
