// Drives the gateway, or Ark, with Vercel's AI SDK (ai, @ai-sdk/openai,
// @ai-sdk/bytedance), unchanged.
//
//   node ai.mjs BASE_URL [SPEC]
//
// SPEC, or else standard input, is a JSON array of calls of generateImage(),
// which are made one after the other, those of an array in it at the same time:
//
//   {"model": "gpt-image-1",
//    "params": {...},        its argument, but for the model; {"bytes": PATH}
//                            in prompt.images is what is in that file
//    "provider": {...},      createOpenAI()'s: apiKey, headers, ...
//    "bytedance": true,      createByteDance() in its place
//    "abort": 500}           milliseconds, then it is given up
//
// One line of JSON per call, in their order: {"images": [{"bytes", "sha256",
// "mediaType"}], "usage", "openai": [what the provider tells of each],
// "requestID", "warnings"} or, when the package throws, {"error": {"name",
// "message", "attempts", "status", "code", "task_id"}}. "seconds" is how long
// the call took.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(
    new URL('../../build/clients/package.json', import.meta.url));
const load = name => import(pathToFileURL(require.resolve(name)));

const { generateImage } = await load('ai');
const { createByteDance } = await load('@ai-sdk/bytedance');
const { createOpenAI } = await load('@ai-sdk/openai');

// What it warns of goes to the console otherwise.
globalThis.AI_SDK_LOG_WARNINGS = false;

const [baseURL, argument] = process.argv.slice(2);
const spec = JSON.parse(argument ?? readFileSync(0, 'utf8'));

function withFiles(prompt) {
    return typeof prompt === 'string' ? prompt : {
        ...prompt,
        images: prompt.images.map(image => readFileSync(image.bytes)),
    };
}

async function run(call) {
    const create = call.bytedance ? createByteDance : createOpenAI;
    const provider = create({ apiKey: 'none', baseURL, ...call.provider });

    const result = await generateImage({
        ...call.params,
        model: provider.image(call.model),
        prompt: withFiles(call.params.prompt),
        abortSignal: call.abort && AbortSignal.timeout(call.abort),
    });

    return {
        images: result.images.map(image => ({
            bytes: image.uint8Array.length,
            sha256: createHash('sha256').update(image.uint8Array)
                .digest('hex'),
            mediaType: image.mediaType,
        })),
        usage: result.usage,
        openai: result.providerMetadata.openai?.images,
        requestID: result.responses[0].headers['x-request-id'],
        warnings: result.warnings,
    };
}

// The last of several tries tells of the answer.
function describe(error) {
    const last = error.lastError ?? error;
    let answer = {};

    try {
        answer = JSON.parse(last.responseBody);
    } catch {
        // there was none, or it is no JSON
    }

    return {
        name: error.name,
        message: error.message,
        attempts: error.errors?.length ?? 1,
        status: last.statusCode,
        code: answer.error?.code,
        task_id: answer.task_id,
    };
}

async function outcome(call) {
    const began = performance.now();
    let result;

    try {
        result = await run(call);
    } catch (error) {
        result = { error: describe(error) };
    }

    return { ...result, seconds: (performance.now() - began) / 1000 };
}

for (const calls of spec) {
    for (const result of await Promise.all([calls].flat().map(outcome))) {
        console.log(JSON.stringify(result));
    }
}
