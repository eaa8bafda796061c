// Charts as SVG.  Each is a figure with its caption, and has its numbers as a
// table, too, for those who do not see it or want to copy them.

import { el, svg, number } from './dom.js';

const LETTER = 8;                  // about the width of one
const HIDDEN = '…';

// Units are pixels, nearly: what is read on a phone is drawn for it.
function room() {
    return innerWidth < 640 ? 320 : 640;
}

// The table has the whole of what finds no room here.
function fitted(label, beside, width) {
    const most = Math.floor(width / LETTER) - beside.length - 1;

    return label.length <= most ? label : label.slice(0, most - 1) + HIDDEN;
}

function figure(title, picture, head, rows) {
    picture.setAttribute('role', 'img');
    picture.setAttribute('aria-label', `${title}: chart; its numbers follow as a table`);

    return el('figure', { class: 'chart' },
        el('figcaption', {}, title), picture,
        el('details', {}, el('summary', {}, 'Numbers', el('span', { class: 'unseen' }, ` of ${title}`)),
            el('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': `Numbers of ${title}` },
                el('table', {},
                    el('thead', {}, el('tr', {}, head.map((h) => el('th', { scope: 'col' }, h)))),
                    el('tbody', {}, rows.map((r) => el('tr', {}, r.map((c, i) => el(i ? 'td' : 'th', i ? {} : { scope: 'row' }, c)))))))));
}

function drawing(width, height, ...children) {
    return svg('svg', { viewBox: `0 0 ${width} ${height}` }, ...children);
}

// Lying bars.  rows: {label, value, of?, from?, text?}; "of" is the length of the
// bar's track, "from" where it begins instead of zero
export function bars(title, rows, { format = number, value: named = 'Value' } = {}) {
    const width = room(), high = 44;
    const top = Math.max(...rows.map((r) => Math.max(r.of ?? 0, r.value, r.from ?? 0)), 0) || 1;
    const low = Math.min(...rows.map((r) => Math.min(r.value, r.from ?? 0)), 0);
    const x = (v) => (v - low) / (top - low) * width;

    const picture = drawing(width, rows.length * high, rows.map((r, i) => {
        const text = r.text ?? format(r.value);
        const y = i * high, a = x(r.from ?? 0), b = x(r.value);

        return svg('g', {},
            svg('text', { x: 0, y: y + 15 }, fitted(r.label, text, width)),
            svg('text', { x: width, y: y + 15, 'text-anchor': 'end', class: 'figure' }, text),
            svg('rect', { class: 'track', x: 0, y: y + 22, width: x(r.of ?? top), height: 10, rx: 3 }),
            svg('rect', { class: 'bar', x: Math.min(a, b), y: y + 22, width: Math.max(Math.abs(b - a), 2), height: 10, rx: 3 }));
    }));

    return figure(title, picture, ['', named], rows.map((r) => [r.label, r.text ?? format(r.value)]));
}

// What lies between quantiles.  rows: {label, low, middle, high}
export function ranges(title, rows, { format = number, log = false, mark } = {}) {
    const width = room(), tall = 56, foot = mark ? 14 : 0;
    const all = rows.flatMap((r) => [r.low, r.middle, r.high]).concat(mark ? [mark.value] : []);
    const least = log ? Math.min(...all.filter((v) => v > 0)) : 0;
    const scale = (v) => log ? Math.log10(Math.max(v, least)) : v;
    const from = Math.min(...all.map(scale)), to = Math.max(...all.map(scale));
    const x = (v) => 8 + (scale(v) - from) / (to - from || 1) * (width - 16);

    const picture = drawing(width, rows.length * tall + foot, rows.map((r, i) => {
        const y = i * tall, text = `${format(r.low)} – ${format(r.middle)} – ${format(r.high)}`;

        return svg('g', {},
            svg('text', { x: 0, y: y + 15 }, fitted(r.label, text, width)),
            svg('text', { x: width, y: y + 15, 'text-anchor': 'end', class: 'figure' }, text),
            svg('rect', { class: 'track', x: 0, y: y + 28, width, height: 12, rx: 3 }),
            svg('rect', { class: 'range', x: x(r.low), y: y + 28, width: Math.max(x(r.high) - x(r.low), 2), height: 12, rx: 3 }),
            svg('circle', { class: 'middle', cx: x(r.middle), cy: y + 34, r: 7 }));
    }), mark && svg('line', { class: 'mark', x1: x(mark.value), x2: x(mark.value), y1: 22, y2: rows.length * tall - 8 }),
        mark && svg('text', { class: 'marked', x: x(mark.value), y: rows.length * tall + 8,
            'text-anchor': x(mark.value) > width / 2 ? 'end' : 'start' }, mark.label));

    return figure(title, picture, ['', 'Low (10 %)', 'Middle', 'High (90 %)'],
        rows.map((r) => [r.label, format(r.low), format(r.middle), format(r.high)]));
}

// A line through time.  series: [{label, values}], all as long as x
export function lines(title, x, series, { format = number, from = 0 } = {}) {
    const width = room(), height = 190, left = 52, bottom = 26;
    const top = Math.max(...series.flatMap((s) => s.values), from) || 1;
    const px = (i) => left + i / Math.max(x.length - 1, 1) * (width - left - 8);
    const py = (v) => 10 + (1 - (v - from) / (top - from || 1)) * (height - 10 - bottom);
    const middle = (top + from) / 2;

    const picture = drawing(width, height,
        [from, middle, top].map((v) => [
            svg('line', { class: 'grid', x1: left, x2: width, y1: py(v), y2: py(v) }),
            svg('text', { x: left - 6, y: py(v) + 4, 'text-anchor': 'end' }, format(v))]),
        svg('text', { x: left, y: height - 6 }, x[0]),
        svg('text', { x: width, y: height - 6, 'text-anchor': 'end' }, x.at(-1)),
        series.map((s, n) => svg('polyline', {
            class: `line line-${n % 6}`, points: s.values.map((v, i) => `${px(i).toFixed(1)},${py(v).toFixed(1)}`).join(' ')
        })));

    const result = figure(title, picture, ['', ...series.map((s) => s.label)],
        x.map((at, i) => [at, ...series.map((s) => format(s.values[i]))]));

    if (series.length > 1) {
        picture.after(el('ul', { class: 'legend' }, series.map((s, n) => el('li', { class: `key key-${n % 6}` }, s.label))));
    }

    return result;
}

// Figures that stand for themselves: [title, value]
export function tiles(items) {
    return el('dl', { class: 'tiles' }, items.map(([title, value]) => el('div', {}, el('dt', {}, title), el('dd', {}, value))));
}
