/**
 * `npm run scenario:shop -- --kills 10 [--embedded] [--screenshot FILE]`: a visitor who goes on shopping while the server that leads
 * the session is killed, again and again, in a real browser.
 *
 * Invariant: it ends with code 0 only if every article whose addition was answered is in the cart, none is there more often than it
 * was asked for, and every kill was followed by a takeover.
 */
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { Shop } from '../../../samples/shop/shop.js';
import { openBrowser, ShopPage } from '../../samples/shop-page.js';

const ARTICLES = ['Sencha', 'Teapot', 'Cup'];
/** Presses after each kill: the first ones while nobody leads. */
const PRESSES = 6;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '10' },
    embedded: { type: 'boolean', default: false },
    screenshot: { type: 'string' },
  },
});
const kills = Number(values.kills);
if (!Number.isInteger(kills) || kills < 1) {
  console.error(`--kills takes a whole number from 1, not ${values.kills}`);
  process.exit(2);
}

let browser: Browser | undefined;
let shop: Shop | undefined;
try {
  [browser, shop] = await Promise.all([
    openBrowser(),
    Shop.open({ embedded: values.embedded, restartMs: values.screenshot === undefined ? 1_000 : 4_000 }),
  ]);
  process.exitCode = await play(browser, shop);
} finally {
  await browser?.close();
  await shop?.close();
}

async function play(open: Browser, { url }: Shop): Promise<number> {
  const tab = await ShopPage.ofNew(open, url, { viewport: { width: 1_280, height: 900 }, reducedMotion: 'no-preference' });
  const asked = new Map<string, number>();
  const answered = new Map<string, number>();
  const times: number[] = [];
  let unknown = 0;
  const put = async (article: string): Promise<void> => {
    count(asked, article);
    const status = await tab.press(`Add ${article} to the cart`);
    if (status === 200) count(answered, article);
    else unknown++;
  };
  for (let kill = 1; kill <= kills; kill++) {
    await put(ARTICLES[kill % ARTICLES.length]!);
    const killed = await tab.pressKill();
    for (let i = 0; i < PRESSES; i++) await put(ARTICLES[(kill + i) % ARTICLES.length]!);
    const ms = await tab.takenOver(killed);
    times.push(ms);
    console.log(`kill ${kill}: ${killed}; ${await tab.server('primary')} answers after ${ms} ms`);
    if (kill === kills && values.screenshot !== undefined) {
      await tab.page.locator('.step.protected').waitFor();
      // what moves comes to rest
      await tab.page.waitForTimeout(1_000);
      await tab.page.screenshot({ path: values.screenshot });
    }
    await tab.healed();
  }
  // what is shown after a reload is what is stored
  await tab.page.reload();
  await tab.ready();
  const cart = await tab.cart();
  const lost = sum(ARTICLES.map((each) => Math.max(0, (answered.get(each) ?? 0) - (cart[each] ?? 0))));
  const double = sum(ARTICLES.map((each) => Math.max(0, (cart[each] ?? 0) - (asked.get(each) ?? 0))));
  const sorted = times.toSorted((a, b) => a - b);
  console.log(
    `${sum([...answered.values()])} additions answered, ${unknown} told as unknown; ${sum(Object.values(cart))} in the cart`,
  );
  console.log(
    `takeover: median ${sorted[Math.floor(sorted.length / 2)]} ms, slowest ${sorted.at(-1)} ms, over ${times.length} kills`,
  );
  console.log(`lost items: ${lost}; items twice: ${double}`);
  for (const complaint of tab.complaints) console.error(complaint);
  return lost + double + tab.complaints.length === 0 ? 0 : 1;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
