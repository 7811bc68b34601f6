// Drives the gateway with the openai package, unchanged.
//
//   node openai.mjs BASE_URL [SPEC]
//
// SPEC, or else standard input, is a JSON array of calls (or one of them),
// which are made one after the other:
//
//   {"method": "images.generate",     the default; any method of the client
//    "params": {...},                 its argument; {"file": PATH} in it is
//                                     that file, {"bytes": PATH} what is in
//                                     it: the package repeats no stream
//    "options": {...},                per request: headers, signal, ...
//    "client": {...},                 maxRetries, timeout, apiKey, ...
//    "azure": true,                   by its client for Azure
//    "abort": 500,                    milliseconds, then it is given up
//    "events": 1}                     of a stream, then it is left
//
// One line of JSON per call: {"result", "status", "requestID", "headers"} or,
// when the package throws,
// {"error": {"name", "status", "code", "type", "param", "message",
//            "requestID", "headers": {"x-should-retry", "retry-after"}}}.
// The result of a stream is the array of its events; with an error they are
// beside it, as "events". In place of the base64 of a picture there is
// {"bytes", "sha256"}. "seconds" is how long the call took.

import { File } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';

const require = createRequire(
    new URL('../../build/clients/package.json', import.meta.url));
const { AzureOpenAI, OpenAI } = require('openai');

const [baseURL, argument] = process.argv.slice(2);
const spec = JSON.parse(argument ?? readFileSync(0, 'utf8'));

function withFiles(value) {
    if (Array.isArray(value)) {
        return value.map(withFiles);
    }

    if (value?.bytes) {
        return new File([readFileSync(value.bytes)], basename(value.bytes));
    }

    return value?.file ? createReadStream(value.file) : value;
}

async function run(call, events) {
    const Client = call.azure ? AzureOpenAI : OpenAI;
    const client = new Client({ apiKey: 'none', baseURL, ...call.client });

    const path = (call.method ?? 'images.generate').split('.');
    const name = path.pop();
    const resource = path.reduce((object, part) => object[part], client);

    const options = { ...call.options };

    if (call.abort !== undefined) {
        options.signal = AbortSignal.timeout(call.abort);
    }

    const params = typeof call.params === 'object'
        ? Object.fromEntries(Object.entries(call.params).map(
            ([key, value]) => [key, withFiles(value)]))
        : call.params;

    // A method without parameters takes its options first.
    const args = params === undefined ? [options] : [params, options];

    const { data, response, request_id } =
        await resource[name](...args).withResponse();

    return {
        result: call.params?.stream
            ? await collect(data, events, call.events) : data,
        status: response.status,
        requestID: request_id,
        headers: Object.fromEntries(response.headers),
    };
}

async function collect(stream, events, most) {
    for await (const event of stream) {
        events.push(event);

        if (events.length === most) {
            break;
        }
    }

    return events;
}

// What a picture in base64 is printed as.
function shorten(key, value) {
    if (key !== 'b64_json' || typeof value !== 'string') {
        return value;
    }

    const bytes = Buffer.from(value, 'base64');

    return {
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
    };
}

function describe(error) {
    return {
        name: error.constructor.name,
        status: error.status,
        code: error.code,
        type: error.type,
        param: error.param,
        message: error.message,
        requestID: error.requestID,
        headers: {
            'x-should-retry': error.headers?.get('x-should-retry'),
            'retry-after': error.headers?.get('retry-after'),
        },
    };
}

for (const call of Array.isArray(spec) ? spec : [spec]) {
    const began = performance.now();
    const events = [];
    let outcome;

    try {
        outcome = await run(call, events);
    } catch (error) {
        outcome = { error: describe(error), events };
    }

    outcome.seconds = (performance.now() - began) / 1000;
    console.log(JSON.stringify(outcome, shorten));
}
