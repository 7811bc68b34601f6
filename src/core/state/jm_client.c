
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_client.h"


static unsigned jm_cidr_has(const jm_cidr_t *cidr, jm_str_t address);


unsigned
jm_client_expired(const jm_client_t *client, int64_t now)
{
    return client->expires != 0 && now >= client->expires;
}


unsigned
jm_client_may(const jm_client_t *client, const jm_models_t *models,
    const jm_model_t *model)
{
    size_t             i;
    const jm_model_t  *row;

    if (client->models == NULL) {
        return 1;
    }

    for (i = 0; i < client->nmodels; i++) {
        row = jm_model_find(models, client->models[i]);

        if (row != NULL
            && row->req_key.len == model->req_key.len
            && memcmp(row->req_key.data, model->req_key.data,
                      model->req_key.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


unsigned
jm_client_same_limits(const jm_client_t *a, const jm_client_t *b)
{
    return a->rate == b->rate && a->rate_period == b->rate_period
           && a->concurrency == b->concurrency
           && a->images == b->images
           && a->images_period == b->images_period
           && a->budget == b->budget
           && a->budget_period == b->budget_period;
}


/* a socket that takes both has IPv4 addresses within those of IPv6 */

unsigned
jm_client_from(const jm_client_t *client, jm_str_t address)
{
    size_t  i;

    static const uint8_t  mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0,
                                         0, 0, 0xff, 0xff };

    if (client->from == NULL) {
        return 1;
    }

    if (address.len == 16
        && memcmp(address.data, mapped, sizeof(mapped)) == 0)
    {
        address.data += sizeof(mapped);
        address.len -= sizeof(mapped);
    }

    for (i = 0; i < client->nfrom; i++) {

        if (jm_cidr_has(&client->from[i], address)) {
            return 1;
        }
    }

    return 0;
}


static unsigned
jm_cidr_has(const jm_cidr_t *cidr, jm_str_t address)
{
    size_t    bytes;
    unsigned  rest;

    bytes = cidr->bits / 8;
    rest = cidr->bits % 8;

    if (address.len != cidr->len
        || memcmp(address.data, cidr->bytes, bytes) != 0)
    {
        return 0;
    }

    return rest == 0
           || (address.data[bytes] ^ cidr->bytes[bytes]) >> (8 - rest) == 0;
}
