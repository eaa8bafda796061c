// Elements without markup: whatever comes from the server is set as text.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === undefined || value === null || value === false) {
            continue;
        }

        if (typeof value === 'function') {
            node.addEventListener(name, value);

        } else {
            node.setAttribute(name, value === true ? '' : value);
        }
    }

    node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
    return node;
}

// A function among the attributes is a listener of the event of its name.
export function el(name, attributes = {}, ...children) {
    return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
    return fill(document.createElementNS(SVG, name), attributes, children);
}

let ids = 0;

export function unique(prefix) {
    return prefix + '-' + ++ids;
}

// For those who cannot see what has changed.
export function announce(text) {
    document.getElementById('announce').textContent = text;
}


// ---- how things are written ----

export function bytes(n) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let u = 0;

    while (n >= 1000 && u < units.length - 1) {
        n /= 1000;
        u++;
    }

    return (u && n < 10 ? n.toFixed(1) : Math.round(n)) + ' ' + units[u];
}

export function seconds(s) {
    if (s < 1) {
        return Math.max(1, Math.round(s * 1000)) + ' ms';
    }

    if (s < 90) {
        return (s < 10 ? s.toFixed(1) : Math.round(s)) + ' s';
    }

    return s < 5400 ? Math.round(s / 60) + ' min' : (s / 3600).toFixed(1) + ' h';
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

export function number(n) {
    return Math.abs(n) >= 10000 ? compact.format(n) : String(Math.round(n * 100) / 100);
}

export function percent(x) {
    return Math.round(x * 100) + ' %';
}

export function words(name) {
    const text = name.replace(/[-_]+/g, ' ').replace(/\b(ai|nda|usd|pdf)\b/gi, (w) => w.toUpperCase());
    return text.charAt(0).toUpperCase() + text.slice(1);
}

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export function time(text) {
    return el('time', { datetime: text }, moment.format(new Date(text)));
}
