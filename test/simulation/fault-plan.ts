/**
 * The schedule of what happens to processes and to the log of a simulated world, drawn before anything runs.
 *
 * Invariant: the plan depends on the seed and the scenario only; each fault has its number in it, whatever else happens or is left out.
 */
import type { Dice } from './dice.js';
import type { FaultKind } from './fault-book.js';
import type { Scenario } from './scenario.js';

export interface PlannedFault {
  /** `#4`: the fourth of the plan. */
  readonly name: string;
  readonly kind: FaultKind;
  readonly atMs: number;
  /** Whom it concerns: an index of processes. */
  readonly process: number;
  /** Of two processes that are concerned, the other. */
  readonly other: number;
  readonly lengthMs: number;
  /** In [0, 1): what else there is to choose. */
  readonly choice: number;
}

interface Kind {
  readonly kind: FaultKind;
  /** How often, against the others. */
  readonly weight: number;
  readonly lengthMs: readonly [low: number, high: number];
}

const CHAOS: readonly Kind[] = [
  { kind: 'crash', weight: 26, lengthMs: [50, 3_000] },
  { kind: 'pause', weight: 16, lengthMs: [50, 4_000] },
  { kind: 'freeze', weight: 6, lengthMs: [100, 4_000] },
  { kind: 'cut', weight: 14, lengthMs: [30, 4_000] },
  { kind: 'deaf', weight: 5, lengthMs: [30, 3_000] },
  { kind: 'mute', weight: 5, lengthMs: [30, 3_000] },
  { kind: 'bus out', weight: 4, lengthMs: [50, 2_500] },
  { kind: 'log out', weight: 7, lengthMs: [100, 1_500] },
  { kind: 'log full', weight: 4, lengthMs: [100, 1_500] },
  { kind: 'slow follower', weight: 4, lengthMs: [200, 3_000] },
  { kind: 'drain', weight: 5, lengthMs: [50, 3_000] },
  { kind: 'handover broken', weight: 4, lengthMs: [50, 2_500] },
];
const ROT: readonly Kind[] = [
  { kind: 'foreign record', weight: 15, lengthMs: [0, 0] },
  { kind: 'forged end', weight: 8, lengthMs: [50, 3_000] },
  { kind: 'damaged snapshot', weight: 15, lengthMs: [0, 0] },
];
const RELEASES: readonly Kind[] = [{ kind: 'later release', weight: 25, lengthMs: [50, 1_500] }];
const UPGRADES: readonly Kind[] = [{ kind: 'upgrade', weight: 40, lengthMs: [50, 800] }];

/** Seeds differ in how much happens, too. */
const BETWEEN_MS: readonly (readonly [low: number, high: number])[] = [
  [50, 400],
  [100, 800],
  [150, 1_200],
  [300, 2_000],
];
const FIRST_MS = 800;

export function planFaults(scenario: Scenario, dice: Dice): PlannedFault[] {
  const kinds = [
    ...CHAOS,
    ...(scenario.rots === true ? ROT : []),
    ...(scenario.upgrades === true ? UPGRADES : []),
    ...(scenario.releases === true ? RELEASES : []),
  ];
  const weights = kinds.reduce((sum, { weight }) => sum + weight, 0);
  const [low, high] = dice.oneOf(BETWEEN_MS);
  const processes = scenario.nodes + scenario.clients;
  const plan: PlannedFault[] = [];
  for (let atMs = FIRST_MS; atMs < scenario.faultsMs; atMs += dice.between(low, high)) {
    let weight = dice.random() * weights;
    const kind = kinds.find((each) => (weight -= each.weight) < 0) ?? kinds[0]!;
    plan.push({
      name: `#${plan.length + 1}`,
      kind: kind.kind,
      atMs,
      process: dice.between(0, processes - 1),
      other: dice.between(0, processes - 1),
      lengthMs: dice.between(...kind.lengthMs),
      choice: dice.random(),
    });
  }
  return plan;
}
