// Asks a gateway for pictures with somebody else's client, unchanged and with
// the retries it makes of its own accord, over a network that breaks
// connections.
//
//   node billing.mjs {"client": "openai", "gateways": [PORT], "packages": DIR,
//                     "dir": DIR, "calls": N, "clients": N, "share": 0.05,
//                     "within": MS, "heard": 0.5, "limit": S, "seed": N}
//
// "client" is openai, ai or curl; "packages" has the node_modules, "dir" room
// for files. So many clients make one call after another, each with a prompt
// of its own that has the call's number. One line of JSON for each call as it
// ends:
//
//   {"call", "seconds", "url"} or {"call", "seconds", "sha256"}, of the
//   picture, or {"call", "seconds", "error": {"status", "message", "task_id",
//   "retry"}}
//
// A call that has not ended "limit" seconds after it began is
// {"call", "seconds", "hung": true}. The last line is {"resets", "tries"}, see
// cutter.mjs.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Cutter } from './cutter.mjs';

const o = JSON.parse(process.argv[2]);
const KEY = 'sk-bench';
const MODEL = 'jimeng-4.0';

function load(name) {
    const { resolve } = createRequire(`${o.packages}/package.json`);

    return import(pathToFileURL(resolve(name)));
}

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

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return {};
    }
}

// What makes a call, with its number and its prompt, and returns a picture or
// an error as above.
const makers = {
    async openai(baseURL) {
        const { OpenAI } = await load('openai');
        const client = new OpenAI({ apiKey: KEY, baseURL });

        return async (call, prompt) => {
            try {
                const reply = await client.images.generate(
                    { model: MODEL, prompt },
                    { headers: { 'X-Call': String(call) } });

                return { url: reply.data[0].url };
            } catch (error) {
                return { error: {
                    status: error.status,
                    message: error.message,
                    task_id: error.error?.task_id,
                    retry: error.headers?.get('x-should-retry'),
                } };
            }
        };
    },

    async ai(baseURL) {
        const { generateImage } = await load('ai');
        const { createOpenAI } = await load('@ai-sdk/openai');
        const model = createOpenAI({ apiKey: KEY, baseURL }).image(MODEL);

        return async (call, prompt) => {
            try {
                const { image } = await generateImage(
                    { model, prompt, headers: { 'X-Call': String(call) } });

                return { sha256: createHash('sha256')
                    .update(image.uint8Array).digest('hex') };
            } catch (error) {
                const last = error.lastError ?? error;

                return { error: {
                    status: last.statusCode,
                    message: error.message,
                    task_id: parsed(last.responseBody).task_id,
                    retry: last.responseHeaders?.['x-should-retry'],
                } };
            }
        };
    },

    async curl(baseURL) {
        return async (call, prompt) => {
            const file = `${o.dir}/call-${call}`;
            const curl = spawn('curl', ['-sS', '--noproxy', '*',
                '--retry', '2', '--retry-all-errors',
                '-H', 'Content-Type: application/json',
                '-H', `Authorization: Bearer ${KEY}`, '-H', `X-Call: ${call}`,
                '-d', JSON.stringify({ model: MODEL, prompt }),
                '-o', file, '-w', '%{http_code} %header{x-should-retry}',
                `${baseURL}/images/generations`]);

            const said = { stdout: '', stderr: '' };

            for (const name of ['stdout', 'stderr']) {
                curl[name].on('data', bytes => said[name] += bytes);
            }

            const exit = await new Promise(resolve => {
                curl.on('close', resolve);
            });

            if (exit !== 0) {
                return { error: { message: said.stderr } };
            }

            const [status, retry] = said.stdout.split(' ');
            const reply = parsed(await readFile(file));

            return status === '200' ? { url: reply.data?.[0].url } : { error: {
                status: Number(status),
                message: reply.message,
                task_id: reply.task_id,
                retry,
            } };
        };
    },
};

const cutter = new Cutter({ ...o, random: generator(o.seed) });
await cutter.listen();

const make = await makers[o.client](`http://127.0.0.1:${cutter.port}/v1`);
let next = 0;

async function client() {
    while (next < o.calls) {
        const call = ++next;
        const began = performance.now();

        let timer;
        const late = new Promise(resolve => {
            timer = setTimeout(resolve, o.limit * 1000, { hung: true });
        });

        const prompt = `call ${call}: a cat in the sun [[bytes=3000]]`;
        const result = await Promise.race([make(call, prompt), late]);
        clearTimeout(timer);

        const seconds = (performance.now() - began) / 1000;

        console.log(JSON.stringify({ call, seconds, ...result }));
    }
}

await Promise.all(Array.from({ length: o.clients }, client));

console.log(JSON.stringify({ resets: cutter.resets, tries: cutter.tries }));

// A call that hangs must not hold this program.
process.exit();
