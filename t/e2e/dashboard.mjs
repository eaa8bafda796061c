// What the users of t/e2e/dashboard do in a browser.  One line of JSON a test.
// SHOTS=folder keeps a picture of each screen, in both sizes and schemes.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync, copyFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { NPM, CHROMIUM, CLIP, DIR, DATABASE_URL, SHOTS } = process.env;
const { chromium } = await import(join(NPM, 'node_modules/playwright-core/index.mjs'));
const AXE = readFileSync(join(NPM, 'node_modules/axe-core/axe.min.js'), 'utf8');
const [creator, investor, production, admin] = JSON.parse(process.env.LINKS);
const base = creator.replace(/demo\/.*/, '');
const work = mkdtempSync(join(tmpdir(), 'dashboard-'));

const PHONE = { width: 360, height: 740 }, DESKTOP = { width: 1200, height: 850 };
const HOSTILE = '<img src=x onerror=alert(1)> & "co".mp4';

function ok(condition, name, ...why) {
    console.log(JSON.stringify({ ok: Boolean(condition), name, why: why.map((w) => typeof w === 'string' ? w : JSON.stringify(w)) }));
}

function sql(text) {
    return execFileSync('psql', ['-X', '-At', '-d', DATABASE_URL, '-c', text], { encoding: 'utf8' }).trim();
}

const viewers = new Set();             // pages in which a PDF was shown
const browser = await chromium.launch({ executablePath: CHROMIUM, args: process.getuid() === 0 ? ['--no-sandbox'] : [] });

// A user with a page that complains: noise has what the browser said, and whom
// it asked besides the server.  expect(re) is noise that belongs to a test.
async function user(link, options = {}) {
    const context = await browser.newContext({ viewport: DESKTOP, colorScheme: 'light', ...options });
    const page = await context.newPage();
    const noise = [], expected = [];

    page.setDefaultTimeout(15000);
    page.on('console', (m) => ['error', 'warning'].includes(m.type()) && noise.push(m.text()));
    page.on('pageerror', (e) => noise.push(String(e.stack)));
    page.on('dialog', (d) => noise.push('dialog: ' + d.message()) && d.dismiss());
    page.on('request', (r) => {
        const url = r.url();

        if (/^chrome(-extension)?:/.test(url)) {
            viewers.add(page);         // Chromium's PDF viewer begins

        } else if (!/^(blob|data):/.test(url) && !url.startsWith(new URL('/', base).href)) {
            noise.push('third party: ' + url);
        }
    });

    await page.goto(link);
    await page.waitForSelector('h1');
    return {
        page, context,
        expect: (re) => expected.push(re),
        quiet: (name) => {
            const said = noise.filter((n) => !expected.some((re) => re.test(n)));
            ok(said.length === 0, `${name}: the browser has nothing to say`, ...said);
        },
        rest: () => context.close()
    };
}

// axe in both schemes, no sideways scrolling on a phone; pictures if wanted
async function look(page, name) {
    for (const scheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });

        if (SHOTS) {
            mkdirSync(SHOTS, { recursive: true });
            await page.screenshot({ path: `${SHOTS}/${name}-desktop-${scheme}.png`, fullPage: true });
        }

        await page.evaluate(AXE);
        const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'], iframes: false }));
        const bad = found.violations.filter((v) => ['serious', 'critical'].includes(v.impact));

        ok(bad.length === 0, `${name}, ${scheme}: axe has no serious finding`,
            ...bad.map((v) => `${v.id}: ${v.nodes.map((n) => n.html + ' ' + n.failureSummary).join('\n')}`));
    }

    await page.setViewportSize(PHONE);

    for (const scheme of SHOTS ? ['dark', 'light'] : []) {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
        await page.screenshot({ path: `${SHOTS}/${name}-phone-${scheme}.png`, fullPage: true });
    }

    const wide = await page.evaluate(() => document.documentElement.scrollWidth);

    ok(wide <= PHONE.width, `${name}: nothing sticks out at 360 px`, wide);
    await page.setViewportSize(DESKTOP);
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: null });
}

const status = (page, s, timeout = 60000) => page.waitForSelector(`h1 .badge.${s}`, { timeout });

// whether so many are there, now or soon: results follow the job's state
const has = (locator, n = 1) => locator.nth(n - 1).waitFor({ state: 'attached' }).then(() => true, () => false);

// whether it is so, now or within 20 s
async function soon(condition) {
    for (let i = 0; i < 200; i++) {
        if (await condition()) {
            return true;
        }

        await new Promise((resolve) => setTimeout(resolve, 100));
    }

    return false;
}

const jobOf = (page) => page.url().split('/').pop();

async function submitted(page) {
    await page.waitForURL(/#\/jobs\/[0-9a-f-]{36}$/);
    return jobOf(page);
}

async function api(page, path, options = {}) {
    const answer = await page.context().request.fetch(new URL('/api/containers' + path, base).href, options);
    return { status: answer.status(), headers: answer.headers(), body: await answer.text() };
}


// ---- a creator uploads a clip and watches it ----

async function upload({ page, expect }) {
    await page.getByRole('link', { name: 'Publish a clip' }).click();
    await page.waitForSelector('input[type=file]');
    await look(page, 'form-video');

    // the first PATCH is cut off: the upload asks where it is and goes on
    const asked = [];
    let cut = 0;

    expect(/net::ERR_CONNECTION_RESET|net::ERR_FAILED/);
    page.on('request', (r) => r.url().includes('/files/tus') && asked.push(r.method()));
    await page.route(/files\/tus\/./, (route) => route.request().method() === 'PATCH' && !cut++ ? route.abort('connectionreset') : route.continue());

    copyFileSync(CLIP, join(work, 'clip.mp4'));
    const named = { name: HOSTILE, mimeType: 'video/mp4', buffer: readFileSync(CLIP) };
    await page.setInputFiles('input[type=file]', named);
    await page.getByText('Uploaded.').waitFor();
    await page.unroute(/files\/tus\/./);
    ok(asked.join(' ') === 'POST PATCH HEAD PATCH', 'an upload that is cut off goes on where it was', asked);
    ok(await page.locator('select option', { hasText: HOSTILE }).count() === 1, 'a file\'s name is text, whatever it is');
    ok(await page.locator('main img').count() === 0, 'and never markup');
}

async function captioned({ page }) {
    await page.getByText('More to say').click();
    await page.getByRole('button', { name: 'Add to captions' }).click();
    await page.getByLabel('New file for File').last().setInputFiles({
        name: 'captions.srt', mimeType: 'application/x-subrip', buffer: Buffer.from('1\n00:00:00,000 --> 00:00:07,000\nA caption\n')
    });
    await page.getByText('Uploaded.').nth(1).waitFor();
    ok(true, 'a file of captions goes with it');
}

async function watch({ page }) {
    // by keyboard alone
    await page.getByRole('button', { name: 'Submit' }).focus();
    await page.keyboard.press('Enter');
    await submitted(page);
    await status(page, 'succeeded');

    const video = page.locator('video');
    await page.waitForSelector('#quality');
    await page.locator('#quality').selectOption({ index: 1 });
    await video.evaluate((v) => {
        v.muted = true;
        return v.play();
    });
    await page.waitForFunction(() => document.querySelector('video').currentTime > 0.7);
    ok(true, 'the clip plays');
    ok(await video.evaluate((v) => v.src.startsWith('blob:') && v.videoHeight === 240), 'from its ladder, in the quality that was chosen',
        await video.evaluate((v) => [v.src, v.videoHeight]));
    await page.getByLabel('Captions').selectOption({ index: 1 });
    await page.waitForFunction(() => [...document.querySelector('video').textTracks]
        .some((t) => t.mode === 'showing' && t.activeCues?.[0]?.text === 'A caption'));
    ok(true, 'with its captions');
    await page.getByLabel('Captions').selectOption({ label: 'None' });
    await page.waitForFunction(() => [...document.querySelector('video').textTracks].every((t) => t.mode !== 'showing'));
    ok(true, 'or without them');
    await video.evaluate((v) => v.pause());
    await page.waitForFunction(() => [...document.querySelectorAll('.images img')].every((i) => i.complete || i.loading === 'lazy'));
    ok(await has(page.locator('.images img'), 11), 'its pictures are there');
    await look(page, 'job-video');

    await page.getByRole('button', { name: 'Make a link to share' }).click();
    const shared = await page.locator('#link').inputValue();
    const stranger = await (await fetch(shared)).text();
    ok(stranger.startsWith('#EXTM3U'), 'a link to share needs no session', shared, stranger.slice(0, 80));
}

async function live({ page, expect }) {
    await page.goto(base + '#/jobs');
    await page.waitForSelector('.live[data-state=open]');

    const sleep = async (seconds) => JSON.parse((await api(page, '/test-service/sleep', { method: 'POST', data: { seconds, steps: 20 } })).body).id;
    const id = await sleep(2);
    const row = page.locator(`[data-job="${id}"]`);

    await row.locator('.badge.running').waitFor();
    await page.waitForFunction((i) => {
        const p = document.querySelector(`[data-job="${i}"] progress`).value;
        return p > 0.1 && p < 1;
    }, id);
    ok(true, 'a job that is made elsewhere appears, and its progress moves');
    await look(page, 'jobs');
    await row.locator('.badge.succeeded').waitFor();
    ok(await page.locator('#announce').innerText() !== '', 'its end is told to a screen reader');

    // the workers leave: the page comes back and misses nothing
    expect(/WebSocket connection to/);
    const last = await sleep(1);
    await page.evaluate(() => {
        window.states = [];
        new MutationObserver(() => states.push(document.querySelector('.live').dataset.state))
            .observe(document.querySelector('.live'), { attributes: true });
    });
    process.kill(Number(readFileSync(join(DIR, 'nginx/nginx.pid'), 'utf8')), 'SIGHUP');
    await page.waitForFunction(() => states.includes('lost'));
    await page.waitForFunction(() => document.querySelector('.live').dataset.state === 'open');
    await page.locator(`[data-job="${last}"] .badge.succeeded`).waitFor();
    ok(true, 'after a reload of nginx the page is live again, and has missed nothing');
}

async function cancel({ page }) {
    const { body } = await api(page, '/test-service/sleep', { method: 'POST', data: { seconds: 50, steps: 50 } });

    await page.goto(`${base}#/jobs/${JSON.parse(body).id}`);
    await status(page, 'running');
    await page.waitForFunction(() => document.querySelector('.stage')?.textContent.includes('left'));
    ok(true, 'a job on its way says how long it may take');
    await page.waitForFunction(() => document.querySelectorAll('.timeline li').length === 2);
    ok(true, 'and what has happened so far, each once');
    await look(page, 'job-running');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await status(page, 'cancelled');
    ok(true, 'a job is cancelled from its page');
}

async function hostile({ page }) {
    const message = '<b onclick=alert(1)>bold</b><script>alert(2)</script>';
    const { body } = await api(page, '/test-service/fail', { method: 'POST', data: { message } });

    await page.goto(`${base}#/jobs/${JSON.parse(body).id}`);
    await status(page, 'failed');
    ok((await page.locator('.problem').innerText()).includes(message), 'what a processor says is shown as it is');
    ok(await page.locator('main b, main script').count() === 0, 'and never as markup');
    await look(page, 'job-failed');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.waitForURL((url) => !url.href.endsWith(JSON.parse(body).id));
    ok(true, 'a failed job is tried again');
}


// ---- an investor gets an NDA and an analysis ----

async function nda({ page, expect }) {
    await page.getByRole('link', { name: 'Write an NDA' }).first().click();
    await page.getByLabel('Working title').waitFor();

    expect(/status of 422/);
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.waitForSelector('[aria-invalid]');
    ok(await page.locator('[aria-invalid]').count() >= 3, 'what is missing is told at its field');
    ok(await page.evaluate(() => document.activeElement === document.querySelector('[aria-invalid]')
        && document.getElementById(document.activeElement.getAttribute('aria-describedby').split(' ')[1]).textContent !== ''),
        'the first such field has the focus, and describes itself');
    await look(page, 'form-nda');

    await page.getByLabel('Type').selectOption('mutual');
    for (const [legend, name] of [['Disclosing party', 'Alex Rivera'], ['Receiving party', 'Sarah Chen']]) {
        const party = page.getByRole('group', { name: legend });
        await party.getByLabel('Name (required)').first().fill(name);
        await party.getByLabel('Address').fill('14 Harbour Street, Wellington');
    }
    await page.getByLabel('Working title').fill('The Salt Line');
    await page.getByLabel('Effective date').fill('2026-11-23');
    await page.getByLabel('Term').fill('3');
    await page.getByLabel('Governing law').fill('the State of California');
    await page.getByRole('button', { name: 'Submit' }).click();
    await submitted(page);
    await status(page, 'succeeded');
    await pdf(page, 'nda.pdf', 'the NDA');
    await look(page, 'job-nda');
}

// The viewer is the browser's own: what it shows is a frame of the page's bytes.
async function pdf(page, name, what) {
    const frame = page.locator('iframe.pdf').first();

    await frame.waitFor();

    for (let i = 0; i < 100 && !viewers.has(page); i++) {
        await page.waitForTimeout(50);
    }

    ok(viewers.has(page) && (await frame.getAttribute('src')).startsWith('blob:'), `${what} is shown in place`);

    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: `Download ${name}` }).click()]);
    const path = join(work, name);
    await file.saveAs(path);
    ok(execFileSync('pdfinfo', [path], { encoding: 'utf8' }).includes('Pages:'), `${what} is downloaded`);
}

async function analysis({ page }) {
    await page.goto(base + '#/');
    await page.getByRole('link', { name: 'Assess an investment' }).click();
    await page.getByLabel('Amount').fill('250000');
    await page.getByText('More to say').click();
    await page.getByLabel('Pitch', { exact: true }).fill('1');
    await look(page, 'form-assess');
    await page.getByRole('button', { name: 'Submit' }).click();
    await submitted(page);
    await status(page, 'succeeded');
    ok(await has(page.locator('figure svg[role=img]'), 3), 'an analysis has charts');
    const numbers = page.locator('figure', { hasText: 'Money back, as a multiple' }).locator('td');
    ok(await numbers.count() === 3, 'whose numbers are a table, too');
    await look(page, 'job-assess');

    const { body } = await api(page, '/ai-analysis/analyze-pitch', { method: 'POST', data: { pitch_id: 1 } });
    await page.goto(`${base}#/jobs/${JSON.parse(body).id}`);
    await status(page, 'succeeded');
    ok(await has(page.getByRole('heading', { name: /^Score: \d+ of 1000$/ })), 'a pitch has its score');
    await look(page, 'job-analyze');
}

async function ended({ page, expect }) {
    expect(/WebSocket connection to|status of 401/);
    sql('DELETE FROM "session" WHERE "userId" = (SELECT id FROM "user" WHERE email = \'sarah.investor@demo.com\')');
    await page.getByRole('heading', { name: 'Please sign in' }).waitFor();
    ok(true, 'a session that ends elsewhere ends the page');
    await look(page, 'signed-out');
}


// ---- a production company gets its report ----

async function report({ page }) {
    await look(page, 'start-production');
    await page.getByRole('link', { name: 'The quarter' }).click();
    await page.getByRole('button', { name: 'Submit' }).waitFor();
    await look(page, 'form-report');

    // of each report its own parameters, and what was entered stays
    const asked = page.getByRole('group', { name: 'Parameters', exact: true }).getByRole('textbox').or(
        page.getByRole('group', { name: 'Parameters', exact: true }).getByRole('spinbutton'));
    const labels = () => page.getByRole('group', { name: 'Parameters', exact: true }).locator('label').allInnerTexts();
    ok((await labels()).join() === 'Fiscal year,Quarter,User', 'a report has its own parameters', await labels());
    ok(await asked.count() === 3, 'each with its field');
    await page.getByLabel('User').fill('somebody');
    await page.getByLabel('Report (required)').selectOption({ label: 'Creator analytics, for creators' });
    await page.getByLabel('From').waitFor();
    ok((await labels()).join() === 'From,To,User', 'another one has others', await labels());
    ok(await page.getByLabel('User').inputValue() === 'somebody', 'what both know stays entered');
    await page.getByLabel('Report (required)').selectOption({ label: 'Another one, by its name' });
    await page.getByLabel('Parameters (JSON)').waitFor({ state: 'attached' });
    ok(await page.getByLabel('From').count() === 0, 'an operator\'s has what its definition asks for, as JSON');
    await page.getByLabel('Report (required)').selectOption({ label: 'Production quarterly, for production companies' });
    await page.getByLabel('Quarter').waitFor();
    await page.getByLabel('User').fill('');
    await page.getByRole('button', { name: 'Submit' }).click();
    await submitted(page);
    await status(page, 'succeeded');
    await pdf(page, 'report.pdf', 'the report');
    ok(await has(page.locator('.tiles div'), 4), 'its figures are told');
    await look(page, 'job-report');
    await page.goto(base + '#/usage');
    await page.getByText(/Report generation \(1 job/).first().waitFor();
    ok(true, 'it counts as used');
    await look(page, 'usage');
}


// ---- an administrator looks after it all ----

async function operation({ page }) {
    const fail = JSON.parse((await api(page, '/test-service/fail', { method: 'POST', data: {} })).body).id;

    // usage counts what has ended, and the page asks once
    ok(await soon(async () => JSON.parse((await api(page, `/jobs/${fail}`)).body).status === 'failed'), 'a job fails');
    await page.goto(base + '#/admin');
    await page.getByText('A job, running (95 %)').first().waitFor();
    await page.locator('polyline').first().waitFor({ state: 'attached' });   // a flat line has no height
    ok(await page.getByRole('row', { name: /^Document generation/ }).count() >= 1, 'pools and processors are listed');

    const used = page.getByRole('group', { name: 'Usage by user' }).locator('tbody tr');
    await used.first().waitFor();
    const rows = await used.allInnerTexts();
    const { users } = JSON.parse((await api(page, '/usage/users')).body);
    ok(users.length >= 3 && rows.length === users.length && rows[0].startsWith(users[0].user),
        'what each user has used is told', rows, users);
    await page.getByLabel('In the month').fill('2020-01');
    await page.getByText('Nobody has used anything').waitFor();
    await page.getByLabel('In the month').fill(new Date().toISOString().slice(0, 7));
    await used.first().waitFor();

    await page.getByRole('spinbutton', { name: 'Most processes of Report generation' }).fill('2');
    await page.getByRole('button', { name: 'Set the most processes of Report generation' }).click();
    await page.waitForFunction(() => document.getElementById('announce').textContent === 'Scale: done');
    const pools = JSON.parse((await api(page, '/instances')).body).pools;
    ok(pools.find((p) => p.service === 'report-generation').max === 2, 'a pool is scaled', pools);

    await page.getByLabel('Of the user with the id').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Try all 1 again' }).waitFor();
    await look(page, 'admin');
    await page.getByRole('button', { name: 'Try all 1 again' }).click();
    await page.getByText('1 of 1 submitted again.').first().waitFor();
    const { jobs } = JSON.parse((await api(page, '/jobs')).body);
    ok(jobs.some((j) => j.retry_of === fail), 'what has failed is submitted again');
}

async function keyboard({ page }) {
    await page.goto(base + '#/');
    await page.reload();
    await page.getByRole('link', { name: 'Publish a clip' }).waitFor();
    await page.keyboard.press('Tab');
    ok(await page.evaluate(() => document.activeElement.className === 'skip'), 'the first stop skips to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL(/new\/video-processing/);
    await page.waitForFunction(() => document.activeElement.tagName === 'H1');
    ok(true, 'a new view takes the focus to its heading');
    await page.goto(base + '#/');
    await page.getByRole('link', { name: 'Publish a clip' }).waitFor();
    await look(page, 'start-creator');
}


async function journey(name, link, steps) {
    const who = await user(link);

    for (const step of steps) {
        try {
            await step(who);
        } catch (e) {
            ok(false, `${name}: ${step.name}`, String(e.stack), await who.page.locator('main').innerText().catch(() => ''));
        }
    }

    who.quiet(name);
    await who.rest();
}

await journey('creator', creator, [keyboard, async ({ page }) => page.goto(base + '#/'), upload, captioned, watch, live, cancel, hostile]);
await journey('investor', investor, [nda, analysis, ended]);
await journey('production', production, [report]);
await journey('administrator', admin, [operation]);
await browser.close();
