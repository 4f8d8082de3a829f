/**
 * N damaged messages to live clusters, half of them in memory and half on one real nats-server, in several threads.
 *
 * Invariant: a portion has a cluster of its own and is known by its seed; the server ends with this process at the latest.
 */
import { tellProgress } from '../proof/progress.js';
import { natsWorld } from '../store/world.js';
import type { Harvest } from './harvest.js';
import { PLACES } from './listeners.js';
import type { SiegePortion, SiegeResult } from './siege-worker.js';
import { inThreads } from './threads.js';

/** Messages to one cluster. */
const PORTION = 20_000;
const MEMORY_MB = 768;
const HANG_MS = 900_000;

/** @returns how many portions had a finding */
export async function besiege(
  seeds: Harvest,
  from: number,
  runs: number,
  threads: number,
  minutes: number,
  say: (line: string) => void,
): Promise<number> {
  const world = await natsWorld();
  const startedMs = performance.now();
  const sums = new Map<string, number>();
  let [given, done, seed, found] = [0, 0, from, 0];
  const count = (what: string, more: number): unknown => sums.set(what, (sums.get(what) ?? 0) + more);
  const find = ({ seed: at, runs: some }: SiegePortion, error: string): void => {
    found++;
    tellProgress(done, found);
    say(`FOUND by --listeners --from ${at} --runs ${some}: ${error}`);
  };
  try {
    await inThreads<SiegePortion, SiegeResult>({
      file: new URL('./siege-worker.js', import.meta.url),
      data: { seeds, url: world.server!.url },
      threads,
      memoryMb: MEMORY_MB,
      hangMs: HANG_MS,
      next() {
        if (given >= runs || performance.now() - startedMs > minutes * 60_000) return undefined;
        const portion = { seed: seed++, runs: Math.min(PORTION, runs - given) };
        given += portion.runs;
        return portion;
      },
      done(portion, { world: where, heard, error }) {
        if (heard === undefined) return find(portion, error ?? 'nothing was told');
        done += heard.runs;
        tellProgress(done, found);
        for (const place of PLACES) count(place, heard.said[place]);
        count('answered as malformed', heard.refused);
        count('answers of a stranger', heard.replies);
        count('reads meanwhile', heard.reads);
        const heap = heard.grownBytes === undefined ? '' : `, heap ${(heard.grownBytes / 1e6).toFixed(1)} MB more`;
        const rate = Math.round((done / (performance.now() - startedMs)) * 1_000);
        say(
          `${done} of ${runs} (${rate}/s), ${where}, seed ${portion.seed}: slowest burst ${heard.slowestMs.toFixed(0)} ms${heap}`,
        );
      },
      lost: (portion, error) => find(portion, String(error)),
    });
  } finally {
    await world.close();
  }
  say([...sums].map(([what, times]) => `${what} ${times}`).join(', '));
  say(`${done} hostile messages to live clusters in ${Math.round((performance.now() - startedMs) / 1_000)} s: ${found} found`);
  return found;
}
