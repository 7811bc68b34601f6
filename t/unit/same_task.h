
/*
 * What is done about a task, in both stores at a time.
 */


#ifndef _SAME_TASK_H_INCLUDED_
#define _SAME_TASK_H_INCLUDED_


#include "same.h"


static void leave(one_t *o, unsigned i, jm_leave_e how);


static void
do_place(one_t *o, unsigned i)
{
    unsigned         s, j, r, ahead;
    jm_op_place_t    op[2];
    jm_backend_t    *b;
    jm_op_submit_t   submit[2];

    what = "place";

    memset(op, 0, sizeof(op));

    queue_request_init(&op[0].request, (uint8_t) ('a' + o->client), 0);

    op[0].request.naccounts = 1 + dice(ACCOUNTS);

    r = dice(ACCOUNTS);

    for (j = 0; j < op[0].request.naccounts; j++) {
        op[0].request.accounts[j] = (uint8_t) ((r + j) % ACCOUNTS);
    }

    op[0].request.model = MODEL + o->client % 2;
    op[0].request.req_key = str(dice(4) ? "jimeng_t2i_v40" : "");
    op[0].request.price = PRICE + o->client;
    op[0].request.pictures = (uint8_t) dice(3);
    op[0].request.task = (uint8_t) i;

    if (dice(2)) {
        op[0].request.patience = 10000 + dice(100000);
    }

    op[0].client = dice(4) ? &clients[o->client] : NULL;
    op[0].bound = (dice(5) == 0);
    op[0].account = dice(ACCOUNTS);
    op[0].fixed = dice(2);
    op[0].done = state_done_with;

    ahead = o->claimed && dice(2);

    op[1] = op[0];

    memset(submit, 0, sizeof(submit));

    for (s = MEM; s <= RED; s++) {
        op[s].request.entry = o->claimed ? o->entry[s] : 0;
        op[s].place = &o->place[s][i];
        op[s].request.worker = states[o->process].store.owner;

        if (ahead) {
            submit[s].claim = &o->claim[s];
            submit[s].task = i;
            op[s].submit = &submit[s];
        }

        b = store(s, o->process);
        b->place(b, &op[s]);
    }

    is_same(op, rc);
    is_same(op, canceled);
    is_same(op, submitted);
    same(op[MEM].submitted, ahead && op[MEM].rc == JM_QUEUE_GRANTED,
         "submitted");
    same(o->place[MEM][i].serial != 0, o->place[RED][i].serial != 0, "serial");

    if (op[MEM].rc == JM_QUEUE_GRANTED) {
        same(o->place[MEM][i].account, o->place[RED][i].account, "account");
        o->task[i].account = o->place[MEM][i].account;

    } else {
        is_same(op, wait);
    }

    if (op[MEM].rc == JM_QUEUE_WAIT) {
        same_turn(&op[MEM].turn, &op[RED].turn);
    }

    o->task[i].state = o->place[MEM][i].serial == 0 ? NONE
                       : op[MEM].rc == JM_QUEUE_GRANTED ? GRANTED : WAITS;

    if (op[MEM].submitted) {
        is_same(submit, rc);
        is_same(submit, canceled);
        is_same(submit, over);
        same(o->place[MEM][i].account, submit[MEM].account, "its account");
        same(o->place[RED][i].account, submit[RED].account, "its account");
        same_claim(o);

        o->task[i].state = SUBMITS;

        if (submit[MEM].rc != JM_OK) {
            leave(o, i, JM_LEAVE_FREE);
        }
    }
}


static void
do_look(one_t *o, unsigned i)
{
    unsigned       s;
    jm_place_t     none[2];
    jm_op_look_t   op[2];
    jm_backend_t  *b;

    what = "look";

    memset(op, 0, sizeof(op));
    memset(none, 0, sizeof(none));

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].claim = &o->claim[s];
        op[s].task = i;
        op[s].account = JM_LEDGER_ANY;
        op[s].place = &none[s];

        b = store(s, o->process);
        b->look(b, &op[s]);
    }

    is_same(op, look);
    is_same(op, account);
    is_same(op, result.len);
    same_text(op[MEM].id, op[RED].id, "id");
    same(none[MEM].serial != 0, none[RED].serial != 0, "adopted");
    same_claim(o);

    if (op[MEM].look == JM_LOOK_TAKEN) {
        is_same(op, over);

        if (none[MEM].serial != 0 && o->task[i].state == NONE) {
            o->place[MEM][i] = none[MEM];
            o->place[RED][i] = none[RED];
            o->task[i].state = RUNS;
            o->task[i].account = op[MEM].account;
            memcpy(o->task[i].id, op[MEM].text, 31);
            o->task[i].id[op[MEM].id.len] = '\0';

        } else if (none[MEM].serial != 0) {
            memories[o->process].leave(&memories[o->process], &none[MEM],
                                       JM_LEAVE_LOST);
            processes[o->process].b.leave(&processes[o->process].b,
                                          &none[RED], JM_LEAVE_LOST);
        }
    }
}


static void
leave(one_t *o, unsigned i, jm_leave_e how)
{
    unsigned       s;
    jm_backend_t  *b;

    what = "leave";

    for (s = MEM; s <= RED; s++) {
        b = store(s, o->process);
        b->leave(b, &o->place[s][i], how);
    }

    o->task[i].state = NONE;
}


static void
do_submit(one_t *o, unsigned i)
{
    unsigned         s, most;
    jm_op_submit_t   op[2];
    jm_backend_t    *b;

    what = "submit";

    memset(op, 0, sizeof(op));

    most = (dice(4) == 0 && o->hold[MEM].running == 0);

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].claim = o->claimed ? &o->claim[s] : NULL;
        op[s].task = i;
        op[s].account = o->task[i].account;
        op[s].client = &clients[o->client];
        op[s].hold = &o->hold[s];
        op[s].most.images = most;
        op[s].most.cost = most * PRICE;

        b = store(s, o->process);
        b->submit(b, &op[s]);
    }

    is_same(op, rc);
    is_same(op, canceled);
    is_same(op, over);

    if (most) {
        same_view(&op[MEM].view, &op[RED].view);
    }

    same_claim(o);
    same_hold(o);

    if (op[MEM].rc == JM_OK && op[MEM].over == JM_QUOTA_OK) {
        o->task[i].state = SUBMITS;

    } else {
        leave(o, i, JM_LEAVE_FREE);
    }
}


static void
do_refused(one_t *o, unsigned i)
{
    unsigned          s, why;
    jm_op_refused_t   op[2];
    jm_backend_t     *b;

    what = "refused";
    why = dice(4);

    memset(op, 0, sizeof(op));

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].place = &o->place[s][i];
        op[s].why = (jm_refused_e) why;

        b = store(s, o->process);
        b->refused(b, &op[s]);
    }

    is_same(op, rc);
    is_same(op, wait);
    is_same(op, first);
    same(o->place[MEM][i].serial != 0, o->place[RED][i].serial != 0, "serial");

    if (op[MEM].rc == JM_QUEUE_GRANTED) {
        same(o->place[MEM][i].account, o->place[RED][i].account, "account");
        o->task[i].account = o->place[MEM][i].account;
    }

    o->task[i].state = o->place[MEM][i].serial == 0 ? NONE
                       : op[MEM].rc == JM_QUEUE_GRANTED ? GRANTED : WAITS;
}


static void
do_sent(one_t *o, unsigned i)
{
    unsigned       s, r;
    jm_sent_e      how;
    jm_backend_t  *b;

    what = "sent";

    r = dice(10);
    how = r < 6 ? JM_SENT_TAKEN : r < 8 ? JM_SENT_BACK
          : r < 9 ? JM_SENT_UNKNOWN : JM_SENT_FREE;

    snprintf(o->task[i].id, sizeof(o->task[i].id), "id-%u", ids_made++);

    for (s = MEM; s <= RED; s++) {
        b = store(s, o->process);
        b->sent(b, o->claimed ? &o->claim[s] : NULL, i, &o->place[s][i], how,
                how == JM_SENT_TAKEN ? str(o->task[i].id) : str(""));
    }

    switch (how) {

    case JM_SENT_TAKEN:
        o->task[i].state = RUNS;
        learn_id(o, i);
        break;

    case JM_SENT_BACK:
        do_refused(o, i);
        break;

    case JM_SENT_UNKNOWN:
        leave(o, i, JM_LEAVE_LOST);
        o->task[i].state = ENDED;
        break;

    default:
        leave(o, i, JM_LEAVE_FREE);
    }
}


static void
do_over(one_t *o, unsigned i, jm_leave_e how, unsigned left)
{
    unsigned       s, images, held, release;
    jm_op_over_t   op[2];
    jm_backend_t  *b;

    what = "over";

    memset(op, 0, sizeof(op));

    images = left ? 0 : dice(3);
    held = dice(3);
    release = (dice(3) == 0);

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].claim = o->claimed ? &o->claim[s] : NULL;
        op[s].task = i;
        op[s].account = o->task[i].account;
        op[s].place = &o->place[s][i];
        op[s].how = how;
        op[s].result = str(images ? "what it has brought" : "");
        op[s].until = state_clock.wall + 100000;
        op[s].hold = held ? &o->hold[s] : NULL;
        op[s].release = release;
        op[s].client = &clients[o->client];
        op[s].bill.model = MODEL + o->client % 2;
        op[s].bill.images = images;
        op[s].bill.cost = images * PRICE;
        op[s].price = PRICE;
        op[s].entry = o->claimed ? o->entry[s] : 0;
        op[s].left = left;

        if (how == JM_LEAVE_OVER) {
            op[s].joined = str(o->task[i].id);
        }

        b = store(s, o->process);
        b->over(b, &op[s]);
    }

    is_same(op, first);
    is_same(op, kept);
    is_same(op, billed);
    is_same(op, bill.cost);
    same_near(&op[MEM].near, &op[RED].near);
    same_hold(o);

    o->task[i].state = ENDED;
    o->task[i].bills = op[MEM].billed;
}


#endif /* _SAME_TASK_H_INCLUDED_ */
