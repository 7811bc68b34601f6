-- ---- processes

-- a salt of 32 bytes, version of the layout, n, and of each account its name,
-- concurrency, queue, weight, pace, interval, timeout
-- the salt that counts, the version that is there, and the accounts' numbers

register('configure', function ()
    local salt, version, n = str(), num(), num()
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
        })
    end

    return reply
end)

-- name of the node, what it says of itself
-- the number of the process

register('join', function ()
    queue.heard()

    local owner = numbers(1)

    redis.call('ZADD', P .. 'o', number(NOW + LEASE), number(owner))
    redis.call('HSET', P .. 'N', str(), number(NOW) .. ' ' .. str())

    return owner
end)

-- name of the node, what it says of itself, n, accounts: the lease goes on
-- whether there is such a process

register('renew', function ()
    if died(OWNER) == nil then
        return 0
    end

    redis.call('ZADD', P .. 'o', number(NOW + LEASE), number(OWNER))
    redis.call('HSET', P .. 'N', str(), number(NOW) .. ' ' .. str())

    for _ = 1, num() do
        queue.seen(num())
    end

    queue.heard()

    return 1
end)

-- the process ends

register('quit', function ()
    redis.call('ZADD', P .. 'o', 'XX', number(NOW), number(OWNER))
end)

-- another process, which has died

register('bury', function ()
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

register('undo', function ()
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

register('query_denied', function ()
    queue.query_denied(num())
end)
