/**
 * Makes the history of a failing seed as short as it gets: leaves out faults, clients, sessions and time while it still fails.
 *
 * Invariant: what comes out was run and failed with a violation of the same kind; with the same restraint it fails again, with the same
 * trace. The faults are reduced by delta debugging (Zeller and Hildebrandt, 2002).
 */
import type { Restraint } from './restraint.js';
import type { Scenario } from './scenario.js';
import { simulate } from './world.js';
import type { Report } from './world.js';

/** So many histories are tried, at most, unless told otherwise. */
const TRIES_MAX = 1_500;

/** What else comes of a history that went wrong: an error to a client, and what does not come back. */
const SYMPTOM = /^(not |\w+ failed with)/;

export interface Shrunk {
  readonly restraint: Restraint;
  readonly report: Report;
  /** Faults before and after, and the histories that were tried. */
  readonly faultsBefore: number;
  readonly tries: number;
}

/** @returns `undefined` where the seed does not fail */
export async function shrink(
  seed: number,
  scenario: Scenario,
  from: Restraint = {},
  progress?: (line: string) => void,
  triesMax = TRIES_MAX,
): Promise<Shrunk | undefined> {
  const whole = await simulate(seed, scenario, undefined, from);
  if (whole.violations.length === 0) return undefined;
  const shrinking = new Shrinking(seed, scenario, whole, from, triesMax, progress);
  await shrinking.run();
  const { restraint, report, tries } = shrinking;
  return { restraint, report, tries, faultsBefore: whole.struck.length };
}

class Shrinking {
  readonly #seed: number;
  readonly #scenario: Scenario;
  readonly #kind: string;
  readonly #triesMax: number;
  readonly #progress: ((line: string) => void) | undefined;
  restraint: Restraint;
  report: Report;
  tries = 0;

  constructor(
    seed: number,
    scenario: Scenario,
    whole: Report,
    from: Restraint,
    triesMax: number,
    progress?: (line: string) => void,
  ) {
    this.#seed = seed;
    this.#scenario = scenario;
    this.#kind = kindOf(whole.violations.find((violation) => !SYMPTOM.test(violation)) ?? whole.violations[0]!);
    this.#triesMax = triesMax;
    this.#progress = progress;
    this.restraint = from;
    this.report = whole;
  }

  async run(): Promise<void> {
    // those of a kind together, so that whole kinds go at once
    const faults = [...new Set(this.report.struck.toSorted((a, b) => (a.kind < b.kind ? -1 : 1)).map(({ name }) => name))];
    await this.#try({ ...this.restraint, keep: new Set(faults) });
    for (;;) {
      const before = this.#size();
      await this.#fewerFaults();
      await this.#shorter();
      await this.#fewerClients();
      await this.#fewerSessions();
      if (this.#size() >= before || this.tries >= this.#triesMax) return;
    }
  }

  #size(): number {
    const { keep, faultsMs = this.#scenario.faultsMs, silent, diaries = 9 } = this.restraint;
    return (keep?.size ?? Infinity) * 1_000 + faultsMs / 100 + diaries - (silent?.size ?? 0);
  }

  /** Delta debugging: first halves, then quarters, and so on, and what each of them leaves. */
  async #fewerFaults(): Promise<void> {
    if (await this.#try({ ...this.restraint, keep: new Set() })) return;
    let parts = 2;
    for (;;) {
      const faults = [...(this.restraint.keep ?? [])];
      if (faults.length < 2) return;
      const size = Math.ceil(faults.length / parts);
      let smaller = false;
      for (let i = 0; i < faults.length && !smaller; i += size) {
        const part = faults.slice(i, i + size);
        if (parts === 2) smaller = await this.#try({ ...this.restraint, keep: new Set(part) });
        if (!smaller)
          smaller = await this.#try({ ...this.restraint, keep: new Set([...faults.slice(0, i), ...faults.slice(i + size)]) });
      }
      if (this.tries >= this.#triesMax) return;
      if (smaller) parts = Math.max(parts - 1, 2);
      else if (size === 1) return;
      else parts = Math.min(parts * 2, faults.length);
    }
  }

  async #shorter(): Promise<void> {
    for (let faultsMs = this.restraint.faultsMs ?? this.#scenario.faultsMs; faultsMs > 500;) {
      faultsMs = Math.floor(faultsMs * 0.8);
      if (!(await this.#try({ ...this.restraint, faultsMs }))) return;
    }
  }

  async #fewerClients(): Promise<void> {
    const processes = this.#scenario.nodes + this.#scenario.clients;
    for (let i = 0; i < processes; i++) {
      const visitors = this.#scenario.mortal === true ? [`v${i}a`, `v${i}b`] : [];
      for (const name of [...visitors, `c${i}`, `h${i}`, `r${i}`, `w${i}`]) {
        const { silent = new Set<string>() } = this.restraint;
        if (!silent.has(name)) await this.#try({ ...this.restraint, silent: new Set([...silent, name]) });
      }
    }
  }

  async #fewerSessions(): Promise<void> {
    for (const diaries of [1, 2]) {
      if ((this.restraint.diaries ?? 3) <= diaries || (await this.#try({ ...this.restraint, diaries }))) return;
    }
  }

  /** @returns whether it still fails; it is then what is gone on from */
  async #try(restraint: Restraint): Promise<boolean> {
    if (this.tries >= this.#triesMax) return false;
    this.tries++;
    const report = await simulate(this.#seed, this.#scenario, undefined, restraint);
    if (!report.violations.some((violation) => kindOf(violation) === this.#kind)) return false;
    this.report = report;
    // faults that did not come to happen need not be named
    const struck = new Set(report.struck.map(({ name }) => name));
    this.restraint = { ...restraint, keep: restraint.keep && new Set([...restraint.keep].filter((name) => struck.has(name))) };
    this.#progress?.(`${this.tries} tries: ${report.struck.length} faults, ${report.acknowledged} acknowledged`);
    return true;
  }
}

/** Its first words: `lost`, `stale read`, `two processes differ about`. */
function kindOf(violation: string): string {
  return violation.replace(/[:(\d].*$/s, '').slice(0, 24);
}
