
/*
 * What is done about requests, and by those who have none, in both stores at a
 * time.
 */


#ifndef _SAME_REQUEST_H_INCLUDED_
#define _SAME_REQUEST_H_INCLUDED_


#include "same_task.h"


/* ---- what is done */


static void
do_open(one_t *o)
{
    unsigned       i, key, mode, fingerprint, several;
    jm_op_open_t   op[2];
    jm_backend_t  *b;

    what = "open";

    memset(o, 0, sizeof(one_t));
    memset(op, 0, sizeof(op));

    o->process = dice(PROCESSES);
    o->client = dice(CLIENTS);
    o->n = 1 + dice(dice(3) + 1);
    o->claimed = (dice(10) != 0);

    key = o->client * 100 + dice(6);
    mode = dice(4);
    fingerprint = (dice(10) == 0);
    several = dice(3) ? 0 : 4 + dice(2);

    op[0].force = (dice(3) == 0);
    op[0].most.images = o->n;
    op[0].most.cost = o->n * PRICE;
    op[0].most.model = MODEL + dice(3);
    op[0].client = dice(8) ? &clients[o->client] : NULL;
    op[0].request.patient = dice(2);
    op[0].request.unmarked = dice(4) ? 600000 : 0;

    i = dice(8);

    op[1] = op[0];

    for (unsigned s = MEM; s <= RED; s++) {
        memset(op[s].request.key, (int) (key & 0xff), JM_LEDGER_KEY);
        memcpy(op[s].request.key, &key, sizeof(key));
        op[s].request.key[31] = (uint8_t) (mode == 0);
        memset(op[s].request.fingerprint, (int) (fingerprint + o->n),
               JM_LEDGER_KEY);

        if (several) {
            op[s].request.several = 1;
            op[s].request.fingerprint[JM_LEDGER_KEY - 1] = (uint8_t) several;
        }

        op[s].request.n = o->n;
        op[s].request.named = (mode == 0);
        op[s].request.repeat = (mode == 1);
        op[s].request.who = o->client + 1;
        op[s].request.keep = 3600000;

        op[s].done = state_done_with;
        op[s].claim = o->claimed ? &o->claim[s] : NULL;
        op[s].hold = i && op[s].client ? &o->hold[s] : NULL;

        b = store(s, o->process);
        b->open(b, &op[s]);
    }

    is_same(op, found);
    is_same(op, joins);
    is_same(op, over);

    if (op[MEM].found == JM_LEDGER_TOLD) {
        is_same(op, told.cause);
        is_same(op, told.upstream_code);
        same_text(str(op[MEM].told.message), str(op[RED].told.message),
                  "told.message");
    }

    if (op[MEM].found == JM_LEDGER_OTHER) {
        is_same(op, service);
    }

    same_claim(o);
    same_hold(o);

    if (op[MEM].hold != NULL && !op[MEM].joins
        && op[MEM].found <= JM_LEDGER_TOLD)
    {
        same_view(&op[MEM].view, &op[RED].view);
        same_near(&op[MEM].near, &op[RED].near);
    }

    o->used = (op[MEM].found <= JM_LEDGER_TOLD);

    o->entry[MEM] = o->claim[MEM].serial;
    o->entry[RED] = o->claim[RED].serial;

    learn_entry(o);

    if (op[MEM].found == JM_LEDGER_NEW && o->claimed) {
        made[nmade].at = state_clock.wall;
        made[nmade].entry[MEM] = o->entry[MEM];
        made[nmade].entry[RED] = o->entry[RED];
        made[nmade++].gone = 0;
    }
}


static void
do_ended(one_t *o)
{
    unsigned       s, i, r;
    jm_claim_e     how;
    jm_error_t     error;
    jm_backend_t  *b;

    static const jm_claim_e  hows[] = {
        JM_CLAIM_LEFT, JM_CLAIM_ANSWERED, JM_CLAIM_TOLD, JM_CLAIM_CLOSED,
        JM_CLAIM_OVER, JM_CLAIM_HANDED, JM_CLAIM_FAILED, JM_CLAIM_CLOSED,
        JM_CLAIM_OVER
    };

    how = hows[dice(9)];
    r = dice(2);

    jm_error_set(&error, r ? JM_CAUSE_BUSY : JM_CAUSE_UPSTREAM, NULL,
                 "Error %u.", r);
    error.upstream_code = r ? 50429 : 0;

    if (how == JM_CLAIM_CLOSED || how == JM_CLAIM_OVER || !o->claimed) {

        for (i = 0; i < o->n; i++) {
            if (o->place[MEM][i].serial != 0) {
                leave(o, i, o->task[i].state == RUNS
                            || o->task[i].state == SUBMITS
                            ? JM_LEAVE_LOST : JM_LEAVE_FREE);
            }
        }

        o->closed = 1;
    }

    what = "ended";

    for (s = MEM; s <= RED; s++) {
        b = store(s, o->process);

        if (o->claimed) {
            b->ended(b, &o->claim[s], how,
                     how == JM_CLAIM_TOLD || how == JM_CLAIM_FAILED ? &error
                                                                    : NULL);
        }

        if (o->closed) {
            b->release(b, &o->hold[s]);
        }
    }

    same_hold(o);

    if (o->closed) {
        o->used = 0;
    }
}


static void
do_billed(one_t *o)
{
    unsigned       s, i;
    jm_backend_t  *b;

    what = "billed";

    for (i = 0; i < o->n; i++) {
        for (s = MEM; s <= RED && o->task[i].bills; s++) {
            b = store(s, o->process);
            b->billed(b, o->entry[s], i);
        }

        o->task[i].bills = 0;
    }
}


static void
do_entry(void)
{
    unsigned       s, at, i, p;
    jm_place_t     none[2];
    jm_op_look_t   op[2];
    jm_backend_t  *b;

    what = "look at an entry";

    if (nentries == 0) {
        return;
    }

    at = dice((unsigned) jm_min(nentries, ENTRIES));
    i = dice(2);
    p = dice(PROCESSES);

    memset(op, 0, sizeof(op));
    memset(none, 0, sizeof(none));

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].entry = entries[at][s];
        op[s].task = i;
        op[s].account = JM_LEDGER_ANY;
        op[s].place = &none[s];

        b = store(s, p);
        b->look(b, &op[s]);
    }

    is_same(op, look);
    is_same(op, account);
    is_same(op, told);
    is_same(op, sending);
    is_same(op, result.len);
    same_text(op[MEM].id, op[RED].id, "id");
    same(none[MEM].serial != 0, none[RED].serial != 0, "adopted");

    if (op[MEM].look == JM_LOOK_WAIT) {
        same_turn(&op[MEM].turn, &op[RED].turn);
    }

    if (op[MEM].told) {
        is_same(op, error.cause);
        is_same(op, error.upstream_code);
    }

    if (none[MEM].serial != 0) {
        for (s = MEM; s <= RED; s++) {
            b = store(s, p);
            b->leave(b, &none[s], JM_LEAVE_LOST);
        }
    }
}


/* who asks by the upstream's id, and sees the end of that */

static void
do_id(void)
{
    unsigned       s, at, p, images, client, known;
    jm_place_t     none[2];
    jm_op_look_t   look[2];
    jm_op_over_t   op[2];
    jm_backend_t  *b;

    what = "look by an id";

    if (nids == 0) {
        return;
    }

    at = dice((unsigned) jm_min(nids, IDS));
    p = dice(PROCESSES);
    images = dice(3);
    client = dice(CLIENTS);
    known = dice(2);

    memset(look, 0, sizeof(look));
    memset(op, 0, sizeof(op));
    memset(none, 0, sizeof(none));

    for (s = MEM; s <= RED; s++) {
        look[s].done = state_done_with;
        look[s].account = ids[at].account;
        look[s].id = str(ids[at].id);
        look[s].place = &none[s];

        b = store(s, p);
        b->look(b, &look[s]);
    }

    is_same(look, look);
    same(none[MEM].serial != 0, none[RED].serial != 0, "adopted");

    what = "over by an id";

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].account = ids[at].account;
        op[s].joined = str(ids[at].id);
        op[s].entry = ids[at].entry[s];
        op[s].task = ids[at].task;
        op[s].place = &none[s];
        op[s].how = images == 2 ? JM_LEAVE_LOST : JM_LEAVE_OVER;
        op[s].client = &clients[client];
        op[s].bill.images = images == 2 ? 0 : images;
        op[s].bill.model = known ? MODEL : 0;
        op[s].bill.cost = op[s].bill.images * PRICE;
        op[s].price = PRICE;

        b = store(s, p);
        b->over(b, &op[s]);
    }

    is_same(op, first);
    is_same(op, billed);
    is_same(op, bill.cost);
    same_near(&op[MEM].near, &op[RED].near);

    if (op[MEM].billed) {
        for (s = MEM; s <= RED; s++) {
            b = store(s, p);
            b->billed(b, op[s].entry, op[s].task);
        }
    }
}


/* in whose words a request is to be read that two services may serve */

static void
do_service(void)
{
    unsigned          s, i, p, key, mode, client;
    jm_backend_t     *b;
    jm_op_service_t   op[2];

    what = "service";

    memset(op, 0, sizeof(op));

    p = dice(PROCESSES);
    client = dice(CLIENTS);
    key = client * 100 + dice(6);
    mode = dice(4);

    op[0].kept = dice(2);
    op[0].n = 2;
    op[0].kinds[0] = 4;
    op[0].kinds[1] = 5;

    for (i = 0; i < 2; i++) {
        op[0].services[i].accounts = 1 + dice(7);
        op[0].services[i].model = MODEL + dice(2);
    }

    op[1] = op[0];
    i = 1 + dice(2);

    for (s = MEM; s <= RED; s++) {
        memset(op[s].request.key, (int) (key & 0xff), JM_LEDGER_KEY);
        memcpy(op[s].request.key, &key, sizeof(key));
        op[s].request.key[31] = (uint8_t) (mode == 0);
        memset(op[s].request.fingerprint, (int) i, JM_LEDGER_KEY);

        op[s].request.several = 1;
        op[s].request.named = (mode == 0);
        op[s].request.repeat = (mode == 1);
        op[s].request.who = client + 1;
        op[s].request.unmarked = 600000;
        op[s].done = state_done_with;

        b = store(s, p);
        b->service(b, &op[s]);
    }

    is_same(op, service);
    is_same(op, news);
}


static void
do_cancel(void)
{
    unsigned         s, at, p, n;
    jm_op_cancel_t   op[2];
    jm_backend_t    *b;

    what = "cancel";

    if (nentries == 0) {
        return;
    }

    at = dice((unsigned) jm_min(nentries, ENTRIES));
    p = dice(PROCESSES);
    n = 1 + dice(3);

    memset(op, 0, sizeof(op));

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].entry = entries[at][s];
        op[s].n = n;

        b = store(s, p);
        b->cancel(b, &op[s]);
    }

    is_same(op, canceled);
    is_same(op, running);
}


static void
do_orphan(void)
{
    unsigned         s, p, r;
    jm_op_orphan_t   op[2];
    jm_backend_t    *b;

    what = "orphan";

    memset(op, 0, sizeof(op));

    p = dice(PROCESSES);
    op[0].accounts = 1 + dice(7);
    op[0].pause = dice(2) ? 2000 : 1;
    op[0].done = state_done_with;

    op[1] = op[0];

    for (s = MEM; s <= RED; s++) {
        b = store(s, p);
        b->orphan(b, &op[s]);
    }

    is_same(op, found);

    if (!op[MEM].found || !op[RED].found) {
        return;
    }

    is_same(op, orphan.account);
    is_same(op, orphan.price);
    is_same(op, orphan.model);
    is_same(op, orphan.since);
    is_same(op, orphan.task);
    same(op[MEM].orphan.billed != 0, op[RED].orphan.billed != 0, "billed");
    same_text((jm_str_t) { op[MEM].orphan.len, op[MEM].orphan.id },
              (jm_str_t) { op[RED].orphan.len, op[RED].orphan.id }, "id");
    same_text((jm_str_t) { op[MEM].orphan.key_len, op[MEM].orphan.key },
              (jm_str_t) { op[RED].orphan.key_len, op[RED].orphan.key },
              "req_key");

    what = "asked";
    r = dice(4);

    for (s = MEM; s <= RED; s++) {
        op[s].pending = (r == 0);
        op[s].doubted = (r == 1);
        op[s].bill.images = (r == 2);

        b = store(s, p);
        b->asked(b, &op[s]);
    }

    is_same(op, first);
    same_text(op[MEM].client, op[RED].client, "client");
}


#endif /* _SAME_REQUEST_H_INCLUDED_ */
