
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The type and the size of a picture, from its bytes, whether all of it is
 * there, and whether Volcengine takes it.
 */


#ifndef _JM_PICTURE_H_INCLUDED_
#define _JM_PICTURE_H_INCLUDED_


#include "jm_picture_type.h"


/* what Volcengine's documents allow, for most models */

#define JM_PICTURE_BYTES    15728640
#define JM_PICTURE_SIDE     4096
#define JM_PICTURE_RATIO    3

#define JM_PICTURE_WHY      80
#define JM_PICTURE_KEPT     40


typedef enum {
    JM_PICTURE_START = 0,           /* what tells the type, a PNG's size */
    JM_PICTURE_CHUNK,               /* length and type of a PNG's */
    JM_PICTURE_DATA,                /* of a chunk, and its checksum */
    JM_PICTURE_SCAN,                /* up to the 0xFF of a JPEG's marker */
    JM_PICTURE_MARKER,
    JM_PICTURE_SEGMENT,             /* length, a frame's size */
    JM_PICTURE_SKIP,
    JM_PICTURE_PARTS,               /* of another type, see below */
    JM_PICTURE_WHOLE,               /* the end was seen: bytes are counted */
    JM_PICTURE_BAD
} jm_picture_state_e;


/*
 * type, width and height, in pixels as they are stored, are the caller's to
 * read, each as soon as it is not 0; bytes is how many there were so far.
 */

typedef struct {
    jm_picture_type_e   type;
    uint32_t            width;
    uint32_t            height;
    uint64_t            bytes;

    jm_picture_state_e  state;
    size_t              max_bytes;
    uint32_t            max_ratio;  /* longer side to the other; 0: any */
    size_t              nkept;
    size_t              need;       /* bytes of a part to keep, to skip */
    unsigned            frame;      /* the segment has the size */
    unsigned            drawn;      /* a chunk or scan of pixels was there */
    unsigned            last;       /* the chunk is the PNG's last */
    unsigned            types;      /* that may be, a bit for each */
    uint32_t            max_pixels; /* 0: JM_PICTURE_SIDE counts */
    unsigned            step;       /* which part is kept next, */
    uint64_t            pass;       /* behind how many bytes */
    uint32_t            entries;    /* of a TIFF's directory, to come */
    uint64_t            directory;  /* where that ends, in the TIFF */
    uint64_t            strip;      /* where its pixels are, if in one */
    uint64_t            strip_len;
    uint8_t             kept[JM_PICTURE_KEPT];
    const char         *bad;        /* why the picture is */
    char                why[JM_PICTURE_WHY];
} jm_picture_t;


/*
 * Starts a picture of at most max_bytes.  p->max_ratio is JM_PICTURE_RATIO
 * then, p->max_pixels 0, p->types JM_PICTURE_USUAL; they are the caller's to
 * change where a model has other limits.
 */
void jm_picture_init(jm_picture_t *p, size_t max_bytes);

/*
 * Takes the picture's next bytes, of any number.  The size is that of a JPEG's
 * first frame header (ITU-T T.81, B.2.2), wherever that stands, or of a PNG's
 * IHDR, which has to be first (PNG, 5.6).  A picture has pixels, and an end: a
 * JPEG an SOS and an EOI, a PNG an IDAT and an IEND; what follows is taken and
 * not looked at, as it is by all who show pictures.  Nor are checksums.
 *
 * Other types, where p->types has them, are read as far as their parts tell
 * how long they are: a GIF up to its trailer (GIF89a, 27), a WebP as long as
 * RIFF says, a BMP as its header does, a TIFF up to its first directory and a
 * single strip, a HEIC up to the boxes of its data and of what they are
 * (ISO/IEC 23008-12), whose sides are not looked for.
 *
 * Returns JM_INVALID, then and ever after, and *why a sentence's end ("is
 * neither a JPEG nor a PNG", "has more than 15 MB"), as soon as it is known
 * that the picture cannot be used.  *why points into p or to a literal.
 */
jm_rc_e jm_picture_add(jm_picture_t *p, jm_str_t piece, const char **why);

/*
 * Returns the type of a picture that begins with these characters of base64,
 * JM_PICTURE_UNKNOWN where there are none.  The first has six bits of the
 * first byte: 0xFF of a JPEG (ITU-T T.81, B.2.1), 0x89 of a PNG (PNG, 5.2).
 */
jm_picture_type_e jm_picture_of_base64(jm_str_t text);

/*
 * Ends the picture.  Returns JM_INVALID and *why as jm_picture_add() does, and
 * when there were no bytes, or the picture's end was not among them.
 */
jm_rc_e jm_picture_end(jm_picture_t *p, const char **why);


#endif /* _JM_PICTURE_H_INCLUDED_ */
