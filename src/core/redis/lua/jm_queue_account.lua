-- ---- tasks that nobody follows

local function taken(account, id)
    local serial = id ~= '' and redis.call('HGET', P .. 't' .. account, id)

    return serial and place_at(tonumber(serial)) or nil
end

local function orphan(account, id)
    begin_queue()

    local p = taken(account, id)

    if p and (p.state == PLACE_LOST or not lives(p.owner)) then
        return p
    end
end

function queue.is_orphan(account, id)
    return orphan(account, id) ~= nil
end

function queue.price(account, id, price)
    begin_queue()

    local p = taken(account, id)

    return p and p.price or price
end

function queue.ended(account, id)
    begin_queue()

    local p = taken(account, id)

    if p and (p.state == PLACE_LOST or not follows(p.owner)) then
        drop_place(p)
        dispatch(nil)
    end
end

function queue.alive(account, id)
    local p = orphan(account, id)

    if p then
        p.doubts = 0

        if p.state ~= PLACE_LOST then
            lose(p)
        else
            lapse(p, NOW)
            save(p)
        end
    end
end

function queue.doubted(account, id)
    local p = orphan(account, id)

    if p == nil then
        return false
    end

    p.doubts = p.doubts + 1
    save(p)

    return p.doubts >= QUEUE_DOUBTS
end

function queue.adopt(account, id)
    local p = orphan(account, id)

    if p == nil then
        return 0, 0
    end

    follow(p)

    p.grip = p.grip + 1
    p.adopted = 1
    p.state = PLACE_RUN
    save(p)

    return p.serial, p.grip
end

function queue.orphan_next(list, wait)
    begin_queue()
    reap()

    for _, account in ipairs(list) do
        local f = P .. 'f' .. account
        local last = redis.call('ZRANGE', f, -1, -1, 'WITHSCORES')

        -- one that was not asked for has the number of its slot in place

        if accounts[account] and last[1]
           and span(tonumber(last[2]), NOW) >= wait
        then
            local serials = redis.call('ZRANGE', f, 0, 0)
            local p = serials[1] and place_at(tonumber(serials[1]))

            if p then
                p.asked = NOW
                save(p)

                redis.call('ZADD', P .. 'f' .. account, number(NOW),
                           serials[1])
                return p

            elseif serials[1] then
                redis.call('ZREM', P .. 'f' .. account, serials[1])
            end
        end
    end
end

-- Whether there are any, as far as was seen by who has just come for a place.

function queue.has_lost()
    begin_queue()

    for _, a in pairs(accounts) do
        if a.lost > 0 then
            return 1
        end
    end

    return 0
end

-- ---- the configuration, and how an account is

function queue.begin()
    begin_queue()
    alarm()
end

function queue.query_denied(i)
    begin_queue()

    accounts[i].queries_denied = accounts[i].queries_denied + 1
    save_account(i)
end

-- What is there stays as it is, unless the configuration is new.

function queue.configure(name, conf, new)
    local i = tonumber(redis.call('HGET', P .. 'A', name))

    if i == nil then
        i = queue.free_number()

        if i == nil then
            return LEDGER_ANY
        end

        redis.call('HSET', P .. 'A', name, number(i))

        accounts[i] = {
            name = name, running = 0, lost = 0, cost = 0, cost_lost = 0,
            turn = 0, average = 0, submits = 0, busy_rate = 0, busy_tasks = 0,
            denied = 0, queries_denied = 0, submitted = 0, refused = 0,
            pictures = 1, held = 0
        }

    elseif not new then
        queue.seen(i)
        return i
    end

    local a = accounts[i]

    for field, value in pairs(conf) do
        a[field] = value
    end

    queue.seen(i)

    a.effective = conf.concurrency
    a.taken, a.refusals, a.rest, a.next, a.probes = 0, 0, 0, 0, {}
    a.aside, a.models = { 0, 0, 0, 0, 0 }, {}

    save_account(i)

    return i
end

-- A process that lives has the account.

function queue.seen(i)
    redis.call('ZADD', P .. 'x', number(NOW), number(i))
end

-- With all of them taken it is the one that no process has had for longest.

function queue.free_number()
    local used, oldest, least = wanted()

    for i = 0, ACCOUNTS - 1 do
        local a = accounts[i]

        if a == nil then
            return i
        end

        if a.running == 0 and not used[i] then
            local seen = redis.call('ZSCORE', P .. 'x', number(i)) or 0

            if span(tonumber(seen), NOW) > 2 * LEASE
               and (oldest == nil or tonumber(seen) < least)
            then
                oldest = i
                least = tonumber(seen)
            end
        end
    end

    if oldest then
        redis.call('HDEL', P .. 'A', accounts[oldest].name)
    end

    return oldest
end

function queue.view(i)
    begin_queue()
    reap()

    local a, n = accounts[i], 0

    for _, group in pairs(groups) do
        if has(group.accounts, i) then
            n = n + count(group)
        end
    end

    return { a.effective, a.running, a.lost, n, a.average, span(NOW, a.rest),
             span(NOW, a.aside[2]), a.submits, a.busy_rate, a.busy_tasks,
             a.denied, a.queries_denied, a.cost, a.cost_lost }
end

function queue.waits()
    begin_queue()

    return waiting()
end

function queue.client_waits(client)
    local n = 0

    for _, line in ipairs(redis.call('HVALS', P .. 'c' .. client)) do
        n = n + cmsgpack.unpack(line)[1]
    end

    return n
end
