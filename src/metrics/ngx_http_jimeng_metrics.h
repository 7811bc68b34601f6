
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "metrics": what is counted in the zone, what is there before it is
 * counted, and how it is shown.
 */


#ifndef _NGX_HTTP_JIMENG_METRICS_H_INCLUDED_
#define _NGX_HTTP_JIMENG_METRICS_H_INCLUDED_


#include "ngx_http_jimeng_zone.h"


/* a model that clients may ask for, by some location's name for it */

typedef struct {
    ngx_http_jimeng_keys_t       *keys;     /* NULL: they have no names */
    const jm_models_t            *models;
    const jm_model_t             *model;
    uint64_t                      accounts; /* a bit for each of jmcf's */
    unsigned                      named:1;
    unsigned                      dry_run:1;    /* for all, by some location */
    unsigned                      gpt:1;    /* some name of it is OpenAI's */
    unsigned                      plain:1;  /* and some is not */
} ngx_http_jimeng_asked_t;


/* ngx_http_jimeng_metrics.c: they do nothing without a zone */

ngx_int_t ngx_http_jimeng_metrics_handler(ngx_http_request_t *r);
void ngx_http_jimeng_metrics_exchange(ngx_http_request_t *r,
    ngx_http_jimeng_account_t *account, jm_visual_call_e call,
    const jm_answer_t *answer, ngx_msec_t time);
void ngx_http_jimeng_metrics_orphan(ngx_http_request_t *r, jm_str_t model,
    ngx_http_jimeng_account_t *account, const jm_answer_t *answer,
    ngx_msec_t time);
void ngx_http_jimeng_metrics_over(ngx_http_request_t *r, ngx_str_t *account,
    jm_cause_e cause, ngx_int_t polls, ngx_msec_t time, ngx_uint_t left);
void ngx_http_jimeng_metrics_queue(ngx_http_request_t *r, ngx_str_t *account,
    ngx_msec_t time);
void ngx_http_jimeng_metrics_again(ngx_http_request_t *r, ngx_str_t *account);
void ngx_http_jimeng_metrics_images(ngx_http_request_t *r, jm_str_t client,
    ngx_str_t *model, ngx_str_t *account, const jm_bill_t *bill);

/* ngx_http_jimeng_reload.c */

ngx_int_t ngx_http_jimeng_reload_begin(ngx_conf_t *cf);
void ngx_http_jimeng_reload_used(ngx_cycle_t *cycle);

/* ngx_http_jimeng_report.c */

ngx_int_t ngx_http_jimeng_report(ngx_http_jimeng_zone_t *zone,
    ngx_pool_t *pool, jm_report_t *report);
ngx_int_t ngx_http_jimeng_report_groups(ngx_http_jimeng_zone_t *zone,
    ngx_pool_t *pool, jm_report_t *report);
ngx_int_t ngx_http_jimeng_report_waits(ngx_http_jimeng_zone_t *zone,
    ngx_pool_t *pool, size_t n, jm_op_waits_t *op);
void ngx_http_jimeng_report_waiting(jm_report_t *report,
    jm_report_client_t *clients, jm_op_waits_t *op);

/* ngx_http_jimeng_asked.c: adds to asked what clients may be given */

ngx_int_t ngx_http_jimeng_asked_all(ngx_http_jimeng_main_conf_t *jmcf,
    ngx_array_t *asked);

/* ngx_http_jimeng_series.c */

ngx_int_t ngx_http_jimeng_series_init_module(ngx_cycle_t *cycle);


#endif /* _NGX_HTTP_JIMENG_METRICS_H_INCLUDED_ */
