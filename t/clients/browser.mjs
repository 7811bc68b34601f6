// Drives a headless Chromium through pages that ask the gateway for pictures.
//
//   node browser.mjs FILE
//
// FILE is JSON:
//
//   {"chromium": PATH, "profile": an empty directory,
//    "port": PORT,                    where browser.html is served, under
//                                     whatever name
//    "pages": [                       one after the other
//      {"url": URL,                   any page with an ask(), or
//       "visit": URL,                 one that is only looked at,
//       "calls": [{"name": ...,       as browser.html has them
//                  "leaves": true}],  it leads the page elsewhere
//       "screenshot": PATH}]}
//
// Each name of example.com, example.net and example.org is this machine. One
// line of JSON per call: what ask() says, or of a call that leads elsewhere
// {"name", "status", "body"} of what is there.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(
    new URL('../../build/clients/package.json', import.meta.url));
const { default: puppeteer } = require('puppeteer-core');

const spec = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const html = readFileSync(new URL('browser.html', import.meta.url));

const server = createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end(html);
});

await new Promise((resolve) => {
    server.listen(spec.port, '127.0.0.1', resolve);
});

const names = ['com', 'net', 'org'].map(
    (domain) => `MAP *.example.${domain} 127.0.0.1`);

// A machine that runs other tests as well is slow.
const timeout = 90_000;

const browser = await puppeteer.launch({
    timeout,
    executablePath: spec.chromium,
    userDataDir: spec.profile,
    pipe: true,
    acceptInsecureCerts: true,
    defaultViewport: { width: 1200, height: 900 },
    args: [
        '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
        '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync',
        `--host-resolver-rules=${names.join(', ')}`,
    ],
});

async function run(page, call) {
    if (!call.leaves) {
        return page.evaluate((what) => ask(what), call);
    }

    const [response] = await Promise.all([
        page.waitForNavigation(),
        page.evaluate((what) => { ask(what); }, call),
    ]);

    return {
        name: call.name,
        status: response.status(),
        body: await response.text(),
    };
}

try {
    for (const { url, visit, calls, screenshot } of spec.pages) {
        const page = await browser.newPage();

        page.setDefaultTimeout(timeout);

        if (visit) {
            await page.goto(visit);
        }

        if (url) {
            await page.goto(url);
        }

        for (const call of calls ?? []) {
            console.log(JSON.stringify(await run(page, call)));
        }

        if (screenshot) {
            await page.waitForNetworkIdle({ idleTime: 200 });
            await page.screenshot({ path: screenshot });
        }

        await page.close();
    }

} finally {
    await browser.close();
    server.close();
}
