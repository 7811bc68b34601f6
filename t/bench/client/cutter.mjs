// A TCP proxy that resets connections whose client waits for an answer.
//
//   const cutter = new Cutter({ gateways, share, within, heard, random });
//   await cutter.listen();        cutter.port is a free one
//   cutter.tries                  what was asked over it, see below
//
// "gateways" are ports that its connections lead to by turns, "random" returns
// numbers below 1.
// "share" of the requests have their connection reset, within so many
// milliseconds of their start, unless the answer has begun by then. The gateway
// hears of the share "heard" of the resets: the others are as a lost packet of a
// network that forgot the connection, where only the client gives up. What a
// client sends for the last time is let alone: nothing could reach it any more.
//
// A try is {call, retry, began, ended, how, status}: "call" is the client's
// header X-Call, "retry" how many tries of that call there were before, times
// are seconds since 1970. It was "answered", with that status, "cut" by the
// proxy, or "lost", when the gateway broke the connection off.

import { createServer, connect } from 'node:net';

const LAST = 2;     // so often each client repeats a call

export class Cutter {
    constructor(options) {
        Object.assign(this, options,
            { tries: [], counts: new Map(), resets: 0, turn: 0 });

        // Half-open: a side that has sent its last byte is still answered.
        this.server = createServer({ allowHalfOpen: true },
            client => this.accepted(client));
    }

    listen() {
        return new Promise(resolve => {
            this.server.listen(0, '127.0.0.1', () => {
                this.port = this.server.address().port;
                resolve();
            });
        });
    }

    accepted(client) {
        const port = this.gateways[this.turn++ % this.gateways.length];
        const gateway = connect({ port, host: '127.0.0.1',
            allowHalfOpen: true });
        const connection = { client, gateway, current: null, cut: false };

        client.setNoDelay(true);
        gateway.setNoDelay(true);

        client.on('data', bytes => {
            this.asked(connection, bytes);
            gateway.write(bytes);
        });

        gateway.on('data', bytes => {
            this.answered(connection, bytes);

            if (!connection.cut) {
                client.write(bytes);
            }
        });

        client.on('end', () => gateway.end());
        gateway.on('end', () => this.lost(connection, false));

        client.on('error', () => gateway.destroy());
        gateway.on('error', () => this.lost(connection, true));

        client.on('close', () => connection.cut || gateway.destroy());
    }

    // No client of ours sends a request before it has the answer to the last.
    asked(connection, bytes) {
        const head = bytes.toString('latin1');

        if (!head.startsWith('POST ')) {
            return;
        }

        const call = Number(/^x-call: *(\d+)/im.exec(head)[1]);
        const retry = this.counts.get(call) ?? 0;

        const current = {
            call, retry,
            began: Date.now() / 1000, ended: null, how: null, status: null,
        };

        this.counts.set(call, retry + 1);
        this.tries.push(current);
        connection.current = current;

        const [chance, when, heard] =
            [this.random(), this.random(), this.random() < this.heard];

        if (chance < this.share && current.retry < LAST) {
            setTimeout(() => this.cut(connection, current, heard),
                when * this.within);
        }
    }

    answered(connection, bytes) {
        const { current } = connection;

        if (current === null || current.how !== null) {
            return;
        }

        current.status = Number(bytes.toString('latin1', 9, 12));
        this.end(current, 'answered');
    }

    cut(connection, current, heard) {
        if (current.how !== null) {
            return;
        }

        this.end(current, 'cut');
        this.resets++;

        connection.cut = true;
        connection.client.resetAndDestroy();

        if (heard) {
            connection.gateway.resetAndDestroy();
        }
    }

    lost(connection, reset) {
        const { current, client } = connection;

        if (current !== null && current.how === null) {
            this.end(current, 'lost');
        }

        reset ? client.resetAndDestroy() : client.end();
    }

    end(current, how) {
        current.how = how;
        current.ended = Date.now() / 1000;
    }
}
