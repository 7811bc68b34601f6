
/*
 * What replies and the events of streams have in common.
 */


#ifndef _OPENAI_H_INCLUDED_
#define _OPENAI_H_INCLUDED_


#define TOKENS(name)                                                          \
    ",\"" name "_tokens_details\":{\"text_tokens\":0,\"image_tokens\":0}"

#define USAGE(n)                                                              \
    "\"usage\":{\"generated_images\":" n ",\"input_tokens\":0,"               \
    "\"output_tokens\":0,\"total_tokens\":0" TOKENS("input")                  \
    TOKENS("output") "}"

#define LOOK(format, quality, size)                                           \
    "\"background\":\"opaque\",\"output_format\":\"" format "\","             \
    "\"quality\":\"" quality "\",\"size\":\"" size "\""


#endif /* _OPENAI_H_INCLUDED_ */
