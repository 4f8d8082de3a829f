/**
 * The shop's half of the page: what is on the shelf, and the cart.
 *
 * Invariant: the cart that is shown is one that a server answered with. A change whose fate is unknown is told as such, and the cart is
 * read again, because only the server knows.
 */
import { listen, markAnswered } from './live.js';

const money = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' });
const at = (id) => document.getElementById(id);
const products = new Map();
let shown = '';
/** Answers may overtake each other; an older one changes nothing. */
let asked = 0;
let drawn = 0;

class Refused extends Error {
  constructor({ error, outcome }) {
    super(error);
    this.outcome = outcome;
  }
}

/** @returns what a server answered, or throws what is known. `quiet`: the visitor did not ask for it */
async function ask(path, { method = 'GET', body, quiet = false } = {}) {
  const turn = ++asked;
  let response;
  let answer;
  try {
    response = await fetch(path, {
      method,
      ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    answer = await response.json();
  } catch {
    throw new Refused({ error: 'The shop cannot be reached.', outcome: method === 'GET' ? 'not-stored' : 'unknown' });
  }
  const server = response.headers.get('x-served-by');
  const missed = response.headers.get('x-tried-before');
  if (server !== null && !quiet) {
    at('served').textContent = server;
    at('missed').textContent = ` after ${missed} was gone`;
    at('missed').hidden = missed === null;
    markAnswered(server);
  }
  if (!response.ok) throw new Refused(answer);
  if (turn > drawn) {
    drawn = turn;
    draw(answer);
  }
  return answer;
}

async function change(said, path, method, body) {
  try {
    await ask(path, { method, body });
    trouble();
    at('said').textContent = said;
  } catch (error) {
    at('said').textContent = '';
    if (error.outcome !== 'unknown') return trouble(`${error.message} Nothing was changed; please try again.`);
    try {
      const before = shown;
      await ask('/api/shop');
      trouble(
        `${error.message} Whether your change got in was not known, so the cart was read again: ${
          shown === before ? 'it is as it was. Please try once more.' : 'it has changed since. Please look whether it is right.'
        }`,
      );
    } catch (again) {
      trouble(
        `${error.message} ${again.message} Your cart will be here when it is back; whether the last change is in it will show.`,
      );
    }
  }
}

function trouble(text = '') {
  at('trouble').textContent = text;
  at('trouble').hidden = text === '';
}

function fromTemplate(id, sku) {
  const element = at(id).content.firstElementChild.cloneNode(true);
  element.dataset.sku = sku;
  element.querySelector('use').setAttribute('href', `pictures.svg#${sku}`);
  return element;
}

function shelve({ sku, name, about, cents }) {
  const card = fromTemplate('product', sku);
  card.querySelector('.product-name').textContent = name;
  card.querySelector('.about').textContent = about;
  card.querySelector('.price').textContent = money.format(cents / 100);
  const add = card.querySelector('.add');
  add.setAttribute('aria-label', `Add ${name} to the cart`);
  add.addEventListener('click', () => void change(`${name} is in your cart.`, '/api/cart', 'POST', { sku, by: 1 }));
  products.set(sku, name);
  at('products').append(card);
}

/** Brings the list up to date line by line, so that the focus stays where it is. */
function draw({ lines, cents, products: all }) {
  if (products.size === 0) all?.forEach(shelve);
  const list = at('lines');
  const old = new Map([...list.children].map((line) => [line.dataset.sku, line]));
  for (const { sku, name, quantity, cents: each } of lines) {
    const line = old.get(sku) ?? newLine(sku, name);
    old.delete(sku);
    line.querySelector('.quantity').textContent = quantity;
    line.querySelector('.less').setAttribute('aria-label', quantity === 1 ? `Take ${name} out` : `One ${name} less`);
    line.querySelector('.line-price').textContent = money.format((each * quantity) / 100);
    if (line.parentNode !== list) list.append(line);
  }
  for (const line of old.values()) take(line);
  const count = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  at('count').textContent = count === 0 ? 'No articles' : count === 1 ? '1 article' : `${count} articles`;
  at('total').textContent = money.format(cents / 100);
  at('empty').hidden = lines.length > 0;
  shown = JSON.stringify(lines);
}

function newLine(sku, name) {
  const line = fromTemplate('line', sku);
  line.querySelector('.line-name').textContent = name;
  line.querySelector('.stepper').setAttribute('aria-label', `How many: ${name}`);
  const [less, more, remove] = ['.less', '.more', '.remove'].map((part) => line.querySelector(part));
  more.setAttribute('aria-label', `One ${name} more`);
  remove.setAttribute('aria-label', `Remove ${name} from the cart`);
  less.addEventListener('click', () => void change(`One ${name} less.`, '/api/cart', 'POST', { sku, by: -1 }));
  more.addEventListener('click', () => void change(`One ${name} more.`, '/api/cart', 'POST', { sku, by: 1 }));
  remove.addEventListener('click', () => void change(`${name} is out of your cart.`, `/api/cart/${sku}`, 'DELETE'));
  return line;
}

/** Whoever stood on a line that goes is led to the next one, or to the cart. */
function take(line) {
  const hadFocus = line.contains(document.activeElement);
  const next = line.nextElementSibling ?? line.previousElementSibling;
  line.remove();
  if (hadFocus) (next?.querySelector('.remove') ?? at('cart')).focus();
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
for (;;) {
  try {
    await ask('/api/shop');
    trouble();
    break;
  } catch (error) {
    trouble(`${error.message} This page tries again by itself.`);
    await pause(1_000);
  }
}
// the first answer brought the session's cookie. A version that this page did not make was made by another tab
listen(() => ask('/api/shop', { quiet: true }).catch(() => undefined));
