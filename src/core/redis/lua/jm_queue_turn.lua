-- ---- turns

local function turn_of(list)
    local turn = 0

    for _, i in ipairs(list) do
        turn = max(turn, accounts[i].turn)
    end

    return turn
end

local function next_tag(client, list)
    local tag = turn_of(list)
    local lines = redis.call('HGETALL', P .. 'c' .. client)

    for i = 1, #lines, 2 do
        for n in string.gmatch(lines[i], '%d+') do
            if has(list, tonumber(n)) then
                tag = max(tag, cmsgpack.unpack(lines[i + 1])[2])
                break
            end
        end
    end

    return tag + 1
end

local function level(account)
    local joined = {}

    for _, group in pairs(groups) do
        if has(group.accounts, account) then
            for _, i in ipairs(group.accounts) do
                joined[i] = true
            end
        end
    end

    for i in pairs(joined) do
        if accounts[i].turn < accounts[account].turn then
            accounts[i].turn = accounts[account].turn
            save_account(i)
        end
    end
end

local function first_of(group)
    if group.first == nil or group.first_n ~= group.n then
        local list = redis.call('ZRANGE', P .. 'z' .. group.name, 0, 0,
                                'WITHSCORES')

        group.first_n = count(group)
        group.first = list[1] and { list[1], tonumber(list[2]) } or false
    end

    return group.first or nil
end

-- of the first places of all groups that the account may serve the first

local function next_place(account)
    local a, best, best_group = accounts[account]

    for _, group in pairs(groups) do
        if has(group.accounts, account) and not is_aside(a, group.model) then
            local first = first_of(group)

            if first and (best == nil or first[2] < best[2]
                          or (first[2] == best[2] and first[1] < best[1]))
            then
                best = first
                best_group = group
            end
        end
    end

    return best and serial_of(best[1]), best, best_group
end

local function next_account(skip)
    local best

    for i, a in pairs(accounts) do
        if not skip[i] and free_slots(a) ~= 0 and ready_in(a) == 0
           and (best == nil or is_better(a, accounts[best])
                or (not is_better(accounts[best], a) and i < best))
        then
            best = i
        end
    end

    return best
end

local function wanted()
    local set = {}

    for _, group in pairs(groups) do
        for _, i in ipairs(group.accounts) do
            set[i] = true
        end
    end

    return set
end

local function announce(asks)
    for i in pairs(wanted()) do
        local a = accounts[i]

        if free_slots(a) ~= 0 and ready_in(a) ~= 0 then
            local serial = next_place(i)

            if serial and a.next ~= serial then
                a.next = serial
                save_account(i)

                if asks == nil or serial ~= asks.serial then
                    local p = place_at(serial)

                    if p then
                        notify(p)
                    end
                end
            end
        end
    end
end

-- A process has not said for so long that it lives that the slots of all do not
-- wait for it.  While nobody could say so nobody was silent.

local function is_silent(owner)
    local lease = redis.call('ZSCORE', P .. 'o', number(owner))

    return lease and owner ~= OWNER
           and span(max(tonumber(lease) - LEASE, state.gap or 0), NOW)
               > QUEUE_SILENT
end

-- Gives the slots that are free to those whose turn it is.  What waits in a
-- process that is silent has lost its turn: if that lives it comes again.

local function dispatch(asks)
    local n, skip = 0, {}
    local want = wanted()

    if next(want) == nil then
        return
    end

    for i in pairs(accounts) do
        skip[i] = not want[i]
    end

    while n < QUEUE_PIECE do
        local account = next_account(skip)

        if account == nil then
            break
        end

        local serial, first, group = next_place(account)
        local p = serial and place_at(serial)

        if serial == nil then
            skip[account] = true

        elseif p == nil then
            leave_group(group, first[1])
            n = n + 1

        elseif lives(p.owner) and not is_silent(p.owner) then
            submits(account, p)
            hold(p, account, PLACE_GRANTED, NOW)
            n = n + 1

            redis.call('ZADD', P .. 'G', number(NOW), number(p.serial))

            if asks == nil or p.serial ~= asks.serial then
                notify(p)
            end

        else
            drop_place(p)
            n = n + 1
        end
    end

    local stuck = n == QUEUE_PIECE and 1 or 0

    if state.stuck ~= stuck then
        state.stuck = stuck
        save_state()
    end

    announce(asks)
end

-- ---- what processes leave behind

local function can_ask(p)
    return p.id ~= '' and p.req_key ~= ''
end

local function lapse(p, renewed)
    local average = accounts[p.account].average

    if can_ask(p) then
        p.lapse = renewed + QUEUE_ASKED
    else
        if average == 0 then
            average = QUEUE_GUESS
        end

        p.lapse = max(p.at + average, renewed + floor(average / 2))
    end

    redis.call('ZADD', P .. 'l', number(p.lapse), number(p.serial))
end

local function lose(p)
    if p.state == PLACE_WAIT or p.state == PLACE_GRANTED then
        drop_place(p)
        return
    end

    if p.state == PLACE_LOST then
        return
    end

    local a = accounts[p.account]

    lapse(p, not lives(p.owner) and died(p.owner) or NOW)

    p.state = PLACE_LOST
    a.lost = a.lost + 1
    a.cost_lost = a.cost_lost + p.price

    redis.call('SREM', P .. 'w' .. number(p.owner), number(p.serial))

    -- those that were not asked for come first, in the order of their slots

    if can_ask(p) then
        redis.call('ZADD', P .. 'f' .. p.account,
                   number(p.asked ~= 0 and p.asked or p.held),
                   number(p.serial))
    end

    save_account(p.account)
    save(p)
end

-- It is followed again, by this process.

local function follow(p)
    local a = accounts[p.account]

    if p.state == PLACE_LOST then
        redis.call('ZREM', P .. 'l', number(p.serial))
        redis.call('ZREM', P .. 'f' .. p.account, number(p.serial))

        a.lost = a.lost - 1
        a.cost_lost = a.cost_lost - p.price
        save_account(p.account)
    end

    redis.call('SREM', P .. 'w' .. number(p.owner), number(p.serial))
    redis.call('SADD', P .. 'w' .. number(OWNER), number(p.serial))

    p.owner = OWNER
end

local function bury(owner)
    local places = redis.call('SPOP', P .. 'w' .. owner, QUEUE_PIECE)

    for _, serial in ipairs(places) do
        local p = place_at(tonumber(serial))

        if p and p.owner == tonumber(owner) then
            lose(p)
        end
    end

    if #places < QUEUE_PIECE then
        redis.call('ZADD', P .. 'D', number(died(owner) or NOW), owner)
        redis.call('ZREM', P .. 'o', owner)
        redis.call('HDEL', P .. 'O', owner)
    else
        state.dead = 1
    end
end

-- While the server hung, or was down, nobody could say that he lives: who did
-- until then has a lease from now on.

local function forgive_silence()
    local silence = span(state.heard or NOW, NOW)

    if silence > QUEUE_GAP then
        state.gap = NOW
        save_state()
    end

    if silence < LEASE / 2 then
        return
    end

    local silent = redis.call('ZRANGEBYSCORE', P .. 'o',
                              number(state.heard + LEASE / 2), number(NOW))

    for _, owner in ipairs(silent) do
        redis.call('ZADD', P .. 'o', number(NOW + LEASE), owner)
        alive[tonumber(owner)] = true
    end

    state.heard = NOW
    save_state()
end

-- A process says that it lives, as each does much more often than it has to.

function queue.heard()
    begin_queue()
    forgive_silence()

    state.heard = NOW
    save_state()
end

-- A message may have got lost: the process is told again.

function queue.remind()
    begin_queue()

    local list = redis.call('ZRANGEBYSCORE', P .. 'G', '-inf',
                            number(NOW - QUEUE_UNHEARD), 'LIMIT', 0,
                            QUEUE_PIECE)

    for _, serial in ipairs(list) do
        local p = place_at(tonumber(serial))

        if p == nil or p.state ~= PLACE_GRANTED then
            redis.call('ZREM', P .. 'G', serial)

        elseif p.owner == OWNER then
            notify(p)
        end
    end
end

-- A slot that was granted, and not come for, as its process is silent.

local function recall()
    local dropped = false
    local list = redis.call('ZRANGEBYSCORE', P .. 'G', '-inf',
                            number(NOW - QUEUE_SILENT), 'LIMIT', 0, QUEUE_PIECE)

    for _, serial in ipairs(list) do
        local p = place_at(tonumber(serial))

        if p == nil or p.state ~= PLACE_GRANTED then
            redis.call('ZREM', P .. 'G', serial)

        elseif is_silent(p.owner) then
            redis.call('ZREM', P .. 'G', serial)
            drop_place(p)
            dropped = true

        else
            redis.call('ZADD', P .. 'G', number(NOW), serial)
        end
    end

    if dropped then
        dispatch(nil)
    end
end

local function reap()
    if span(state.reaped, NOW) < QUEUE_REAP and state.dead ~= 1 then
        return
    end

    forgive_silence()

    state.reaped = NOW
    state.dead = 0
    save_state()

    -- this one may be late with saying that it lives

    local dead = redis.call('ZRANGEBYSCORE', P .. 'o', '-inf', number(NOW),
                            'LIMIT', 0, 4)

    for _, owner in ipairs(dead) do
        if not lives(tonumber(owner)) then
            bury(owner)
        end
    end

    if #dead ~= 0 then
        redis.call('ZREMRANGEBYSCORE', P .. 'D', '-inf',
                   number(NOW - DEAD_FOR))
    end

    recall()

    local over = redis.call('ZRANGEBYSCORE', P .. 'l', '-inf', number(NOW),
                            'LIMIT', 0, QUEUE_PIECE)

    for _, serial in ipairs(over) do
        local p = place_at(tonumber(serial))

        if p then
            drop_place(p)
        else
            redis.call('ZREM', P .. 'l', serial)
        end
    end
end
