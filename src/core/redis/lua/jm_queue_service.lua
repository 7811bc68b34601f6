-- Which of the services that make a model is asked for its next picture: see
-- jm_queue_service.h.

local NO_NEWS, NEWS_LEFT, NEWS_BACK = 0, 1, 2

-- what keeps an account from being used for the model, or may

local function account_aside(i, model)
    local a = accounts[i]

    return a.aside[3] ~= 0 and a.aside or aside_of(a, model)
end

-- Whether one of the accounts takes submits, as far as is known; if none does,
-- an account, and what it was set aside for, that is to be tried now.

local function tries(service)
    local account, tried

    for _, i in ipairs(usable(service.accounts, service.model)) do
        local aside = account_aside(i, service.model)

        if aside == nil or aside[3] == 0 then
            return true
        end

        if tried == nil
           and span(aside[4], floor(NOW / 1000)) >= QUEUE_TRY / 1000
        then
            account, tried = i, aside
        end
    end

    return false, account, tried
end

-- An account, and what of it says that another service stands in for this one.

local function left(service)
    for _, i in ipairs(service.accounts) do
        local a = accounts[i]
        local aside = aside_of(a, service.model)

        if a.aside[5] ~= 0 then
            return i, a.aside
        end

        if aside and aside[5] ~= 0 then
            return i, aside
        end
    end
end

local function leave(service)
    for _, i in ipairs(service.accounts) do
        local aside = account_aside(i, service.model)

        if aside then
            aside[5] = 1
            save_account(i)
            return
        end
    end
end

-- Returns the number of a service, from 0, and what is new of the first.

function queue.service(services)
    begin_queue()

    local n, serves, account, tried

    for i, service in ipairs(services) do
        serves, account, tried = tries(service)

        if serves or tried then
            n = i - 1
            break
        end
    end

    if n == nil then
        return 0, NO_NEWS
    end

    if not serves then
        tried[4] = floor(NOW / 1000)
        save_account(account)
    end

    local i, aside = left(services[1])

    if n ~= 0 and i == nil then
        leave(services[1])

        return n, NEWS_LEFT
    end

    if n ~= 0 or i == nil or not serves then
        return n, NO_NEWS
    end

    while i do
        aside[5] = 0
        save_account(i)

        i, aside = left(services[1])
    end

    return n, NEWS_BACK
end
