
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The readers of a client's fields, each of which reads some of them into the
 * request, after the model and what it takes are known.
 */


#ifndef _JM_REQUEST_PART_H_INCLUDED_
#define _JM_REQUEST_PART_H_INCLUDED_


#include "jm_request_field.h"


/* fractions are held against their limits in billionths */

#define JM_REQUEST_PLACES       9
#define JM_REQUEST_ONE          1000000000

/* billionths to hundredths, half rounded up */

#define jm_request_rounded(v)                                                 \
    (((v) + JM_REQUEST_ONE / 200) / (JM_REQUEST_ONE / 100))


/*
 * Reads all that are for pictures, "mask" last and for a model that takes one,
 * into the request's images.  Returns JM_INVALID, and the error, for what
 * cannot be a picture, and for more or fewer than the model takes.
 */
jm_rc_e jm_request_images(jm_request_ctx_t *ctx);

/*
 * Reads "size", "ratio", "aspect_ratio", "resolution", "width" and "height"
 * into the request's size, which is one that its model makes.  Returns
 * JM_INVALID, and the error, for what is none.
 */
jm_rc_e jm_request_size(jm_request_ctx_t *ctx);

/*
 * Reads "scale" and "strength".  Returns JM_INVALID, and the error, for what
 * the model does not take.
 */
jm_rc_e jm_request_scale(jm_request_ctx_t *ctx);

/*
 * Reads "min_ratio" and "max_ratio".  Returns JM_INVALID, and the error, for
 * what is out of range or leaves nothing between them.
 */
jm_rc_e jm_request_ratios(jm_request_ctx_t *ctx);

/*
 * Reads "n", "force_single", "sequential_image_generation" with its options,
 * and "retries": how many tasks, and how many pictures each.  Returns
 * JM_INVALID, and the error, for what is out of range or contradicts itself.
 */
jm_rc_e jm_request_group(jm_request_ctx_t *ctx);

/*
 * Reads "stream", "async", "response_format" and "quality": how the reply is
 * wanted.  Returns JM_INVALID, and the error, for what is none of that.
 */
jm_rc_e jm_request_result(jm_request_ctx_t *ctx);

/*
 * Reads "watermark", as a bool or as the vendor's logo_info, and "aigc_meta".
 * Returns JM_INVALID, and the error, for what the vendor does not take.
 */
jm_rc_e jm_request_marks(jm_request_ctx_t *ctx);

/*
 * Reads "layer_decomposition", for a model of Ark's that takes it.  Returns
 * JM_INVALID, and the error, for what is neither true nor false.
 */
jm_rc_e jm_request_layers(jm_request_ctx_t *ctx);

/*
 * Reads "output_format", "background", "optimize_prompt_options" and "tools",
 * for a model of Ark's that takes them, and holds what else was read against
 * what Ark takes in one call (Volcengine's "Image generation API" of Ark).
 * Returns JM_INVALID, and the error, for what it does not take.
 */
jm_rc_e jm_request_ark(jm_request_ctx_t *ctx);

/*
 * Reads the numbers that some models take, and the upstream gets as they are.
 * Returns JM_INVALID, and the error, for what is out of range, or contradicts
 * a mask.
 */
jm_rc_e jm_request_numbers(jm_request_ctx_t *ctx);


#endif /* _JM_REQUEST_PART_H_INCLUDED_ */
