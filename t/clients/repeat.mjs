// Asks the gateway with an HTTP client that repeats by itself what fails.
//
//   node repeat.mjs CLIENT URL KEY BODY
//
// CLIENT is got, undici (its RetryAgent) or fetch-event-source. They are told
// to repeat a POST as well, and how often. What was answered is printed; of a
// stream, its last message.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(
    new URL('../../build/clients/package.json', import.meta.url));
const load = name => import(pathToFileURL(require.resolve(name)));

const [client, url, key, body] = process.argv.slice(2);
const headers = {
    'Content-Type': 'application/json',
    'Authorization': `Bearer ${key}`,
};

const clients = {
    async got() {
        const { default: got } = await load('got');

        return got.post(url, {
            headers,
            body,
            throwHttpErrors: false,
            retry: { methods: ['POST'] },
        }).text();
    },

    async undici() {
        const { Agent, RetryAgent, request } = await load('undici');

        const answer = await request(url, {
            method: 'POST',
            headers,
            body,
            dispatcher: new RetryAgent(new Agent(),
                { methods: ['POST'], maxRetries: 3 }),
        });

        return answer.body.text();
    },

    // It is made for browsers.
    async 'fetch-event-source'() {
        const listeners = {
            addEventListener() { },
            removeEventListener() { },
        };

        globalThis.document = { hidden: false, ...listeners };
        globalThis.window = globalThis;

        const { fetchEventSource }
            = await load('@microsoft/fetch-event-source');
        let last = '';

        await fetchEventSource(url, {
            method: 'POST',
            headers,
            body,
            onmessage(message) {
                if (message.event === 'error') {
                    throw new Error(message.data);
                }

                last = message.data;
            },
        });

        return last;
    },
};

process.stdout.write(await clients[client]());
process.exit();
