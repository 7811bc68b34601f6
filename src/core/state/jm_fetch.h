
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What became of an attempt to fetch a picture, or at last of the picture.
 */


#ifndef _JM_FETCH_H_INCLUDED_
#define _JM_FETCH_H_INCLUDED_


typedef enum {
    JM_FETCH_SUCCEED = 0,
    JM_FETCH_FAILED,        /* it is tried again */
    JM_FETCH_LOST,          /* it is given up */
    JM_FETCH_LAST
} jm_fetch_e;


#endif /* _JM_FETCH_H_INCLUDED_ */
