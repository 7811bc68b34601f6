-- ---- how one fares that waits

local SHARE = 256
local RATE = 1000000000000
local TURN = RATE / SHARE / 1000

local function timeout_of(list)
    local timeout = 0

    for _, i in ipairs(list) do
        if accounts[i].timeout == 0 then
            return 0
        end

        timeout = max(timeout, accounts[i].timeout)
    end

    return timeout
end

local function room(list)
    local n = 0

    for _, i in ipairs(list) do
        n = n + accounts[i].queue
    end

    return n
end

-- the places that wait for nothing but these, and all that others wait for

local function confined(list)
    local n, all = 0, {}

    for _, i in ipairs(list) do
        all[i] = true
    end

    for _, group in pairs(groups) do
        if within(group.accounts, list) then
            n = n + count(group)

        elseif meets(group.accounts, list) then
            for _, i in ipairs(group.accounts) do
                all[i] = true
            end
        end
    end

    local joined = {}

    for i in pairs(all) do
        joined[#joined + 1] = i
    end

    return n, joined
end

local function is_full(list)
    if waiting() < room(list) then
        return false
    end

    local n, joined = confined(list)

    if n >= room(list) then
        return true
    end

    while true do
        local n_all, all = confined(joined)

        if #all == #joined then
            return n_all >= room(joined)
        end

        joined = all
    end
end

local function slots_together(list)
    local n = 0

    for _, i in ipairs(list) do
        n = n + slots_of(accounts[i])
    end

    return max(n, 1)
end

local function common(list, other)
    local result = {}

    for _, i in ipairs(list) do
        if has(other, i) then
            result[#result + 1] = i
        end
    end

    return result
end

-- how many of a group come before a place, or before a tag if that is nil

local function rank_in(group, tag, p)
    local z = P .. 'z' .. group.name

    if p == nil then
        return redis.call('ZCOUNT', z, '-inf', number(tag))
    end

    if group.name == group_name(p) then
        return redis.call('ZRANK', z, member(p)) or 0
    end

    if redis.call('ZCOUNT', z, number(tag), number(tag)) == 0 then
        return redis.call('ZCOUNT', z, '-inf', '(' .. number(tag))
    end

    redis.call('ZADD', z, number(tag), member(p))

    local n = redis.call('ZRANK', z, member(p))

    redis.call('ZREM', z, member(p))

    return n
end

local function foretell(list, tag, p)
    local free, ready, average = 0, nil, 0

    for _, i in ipairs(list) do
        local a = accounts[i]

        free = free + free_slots(a) * SHARE
        ready = min(ready or ready_in(a), ready_in(a))

        if average == 0 or (a.average ~= 0 and a.average < average) then
            average = a.average
        end
    end

    local rate = 0

    for _, i in ipairs(list) do
        local a = accounts[i]
        local time = floor((a.average ~= 0 and a.average or average) * 1000
                           / slots_of(a))

        time = max(time, max(a.interval, a.pace) * 1000)

        if time == 0 then
            rate = nil
            break
        end

        rate = rate + floor(RATE / time)
    end

    local ahead = SHARE

    for _, group in pairs(groups) do
        if meets(group.accounts, list) then
            local share = SHARE

            if not within(group.accounts, list) then
                share = floor(slots_together(common(group.accounts, list))
                              * SHARE / slots_together(group.accounts))
            end

            ahead = ahead + share * rank_in(group, tag, p)
        end
    end

    local turns = 0

    if rate then
        turns = floor(span(free, ahead) * TURN / max(rate, 1))
    end

    return {
        delay = (ready or 0) + turns, average = average,
        step = rate and floor(SHARE * TURN / max(rate, 1))
               or floor(QUEUE_GUESS / slots_together(list))
    }
end

local function retry(o, patience, timeout)
    local wait = span(span(o.average, patience), o.delay)

    if timeout ~= 0 then
        wait = max(wait, span(timeout, o.delay))
    end

    return max(wait, o.step, 1)
end

local function pause(p)
    if state.dead == 1 or state.stuck == 1 then
        return 1
    end

    -- the more wait, the less each can look, as each look takes time of all

    local look = min(max(QUEUE_LOOK, QUEUE_LOOKS * waiting()), QUEUE_LOOK_MAX)
    local wait = min(look, span(NOW, p.due))
    local timeout = timeout_of(p.accounts)

    if timeout ~= 0 then
        wait = min(wait, span(NOW, p.since + timeout))
    end

    for _, i in ipairs(p.accounts) do
        local a = accounts[i]

        if free_slots(a) ~= 0 then
            local ready = ready_in(a)

            if ready < wait and next_place(i) == p.serial then
                wait = ready
            end
        end
    end

    return max(wait, 1)
end
