/**
 * The live view's half of the page: it draws what the server-sent events tell of this session.
 *
 * Invariant: nothing here is computed but sums and places on the page; what is shown was told. Events may come again and in any order.
 */
import { element } from './element.js';
import { drawTakeover } from './takeover.js';

const at = (id) => document.getElementById(id);
const grouped = new Intl.NumberFormat('en');
const DELTAS_SHOWN = 40;
const isStill = matchMedia('(prefers-reduced-motion: reduce)');
const PARTS = { primary: 'Primary', backup: 'Backup', joining: 'Joining', following: 'Following', none: 'Standing by' };
const STATES = { starting: 'Starting', down: 'Killed' };
const deltas = new Map();
let last;
let servers = [];
let served = '';
let version = 0;

function drawServers(told) {
  last = told;
  const { servers: all } = told;
  servers = all;
  const list = at('servers');
  for (const [i, { name, state, part, lag }] of all.entries()) {
    const more = state === 'down' ? 'restarts soon' : part === 'backup' ? lagText(lag) : part === 'primary' ? 'leads' : '';
    const title = element('p', 'server-name', name);
    if (name === served && state === 'up') {
      const dot = element('span', 'answered');
      dot.title = 'answered last';
      title.append(dot);
    }
    const kind = state === 'up' ? part : state;
    const shown = element(
      'li',
      `server ${kind}`,
      title,
      element('p', 'part', STATES[state] ?? PARTS[part]),
      element('p', 'more', more),
    );
    const before = list.children[i];
    if (before === undefined) list.append(shown);
    else if (before.className === shown.className) before.replaceChildren(...shown.childNodes);
    else before.replaceWith(shown);
  }
  const leader = all.find(({ part, state }) => part === 'primary' && state === 'up');
  const missing = all.find(({ state }) => state !== 'up');
  // what has the focus keeps it: a disabled button would lose it
  at('kill').ariaDisabled = String(leader === undefined || missing !== undefined);
  at('kill-name').textContent = leader === undefined ? 'kill -9' : `kill -9 ${leader.name}`;
  at('kill-why').textContent =
    leader === undefined
      ? 'nobody leads right now'
      : missing === undefined
        ? 'it leads this session'
        : `once ${missing.name} is back`;
}

function lagText(lag) {
  return lag === 0 ? 'up to date' : lag === 1 ? '1 record behind' : `${lag} records behind`;
}

function drawDelta(delta) {
  const isNew = !deltas.has(delta.version);
  deltas.set(delta.version, delta);
  const { paths, bytes, whole, server, ms, merged } = delta;
  const list = at('deltas');
  const path = element('p', 'path', ...breakable(paths?.join(', ') ?? '…'));
  const size = element('p', 'bytes', bytes === undefined ? '' : `${grouped.format(bytes)} B`);
  const by = element('p', 'by', server === undefined ? '' : `by ${server} in ${ms.toFixed(1)} ms${merged ? ', merged' : ''}`);
  const of = element('p', 'of', whole === undefined ? '' : `of ${grouped.format(whole)} B`);
  const fill = element('span', '');
  fill.style.width = `${Math.min(100, (100 * (bytes ?? 0)) / (whole ?? 1))}%`;
  const shown = element(
    'li',
    'delta',
    element('p', 'delta-version', `v${delta.version}`),
    path,
    size,
    by,
    of,
    element('div', 'bar', fill),
  );
  shown.dataset.version = delta.version;
  const before = [...list.children].find((each) => Number(each.dataset.version) <= delta.version);
  if (before?.dataset.version === shown.dataset.version) before.replaceChildren(...shown.childNodes);
  else {
    shown.classList.add('new');
    if (before === undefined) list.append(shown);
    else before.before(shown);
  }
  while (list.children.length > DELTAS_SHOWN) list.lastElementChild.remove();
  if (isNew) send();
  drawSum();
  drawPeek();
}

/** What a small screen shows while the view itself is out of sight. */
function drawPeek() {
  const newest = deltas.get(Math.max(...deltas.keys()));
  const { version: of, bytes, whole } = newest ?? {};
  if (bytes === undefined || whole === undefined) return;
  at('peek-said').textContent = `v${of}: ${grouped.format(bytes)} B sent instead of ${grouped.format(whole)} B`;
}

/** A path that is too long for its line breaks behind a part of it. */
function breakable(text) {
  return text.split(/(?<=[).,])/).flatMap((part) => [part, document.createElement('wbr')]);
}

/** Sets what was sent against what a store of whole sessions would have written. */
function drawSum() {
  const known = [...deltas.values()].filter(({ bytes, whole }) => bytes !== undefined && whole !== undefined);
  if (known.length === 0) return;
  const sent = known.reduce((sum, { bytes }) => sum + bytes, 0);
  const whole = known.reduce((sum, delta) => sum + delta.whole, 0);
  const changes = known.length === 1 ? '1 change' : `${known.length} changes`;
  const bold = element('strong', '', `${grouped.format(sent)} bytes`);
  at('sum').replaceChildren(`${changes} sent `, bold, `; whole states would be ${grouped.format(whole)}.`);
}

/** A dot goes from the primary to the backup. */
function send() {
  const [from, to] = ['primary', 'backup'].map((part) =>
    servers.findIndex((server) => server.part === part && server.state === 'up'),
  );
  if (from < 0 || to < 0 || isStill.matches) return;
  const centre = (i) => {
    const { offsetLeft, offsetWidth } = at('servers').children[i];
    return `${offsetLeft - at('servers').offsetLeft + offsetWidth / 2}px`;
  };
  const steps = [
    { left: centre(from), opacity: 0 },
    { opacity: 1, offset: 0.15 },
    { opacity: 1, offset: 0.85 },
    { left: centre(to), opacity: 0 },
  ];
  at('dot').animate(steps, { duration: 650, easing: 'cubic-bezier(0.5, 0, 0.2, 1)' });
}

async function kill() {
  if (at('kill').ariaDisabled === 'true') return;
  at('kill').ariaDisabled = 'true';
  let said = '';
  try {
    const response = await fetch('/live/kill', { method: 'POST' });
    if (!response.ok) said = (await response.json()).error;
  } catch {
    said = 'The live view cannot be reached.';
  }
  at('kill-said').textContent = said;
  if (said !== '') drawServers(last);
}

/** Told once the versions of one burst are in. */
let wait;
let changed = () => {};
function hear(now) {
  const before = version;
  version = Math.max(version, now);
  at('version').textContent = version || '–';
  if (before === 0 || version === before) return;
  clearTimeout(wait);
  wait = setTimeout(changed, 60);
}

/** Begins to listen. @param onChange is called after versions that are newer than those told so far */
export function listen(onChange) {
  changed = onChange;
  const events = new EventSource('/live/events');
  const on = (kind, draw) => events.addEventListener(kind, ({ data }) => draw(JSON.parse(data)));
  events.addEventListener('open', () => linked(true));
  events.addEventListener('error', () => linked(false, events.readyState === EventSource.CLOSED));
  on('servers', drawServers);
  on('delta', (delta) => {
    drawDelta(delta);
    hear(delta.version);
  });
  on('session', (session) => hear(session.version));
  on('takeover', drawTakeover);
}

function linked(isUp, isOver = false) {
  const said = isOver ? 'not there any more: load the page again' : 'connecting again';
  at('link').textContent = isUp ? 'connected' : said;
  at('link').classList.toggle('up', isUp);
}

/** Marks the server that answered last. */
export function markAnswered(server) {
  served = server;
  if (last !== undefined) drawServers(last);
}

new IntersectionObserver(([live]) => (at('peek').hidden = live.isIntersecting)).observe(at('live'));
at('kill').addEventListener('click', () => void kill());
