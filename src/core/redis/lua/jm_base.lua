-- What all functions have in common: the clock, the processes that live, and
-- records, which are read once in a call and written when it is over.
--
-- A call has the prefix of all keys as its only key, which is a hash tag, and
-- the number of the process that calls as its first argument; the second is the
-- number that the call is undone by, or 0.  Times are in
-- milliseconds of the server's clock.  After the prefix a key has one letter:
--
--   n        the last number given out
--   s        the salt of digests, and the version of the layout
--   C        the time, and how far it is ahead of the server's clock
--   o        processes: when the lease of each ends
--   O        processes: the node of each
--   m<place> processes of one place: the system's numbers of them
--   N        nodes: when each last gave a sign of life, and what it said
--   e<entry> an entry of the ledger          k<key>  the entries of a key
--   r<entry>:<task>  what a task has brought
--   u<client> what a client has used
--   a        accounts by their numbers       A       numbers by their names
--   x        accounts: when a process last had each
--   q        what the queue has besides      g       groups of places
--   p<place> a place                         z<group> those that wait there
--   c<client> a client's lines               w<process> places of a process
--   l        lost places: when they lapse    t<account> places by their ids
--   f<account> lost places: when they were asked for
--   D        processes that are dead: since when
--   G        places that were granted: since when
--   d<number> what has to be done to undo a call
--   T<name>  the last that a process told, and what it has not told before that

local LEASE = 15000
local SILENT = 2500                 -- a process says more often that it lives
local UNDO_FOR = 600000
local DEAD_FOR = 86400000
local TOLD_FOR = 86400000           -- a process tells what it kept until then
local TOLD_LATE = 65536             -- and no more than these
local TOLD_GAPS = 64
local TICK = 1000                   -- between two times that are kept
local NUMBERS = 1048576             -- that are given out in a second, at most

-- what is in headers of the core by the same names

local LEDGER_NEW, LEDGER_FOUND, LEDGER_TOLD, LEDGER_TWIN, LEDGER_OTHER,
      LEDGER_REUSED =
    0, 1, 2, 3, 4, 5

local LOOK_OWN, LOOK_WAIT, LOOK_TAKEN, LOOK_TOLD, LOOK_UNKNOWN,
      LOOK_CANCELED, LOOK_GONE, LOOK_RESULT, LOOK_LOST =
    0, 1, 2, 3, 4, 5, 6, 7, 8

local LEDGER_ANY = 255

local GRANTED, WAIT, FULL, LATE, ASIDE = 0, 1, 2, 3, 4

local LEAVE_FREE, LEAVE_OVER, LEAVE_LOST, LEAVE_DONE = 0, 1, 2, 3

local P, NOW, SECONDS, OWNER, NUMBER

local args, nargs
local alive, records, dirty, news, undoes

-- there are no libraries yet when this is loaded

local floor, ceil, min, max

local function number(x)
    return string.format('%.0f', x)
end

local function num()
    nargs = nargs + 1
    return tonumber(args[nargs])
end

local function str()
    nargs = nargs + 1
    return args[nargs]
end

local function span(from, to)
    return to > from and to - from or 0
end

-- Returns the first of n numbers that nothing else has, or ever had: a server
-- that has lost all it knew goes on behind those that processes have yet.

local function numbers(n)
    local last = redis.call('INCRBY', P .. 'n', number(n))

    if last == n then
        last = SECONDS * NUMBERS + n
        redis.call('SET', P .. 'n', number(last))
    end

    return last - n + 1
end

local function lives(owner)
    if owner == 0 then
        return false
    end

    if alive[owner] == nil then
        local lease = redis.call('ZSCORE', P .. 'o', number(owner))

        alive[owner] = lease and tonumber(lease) > NOW or false
    end

    return alive[owner]
end

-- Whether a process has said since then that it lives.  One of the same node is
-- buried at once when it dies: there it is enough if it has said so lately.

local function heard(owner, since)
    local lease = redis.call('ZSCORE', P .. 'o', number(owner))
    local said = lease and tonumber(lease) - LEASE

    if owner == OWNER or (said and said > since) then
        return true
    end

    local nodes = redis.call('HMGET', P .. 'O', number(owner), number(OWNER))

    return said and said > NOW - SILENT and nodes[1] and nodes[1] == nodes[2]
end

-- Whether a process still sees the end of its tasks: one that is silent may be
-- dead, and is not missed if it is not.

local function follows(owner)
    return lives(owner) and heard(owner, NOW - SILENT)
end

-- since when a process is dead, as far as is known

local function died(owner)
    return tonumber(redis.call('ZSCORE', P .. 'o', number(owner))
                    or redis.call('ZSCORE', P .. 'D', number(owner)))
end

-- What has to be done if nobody learns what this call did.

local function undo_by(...)
    undoes[#undoes + 1] = { ... }
end

-- A record is a table without holes, or nil.  Kinds say how it is written.

local kinds = {}

local function load(kind, id)
    local key = kind .. id
    local record = records[key]

    if record == nil then
        local text = redis.call('GET', P .. key)

        record = text and kinds[kind].read(cmsgpack.unpack(text), id) or false
        records[key] = record
    end

    return record or nil
end

local function touch(kind, id, record)
    local key = kind .. id

    records[key] = record
    dirty[key] = { kind, record }
end

local function forget(kind, id)
    local key = kind .. id

    records[key] = false
    dirty[key] = nil

    redis.call('DEL', P .. key)
end

-- The caller knows what the call of this number did.

local function is_known(n)
    if n ~= NUMBER then
        redis.call('DEL', P .. 'd' .. number(n))
    end
end

local function flush()
    for key, what in pairs(dirty) do
        local kind = kinds[what[1]]
        local text = cmsgpack.pack(kind.write(what[2]))
        local ttl = kind.ttl and kind.ttl(what[2])

        if ttl then
            redis.call('SET', P .. key, text, 'PX', number(max(ttl, 1)))
        else
            redis.call('SET', P .. key, text)
        end
    end

    if NUMBER ~= 0 and #undoes ~= 0 then
        redis.call('SET', P .. 'd' .. number(NUMBER), cmsgpack.pack(undoes),
                   'PX', UNDO_FOR)
    end

    for owner, places in pairs(news) do
        redis.call('PUBLISH', P .. 'w' .. owner, table.concat(places, ','))
    end
end

-- Leases, rests and the like go on when the server's clock is set back, or when
-- one that is behind takes over.  Days and months follow the clock itself.

local function tick(clock)
    local text = redis.call('GET', P .. 'C')
    local last, ahead = string.match(text or '0 0', '^(%d+) (%d+)$')

    last, ahead = tonumber(last), tonumber(ahead)

    if clock >= last then
        ahead = 0
    end

    NOW = clock + ahead

    if NOW < last then
        ahead = last - clock
        NOW = last

    elseif NOW - last < TICK then
        return
    end

    redis.call('SET', P .. 'C', number(NOW) .. ' ' .. number(ahead))
end

-- Of a call that has failed half-way nothing is to be seen by the next.

local begins, ends = {}, {}

-- What a process tells is sent again when its answer was lost, in the same
-- order, in which one may be refused, and the next is not.  Each has a number:
-- of those before the last one that have not come yet the first and the last of
-- each row are known.

local function gaps_of(n, text)
    local last, gaps = 0, {}

    for word in string.gmatch(text, '%d+') do
        gaps[#gaps + 1] = tonumber(word)
    end

    last = table.remove(gaps, 1) or 0

    if n > last then
        if n > last + 1 then
            gaps[#gaps + 1] = max(last + 1, n - TOLD_LATE)
            gaps[#gaps + 1] = n - 1
        end

        return true, n, gaps
    end

    for i = 1, #gaps, 2 do
        local from, to = gaps[i], gaps[i + 1]

        if n >= from and n <= to then
            table.remove(gaps, i)
            table.remove(gaps, i)

            if n < to then
                table.insert(gaps, i, to)
                table.insert(gaps, i, n + 1)
            end

            if n > from then
                table.insert(gaps, i, n - 1)
                table.insert(gaps, i, from)
            end

            return true, last, gaps
        end
    end

    return false, last, gaps
end

-- Whether what a process tells with this number has not been done.

local function is_new(name, n)
    local key = P .. 'T' .. name
    local text = redis.call('SET', key, number(n), 'PX', TOLD_FOR, 'GET')

    if text == number(n - 1) then
        return true
    end

    local new, last, gaps = gaps_of(n, text or '')

    while #gaps > 2 * TOLD_GAPS or (gaps[2] and gaps[2] < last - TOLD_LATE) do
        table.remove(gaps, 1)
        table.remove(gaps, 1)
    end

    for i, gap in ipairs(gaps) do
        gaps[i] = ' ' .. number(gap)
    end

    redis.call('SET', key, number(last) .. table.concat(gaps), 'PX', TOLD_FOR)

    return new
end

local function begin(keys, given)
    local time = redis.call('TIME')

    floor, ceil, min, max = math.floor, math.ceil, math.min, math.max

    P = keys[1]
    SECONDS = tonumber(time[1])

    tick(SECONDS * 1000 + floor(tonumber(time[2]) / 1000))

    args, nargs = given, 0

    OWNER, NUMBER = num(), num()
    alive = { [OWNER] = OWNER ~= 0 }
end

local function perform(body)
    records, dirty, news, undoes = {}, {}, {}, {}

    for _, clean in ipairs(begins) do
        clean()
    end

    local reply = body()

    for _, finish in ipairs(ends) do
        finish()
    end

    flush()

    return reply
end

local bodies = {}

-- what is only told is a part of "many", and nothing else

local function told(name, body)
    bodies[name] = body
end

local function register(name, body)
    told(name, body)

    redis.register_function('jimeng1_' .. name, function (keys, given)
        begin(keys, given)

        -- it was undone before it was done, or is a process's of which a
        -- server that has lost all has not heard yet

        if NUMBER ~= 0
           and (redis.call('EXISTS', P .. 'd' .. number(NUMBER)) == 1
                or died(OWNER) == nil)
        then
            return {}
        end

        return perform(body)
    end)
end

-- name of the process, number of what it tells; of each of that: the function,
-- how many arguments it has, and these.  One that fails does not keep others
-- from being done.

redis.register_function('jimeng1_many', function (keys, given)
    local failed

    begin(keys, given)

    if not is_new(str(), num()) then
        return
    end

    while nargs < #args do
        local body, n = bodies[str()], num()
        local next_one = nargs + n
        local done, why = pcall(perform, body)

        if not done then
            failed = failed or why
        end

        nargs = next_one
    end

    if failed then
        return redis.error_reply(type(failed) == 'table' and failed.err
                                 or tostring(failed))
    end
end)
