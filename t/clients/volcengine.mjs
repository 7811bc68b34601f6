// Calls the emulator with the vendor's own SDK, unchanged: what it signs, the
// emulator must accept.
//
//   node volcengine.mjs URL
//
// EMULATOR_ACCESS_KEY, EMULATOR_SECRET_KEY and, for STS credentials,
// EMULATOR_SECURITY_TOKEN come from the environment. One line of JSON is
// printed:
//
//   submit   answer to a submit by the SDK's Service
//   done     answer to the query that found its task done
//   signer   answer to a submit signed by the SDK's Signer, with a Host
//   refused  answer to a submit with a wrong secret

import { request } from 'node:http';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

// The SDK's HTTP client would send even 127.0.0.1 through a proxy.
for (const name of ['http_proxy', 'HTTP_PROXY', 'VOLC_PROXY_PORT']) {
    delete process.env[name];
}

const require = createRequire(
    new URL('../../build/clients/package.json', import.meta.url));
const { Service, Signer } = require('@volcengine/openapi');

const url = new URL(process.argv[2]);
const version = '2022-08-31';
const credentials = {
    accessKeyId: process.env.EMULATOR_ACCESS_KEY,
    secretKey: process.env.EMULATOR_SECRET_KEY,
    sessionToken: process.env.EMULATOR_SECURITY_TOKEN,
};

const task = {
    req_key: 'jimeng_t2i_v40',
    prompt: '一只猫 & "quotes", 100% + ~*\'()!',
    width: 1024,
    height: 1024,
};

function service(changed) {
    return new Service({
        protocol: url.protocol,
        host: url.host,
        region: 'cn-north-1',
        serviceName: 'cv',
        defaultVersion: version,
        ...credentials,
        ...changed,
    });
}

function submit(changed) {
    return service(changed).createJSONAPI('CVSync2AsyncSubmitTask')(task);
}

async function untilDone(id) {
    const query = service().createJSONAPI('CVSync2AsyncGetResult');
    const deadline = Date.now() + 60000;

    for (;;) {
        const answer = await query({
            req_key: task.req_key,
            task_id: id,
            req_json: JSON.stringify({ return_url: true }),
        });

        const status = answer.data?.status;

        if (!['in_queue', 'generating'].includes(status)
            || Date.now() > deadline)
        {
            return answer;
        }

        await sleep(50);
    }
}

// As for the real service: its name as Host, which is signed too.
function submitWithHost() {
    const body = JSON.stringify(task);
    const params = { Action: 'CVSync2AsyncSubmitTask', Version: version };
    const signed = {
        region: 'cn-north-1',
        method: 'POST',
        params,
        body,
        headers: {
            Host: 'visual.volcengineapi.com',
            'Content-Type': 'application/json',
        },
    };

    new Signer(signed, 'cv').addAuthorization(credentials);

    return new Promise((resolve, reject) => {
        const call = request({
            host: url.hostname,
            port: url.port,
            method: 'POST',
            path: '/?' + new URLSearchParams(params),
            headers: signed.headers,
        }, async (response) => {
            let text = '';

            for await (const part of response.setEncoding('utf8')) {
                text += part;
            }

            resolve(JSON.parse(text));
        });

        call.on('error', reject);
        call.end(body);
    });
}

const submitted = await submit();

console.log(JSON.stringify({
    submit: submitted,
    done: await untilDone(submitted.data?.task_id),
    signer: await submitWithHost(),
    refused: await submit({ secretKey: 'wrong' }),
}));
