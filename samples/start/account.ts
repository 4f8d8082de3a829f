/**
 * What the demonstrations say in the terminal, and the check of every claim among it.
 *
 * Invariant: a line with a tick was true when it was printed. A claim that is not so ends the program with a `BrokenClaim`. Colours
 * appear only on a terminal that wants them; no line that is made here is wider than 100 columns.
 */
const WIDTH = 100;
const NAME_WIDTH = 22;

type Style = 'bold' | 'dim' | 'green' | 'red' | 'cyan' | 'yellow';
const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  green: [32, 39],
  red: [31, 39],
  cyan: [36, 39],
  yellow: [33, 39],
};

/** Something that a demonstration says was found not to be so. */
export class BrokenClaim extends Error {
  override readonly name = 'BrokenClaim';
}

export class Account {
  readonly #colours = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
  #claims = 0;

  /** How many claims were made, and held. */
  get claims(): number {
    return this.#claims;
  }

  title(text: string, subtitle: string): void {
    this.#write('', `  ${this.style('bold', text)}  ${this.style('dim', subtitle)}`);
  }

  step(text: string): void {
    this.#write(
      '',
      `${this.style('cyan', '──')} ${this.style('bold', text)} ${this.style('cyan', '─'.repeat(Math.max(0, 95 - text.length)))}`,
    );
  }

  line(text = ''): void {
    this.#write(text === '' ? '' : `  ${clip(text, WIDTH - 2)}`);
  }

  /** A statement of the demonstration's own source. */
  code(text: string): void {
    this.#write(`  ${this.style('bold', clip(text, WIDTH - 2))}`);
  }

  remark(text: string): void {
    this.#write(`  ${this.style('dim', clip(text, WIDTH - 2))}`);
  }

  /** One name and what belongs to it. */
  entry(name: string, text: string): void {
    this.#write(`  ${this.style('yellow', clip(name, NAME_WIDTH).padEnd(NAME_WIDTH))} ${clip(text, WIDTH - NAME_WIDTH - 3)}`);
  }

  /** @throws {BrokenClaim} where it does not hold */
  claim(text: string, holds: boolean): void {
    if (!holds) {
      this.#write(`  ${this.style('red', '✗')} ${text}`);
      throw new BrokenClaim(text);
    }
    this.#claims++;
    this.#write(`  ${this.style('green', '✓')} ${clip(text, WIDTH - 4)}`);
  }

  style(style: Style, text: string): string {
    const [on, off] = CODES[style];
    return this.#colours ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  }

  #write(...lines: readonly string[]): void {
    console.log(lines.join('\n'));
  }
}

/** `1234567` as `1,234,567`. */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
