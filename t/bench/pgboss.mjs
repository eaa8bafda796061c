// pg-boss, as its documentation tunes it for throughput: JOBS no-op jobs that wait, two
// processes that work.  node pgboss.mjs URL JOBS; prints jobs per second, from the moment
// the workers run until all are marked complete.
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';

const require = createRequire(process.env.NODE_PATH + '/');
const { PgBoss } = await import(require.resolve('pg-boss'));
const pg = require('pg');
const [, self, url, jobs, role] = process.argv;
const sleep = ms => new Promise(done => setTimeout(done, ms));

async function boss() {
    const b = new PgBoss({ connectionString: url, max: 20, supervise: false, schedule: false });

    b.on('error', error => console.error(error.message));
    await b.start();
    return b;
}

if (role === 'worker') {
    const b = await boss();

    process.send('ready');
    process.once('message', async () => {
        await b.work('q', { batchSize: 500, localConcurrency: 2, burstWhenBatchFull: true },
            async () => {});
    });

} else {
    const b = await boss(), n = Number(jobs);
    const data = i => ({ data: { user: 'u' + i % 1000, note: 'x'.repeat(64) } });

    await b.createQueue('q');

    for (let i = 0; i < n; i += 1000) {
        await b.insert('q', Array.from({ length: Math.min(1000, n - i) }, (_, k) => data(i + k)));
    }

    const client = new pg.Client({ connectionString: url });
    await client.connect();

    const workers = await Promise.all([1, 2].map(() => new Promise(done => {
        const worker = fork(self, [url, jobs, 'worker']);
        worker.once('message', () => done(worker));
    })));

    const began = performance.now();
    workers.forEach(worker => worker.send('go'));

    const left = "SELECT 1 FROM pgboss.job WHERE name = 'q' AND state <> 'completed' LIMIT 1";
    while ((await client.query(left)).rows.length) {
        await sleep(5);
    }

    console.log(n / (performance.now() - began) * 1000);
    workers.forEach(worker => worker.kill());
    process.exit(0);
}
