import { expect } from 'chai';
import type { Browser, Route } from 'playwright-core';
import { Shop } from '../../samples/shop/shop.js';
import { openBrowser, ShopPage } from './shop-page.js';

describe('the shop, in a browser', function () {
  this.timeout(120_000);
  let shop: Shop;
  let browser: Browser;

  before(async () => {
    // fails, rather than being left out, where there is no browser
    [browser, shop] = await Promise.all([openBrowser(), Shop.open({ restartMs: 500 })]);
  });

  after(async () => {
    await Promise.all([browser?.close(), shop?.close()]);
  });

  it('keeps the cart whichever server answers, and shows each delta against the whole', async () => {
    const tab = await ShopPage.ofNew(browser, shop.url);
    for (const name of ['Sencha', 'Cup', 'Sencha']) expect(await tab.press(`Add ${name} to the cart`)).to.equal(200);
    await tab.press('One Cup more');
    await tab.shows({ Sencha: 2, Cup: 2 });
    for (let i = 0; i < 3; i++) {
      await tab.page.reload();
      await tab.ready();
      await tab.shows({ Sencha: 2, Cup: 2 });
    }
    expect(new Set(tab.served).size).to.equal(3);
    expect(await tab.page.locator('#total').innerText()).to.equal('€53.80');
    const delta = tab.page.locator('.delta', { hasText: 'cart.get("cup").quantity' });
    await delta.locator('.bytes', { hasText: /^4 B$/ }).waitFor();
    expect(Number(/of (\d+) B/.exec(await delta.locator('.of').innerText())![1])).to.be.above(200);
    const [primary, backup] = [await tab.server('primary'), await tab.server('backup')];
    expect(primary).to.not.equal(backup);
    expect(shop.fleet.members.map(({ name }) => name)).to.include.members([primary, backup]);
    await tab.press('Remove Cup from the cart');
    await tab.shows({ Sencha: 2 });
    expect(tab.complaints).to.deep.equal([]);
  });

  it('keeps what two tabs change at once, on one article and on several', async () => {
    const visitor = await browser.newContext({ reducedMotion: 'reduce' });
    const one = await ShopPage.open(visitor, shop.url);
    const other = await ShopPage.open(visitor, shop.url);
    // what both press is held back, and then let go at one moment
    const held: Route[] = [];
    await visitor.route('**/api/cart', (route) => void held.push(route));
    const press = async (tab: ShopPage, ...names: string[]): Promise<void> => {
      for (const name of names) await tab.button(`Add ${name} to the cart`).dispatchEvent('click');
    };
    const letGo = async (count: number): Promise<void> => {
      while (held.length < count) await one.page.waitForTimeout(10);
      await Promise.all(held.splice(0).map((route) => route.continue()));
    };
    for (let round = 0; round < 2; round++) {
      await Promise.all([press(one, 'Assam', 'Assam', 'Whisk'), press(other, 'Assam', 'Assam', 'Teapot')]);
      await letGo(6);
    }
    await visitor.unroute('**/api/cart');
    // each tab hears of the other one's changes by itself
    await Promise.all([one, other].map((tab) => tab.shows({ Assam: 8, Whisk: 2, Teapot: 2 })));
    await Promise.all([one.button('One Assam less').click(), other.button('Remove Whisk from the cart').click()]);
    await Promise.all([one, other].map((tab) => tab.shows({ Assam: 7, Teapot: 2 })));
    expect([...one.complaints, ...other.complaints]).to.deep.equal([]);
  });

  it('loses no article when the server that leads the session is killed, tells the takeover, and heals', async () => {
    const tab = await ShopPage.ofNew(browser, shop.url, { reducedMotion: 'no-preference' });
    await tab.press('Add Rooibos to the cart');
    await tab.press('Add Cup to the cart');
    const { killed } = await tab.kill();
    expect(await tab.press('Add Cup to the cart')).to.equal(200);
    await tab.shows({ Rooibos: 1, Cup: 2 });
    expect(await tab.server('primary')).to.not.equal(killed);
    await tab.healed();
    const steps = await tab.page.locator('.step').allInnerTexts();
    for (const step of [
      `kill -9 ${killed}`,
      'finds that it does not answer',
      'leads: the log has its claim',
      'answers, with every',
      'is the new backup',
      `${killed} is back`,
    ]) {
      expect(steps.filter((text) => text.includes(step))).to.have.length(1);
    }
    await tab.page.reload();
    await tab.ready();
    await tab.shows({ Rooibos: 1, Cup: 2 });
    expect(tab.complaints).to.deep.equal([]);
  });

  it('says so when the fate of a change is unknown, and reads the cart again', async () => {
    const tab = await ShopPage.ofNew(browser, shop.url);
    await tab.press('Add Cup to the cart');
    const answer = { error: 'server-9 went away before it answered.', outcome: 'unknown' };
    // the change gets in, and the answer of a server that died on the way comes back
    await tab.page.route('**/api/cart', async (route) => {
      await route.fetch();
      await route.fulfill({ status: 502, json: answer });
    });
    await tab.button('Add Cup to the cart').click();
    const trouble = tab.page.getByRole('alert');
    await trouble
      .filter({ hasText: 'server-9 went away before it answered.' })
      .filter({ hasText: 'it has changed since' })
      .waitFor();
    await tab.shows({ Cup: 2 });
    await tab.page.unroute('**/api/cart');
    await tab.press('One Cup less');
    await tab.shows({ Cup: 1 });
    expect(await trouble.count()).to.equal(0);
  });

  it('can be used with a keyboard alone', async () => {
    const tab = await ShopPage.ofNew(browser, shop.url);
    const keys = tab.page.keyboard;
    const focused = (): Promise<string> =>
      tab.page.evaluate<string>('document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim()');
    const seen: string[] = [];
    for (let i = 0; i < 8; i++) {
      await keys.press('Tab');
      seen.push(await focused());
    }
    expect(seen.slice(0, 2)).to.deep.equal(['Go to the cart', 'Go to the live view']);
    expect(seen.slice(2)).to.deep.equal(
      ['Sencha', 'Assam', 'Rooibos', 'Teapot', 'Cup', 'Whisk'].map((name) => `Add ${name} to the cart`),
    );
    const outline = await tab.page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline, 'the focus is seen').to.equal('solid');
    await keys.press('Enter');
    await tab.shows({ Whisk: 1 });
    await keys.press('Tab');
    await keys.press('Tab');
    expect(await focused()).to.equal('One Whisk more');
    await keys.press('Space');
    await tab.shows({ Whisk: 2 });
    expect(await focused(), 'the focus stays').to.equal('One Whisk more');
    await keys.press('Tab');
    await keys.press('Enter');
    await tab.shows({});
    expect(await tab.page.evaluate<string>('document.activeElement.id'), 'the focus is not lost').to.equal('cart');
    await keys.press('Tab');
    expect(await focused()).to.match(/^kill -9 server-\d/);
  });

  it('has names and contrast, and fits: at a desk and on a phone, light and dark, before and after a kill', async () => {
    const tab = await ShopPage.ofNew(browser, shop.url);
    const check = async (): Promise<void> => {
      for (const width of [1_280, 360]) {
        for (const colorScheme of ['light', 'dark'] as const) {
          await tab.page.setViewportSize({ width, height: 800 });
          await tab.page.emulateMedia({ colorScheme });
          expect(await tab.violations(), `${width} pixels, ${colorScheme}`).to.deep.equal([]);
        }
      }
    };
    for (const article of ['Teapot', 'Cup']) await tab.press(`Add ${article} to the cart`);
    await tab.page.locator('.delta .of', { hasText: /\d/ }).nth(1).waitFor();
    await check();
    await tab.kill();
    await check();
    await tab.healed();
    await check();
    expect(await tab.page.evaluate<number>('document.getAnimations().length'), 'nothing moves for who prefers it so').to.equal(0);

    // and the rules see what is wrong
    await tab.page.evaluate('document.getElementById("count").style.color = "#888"');
    await tab.page.evaluate('document.querySelector(".remove").removeAttribute("aria-label")');
    await tab.page.evaluate('document.getElementById("total").style.paddingLeft = "400px"');
    const seen = (await tab.violations()).join('\n');
    expect(seen).to.match(/contrast [\d.]+ of "2 articles"/);
    expect(seen).to.match(/no name: button\.remove/);
    expect(seen).to.match(/pixels wide in a window of 360/);
  });
});
