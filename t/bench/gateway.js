// The job as one would write it in njs: read the client's JSON, submit, query,
// reply, with every exchange signed.  Each request has a virtual machine of
// its own and nothing outlives it, so the signing key is derived once a job.

import crypto from 'crypto';

const VERSION = '2022-08-31';
const SCOPE = '/cn-north-1/cv/request';
const HEADERS = 'content-type;host;x-content-sha256;x-date';

function hash(text) {
    return crypto.createHash('sha256').update(text).digest('hex');
}

function hmac(key, text) {
    return crypto.createHmac('sha256', key).update(text).digest();
}

function signer() {
    const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const day = date.slice(0, 8);
    const key = ['cn-north-1', 'cv', 'request'].reduce(hmac,
                                            hmac(settings.secret_key, day));

    return { date, day, key };
}

async function exchange(r, s, action, body) {
    const args = `Action=${action}&Version=${VERSION}`;
    const bodyHash = hash(body);
    const canonical = hash(`POST\n/\n${args}\ncontent-type:application/json\n`
        + `host:visual.volcengineapi.com\nx-content-sha256:${bodyHash}\n`
        + `x-date:${s.date}\n\n${HEADERS}\n${bodyHash}`);
    const signature = crypto.createHmac('sha256', s.key)
        .update(`HMAC-SHA256\n${s.date}\n${s.day}${SCOPE}\n${canonical}`)
        .digest('hex');
    const v = r.variables;

    v.x_date = s.date;
    v.x_hash = bodyHash;
    v.x_auth = `HMAC-SHA256 Credential=${settings.access_key}/${s.day}${SCOPE}`
        + `, SignedHeaders=${HEADERS}, Signature=${signature}`;

    const answer = await r.subrequest('/_canned',
                                      { method: 'POST', args, body });

    if (answer.status != 200) {
        return null;
    }

    try {
        return JSON.parse(answer.responseText);
    } catch (e) {
        return null;
    }
}

function reply(r, status, value) {
    r.headersOut['Content-Type'] = 'application/json';
    r.headersOut['X-Request-Id'] = r.variables.request_id;
    r.return(status, JSON.stringify(value));
}

function refuse(r, status, type, code, message) {
    reply(r, status, { error: { message, type, param: null, code },
                       code, message });
}

async function result(r, s, task_id) {
    const body = JSON.stringify({ req_key: 'jimeng_t2i_v40', task_id,
                                  req_json: '{"return_url":true}' });

    for (let i = 0; i < settings.attempts; i++) {
        await new Promise((resolve) => {
            setTimeout(resolve, settings.interval);
        });

        // a signature is good for 900 seconds
        if (i % 300 == 299) {
            s = signer();
        }

        const answer = await exchange(r, s, 'CVSync2AsyncGetResult', body);

        if (answer && answer.code == 10000) {
            const data = answer.data;

            if (data.status == 'done') {
                return data.image_urls;
            }

            if (data.status == 'not_found' || data.status == 'expired') {
                return null;
            }
        }
    }

    return null;
}

async function images(r) {
    let request;

    try {
        request = JSON.parse(r.requestText);
    } catch (e) {
        request = {};
    }

    if (typeof request.prompt != 'string' || request.prompt == '') {
        refuse(r, 400, 'invalid_request_error', 'invalid_request',
               'the body must be JSON with a prompt');
        return;
    }

    const size = /^(\d+)x(\d+)$/.exec(request.size || '');
    const submit = { req_key: 'jimeng_t2i_v40', prompt: request.prompt,
                     force_single: true };

    if (size) {
        submit.width = Number(size[1]);
        submit.height = Number(size[2]);
    }

    const s = signer();
    const answer = await exchange(r, s, 'CVSync2AsyncSubmitTask',
                                  JSON.stringify(submit));

    if (!answer || answer.code != 10000) {
        refuse(r, 502, 'api_error', 'upstream_error',
               'the upstream did not take the task');
        return;
    }

    const task_id = answer.data.task_id;
    const urls = await result(r, s, task_id);

    if (!urls) {
        refuse(r, 504, 'api_error', 'generation_timeout',
               'the picture was not done in time');
        return;
    }

    reply(r, 200, {
        created: Math.floor(Date.now() / 1000),
        model: 'jimeng_t2i_v40',
        task_id,
        task_status: 'succeed',
        data: urls.map((url) => ({ url })),
        size: size ? size[0] : 'auto',
        usage: { generated_images: urls.length },
    });
}

export default { images };
