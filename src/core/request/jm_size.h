
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Sizes, ratios, resolutions.
 */


#ifndef _JM_SIZE_H_INCLUDED_
#define _JM_SIZE_H_INCLUDED_


#include "jm_buf.h"
#include "jm_error.h"
#include "jm_model.h"


#define JM_SIZE_TEXT        16      /* "99999x99999", or an area */


/*
 * What a picture's size should be: both sides in pixels; or an area in
 * pixels, with the sides 0; or all 0, and the model chooses.  named is set
 * where the upstream is asked for the area by its name.
 */

typedef struct {
    uint32_t         width;
    uint32_t         height;
    uint32_t         area;
    unsigned         named;
} jm_size_t;


/*
 * Reads "WxH", "W*H" and "W\u00d7H", "1K", "2K" and "4K", for a model of Ark's
 * also "1.5K" and "3K", "auto" and "adaptive", all in any case.  Returns
 * JM_INVALID for anything else, a side of 0 or of more than five digits.
 */
jm_rc_e jm_size_read(jm_size_t *size, jm_str_t s, const jm_model_t *model);

/*
 * Sets the sides for a ratio "W:H" and a resolution "1k", "2k" or "4k", or
 * another that jm_size_read() knows, in either case: the ratios of Volcengine's
 * document of the model as it lists them, any other as the largest multiples of
 * 8 within the resolution's area, at 1k the smallest that are not below it.
 * Returns JM_INVALID when ratio or resolution has another form, or the ratio is
 * outside 1:16 ... 16:1.
 */
jm_rc_e jm_size_ratio(jm_size_t *size, jm_str_t ratio, jm_str_t resolution,
    const jm_model_t *model);

/*
 * Sets the sides for a ratio "W:H" alone, for a model that takes no area:
 * multiples of 8 that come nearest to model->area and are not longer than
 * model->max_side, where there is one.  Returns JM_INVALID as jm_size_ratio()
 * does.
 */
jm_rc_e jm_size_ratio_alone(jm_size_t *size, jm_str_t ratio,
    const jm_model_t *model);

/*
 * Holds a size against what the model makes.  What is below the model's
 * floor, an area or a side, is scaled up to it, unless strict is set: sides
 * keep their ratio and become multiples of 8.  For a model that takes no area,
 * or that has no name for it at Ark, one becomes the sides of a square.
 * Returns JM_INVALID, and *e, for what remains out of range, a ratio beyond
 * model->max_ratio included.
 */
jm_rc_e jm_size_fit(jm_size_t *size, const jm_model_t *model, unsigned strict,
    jm_error_t *e);

/*
 * Appends what was asked of the model: "2304x1728", "2K", or an area, at most
 * JM_SIZE_TEXT bytes; nothing when the model chose.
 */
void jm_size_write(jm_buf_t *b, const jm_size_t *size);


#endif /* _JM_SIZE_H_INCLUDED_ */
