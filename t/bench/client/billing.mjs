// Asks a gateway for pictures with the openai package, unchanged and with the
// retries it makes of its own accord, over a network that breaks connections.
//
//   node billing.mjs {"gateway": PORT, "packages": DIR, "calls": N, "clients": N,
//                     "share": 0.05, "within": MS, "limit": S, "seed": N}
//
// DIR has the node_modules. So many clients make one call after another, each
// with a prompt of its own that has the call's number. One line of JSON for
// each call as it ends:
//
//   {"call", "seconds", "url"} or {"call", "seconds", "error": {"name",
//    "status", "message", "task_id", "retry"}}
//
// A call that has not ended "limit" seconds after it began is
// {"call", "seconds", "hung": true}. The last line is {"resets", "tries"}, see
// cutter.mjs.

import { createRequire } from 'node:module';
import { Cutter } from './cutter.mjs';

const o = JSON.parse(process.argv[2]);
const { OpenAI } = createRequire(`${o.packages}/package.json`)('openai');

// The same numbers for the same seed: mulberry32, which is in the public
// domain.
function generator(seed) {
    let state = seed >>> 0;

    return () => {
        state = state + 0x6d2b79f5 >>> 0;
        let t = Math.imul(state ^ state >>> 15, state | 1);
        t ^= t + Math.imul(t ^ t >>> 7, t | 61);
        return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
    };
}

function describe(error) {
    return {
        name: error.constructor.name,
        status: error.status,
        message: error.message,
        task_id: error.error?.task_id,
        retry: error.headers?.get('x-should-retry'),
    };
}

async function outcome(client, call) {
    try {
        const reply = await client.images.generate(
            { model: 'jimeng-4.0', prompt: `call ${call}: a cat in the sun` },
            { headers: { 'X-Call': String(call) } });

        return { url: reply.data[0].url };
    } catch (error) {
        return { error: describe(error) };
    }
}

const cutter = new Cutter({ ...o, random: generator(o.seed) });
await cutter.listen();

const baseURL = `http://127.0.0.1:${cutter.port}/v1`;
let next = 0;

async function client() {
    const openai = new OpenAI({ apiKey: 'sk-bench', baseURL });

    while (next < o.calls) {
        const call = ++next;
        const began = performance.now();

        let timer;
        const late = new Promise(resolve => {
            timer = setTimeout(resolve, o.limit * 1000, { hung: true });
        });

        const result = await Promise.race([outcome(openai, call), late]);
        clearTimeout(timer);

        const seconds = (performance.now() - began) / 1000;

        console.log(JSON.stringify({ call, seconds, ...result }));
    }
}

await Promise.all(Array.from({ length: o.clients }, client));

console.log(JSON.stringify({ resets: cutter.resets, tries: cutter.tries }));

// A call that hangs must not hold this program.
process.exit();
