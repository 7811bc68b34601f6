
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * What a task has brought, as its client is told: it lives as long as the
 * request, as other tasks may take longer than an answer does.  With gpt set
 * errors are told in the words of OpenAI's models.
 */


#include "ngx_http_jimeng_upstream.h"

#include "jm_ark.h"


static ngx_int_t ngx_http_jimeng_part_strings(ngx_pool_t *pool,
    const jm_str_t **dst, const jm_str_t *src, ngx_uint_t n);


ngx_int_t
ngx_http_jimeng_part(jm_part_t *part, const jm_answer_t *answer,
    ngx_uint_t gpt, ngx_pool_t *pool)
{
    size_t             *indexes;
    ngx_uint_t          i;
    jm_answer_error_t  *errors;

    indexes = ngx_palloc(pool, answer->nurls * sizeof(size_t));
    errors = ngx_palloc(pool, answer->nerrors * sizeof(jm_answer_error_t));

    if (indexes == NULL || errors == NULL
        || ngx_http_jimeng_part_strings(pool, &part->urls, answer->urls,
                                        answer->nurls)
           != NGX_OK
        || ngx_http_jimeng_part_strings(pool, &part->sizes, answer->sizes,
                                        answer->nurls)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(indexes, answer->indexes, answer->nurls * sizeof(size_t));

    if (answer->nerrors) {
        ngx_memcpy(errors, answer->errors,
                   answer->nerrors * sizeof(jm_answer_error_t));
    }

    for (i = 0; gpt && i < answer->nerrors; i++) {
        jm_error_gpt(&errors[i].error);
    }

    part->indexes = indexes;
    part->nurls = answer->nurls;
    part->nlost = 0;

    part->errors = errors;
    part->nerrors = answer->nerrors;

    part->input_tokens = answer->input_tokens;
    part->output_tokens = answer->output_tokens;
    part->total_tokens = answer->total_tokens;

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_part_strings(ngx_pool_t *pool, const jm_str_t **dst,
    const jm_str_t *src, ngx_uint_t n)
{
    u_char      *p;
    jm_str_t    *s;
    ngx_uint_t   i;

    s = ngx_palloc(pool, n * sizeof(jm_str_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (src[i].len == 0) {
            s[i].len = 0;
            s[i].data = NULL;
            continue;
        }

        p = ngx_pnalloc(pool, src[i].len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, src[i].data, src[i].len);

        s[i].len = src[i].len;
        s[i].data = p;
    }

    *dst = s;

    return NGX_OK;
}


/* the picture of this index was made, and cannot be had */

ngx_int_t
ngx_http_jimeng_part_lose(jm_part_t *part, size_t index,
    const jm_error_t *error, ngx_pool_t *pool)
{
    size_t              left;
    ngx_uint_t          n;
    jm_answer_error_t  *errors;

    errors = ngx_pcalloc(pool, (part->nerrors + 1)
                               * sizeof(jm_answer_error_t));
    if (errors == NULL) {
        return NGX_ERROR;
    }

    if (part->nerrors) {
        ngx_memcpy(errors, part->errors,
                   part->nerrors * sizeof(jm_answer_error_t));
    }

    errors[part->nerrors].index = index;
    errors[part->nerrors].error = *error;

    part->errors = errors;
    part->nerrors++;

    part->nlost++;

    for (n = 0; n < part->nurls && part->indexes[n] != index; n++) {
        /* void */
    }

    if (n == part->nurls) {
        return NGX_OK;
    }

    part->nurls--;

    left = part->nurls - n;

    ngx_memmove((jm_str_t *) &part->urls[n], &part->urls[n + 1],
                left * sizeof(jm_str_t));
    ngx_memmove((jm_str_t *) &part->sizes[n], &part->sizes[n + 1],
                left * sizeof(jm_str_t));
    ngx_memmove((size_t *) &part->indexes[n], &part->indexes[n + 1],
                left * sizeof(size_t));

    return NGX_OK;
}


/*
 * Sets what a single call has brought as those who ask later read it.  It stays
 * empty when it is too long: they are told that it cannot be had any more.
 */

void
ngx_http_jimeng_part_keep(jm_str_t *kept, const jm_answer_t *answer,
    jm_mem_t *mem)
{
    jm_buf_t  b;

    jm_buf_init(&b, mem, 1024, JM_RESULT_MAX);

    if (jm_ark_write(&b, answer) == JM_OK) {
        *kept = jm_buf_view(&b);
    }
}


/* reads that, whose data is NULL where it was not kept */

ngx_int_t
ngx_http_jimeng_part_kept(jm_str_t kept, jm_answer_t *answer, jm_mem_t *mem)
{
    if (kept.data == NULL
        || jm_ark_read(answer, JM_TRANSPORT_WHOLE, NGX_HTTP_OK, kept, mem)
           != JM_OK
        || answer->event != JM_EVENT_DONE)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
