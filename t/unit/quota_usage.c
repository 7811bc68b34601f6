
/*
 * What clients have used of a day and a month, by models, and of their budgets:
 * what is reserved, spent, and refused; who is near a limit, and is told once;
 * what is taken over from another store; and the JSON of all that.
 *
 * Seen failing with each of these taken out: the look at the budget in
 * jm_quota_over(), the cost in jm_quota_hold(), jm_quota_unreserve() and
 * jm_quota_sums_add(), the look for a later window there, the counting for a
 * model, the look for a free record and for a slot of another month in
 * jm_quota_slot(), the models in jm_quota_drop(), the store of told in
 * jm_quota_near(), both resets of it in jm_quota_count(), the store of it, the
 * limit of windows and the look at the cost in jm_quota_import(), and the look
 * at the hash in jm_quota_write_model().
 */


#define _GNU_SOURCE

#include "jm_hash.h"
#include "jm_quota_used.h"
#include "quota_world.h"


static uint64_t
hash(const char *s)
{
    return jm_hash(JM_HASH_START, s, strlen(s));
}


static jm_client_t
spender(const char *name, uint64_t pictures, uint64_t period)
{
    jm_client_t  c;

    c = client(name, 0, 0, 0);
    c.budget = pictures * PRICE;
    c.budget_period = period;

    return c;
}


static void
is_budget(jm_quota_t *q, const jm_client_t *c, int64_t seconds, uint64_t spent,
    uint64_t reserved, const char *name)
{
    uint64_t         taken;
    jm_quota_view_t  view;

    jm_quota_view(q, c, seconds, &view);
    jm_store_commit(q->store);

    taken = jm_min((spent + reserved) * PRICE, c->budget);

    is_int((int64_t) view.budget.spent, (int64_t) (spent * PRICE),
           "%s: spent", name);
    is_int((int64_t) view.budget.reserved, (int64_t) (reserved * PRICE),
           "%s: reserved", name);
    is_int((int64_t) view.budget.remaining, (int64_t) (c->budget - taken),
           "%s: remaining", name);
}


static void
test_budget(void)
{
    jm_hold_t        a, b;
    jm_bill_t        free;
    jm_quota_t       q, other;
    jm_client_t      c;
    jm_quota_view_t  view;

    c = spender("alice", 5, JM_CLIENT_DAY);
    start(&q, &other, &c);

    is_int(jm_quota_hold(&q, &c, bill(3), 0, SECONDS, &a, &view), JM_QUOTA_OK,
           "three");
    is_budget(&q, &c, SECONDS, 0, 3, "three");
    is_int(jm_quota_hold(&other, &c, bill(3), 0, SECONDS, &b, &view),
           JM_QUOTA_BUDGET, "three more may cost too much");
    is_int(view.budget.reset, (int64_t) (DAY + 1) * 86400, "until tomorrow");
    is_int((int64_t) view.budget.reserved, 3 * PRICE, "what was reserved");
    is_int(jm_quota_hold(&other, &c, bill(2), 0, SECONDS, &b, &view),
           JM_QUOTA_OK, "two more");
    is_int((int64_t) view.limit, 0, "there is no limit of pictures");

    jm_quota_delivered(&q, &a, bill(1), SECONDS);
    is_budget(&q, &c, SECONDS, 1, 4, "one is delivered");
    jm_quota_release(&q, &a);
    is_budget(&q, &c, SECONDS, 1, 2, "no more came");
    jm_quota_delivered(&q, &a, bill(1), SECONDS);
    is_budget(&q, &c, SECONDS, 2, 2, "and yet one came late");
    jm_quota_delivered(&other, &b, bill(3), SECONDS);
    is_budget(&q, &c, SECONDS, 5, 0, "more than were thought");
    jm_quota_release(&other, &b);
    is_budget(&q, &c, SECONDS, 5, 0, "nothing is left to give back");

    is_int(jm_quota_hold(&q, &c, bill(1), 0, SECONDS, &a, &view),
           JM_QUOTA_BUDGET, "all is spent");

    free = *bill(15);
    free.cost = 0;
    is_int(jm_quota_hold(&q, &c, &free, 0, SECONDS, &a, &view), JM_QUOTA_OK,
           "a model without a price is never refused");
    jm_quota_release(&q, &a);

    is_int(jm_quota_hold(&q, &c, bill(1), 1, SECONDS, &a, &view),
           JM_QUOTA_BUDGET, "by force: it is told");
    is_budget(&q, &c, SECONDS, 5, 1, "and taken");
    jm_quota_release(&q, &a);

    is_budget(&q, &c, SECONDS + 86400, 0, 0, "the next day");
    is_int(jm_quota_hold(&q, &c, bill(5), 0, SECONDS + 86400, &a, &view),
           JM_QUOTA_OK, "all of it");
    jm_quota_release(&q, &a);

    c.budget_period = JM_CLIENT_MONTH;
    is_budget(&q, &c, SECONDS + 86400, 5, 0, "by months");

    /* its process dies: what it had reserved is given back */

    c.budget *= 2;
    is_int(jm_quota_hold(&other, &c, bill(5), 0, SECONDS, &b, &view),
           JM_QUOTA_OK, "another process");
    jm_store_commit(&stores[1]);
    dead[2] = 1;
    is_int(jm_quota_hold(&q, &c, bill(5), 0, SECONDS, &a, &view), JM_QUOTA_OK,
           "it has died");
    is_budget(&q, &c, SECONDS, 5, 5, "once");

    (void) jm_quota_made(&q, jm_quota_serial(&q, &c), bill(1), SECONDS);
    is_budget(&q, &c, SECONDS, 6, 5, "what nobody followed");

    done();
}


static void
is_usage(jm_quota_t *q, const jm_client_t *c, int64_t seconds, uint64_t day,
    uint64_t month, size_t models, const char *name)
{
    size_t            i;
    uint64_t          images;
    jm_quota_usage_t  usage;

    jm_quota_usage(q, c, seconds, &usage);

    is_int((int64_t) usage.all.images[JM_QUOTA_DAY], (int64_t) day,
           "%s: today", name);
    is_int((int64_t) usage.all.images[JM_QUOTA_MONTH], (int64_t) month,
           "%s: this month", name);
    is_int((int64_t) usage.all.cost[JM_QUOTA_DAY], (int64_t) (day * PRICE),
           "%s: cost", name);
    is_int((int64_t) usage.n, (int64_t) models, "%s: models", name);

    for (i = 0, images = 0; i < usage.n; i++) {
        images += usage.models[i].images[JM_QUOTA_MONTH];
    }

    ok(images <= month, "%s: no more than all", name);
}


static void
test_models(void)
{
    unsigned          i;
    jm_bill_t         b;
    uint64_t          serial;
    jm_quota_t        q, other;
    jm_client_t       c;
    jm_quota_usage_t  usage;

    c = client("alice", 0, 0, 0);
    start(&q, &other, &c);

    serial = jm_quota_serial(&q, &c);

    is_usage(&q, &c, SECONDS, 0, 0, 0, "nothing");

    b = *bill(1);
    b.model = 0;
    (void) jm_quota_made(&q, serial, &b, SECONDS);
    is_usage(&q, &c, SECONDS, 1, 1, 0, "of no model");

    for (i = 0; i < JM_QUOTA_MODELS; i++) {
        b.model = 100 + i;
        (void) jm_quota_made(&q, serial, &b, SECONDS);
        (void) jm_quota_made(&q, serial, &b, SECONDS);
    }

    is_usage(&q, &c, SECONDS, 1 + 2 * JM_QUOTA_MODELS, 1 + 2 * JM_QUOTA_MODELS,
             JM_QUOTA_MODELS, "as many as are counted");

    b.model = 1;
    (void) jm_quota_made(&q, serial, &b, SECONDS);
    is_usage(&q, &c, SECONDS, 2 + 2 * JM_QUOTA_MODELS, 2 + 2 * JM_QUOTA_MODELS,
             JM_QUOTA_MODELS, "one more");
    is_int(store_count(q.store, JM_RECORD_USED),
           JM_QUOTA_MODELS / JM_QUOTA_SLOTS, "no more records");

    is_usage(&q, &c, SECONDS + 86400, 0, 2 + 2 * JM_QUOTA_MODELS,
             JM_QUOTA_MODELS, "tomorrow");

    /* a process that is behind does not begin the last day again */

    (void) jm_quota_made(&q, serial, &b, SECONDS + 86400);
    (void) jm_quota_made(&q, serial, &b, SECONDS);
    is_usage(&q, &c, SECONDS, 2, 4 + 2 * JM_QUOTA_MODELS, JM_QUOTA_MODELS,
             "a day later");

    (void) jm_quota_made(&q, serial, &b, SECONDS + 40 * 86400);
    is_usage(&q, &c, SECONDS + 40 * 86400, 1, 1, JM_QUOTA_MODELS,
             "another month");

    jm_quota_usage(&q, &c, SECONDS + 40 * 86400, &usage);

    for (i = 0; i < usage.n && usage.models[i].model != 1; i++) {
        /* void */
    }

    ok(i < usage.n && usage.models[i].images[JM_QUOTA_MONTH] == 1,
       "a model takes the place of one that was not used in it");

    jm_store_commit(q.store);
    jm_quota_drop(&q, jm_quota_find(&q, c.name));
    jm_store_commit(q.store);
    is_int(store_count(q.store, JM_RECORD_USED), 0, "all are given back");

    done();
}


/* a full store: all is counted, and of no model */

static void
test_no_room(void)
{
    jm_quota_t   q, other;
    jm_client_t  c;

    c = client("alice", 0, 0, 0);
    start(&q, &other, &c);

    fill(q.store, 0);

    (void) jm_quota_made(&q, jm_quota_serial(&q, &c), bill(3), SECONDS);
    is_usage(&q, &c, SECONDS, 3, 3, 0, "no record");

    done();
}


static void
is_near(jm_quota_t *q, const jm_client_t *c, int64_t seconds, unsigned images,
    unsigned budget, const char *name)
{
    jm_quota_near_t  near;

    jm_quota_near(q, c, seconds, &near);
    jm_store_commit(q->store);

    is_int(near.images, images, "%s: pictures", name);
    is_int(near.budget, budget, "%s: budget", name);
}


static void
test_near(void)
{
    uint64_t         serial;
    jm_hold_t        hold;
    jm_quota_t       q, other;
    jm_client_t      c;
    jm_quota_view_t  view;
    jm_quota_near_t  near;

    c = client("alice", 0, 0, 10);
    c.budget = 20 * PRICE;
    c.budget_period = JM_CLIENT_MONTH;
    start(&q, &other, &c);

    serial = jm_quota_serial(&q, &c);

    (void) jm_quota_hold(&q, &c, bill(10), 0, SECONDS, &hold, &view);
    jm_quota_delivered(&q, &hold, bill(7), SECONDS);
    is_near(&q, &c, SECONDS, 0, 0, "seven of ten, and all are reserved");

    (void) jm_quota_made(&q, serial, bill(1), SECONDS);
    jm_quota_near(&other, &c, SECONDS, &near);
    is_int(near.images, 1, "eight");
    is_int((int64_t) near.used, 8, "that many");
    jm_store_commit(&stores[1]);
    is_near(&q, &c, SECONDS, 0, 0, "told once");
    (void) jm_quota_made(&q, serial, bill(2), SECONDS);
    is_near(&q, &c, SECONDS, 0, 0, "and not with each that is made");

    (void) jm_quota_made(&q, serial, bill(5), SECONDS + 86400);
    is_near(&q, &c, SECONDS + 86400, 0, 0, "five of the next day");
    (void) jm_quota_made(&q, serial, bill(3), SECONDS + 86400);
    is_near(&q, &c, SECONDS + 86400, 1, 1, "eight, and eighteen of twenty");
    is_near(&q, &c, SECONDS + 86400, 0, 0, "told once");

    (void) jm_quota_made(&q, serial, bill(9), SECONDS + 2 * 86400);
    is_near(&q, &c, SECONDS + 2 * 86400, 1, 0, "a day, and the same month");

    (void) jm_quota_made(&q, serial, bill(16), SECONDS + 40 * 86400);
    is_near(&q, &c, SECONDS + 40 * 86400, 1, 1, "another month");

    c.budget_period = JM_CLIENT_DAY;
    is_near(&q, &c, SECONDS + 40 * 86400, 0, 1, "a budget of days");
    is_near(&q, &c, SECONDS + 40 * 86400, 0, 0, "told once");

    c = client("bob", 0, 0, 1);
    is_near(&q, &c, SECONDS, 0, 0, "who is not known");

    jm_quota_release(&q, &hold);

    done();
}


/* all records of a client */

static jm_rc_e
import(jm_quota_t *to, const jm_quota_t *from, const jm_client_t *c)
{
    jm_rc_e                   rc;
    jm_ref_t                  ref;
    const jm_quota_used_t    *used;
    const jm_quota_client_t  *was;

    was = jm_quota_find(from, c->name);
    rc = jm_quota_import(to, from->store, jm_ref(from->store, was), SECONDS);

    for (ref = was->models; ref; ref = used->next) {
        used = jm_at(from->store, ref);

        is_int(jm_quota_import_used(to, from->store, ref, SECONDS), JM_OK,
               "its models");
        jm_store_commit(to->store);
    }

    return rc;
}


static void
test_import(void)
{
    jm_ref_t            ref;
    jm_bill_t           b;
    uint64_t            serial;
    jm_quota_t          q, other, taken;
    jm_store_t          new;
    jm_client_t         c;
    jm_quota_used_t    *used;
    jm_quota_client_t  *r;

    c = spender("alice", 10, JM_CLIENT_MONTH);
    start(&q, &other, &c);

    serial = jm_quota_serial(&q, &c);

    b = *bill(2);

    for (b.model = 1; b.model < 8; b.model++) {
        (void) jm_quota_made(&q, serial, &b, SECONDS);
    }

    is_near(&q, &c, SECONDS, 0, 1, "near");

    quota_init(&taken, &new, SIZE);

    r = jm_quota_find(&q, c.name);
    ref = r->models;
    is_int(jm_quota_import_used(&taken, q.store, ref, SECONDS), JM_INVALID,
           "models of nobody");
    is_int(jm_quota_import_used(&taken, q.store, jm_ref(q.store, r), SECONDS),
           JM_INVALID, "no such record");

    is_int(import(&taken, &q, &c), JM_OK, "it is taken over");
    is_usage(&taken, &c, SECONDS, 14, 14, 7, "taken over");
    is_near(&taken, &c, SECONDS, 0, 0, "it was told");
    is_int(import(&taken, &q, &c), JM_OK, "once more");
    is_usage(&taken, &c, SECONDS, 14, 14, 7, "nothing counts twice");

    r->sums.cost[JM_QUOTA_DAY]--;
    r->sums.images[JM_QUOTA_DAY] = 99;
    r->sums.windows[JM_QUOTA_MONTH]--;
    r->sums.images[JM_QUOTA_MONTH] = 99;
    is_int(import(&taken, &q, &c), JM_OK, "less, and an earlier one");
    is_usage(&taken, &c, SECONDS, 14, 14, 7, "what cost more, and is later");

    /* damaged: far ahead, or more than there is */

    used = jm_at(q.store, ref);
    used->slots[0].sums.windows[JM_QUOTA_DAY] = UINT32_MAX;
    used->slots[0].sums.cost[JM_QUOTA_DAY] = UINT64_MAX;
    r->sums.windows[JM_QUOTA_MONTH] = UINT32_MAX;
    r->sums.cost[JM_QUOTA_MONTH] = UINT64_MAX;
    is_int(import(&taken, &q, &c), JM_OK, "damaged");

    r = jm_quota_find(&taken, c.name);
    is_int(r->sums.windows[JM_QUOTA_MONTH],
           (int64_t) jm_quota_now(&taken, JM_QUOTA_MONTH, SECONDS),
           "no later than now");
    ok(r->sums.cost[JM_QUOTA_MONTH] == JM_QUOTA_MOST_COST, "no more than most");
    (void) jm_quota_made(&taken, serial, &b, SECONDS);
    ok(r->sums.cost[JM_QUOTA_MONTH] == JM_QUOTA_MOST_COST, "and it stays so");

    used->serial++;
    is_int(jm_quota_import_used(&taken, q.store, ref, SECONDS), JM_INVALID,
           "not sealed");

    fill(&new, 0);
    used->serial--;
    is_int(jm_quota_import_used(&taken, q.store, ref, SECONDS), JM_ERROR,
           "no room");

    ok(store_is_whole(&new) != 0, "no record is lost");
    store_done(&new);
    done();
}


static void
test_write(void)
{
    jm_buf_t           out;
    jm_str_t           models[2];
    jm_model_t         row;
    jm_models_t        extra;
    jm_client_t        c;
    jm_quota_rate_t    rate;
    jm_quota_view_t    view;
    jm_quota_usage_t   usage;
    uint8_t            text[1024];

    memset(&rate, 0, sizeof(jm_quota_rate_t));
    memset(&view, 0, sizeof(jm_quota_view_t));
    memset(&usage, 0, sizeof(jm_quota_usage_t));

    c = client("alice", 0, 0, 0);

    jm_buf_fixed(&out, text, sizeof(text));
    is_int(jm_quota_write(&out, &c, &rate, &view, &usage, NULL), JM_OK,
           "no limits");
    is_str(jm_buf_view(&out),
           "{\"object\":\"usage\",\"client\":\"alice\",\"models\":null,"
           "\"expires_at\":null,\"requests\":null,\"concurrency\":null,"
           "\"images\":null,\"budget\":null,"
           "\"day\":{\"images\":0,\"cost\":0,\"models\":{}},"
           "\"month\":{\"images\":0,\"cost\":0,\"models\":{}}}", "nulls");

    c = client("alice", 60, 4, 100);
    models[0] = str("a");
    models[1] = str("\"b");
    c.models = models;
    c.nmodels = 2;
    c.expires = 1798761600;
    c.budget = 50 * (uint64_t) JM_MONEY;
    c.budget_period = JM_CLIENT_MONTH;

    rate.limit = 60;
    rate.remaining = 59;
    rate.reset = 1000;

    view.concurrency = 4;
    view.running = 1;
    view.limit = 100;
    view.used = 3;
    view.reserved = 1;
    view.remaining = 96;
    view.reset = 1798675200;

    view.budget.limit = c.budget;
    view.budget.spent = 3 * PRICE;
    view.budget.reserved = PRICE;
    view.budget.remaining = c.budget - 4 * PRICE;
    view.budget.reset = 1798761600;

    /* one of the operator's, one that is built in, and one nobody knows */

    memset(&row, 0, sizeof(jm_model_t));
    row.name = str("own");
    row.req_key = str("own_key");
    extra.rows = &row;
    extra.n = 1;
    extra.providers = jm_provider_bit(JM_PROVIDER_VISUAL);

    usage.all.images[JM_QUOTA_DAY] = 3;
    usage.all.cost[JM_QUOTA_DAY] = 3 * PRICE;
    usage.all.images[JM_QUOTA_MONTH] = 7;
    usage.all.cost[JM_QUOTA_MONTH] = 7 * PRICE;
    usage.n = 3;
    usage.models[0].model = hash("own_key");
    usage.models[0].images[JM_QUOTA_MONTH] = 2;
    usage.models[0].cost[JM_QUOTA_MONTH] = 2 * PRICE;
    usage.models[1].model = hash("jimeng_t2i_v40");
    usage.models[1].images[JM_QUOTA_DAY] = 3;
    usage.models[1].cost[JM_QUOTA_DAY] = 3 * PRICE;
    usage.models[1].images[JM_QUOTA_MONTH] = 4;
    usage.models[1].cost[JM_QUOTA_MONTH] = 4 * PRICE;
    usage.models[2].model = hash("another");
    usage.models[2].images[JM_QUOTA_MONTH] = 1;
    usage.models[2].cost[JM_QUOTA_MONTH] = PRICE;

    jm_buf_fixed(&out, text, sizeof(text));
    is_int(jm_quota_write(&out, &c, &rate, &view, &usage, &extra), JM_OK,
           "all limits");
    is_str(jm_buf_view(&out),
           "{\"object\":\"usage\",\"client\":\"alice\","
           "\"models\":[\"a\",\"\\\"b\"],\"expires_at\":1798761600,"
           "\"requests\":{\"limit\":60,\"period\":\"1m\",\"remaining\":59,"
           "\"reset\":\"1s\"},\"concurrency\":{\"limit\":4,\"used\":1},"
           "\"images\":{\"limit\":100,\"period\":\"1d\",\"used\":3,"
           "\"reserved\":1,\"remaining\":96,\"reset_at\":1798675200},"
           "\"budget\":{\"limit\":50,\"period\":\"1M\",\"spent\":0.66,"
           "\"reserved\":0.22,\"remaining\":49.12,\"reset_at\":1798761600},"
           "\"day\":{\"images\":3,\"cost\":0.66,\"models\":"
           "{\"jimeng_t2i_v40\":{\"images\":3,\"cost\":0.66}}},"
           "\"month\":{\"images\":7,\"cost\":1.54,\"models\":"
           "{\"own_key\":{\"images\":2,\"cost\":0.44},"
           "\"jimeng_t2i_v40\":{\"images\":4,\"cost\":0.88},"
           "\"other\":{\"images\":1,\"cost\":0.22}}}}",
           "all of them");

    jm_buf_fixed(&out, text, 100);
    is_int(jm_quota_write(&out, &c, &rate, &view, &usage, &extra), JM_ERROR,
           "no room");
}


int
main(void)
{
    test_budget();
    test_models();
    test_no_room();
    test_near();
    test_import();
    test_write();

    return done_testing();
}
