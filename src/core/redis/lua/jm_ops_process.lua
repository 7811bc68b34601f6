-- ---- processes

local NODES = 64                    -- that are told of
local NEIGHBOURS = 256              -- and of processes of one place

-- a salt of 32 bytes, version of the layout, whether the configuration is new,
-- n, and of each account its name, concurrency, queue, weight, pace, interval,
-- timeout
-- the salt that counts, the version that is there, and the accounts' numbers

register('configure', function ()
    local salt, version, new, n = str(), num(), num() ~= 0, num()
    local there = redis.call('HMGET', P .. 's', 'salt', 'version')

    if not there[1] then
        redis.call('HSET', P .. 's', 'salt', salt, 'version', number(version))
        there = { salt, version }
    end

    local reply = { there[1], tonumber(there[2]) }

    if tonumber(there[2]) ~= version then
        return reply
    end

    queue.begin()

    for _ = 1, n do
        local name = str()

        reply[#reply + 1] = queue.configure(name, {
            concurrency = num(), queue = num(), weight = num(), pace = num(),
            interval = num(), timeout = num()
        }, new)
    end

    return reply
end)

local function sign_of_life(owner, node, says)
    redis.call('ZADD', P .. 'o', number(NOW + LEASE), number(owner))
    redis.call('HSET', P .. 'O', number(owner), node)
    redis.call('HSET', P .. 'N', node, number(NOW) .. ' ' .. says)
end

-- Returns when a node last gave a sign of life, and what it said.

local function sign_of(text)
    local seen, says = string.match(text, '^(%d+) (.*)$')

    return tonumber(seen), says
end

-- name of the node, what it says of itself, where the system's numbers of
-- processes are the same, that of this one, and when it began
-- the number of the process; of each process of that place: its number, the
-- system's, and when it began

register('join', function ()
    local node, says, place, pid, start = str(), str(), str(), str(), str()
    local owner = numbers(1)
    local reply = { owner }

    queue.heard()

    local list = redis.call('HGETALL', P .. 'N')

    for i = 1, #list, 2 do
        if span(sign_of(list[i + 1]), NOW) >= DEAD_FOR then
            redis.call('HDEL', P .. 'N', list[i])
        end
    end

    sign_of_life(owner, node, says)

    if place == '' then
        return reply
    end

    list = redis.call('HGETALL', P .. 'm' .. place)

    for i = 1, min(#list, 2 * NEIGHBOURS), 2 do
        if lives(tonumber(list[i])) then
            local its, began = string.match(list[i + 1], '^(%d+) (%d+)$')

            append(reply, { tonumber(list[i]), tonumber(its),
                            tonumber(began) })
        else
            redis.call('HDEL', P .. 'm' .. place, list[i])
        end
    end

    redis.call('HSET', P .. 'm' .. place, number(owner), pid .. ' ' .. start)
    redis.call('PEXPIRE', P .. 'm' .. place, number(DEAD_FOR))

    return reply
end)

-- How many nodes have given a sign of life not long ago.

local function nodes()
    local n, list = 0, redis.call('HVALS', P .. 'N')

    for i = 1, #list do
        if span(sign_of(list[i]), NOW) < LEASE then
            n = n + 1
        end
    end

    return n
end

-- name of the node, what it says of itself, n, accounts: the lease goes on
-- whether there is such a process, and how many nodes live

register('renew', function ()
    if died(OWNER) == nil then
        return { 0, 0 }
    end

    sign_of_life(OWNER, str(), str())

    for _ = 1, num() do
        queue.seen(num())
    end

    queue.heard()
    queue.remind()

    return { 1, nodes() }
end)

-- of each node, the last to give a sign of life first: name, processes that
-- live, ms since that sign, what it said

register('nodes', function ()
    local nodes, counts, reply = {}, {}, {}
    local list = redis.call('HGETALL', P .. 'O')

    for i = 1, #list, 2 do
        if lives(tonumber(list[i])) then
            counts[list[i + 1]] = (counts[list[i + 1]] or 0) + 1
        end
    end

    list = redis.call('HGETALL', P .. 'N')

    for i = 1, #list, 2 do
        local seen, says = sign_of(list[i + 1])

        nodes[#nodes + 1] = { list[i], counts[list[i]] or 0, span(seen, NOW),
                              says }
    end

    table.sort(nodes, function (a, b)
        return a[3] < b[3] or (a[3] == b[3] and a[1] < b[1])
    end)

    for i = 1, min(#nodes, NODES) do
        append(reply, nodes[i])
    end

    return reply
end)

-- the process ends

told('quit', function ()
    redis.call('ZADD', P .. 'o', 'XX', number(NOW), number(OWNER))
end)

-- another process, which has died

told('bury', function ()
    queue.heard()
    redis.call('ZADD', P .. 'o', 'XX', number(NOW), number(num()))
end)

-- n
-- the first of n numbers that nothing else has

register('serials', function ()
    return numbers(num())
end)

-- the number of a call of which nobody knows what it did, if it was made

local undo = {
    attached = ledger.undo_attach, taken = ledger.undo_take,
    submitted = ledger.undo_submit,

    held = function (id, images, cost)
        quota.unhold(id, 1, images, cost)
    end,

    placed = function (serial, grip)
        queue.leave({ serial = serial, grip = grip }, LEAVE_FREE)
    end,

    adopted = function (serial, grip)
        queue.leave({ serial = serial, grip = grip }, LEAVE_LOST)
    end
}

told('undo', function ()
    local key = P .. 'd' .. number(num())
    local text = redis.call('GET', key)

    -- what comes after this is not done any more

    redis.call('SET', key, '', 'PX', UNDO_FOR)

    if not text or text == '' then
        return
    end

    local list = cmsgpack.unpack(text)

    for i = #list, 1, -1 do
        undo[list[i][1]](unpack(list[i], 2))
    end
end)

-- an account whose query was refused

told('query_denied', function ()
    queue.query_denied(num())
end)
