/**
 * The kinds of worlds that are simulated, one object each.
 *
 * Invariant: a scenario says what may happen, the seed says what does; adding a scenario is adding an object here.
 */
export interface Scenario {
  readonly name: string;
  readonly nodes: number;
  /** Application servers that hold nothing. */
  readonly clients: number;
  readonly backups: number;
  readonly partitions: number;
  /** How long anything may go wrong, in virtual milliseconds. */
  readonly faultsMs: number;
  readonly takeover: 'fast' | 'strict';
  /** Whether processes crash, pause and are cut off, and whether the log is out at times. */
  readonly chaos: boolean;
  /** Whether messages are lost, late and repeated. */
  readonly lossy: boolean;
  /** Whether nodes are drained and started again, one after the other, as a deploy does; then no write may fail or wait for long. */
  readonly deploys?: boolean;
  /** Whether there are sessions that expire, and clocks that differ and run too fast or too slowly. */
  readonly mortal?: boolean;
  /** Whether the log is wiped, rolled back or damaged, while a node dies or stands still, or none does. */
  readonly losesLog?: boolean;
  /** Whether a stranger writes into the log, and stored snapshots are damaged. */
  readonly rots?: boolean;
  /** Whether processes change to a version of the session class with one attribute more, and some back. */
  readonly upgrades?: boolean;
  /** Whether that version stores sessions in a later format, which processes of the other one do not read: about half of them change back. */
  readonly laterFormat?: boolean;
  /** Whether processes come to be a later release, whose records the others cannot read: they wait, and are replaced in the end. */
  readonly releases?: boolean;
  /** Whether records, snapshots and messages are sealed. */
  readonly sealed?: boolean;
  /** What each process may keep of sessions, in bytes: what is more is passivated. */
  readonly memoryBytesMax?: number;
}

/** What is passivated may be lost together with the log: then it is quarantined. */
export function mayLoseContent({ losesLog, memoryBytesMax }: Scenario): boolean {
  return losesLog === true && memoryBytesMax !== undefined;
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  base: {
    name: 'base',
    nodes: 3,
    clients: 1,
    backups: 2,
    partitions: 1,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    deploys: false,
  },
  pair: {
    name: 'pair',
    sealed: true,
    nodes: 2,
    clients: 1,
    backups: 1,
    partitions: 2,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    deploys: false,
  },
  spread: {
    name: 'spread',
    nodes: 4,
    clients: 1,
    backups: 1,
    partitions: 3,
    faultsMs: 5_000,
    takeover: 'strict',
    chaos: true,
    lossy: true,
    deploys: false,
  },
  calm: {
    name: 'calm',
    nodes: 3,
    clients: 1,
    backups: 1,
    partitions: 1,
    faultsMs: 4_000,
    takeover: 'fast',
    chaos: false,
    lossy: false,
    deploys: false,
  },
  deploy: {
    name: 'deploy',
    nodes: 4,
    clients: 1,
    backups: 1,
    partitions: 3,
    faultsMs: 4_500,
    takeover: 'strict',
    chaos: false,
    lossy: false,
    deploys: true,
  },
  mortal: {
    name: 'mortal',
    nodes: 3,
    clients: 1,
    backups: 1,
    partitions: 2,
    faultsMs: 9_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    mortal: true,
  },
  frugal: {
    name: 'frugal',
    nodes: 3,
    clients: 1,
    backups: 1,
    partitions: 2,
    faultsMs: 6_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    mortal: true,
    memoryBytesMax: 0,
  },
  bereft: {
    name: 'bereft',
    nodes: 3,
    clients: 1,
    backups: 2,
    partitions: 1,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: false,
    lossy: true,
    losesLog: true,
    memoryBytesMax: 0,
  },
  lost: {
    name: 'lost',
    nodes: 3,
    clients: 1,
    backups: 2,
    partitions: 1,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: false,
    lossy: true,
    deploys: false,
    losesLog: true,
    sealed: true,
  },
  rot: {
    name: 'rot',
    nodes: 3,
    clients: 1,
    backups: 1,
    partitions: 2,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    rots: true,
  },
  release: {
    name: 'release',
    nodes: 3,
    clients: 1,
    backups: 1,
    partitions: 2,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    releases: true,
  },
  upgrade: {
    name: 'upgrade',
    nodes: 3,
    clients: 1,
    backups: 1,
    partitions: 2,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    upgrades: true,
  },
  rollback: {
    name: 'rollback',
    nodes: 3,
    clients: 1,
    backups: 1,
    partitions: 2,
    faultsMs: 5_000,
    takeover: 'fast',
    chaos: true,
    lossy: true,
    upgrades: true,
    laterFormat: true,
  },
};

/**
 * Those among which a seed chooses.
 * @param names of them, parted by commas; without it, all
 * @param longer how many times as long as usual anything may go wrong in them
 * @throws {RangeError} where there is none of such a name
 */
export function scenariosOf(names?: string, longer = 1): readonly Scenario[] {
  return (names?.split(',') ?? Object.keys(SCENARIOS)).map((name) => {
    const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
    if (scenario === undefined) throw new RangeError(`there is no scenario ${name}, only ${Object.keys(SCENARIOS).join(', ')}`);
    return { ...scenario, faultsMs: scenario.faultsMs * longer };
  });
}
