
/*
 * What the tests of tickets and of their seals share: some tickets, and how
 * two of them are compared.
 */


#ifndef _TICKET_H_INCLUDED_
#define _TICKET_H_INCLUDED_


#include "tap.h"
#include "jm_ticket.h"


#define URL_JSON  "{\"return_url\":true}"


/* an ordinary request of one picture */

static inline void
ordinary_ticket(jm_ticket_t *t)
{
    memset(t, 0, sizeof(jm_ticket_t));

    t->ids[0] = str("7392616336519610409");
    t->n = 1;
    t->req_key = str("jimeng_t2i_v40");
    t->account = str("main");
    t->req_json = str(URL_JSON);
    t->created = 1795264361;
    t->size.width = 2304;
    t->size.height = 1728;
}


/* one that has all there is, of all lengths that are written in their way */

static inline void
full_ticket(jm_ticket_t *t)
{
    memset(t, 0, sizeof(jm_ticket_t));

    t->ids[0] = str("7392616336519610409");
    t->ids[1] = str("15977608121972527084");
    t->ids[2] = str("");
    t->ids[3] = str("0");
    t->ids[4] = str("00000000000000000000000000000000"
                    "99999999999999999999999999999999");
    t->ids[5] = str("999999999999999999999999999999999999999999999999999999"
                    "999999999");
    t->ids[6] = str("cgt-20261121131500-abcde");
    t->ids[7] = str("----------------------------------------"
                    "-----------------------\xff");
    t->ids[8] = str("123456789/");
    t->ids[9] = str(":");
    t->n = 10;
    t->req_key = str("jimeng_image2image_dream_inpaint");
    t->account = str("\xe4\xb8\xbb");
    t->owner = str("a client, with a name of more than 127 bytes: "
                   "--------------------------------------------------"
                   "--------------------------------------------------");
    t->req_json = str("{\"return_url\":true,\"logo_info\":{\"add_logo\":true}"
                      ",\"aigc_meta\":{\"producer_id\":\"\xe4\xb8\xad\"}}");
    t->created = INT64_MAX;
    t->size.width = UINT32_MAX;
    t->size.height = 1;
    t->size.area = UINT32_MAX;
    t->size.named = 1;
    t->max_images = UINT32_MAX;
    t->quality = JM_QUALITY_LOW;
    t->entry = INT64_MAX;
    t->b64 = 1;
    t->gpt = 1;
    t->jpeg = 1;
}


static inline unsigned
same_string(jm_str_t a, jm_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static inline unsigned
same_ticket(const jm_ticket_t *a, const jm_ticket_t *b)
{
    size_t  i;

    if (a->n != b->n || a->n > JM_TICKET_TASKS) {
        return 0;
    }

    for (i = 0; i < a->n; i++) {
        if (!same_string(a->ids[i], b->ids[i])) {
            return 0;
        }
    }

    return same_string(a->req_key, b->req_key)
           && same_string(a->account, b->account)
           && same_string(a->owner, b->owner)
           && same_string(a->req_json, b->req_json)
           && a->created == b->created
           && a->entry == b->entry
           && a->size.width == b->size.width
           && a->size.height == b->size.height
           && a->size.area == b->size.area
           && a->size.named == b->size.named
           && a->max_images == b->max_images
           && a->quality == b->quality
           && a->b64 == b->b64
           && a->gpt == b->gpt
           && a->jpeg == b->jpeg;
}


#endif /* _TICKET_H_INCLUDED_ */
