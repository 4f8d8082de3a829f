/**
 * What the proof consists of: each part is a command that anybody may run by itself, with a number of tries in CI and in a release run.
 *
 * Invariant: a part ends by itself once it has tried so many, or after so many minutes; what it has tried by then counts.
 */
import { FAULTS } from '../planted/faults.js';

export interface Part {
  readonly name: string;
  /** What one try is, in the plural. */
  readonly tries: string;
  /** In minutes, in CI: on a slow machine it is not all of `inCi`. */
  readonly minutes: number;
  readonly inCi: number;
  readonly inRelease: number;
  /** @returns arguments for Node; files below `dist/test/` */
  command(count: number, minutes: number, from: number): readonly string[];
}

const SCENARIOS = 'base,pair,spread,mortal,frugal,bereft,lost,rot,upgrade';
const bounded = (minutes: number): readonly string[] => ['--minutes', String(minutes)];

export const PARTS: readonly Part[] = [
  {
    name: 'world',
    tries: 'simulated faults',
    minutes: 5,
    inCi: 1_000_000,
    inRelease: 100_000_000,
    command: (count, minutes, from) => [
      'simulation/main.js',
      ...['--faults', String(count), '--from', String(from), '--longer', '6', '--scenario', SCENARIOS, ...bounded(minutes)],
    ],
  },
  {
    name: 'graphs',
    tries: 'random object graphs',
    minutes: 2,
    inCi: 100_000,
    inRelease: 10_000_000,
    command: (count, minutes, from) => [
      'diff/corpus/main.js',
      ...['--graphs', String(count), '--from', String(from), ...bounded(minutes)],
    ],
  },
  {
    name: 'bytes',
    tries: 'hostile inputs of decoders',
    minutes: 3,
    inCi: 1_000_000,
    inRelease: 1_000_000_000,
    command: (count, minutes, from) => [
      'fuzz/main.js',
      ...['--runs', String(count), '--from', String(from), ...bounded(minutes)],
    ],
  },
  {
    name: 'listeners',
    tries: 'hostile messages to live clusters',
    minutes: 2,
    inCi: 200_000,
    inRelease: 10_000_000,
    command: (count, minutes, from) => [
      'fuzz/main.js',
      ...['--listeners', '--runs', String(count), '--from', String(from), ...bounded(minutes)],
    ],
  },
  {
    name: 'faults',
    tries: 'real faults',
    minutes: 4,
    inCi: 50,
    inRelease: 2_000,
    command: (count, minutes, from) => [
      'faults/main.js',
      ...['--count', String(count), '--from', String(from), '--lanes', '3', ...bounded(minutes)],
    ],
  },
  {
    name: 'planted',
    tries: 'planted faults (found: missed)',
    minutes: 5,
    inCi: FAULTS.filter(({ core }) => core).length,
    inRelease: FAULTS.length,
    command: (count, minutes) => ['planted/main.js', ...(count < FAULTS.length ? ['--core'] : []), ...bounded(minutes)],
  },
];
