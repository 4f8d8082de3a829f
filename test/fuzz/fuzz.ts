/**
 * The fuzzer: damages seeds, gives them to a target, and keeps what taught it something as new seeds.
 *
 * Invariant: a run depends on its seed and count only. What counts as new is the outcome: an input that was taken, or refused in
 * words that were not heard before, lies on a path that few others reach.
 */
import { TwinstateError } from '../../src/shared/errors.js';
import { seededRandom } from '../../src/testing/simulated-time.js';
import { Mutation } from './mutation.js';
import { attempt, holdPrototypes, type Target } from './targets.js';

export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly run: number;
  /** Hexadecimal. */
  readonly bytes: string;
  readonly error: string;
}

export interface Tally {
  readonly target: string;
  runs: number;
  taken: number;
  slowestMs: number;
  readonly findings: Finding[];
}

/** An input of at most 16 kB may not keep a decoder busy for longer; generous, as others load the machine. */
const SLOW_MS = 2_000;
const LEARNT_MAX = 2_000;
const FINDINGS_MAX = 5;

export function fuzz(target: Target, seed: number, runs: number, nowMs: () => number): Tally {
  const mutation = new Mutation(seededRandom(seed));
  const seeds = [...target.seeds];
  const heard = new Set<string>();
  const tally: Tally = { target: target.name, runs: 0, taken: 0, slowestMs: 0, findings: [] };
  for (let run = 0; run < runs && tally.findings.length < FINDINGS_MAX; run++) {
    const bytes = mutation.of(seeds, target.sealed);
    const startedMs = nowMs();
    try {
      const outcome = said(target, bytes);
      if (outcome === undefined) tally.taken++;
      const news = outcome ?? `taken ${bytes.byteLength}`;
      if (!heard.has(news) && seeds.length < target.seeds.length + LEARNT_MAX) {
        heard.add(news);
        seeds.push(bytes);
      }
      holdPrototypes();
      const tookMs = nowMs() - startedMs;
      tally.slowestMs = Math.max(tally.slowestMs, tookMs);
      if (tookMs > SLOW_MS) throw new Error(`${bytes.byteLength} bytes took ${tookMs.toFixed(0)} ms`);
    } catch (error) {
      const how = error instanceof Error ? (error.stack ?? String(error)) : String(error);
      tally.findings.push({ target: target.name, seed, run, bytes: Buffer.from(bytes).toString('hex'), error: how });
    }
    tally.runs++;
  }
  return tally;
}

/** What was said of refused bytes, without the numbers in it; undefined where they were taken. */
function said(target: Target, bytes: Uint8Array): string | undefined {
  let words: string | undefined;
  const taken = attempt(
    {
      ...target,
      run(given) {
        try {
          target.run(given);
        } catch (error) {
          if (error instanceof TwinstateError) words = error.message.replaceAll(/\d+/g, '0').slice(0, 120);
          throw error;
        }
      },
    },
    bytes,
  );
  return taken ? undefined : (words ?? '');
}
