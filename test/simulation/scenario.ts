/**
 * The kinds of worlds that are simulated, each by what it has that is not usual.
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

/** What a world is where its scenario says nothing else. */
const USUAL: Omit<Scenario, 'name'> = {
  nodes: 3,
  clients: 1,
  backups: 1,
  partitions: 2,
  faultsMs: 5_000,
  takeover: 'fast',
  chaos: true,
  lossy: true,
};

/** In what each differs from that. */
const DIFFERENCES: Readonly<Record<string, Partial<Scenario>>> = {
  base: { backups: 2, partitions: 1 },
  pair: { nodes: 2, sealed: true },
  spread: { nodes: 4, partitions: 3, takeover: 'strict' },
  calm: { partitions: 1, faultsMs: 4_000, chaos: false, lossy: false },
  deploy: { nodes: 4, partitions: 3, faultsMs: 4_500, takeover: 'strict', chaos: false, lossy: false, deploys: true },
  mortal: { faultsMs: 9_000, mortal: true },
  frugal: { faultsMs: 6_000, mortal: true, memoryBytesMax: 0 },
  bereft: { backups: 2, partitions: 1, chaos: false, losesLog: true, memoryBytesMax: 0 },
  lost: { backups: 2, partitions: 1, chaos: false, losesLog: true, sealed: true },
  rot: { rots: true },
  release: { releases: true },
  upgrade: { upgrades: true },
  rollback: { upgrades: true, laterFormat: true },
};

export const SCENARIOS: Readonly<Record<string, Scenario>> = Object.fromEntries(
  Object.entries(DIFFERENCES).map(([name, differs]) => [name, { ...USUAL, name, ...differs }]),
);

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
