/**
 * What strangers and failing disks do to the stored bytes of a simulated world: to its log and to its snapshots.
 *
 * Invariant: nobody is told. Bytes that a process was given before are never changed in its hands.
 */
import type { MemoryCluster, MemoryGeneration } from '../../src/engine/memory/memory-cluster.js';
import { partition } from '../../src/shared/ids.js';
import type { Partition } from '../../src/shared/ids.js';
import type { Surroundings } from './surroundings.js';

/** How often a stranger's record is damaged; else it is one of ours once more. */
const DAMAGED_SHARE = 0.7;

export class Rot {
  readonly #world: Surroundings;
  readonly #cluster: MemoryCluster;

  constructor(world: Surroundings, cluster: MemoryCluster) {
    this.#world = world;
    this.#cluster = cluster;
  }

  /** The generation that is at work. */
  get stored(): MemoryGeneration | undefined {
    const generation = this.#cluster.generations('simulated').at(-1);
    return generation === undefined ? undefined : this.#cluster.generation('simulated', generation);
  }

  /** Which partition a stranger writes to. */
  partitionOf(choice: number): Partition {
    return partition(Math.floor(choice * this.#world.scenario.partitions));
  }

  /** Somebody else publishes where records are: an old one once more, or a damaged copy of it. */
  forge(choice: number): void {
    const stored = this.stored!;
    const at = this.partitionOf(choice);
    const { entries, last } = stored.log(at).behind(0 as never);
    const model = entries[Math.floor(choice * 1_000) % Math.max(1, entries.length)];
    if (model === undefined) return;
    const tenths = choice * 10;
    stored.append(
      at,
      last,
      tenths - Math.floor(tenths) < DAMAGED_SHARE ? damaged(model.record, choice) : Uint8Array.from(model.record),
    );
  }

  /** A stored snapshot is damaged. */
  damageSnapshot(choice: number): void {
    const { at, key } = this.snapshot(choice)!;
    const group = this.stored!.group(at);
    const entry = group.get(key)!;
    group.set(key, { ...entry, value: damaged(entry.value, choice) });
    this.#world.damaged.add(key.slice(key.indexOf(':') + 1));
  }

  snapshot(choice: number): { readonly at: Partition; readonly key: string } | undefined {
    for (let p = 0; p < this.#world.scenario.partitions; p++) {
      const keys = [...(this.stored?.group(partition(p)).keys() ?? [])];
      if (keys.length > 0) return { at: partition(p), key: keys[Math.floor(choice * keys.length)]! };
    }
    return undefined;
  }
}

/** A copy of which one bit is not as it was. */
export function damaged(bytes: Uint8Array, choice: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (copy.length > 0) copy[Math.floor(choice * 7_919) % copy.length]! ^= 1 << Math.floor(choice * 8);
  return copy;
}
