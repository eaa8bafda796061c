// What a job has found out, as charts where they say more than a list.

import { el, number, percent, words } from './dom.js';
import { bars, lines, ranges, tiles } from './charts.js';

const usd = (v) => '$' + number(v);
const times = (v) => number(v) + '×';

function section(title, ...children) {
    return el('section', {}, el('h2', {}, title), ...children);
}

function quantiles(label, q) {
    return { label, low: q.p10, middle: q.p50 ?? q.median, high: q.p90 };
}

// each of these looks at one part of a result, and is asked only if it is there

function score(s) {
    return section(`Score: ${s.points} of ${s.of}`,
        bars('Points by part', s.parts.map((p) => ({ label: words(p.name), value: p.points, of: p.of, text: `${p.points} of ${p.of}` })),
            { value: 'Points' }));
}

function raises(list) {
    return list.length && section('What would raise it', el('ul', { class: 'advice' }, list.map((r) =>
        el('li', {}, `${words(r.advice)} `, el('span', { class: 'dim' }, `+${r.points} points`)))));
}

function forecast(f, { pitch }) {
    const budget = pitch?.budget_usd;

    return section('Forecast',
        tiles([['Earns five times its budget or what is called a hit', f.hit_probability], ['Earns its budget', f.earns_budget_probability]]
            .filter(([, p]) => typeof p === 'number').map(([t, p]) => [t.startsWith('Earns five') ? 'A hit' : t, percent(p)])),
        ranges('Worldwide gross, four cases of five', [quantiles('Gross', f.worldwide_gross_usd)],
            { format: usd, log: true, mark: budget && { value: budget, label: `budget ${usd(budget)}` } }));
}

function genres(g) {
    return section('Genres the text reads as', bars('Probability', g.recommended.slice(0, 8).map((r) => ({
        label: r.genre + (r.declared ? ' (declared)' : ''), value: r.probability, of: 1, text: percent(r.probability)
    }))));
}

function returns(r, { sensitivity }) {
    return section('Returns',
        tiles([['Loses money', percent(r.loss_probability)], ['Mean multiple', times(r.moic.mean)],
            ['Breaks even at a gross of', usd(r.break_even_gross_usd)]]),
        ranges('Money back, as a multiple', [quantiles('Multiple', r.moic)], { format: times, mark: { value: 1, label: 'money back' } }),
        sensitivity?.length && bars('Mean multiple, if one term were another', sensitivity.map((s) => ({
            label: `${words(s.term)}: ${number(s.from)} → ${number(s.to)}`, from: r.moic.mean, value: s.mean_moic, text: times(s.mean_moic)
        }))));
}

function risks(list) {
    return list.length && section('Risks', el('ul', { class: 'advice' }, list.map((r) => el('li', {},
        el('strong', {}, words(r.risk)), ` (${r.severity}`, typeof r.probability === 'number' && `, ${percent(r.probability)}`, '): ', r.detail))));
}

function comparables(c) {
    return section('Comparable films', bars('Gross as a multiple of the budget', c.films.map((f) => ({
        label: `${f.title} (${f.year})`, value: f.multiple, text: times(f.multiple)
    }))));
}

function by_genre(list) {
    return list.length && section('By genre', ranges('Gross as a multiple of the budget',
        list.filter((g) => g.figures?.multiple).map((g) => quantiles(`${g.genre} (${g.figures.films})`, g.figures.multiple)), { format: times, log: true }));
}

function by_year(list) {
    const known = list.filter((y) => typeof (y.films ?? y.figures?.films) === 'number');

    return known.length > 1 && section('By year', lines('Films', known.map((y) => String(y.year)),
        [{ label: 'Films', values: known.map((y) => y.films ?? y.figures.films) }]));
}

function figures(list) {
    return list.length && section('Figures', tiles(list.map((f) =>
        [f.title, typeof f.value === 'number' ? number(f.value) : String(f.value ?? '–')])));
}

function warnings(list) {
    return list.length && section('To keep in mind', el('ul', { class: 'advice' }, list.map((w) =>
        el('li', {}, typeof w === 'string' ? w : w.detail || w.code))));
}

const PARTS = { score, forecast, returns, figures, raises, genres, risks, comparables, by_genre, by_year, warnings };

// A part in another form than this page knows is left to the JSON below.
function part(draw, value, result) {
    try {
        return value && draw(value, result);
    } catch {
        return null;
    }
}

export function results({ result }) {
    return [
        ...Object.entries(PARTS).map(([name, draw]) => part(draw, result[name], result)),
        section('Result', el('details', {}, el('summary', {}, 'All of it, as JSON'),
            el('pre', { tabindex: 0, role: 'group', 'aria-label': 'Result as JSON' }, JSON.stringify(result, null, 2))))
    ].filter(Boolean);
}
