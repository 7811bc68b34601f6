// Drives Ark with AIGNE's client of it (@aigne/doubao), unchanged.
//
//   node doubao.mjs BASE_URL [SPEC]
//
// SPEC, or else standard input, is a JSON array of calls, which are made one
// after the other:
//
//   {"options": {...},       of the model: apiKey, model, ...
//    "input": {...}}         of the call: prompt, size, stream, ...; image is
//                            an array of paths of files
//
// One line of JSON per call: {"images": [{"bytes", "sha256"}], "usage"} or,
// when the package throws, {"error": message}.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(
    new URL('../../build/clients/package.json', import.meta.url));

const { DoubaoImageModel } =
    await import(pathToFileURL(require.resolve('@aigne/doubao')));

const [baseURL, argument] = process.argv.slice(2);
const spec = JSON.parse(argument ?? readFileSync(0, 'utf8'));

function file(path) {
    return {
        type: 'file',
        data: readFileSync(path).toString('base64'),
        mimeType: `image/${path.split('.').pop()}`,
    };
}

async function run(call) {
    const model = new DoubaoImageModel({ baseURL, ...call.options });

    const { images, usage } = await model.process({
        ...call.input,
        image: call.input.image?.map(file),
    });

    return {
        images: images.map(image => {
            const bytes = Buffer.from(image.data, 'base64');

            return {
                bytes: bytes.length,
                sha256: createHash('sha256').update(bytes).digest('hex'),
            };
        }),
        usage,
    };
}

for (const call of spec) {
    let result;

    try {
        result = await run(call);
    } catch (error) {
        result = { error: error.message };
    }

    console.log(JSON.stringify(result));
}
