// What else makes a PDF of the very NDA that documents_nda has set:
//
//     node documents_peers.mjs pdfmake|pdfkit|chromium NDA.html OUT.pdf SECONDS
//
// prints documents per second of CPU time (of all its processes), and per second by the
// clock.  pdfmake embeds its Roboto, pdfkit has a built-in font and embeds nothing,
// Chromium is one warm browser with one warm page.
import { createRequire } from 'node:module';
import fs from 'node:fs';

const require = createRequire(process.env.NODE_PATH + '/');
const [, , peer, file, out, seconds] = process.argv;
const html = fs.readFileSync(file, 'utf8');
const title = html.match(/<title>(.*?)<\/title>/)[1];

// h1, h2 and p with their text: all that the HTML's body has
const plain = s => s.replace(/<br>/g, '\n').replace(/<[^>]+>/g, '').replace(/&quot;/g, '"')
    .replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&').trim();
const blocks = [...html.matchAll(/<(h1|h2|p)([^>]*)>(.*?)<\/\1>/gs)].map(([, tag, rest, inner]) => ({
    tag, text: plain(inner), indent: +(rest.match(/class="l(\d)"/)?.[1] ?? 0) * 20,
}));

const A4 = { margins: { top: 65, right: 71, bottom: 62, left: 71 } };

const makers = {
    pdfkit() {
        const PDFDocument = require('pdfkit');

        return () => new Promise(done => {
            const doc = new PDFDocument({ size: 'A4', margins: { ...A4.margins }, bufferPages: true, info: { Title: title } });
            const parts = [];

            doc.on('data', part => parts.push(part));
            doc.on('end', () => done(Buffer.concat(parts)));

            for (const { tag, text, indent } of blocks) {
                doc.font(tag === 'p' ? 'Times-Roman' : 'Helvetica-Bold').fontSize({ h1: 19, h2: 11.5, p: 10 }[tag]);
                doc.moveDown(tag === 'p' ? 0.3 : 0.8);
                doc.text(text, A4.margins.left + indent, undefined, { align: tag === 'h1' ? 'center' : 'justify' });
            }

            const { count } = doc.bufferedPageRange();

            for (let i = 0; i < count; i++) {
                doc.switchToPage(i);
                doc.page.margins.top = doc.page.margins.bottom = 0;
                doc.font('Helvetica').fontSize(8).text('Confidential', 71, 30, { align: 'right' });
                doc.text(`Page ${i + 1} of ${count}`, 71, 805, { align: 'center' });
            }

            doc.end();
        });
    },

    pdfmake() {
        const pdfmake = require('pdfmake');

        pdfmake.setFonts(require('pdfmake/fonts/Roboto.js'));
        pdfmake.setUrlAccessPolicy?.(() => false);
        pdfmake.setLocalAccessPolicy?.(() => true);

        return () => pdfmake.createPdf({
            pageSize: 'A4', pageMargins: [71, 65, 71, 62], info: { title },
            header: { text: 'Confidential', alignment: 'right', fontSize: 8, margin: [71, 30] },
            footer: (page, pages) => ({ text: `Page ${page} of ${pages}`, alignment: 'center', fontSize: 8 }),
            content: blocks.map(({ tag, text, indent }) => ({ text, style: tag, margin: [indent, tag === 'p' ? 3 : 8, 0, 3] })),
            styles: {
                h1: { fontSize: 19, bold: true, alignment: 'center' }, h2: { fontSize: 11.5, bold: true }, p: { alignment: 'justify' },
            },
            defaultStyle: { font: 'Roboto', fontSize: 10 },
        }).getBuffer();
    },

    async chromium() {
        browser = await require('puppeteer-core').launch({
            executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'],
        });
        const page = await browser.newPage();

        return async () => {
            await page.setContent(html);
            return page.pdf({ format: 'A4', displayHeaderFooter: false, margin: { top: 65, right: 71, bottom: 62, left: 71 } });
        };
    },
};

let browser;

// of this process, and of the browser's and all that it has started
function cpuSeconds() {
    const { user, system } = process.cpuUsage();
    let sum = (user + system) / 1e6;

    for (const pid of browser ? below(browser.process().pid) : []) {
        try {
            const f = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
            sum += (+f[11] + +f[12] + +f[13] + +f[14]) / 100;
        } catch { /* it has ended */ }
    }

    return sum;
}

function below(root) {
    const found = new Set([root]);

    for (let n = 0; n !== found.size;) {
        n = found.size;
        for (const pid of fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number)) {
            try {
                const parent = +fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[1];
                if (found.has(parent)) found.add(pid);
            } catch { /* it has ended */ }
        }
    }

    return found;
}

const make = await makers[peer]();
let pdf = await make();

// V8 compiles what it has seen often
for (let start = performance.now(); performance.now() - start < 1500;) pdf = await make();

const cpu = cpuSeconds(), start = performance.now();
let n = 0;

for (; performance.now() - start < seconds * 1000; n++) pdf = await make();

const wall = (performance.now() - start) / 1000;

console.log((n / (cpuSeconds() - cpu)).toFixed(2), (n / wall).toFixed(2));
fs.writeFileSync(out, pdf);
await browser?.close();
process.exit(0);
