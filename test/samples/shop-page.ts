/** The shop's page in a real browser, as its visitors see and use it. */
import { readFileSync } from 'node:fs';
import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Locator,
  type Page,
} from 'playwright-core';
import { CHROMIUM_FLAGS, findChromium } from '../../samples/support/chromium.js';

/** The machine may be busy. */
const WAIT_MS_MAX = 30_000;
const RULES = readFileSync(new URL('../../../test/samples/page-rules.js', import.meta.url), 'utf8');

/** At one moment: the page may change between two questions. */
const CART = `Object.fromEntries(
  [...document.querySelectorAll('.line')].map((line) => [
    line.querySelector('.line-name').textContent,
    Number(line.querySelector('.quantity').textContent),
  ]),
)`;

/** Starts a browser with an empty profile of its own. @throws {Error} that says how to install one */
export async function openBrowser(): Promise<Browser> {
  const { path, env } = await findChromium();
  return chromium.launch({ executablePath: path, args: [...CHROMIUM_FLAGS], env: { ...process.env, ...env } });
}

/** One tab on the shop. */
export class ShopPage {
  readonly page: Page;
  /** What the page's own code complained of, and what it asked of anybody else than the shop. */
  readonly complaints: string[] = [];
  /** The servers that answered, in order. */
  readonly served: string[] = [];

  private constructor(page: Page, url: string) {
    this.page = page;
    page.setDefaultTimeout(WAIT_MS_MAX);
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) this.complaints.push(`it asked for ${request.url()}`);
    });
    page.on('response', (response) => {
      const server = response.headers()['x-served-by'];
      if (server !== undefined && response.url().includes('/api/')) this.served.push(server);
    });
  }

  /** Opens a tab of a visitor, and waits until the shelf and the live view are there. */
  static async open(visitor: BrowserContext, url: string): Promise<ShopPage> {
    const tab = new ShopPage(await visitor.newPage(), url);
    await tab.page.goto(url);
    await tab.ready();
    return tab;
  }

  /** Opens a tab of a new visitor, who prefers that nothing moves: painting is most of what a page costs here. */
  static async ofNew(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<ShopPage> {
    return ShopPage.open(await browser.newContext({ reducedMotion: 'reduce', ...options }), url);
  }

  async ready(): Promise<void> {
    await this.button('Add Sencha to the cart').waitFor();
    await this.page.locator('#link.up').waitFor();
    await this.page.locator('.server.primary').waitFor();
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name });
  }

  /** Presses and waits until a server has answered. */
  async press(name: string): Promise<number> {
    const answer = this.page.waitForResponse((response) => response.url().includes('/api/cart'));
    await this.button(name).click();
    return (await answer).status();
  }

  /** The cart as it is shown. */
  cart(): Promise<Record<string, number>> {
    return this.page.evaluate<Record<string, number>>(CART);
  }

  /** Waits until the cart shows this. @throws {Error} with what it shows instead */
  async shows(cart: Readonly<Record<string, number>>): Promise<void> {
    const expected = text(cart);
    let shown = '';
    for (const deadlineMs = Date.now() + WAIT_MS_MAX; Date.now() < deadlineMs; await this.page.waitForTimeout(25)) {
      shown = text(await this.cart());
      if (shown === expected) return;
    }
    throw new Error(`the cart shows ${shown} instead of ${expected}`);
  }

  /** The server that has this part in the session, by the live view. */
  server(part: 'primary' | 'backup' | 'down'): Promise<string> {
    return this.page.locator(`.server.${part} .server-name`).first().innerText();
  }

  /** Presses the button that kills the leading server, and waits until the view tells that another one answers. */
  async kill(): Promise<{ readonly killed: string; readonly ms: number }> {
    const killed = await this.pressKill();
    return { killed, ms: await this.takenOver(killed) };
  }

  /** Waits until the view tells that another server answers, and how long that took in milliseconds. */
  async takenOver(killed: string): Promise<number> {
    await this.page.locator('.step.killed', { hasText: killed }).waitFor();
    const said = this.page.locator('#takeover-said', { hasText: /took over in \d+ ms/ });
    return Number(/(\d+) ms/.exec(await said.innerText())![1]);
  }

  /** Kills the leading server. Its lead may be on the way to another one just then: nobody is killed, and the button is there again. */
  async pressKill(): Promise<string> {
    for (;;) {
      await this.page.locator('#kill[aria-disabled="false"]').waitFor();
      const answer = this.page.waitForResponse((response) => response.url().endsWith('/live/kill'));
      await this.button(/^kill -9/).click();
      const told = (await (await answer).json()) as { server?: string };
      if (told.server !== undefined) return told.server;
    }
  }

  /** Waits until the server that was killed is back and the session has a backup again. */
  async healed(): Promise<void> {
    await this.page.locator('.step.restarted').waitFor();
    await this.page.locator('.step.protected').waitFor();
  }

  /** What of the rules for all pages does not hold here. */
  violations(): Promise<string[]> {
    return this.page.evaluate<string[]>(RULES);
  }
}

function text(cart: Readonly<Record<string, number>>): string {
  return JSON.stringify(Object.entries(cart).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
