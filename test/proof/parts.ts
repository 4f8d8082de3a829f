/**
 * What the proof consists of: each part is a command that anybody may run by itself, with a number of tries in CI and in a release run.
 *
 * Invariant: a part ends by itself once it has tried so many, or after so many minutes; what it has tried by then counts.
 */
import { FAULTS } from '../planted/faults.js';
import { SCENARIOS } from '../simulation/scenario.js';

export interface Part {
  readonly name: string;
  /** What one try is, in the plural. */
  readonly tries: string;
  /** In minutes, in CI: on a slow machine it is not all of `inCi`. */
  readonly minutes: number;
  /** 0: it is a matter of releases. */
  readonly inCi: number;
  readonly inRelease: number;
  /** For the try that is under way when the time is over, where one takes long. */
  readonly graceMs?: number;
  /** @returns arguments for Node; files below `dist/test/` */
  command(count: number, minutes: number, from: number): readonly string[];
}

/** A process may stand still for half a minute, and then has to come back. */
const FAULT_GRACE_MS = 90_000;
/** Those in which there are faults; in the others nothing may be felt of a deploy. */
const FAULTY = Object.values(SCENARIOS)
  .filter(({ lossy }) => lossy)
  .map(({ name }) => name)
  .join(',');
const bounded = (minutes: number): readonly string[] => ['--minutes', String(minutes)];

export const PARTS: readonly Part[] = [
  {
    name: 'world',
    tries: 'simulated faults',
    minutes: 4.5,
    inCi: 1_000_000,
    inRelease: 100_000_000,
    command: (count, minutes, from) => [
      'simulation/main.js',
      ...['--faults', String(count), '--from', String(from), '--longer', '6', '--scenario', FAULTY, ...bounded(minutes)],
    ],
  },
  {
    name: 'faults',
    tries: 'real faults, one server',
    minutes: 3.5,
    inCi: 50,
    inRelease: 1_800,
    graceMs: FAULT_GRACE_MS,
    command: (count, minutes, from) => [
      'faults/main.js',
      ...['--count', String(count), '--from', String(from), '--lanes', '3', ...bounded(minutes)],
    ],
  },
  {
    name: 'faults-cluster',
    tries: 'real faults, three servers',
    minutes: 3.5,
    inCi: 0,
    inRelease: 200,
    graceMs: FAULT_GRACE_MS,
    command: (count, minutes, from) => [
      'faults/main.js',
      ...['--cluster', '--count', String(count), '--from', String(from), '--lanes', '2', ...bounded(minutes)],
    ],
  },
  {
    name: 'graphs',
    tries: 'random object graphs',
    minutes: 1.5,
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
    minutes: 2,
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
    minutes: 1.5,
    inCi: 200_000,
    inRelease: 10_000_000,
    command: (count, minutes, from) => [
      'fuzz/main.js',
      ...['--listeners', '--runs', String(count), '--from', String(from), ...bounded(minutes)],
    ],
  },
  {
    name: 'planted',
    tries: 'planted faults (found: missed)',
    minutes: 4.5,
    inCi: FAULTS.filter(({ core }) => core).length,
    inRelease: FAULTS.length,
    command: (count, minutes) => ['planted/main.js', ...(count < FAULTS.length ? ['--core'] : []), ...bounded(minutes)],
  },
];
