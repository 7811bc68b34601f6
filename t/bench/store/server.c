
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>

#include "job.h"
#include "server.h"


#define ROUNDS      5
#define FUNCTIONS   32
#define CALLS       200000
#define NAME        32
#define PIECE       1000        /* entries that are sent at a time */


typedef struct {
    char                 name[NAME];
    size_t               n;
    long long            least;     /* of the rounds' longest ones */
    long long            times[CALLS];
} function_t;


/*
 * Stands before the library: each function says what CPU time it took, in
 * which is nothing of what else the machine did.  To ask for it takes some 5
 * us, which are in it.
 */

static const char  stopwatch[] =
    "local times\n"
    "local function call(...) return redis.call(...) end\n"
    "local function cpu()\n"
    "    local text = redis.call('INFO', 'CPU')\n"
    "    local found = string.gmatch(text, '_main_thread:([%d.]+)')\n"
    "    return (tonumber(found()) + tonumber(found())) * 1e6\n"
    "end\n"
    "local function register_function(name, body)\n"
    "    redis.register_function(name, function (keys, args)\n"
    "        if not times then return body(keys, args) end\n"
    "        local from = cpu()\n"
    "        local reply = body(keys, args)\n"
    "        local list = times[name] or { name }\n"
    "        times[name] = list\n"
    "        list[#list + 1] = cpu() - from\n"
    "        return reply\n"
    "    end)\n"
    "end\n"
    "redis.register_function('times', function (keys, args)\n"
    "    local all = {}\n"
    "    for _, list in pairs(times or {}) do all[#all + 1] = list end\n"
    "    times = args[1] == '1' and {} or nil\n"
    "    return all\n"
    "end)\n"
    "local redis = { call = call, register_function = register_function }\n";


static redisReply *command(server_t *s, const char *format, ...);
static redisReply *dump(server_t *s, const char *pattern, redisReply **key);
static void restore(server_t *s, redisReply *key, size_t keep,
    const redisReply *value, uint64_t number);
static void round_of(redisReply *reply);
static function_t *function_of(const char *name);
static int compare(const void *one, const void *two);


static function_t  functions[FUNCTIONS];
static size_t      nfunctions;


void
server_begin(server_t *s, const char *path)
{
    char    *text;
    size_t   first, len;

    s->c = redisConnectUnix(path);

    if (s->c == NULL || s->c->err) {
        die("there is no server");
    }

    /* the first line has the library's name */

    first = (size_t) (strchr((const char *) jm_redis_library.data, '\n')
                      - (const char *) jm_redis_library.data) + 1;
    len = sizeof(stopwatch) - 1;

    text = malloc(jm_redis_library.len + len);

    if (text == NULL) {
        die("no memory");
    }

    memcpy(text, jm_redis_library.data, first);
    memcpy(text + first, stopwatch, len);
    memcpy(text + first + len, jm_redis_library.data + first,
           jm_redis_library.len - first);

    freeReplyObject(command(s, "FUNCTION LOAD REPLACE %b", text,
                            jm_redis_library.len + len));
    free(text);
}


void
server_end(server_t *s)
{
    redisFree(s->c);
}


double
server_info(server_t *s, const char *name)
{
    char        *p;
    double       n;
    redisReply  *reply;

    reply = command(s, "INFO ALL");
    p = strstr(reply->str, name);

    if (p == NULL) {
        die("the server does not say all of itself");
    }

    n = atof(p + strlen(name));
    freeReplyObject(reply);

    return n;
}


double
server_cpu(server_t *s)
{
    return server_info(s, "used_cpu_user_main_thread:")
           + server_info(s, "used_cpu_sys_main_thread:");
}


void
server_entries(server_t *s, unsigned n)
{
    unsigned     i;
    redisReply  *entry, *key, *entry_name, *key_name, *reply;

    /* an entry by its number, and the entries of a key: see jm_base.lua */

    entry = dump(s, "{jimeng}:e*", &entry_name);
    key = dump(s, "{jimeng}:k*", &key_name);

    for (i = 0; i < n; i++) {
        restore(s, entry_name, sizeof("{jimeng}:e") - 1, entry, i);
        restore(s, key_name, sizeof("{jimeng}:k") - 1, key, i);

        if (i % PIECE != PIECE - 1 && i != n - 1) {
            continue;
        }

        for (unsigned j = 0; j < 2 * (i % PIECE + 1); j++) {

            if (redisGetReply(s->c, (void **) &reply) != REDIS_OK
                || reply->type == REDIS_REPLY_ERROR)
            {
                die("an entry is not taken");
            }

            freeReplyObject(reply);
        }
    }

    freeReplyObject(entry);
    freeReplyObject(key);
    freeReplyObject(entry_name);
    freeReplyObject(key_name);
}


/* what is in any key that is named so, and its name */

static redisReply *
dump(server_t *s, const char *pattern, redisReply **key)
{
    char         cursor[NAME] = "0";
    redisReply  *reply, *value;

    do {
        reply = command(s, "SCAN %s MATCH %s COUNT 1000", cursor, pattern);
        snprintf(cursor, NAME, "%s", reply->element[0]->str);

        if (reply->element[1]->elements != 0) {
            *key = reply->element[1]->element[0];
            reply->element[1]->element[0] = NULL;

            value = command(s, "DUMP %b", (*key)->str, (*key)->len);
            freeReplyObject(reply);

            if (value->type != REDIS_REPLY_STRING) {
                die("an entry is gone");
            }

            return value;
        }

        freeReplyObject(reply);

    } while (strcmp(cursor, "0") != 0);

    die("there is no entry");

    return NULL;
}


/* the name's first bytes are kept, the others are as long as they were */

static void
restore(server_t *s, redisReply *key, size_t keep, const redisReply *value,
    uint64_t number)
{
    size_t  i;

    for (i = keep; i < key->len; i++) {
        key->str[i] = (char) ('0' + number % 10);
        number /= 10;
    }

    /* no number that is given out has a zero in front */

    redisAppendCommand(s->c, "RESTORE %b 3600000 %b REPLACE", key->str,
                       key->len, value->str, value->len);
}


void
server_functions(server_t *s, const char *world, worker_t *workers,
    unsigned nworkers)
{
    size_t       i;
    unsigned     round;
    function_t  *f;

    for (i = 0; i < nfunctions; i++) {
        functions[i].n = 0;
        functions[i].least = -1;
    }

    for (round = 0; round < ROUNDS; round++) {
        freeReplyObject(command(s, "FCALL times 0 1"));
        jobs_run(workers, nworkers, 1, 0);
        round_of(command(s, "FCALL times 0 0"));
    }

    for (i = 0; i < nfunctions; i++) {
        f = &functions[i];

        if (f->n == 0) {
            continue;
        }

        qsort(f->times, f->n, sizeof(long long), compare);

        printf("%s\t%s\t%zu\t%lld\t%lld\t%lld\n", world, f->name, f->n,
               f->times[f->n / 2], f->times[f->n - 1 - f->n / 100], f->least);
    }
}


/* of each function its name, and its times */

static void
round_of(redisReply *reply)
{
    size_t       i, j;
    long long    longest;
    redisReply  *list;
    function_t  *f;

    for (i = 0; i < reply->elements; i++) {
        list = reply->element[i];
        f = function_of(list->element[0]->str);
        longest = 0;

        for (j = 1; j < list->elements; j++) {
            longest = jm_max(longest, list->element[j]->integer);

            if (f->n < CALLS) {
                f->times[f->n++] = list->element[j]->integer;
            }
        }

        if (f->least < 0 || longest < f->least) {
            f->least = longest;
        }
    }

    freeReplyObject(reply);
}


static function_t *
function_of(const char *name)
{
    size_t       i;
    const char  *p;

    p = strchr(name, '_');
    p = p ? p + 1 : name;

    for (i = 0; i < nfunctions; i++) {
        if (strcmp(functions[i].name, p) == 0) {
            return &functions[i];
        }
    }

    if (nfunctions == FUNCTIONS) {
        die("too many functions");
    }

    functions[i].least = -1;
    snprintf(functions[i].name, NAME, "%s", p);
    nfunctions++;

    return &functions[i];
}


static redisReply *
command(server_t *s, const char *format, ...)
{
    va_list      args;
    redisReply  *reply;

    va_start(args, format);
    reply = redisvCommand(s->c, format, args);
    va_end(args);

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        die(reply ? reply->str : s->c->errstr);
    }

    return reply;
}


static int
compare(const void *one, const void *two)
{
    const long long *a = one, *b = two;

    return (*a > *b) - (*a < *b);
}
