// BullMQ, as its documentation tunes it for throughput: JOBS no-op jobs that 64 producers add
// one by one while a process of concurrency 64 works.  node bullmq.mjs REDIS-SOCKET JOBS;
// prints jobs per second, from the first addition until none is open.
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';

const require = createRequire(process.env.NODE_PATH + '/');
const { Queue, Worker } = require('bullmq');
const [, self, path, jobs, role] = process.argv;
const connection = { path, maxRetriesPerRequest: null };
const sleep = ms => new Promise(done => setTimeout(done, ms));

if (role === 'worker') {
    const worker = new Worker('q', async () => {}, { connection, concurrency: 64 });

    await worker.waitUntilReady();
    process.send('ready');

} else {
    const queue = new Queue('q', { connection });
    await queue.waitUntilReady();

    const worker = fork(self, [path, jobs, 'worker']);
    await new Promise(done => worker.once('message', done));

    const n = Number(jobs), note = 'x'.repeat(64);
    const began = performance.now();
    let next = 0;

    await Promise.all(Array.from({ length: 64 }, async () => {
        while (next < n) {
            await queue.add('noop', { user: 'u' + next++ % 1000, note });
        }
    }));

    const open = () => queue.getJobCounts('waiting', 'active', 'prioritized', 'delayed', 'failed');
    while (Object.values(await open()).some(count => count > 0)) {
        await sleep(5);
    }

    console.log(n / (performance.now() - began) * 1000);
    worker.kill();
    process.exit(0);
}
