/**
 * What happens to processes and to the log of a simulated world, and when: the schedule of faults that are larger than a message.
 *
 * Invariant: every fault is drawn from the world's chance, noted, and ended by the world's healing at the latest.
 */
import type { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { partition } from '../../src/shared/ids.js';
import type { LogLoss } from './log-loss.js';
import type { SimulatedProcess } from './process.js';
import type { RandomFaults } from './random-faults.js';
import type { Surroundings } from './surroundings.js';

/** Nodes at work without which nothing is drained. */
const AT_WORK_MIN = 2;

export class Chaos {
  readonly #world: Surroundings;
  readonly #processes: readonly SimulatedProcess[];
  readonly #faults: RandomFaults;
  readonly #cluster: MemoryCluster;
  count = 0;

  constructor(world: Surroundings, processes: readonly SimulatedProcess[], faults: RandomFaults, cluster: MemoryCluster) {
    this.#world = world;
    this.#processes = processes;
    this.#faults = faults;
    this.#cluster = cluster;
  }

  /** Processes crash, stand still, are cut off and drained; the log is out at times. */
  begin(): void {
    const world = this.#world;
    const step = (): void => {
      if (world.now() > world.scenario.faultsMs) return;
      world.time.after(world.between(150, 1_200), step);
      const process = world.oneOf(this.#processes);
      const dice = world.random();
      if (!process.up) {
        if (world.chance(0.7)) process.start();
        return;
      }
      this.count++;
      if (dice < 0.3) {
        world.note(`kill ${process.options.name}`);
        process.kill();
        this.#startAgain(process, 50, 3_000);
      } else if (dice < 0.55) {
        world.note(`pause ${process.options.name}`);
        process.pause();
        const { clock } = process;
        world.time.after(world.between(50, 4_000), () => clock.resume());
      } else if (dice < 0.8) {
        world.note(`cut ${process.options.name}`);
        process.cutOff();
        world.time.after(world.between(30, 4_000), () => process.mend());
      } else if (dice < 0.9) {
        world.note('log out');
        this.#faults.logOut = true;
        world.time.after(world.between(100, 1_500), () => (this.#faults.logOut = false));
      } else if (process.store !== undefined) {
        this.#drain(process, world.between(50, 3_000));
      }
    };
    world.time.after(800, step);
  }

  /** Drains nodes and starts them again; never so many that nobody is left to hand over to. */
  deploy(): void {
    const world = this.#world;
    const draining = new Set<SimulatedProcess>();
    const step = (): void => {
      if (world.now() > world.scenario.faultsMs - 1_000) return;
      world.time.after(world.between(200, 900), step);
      const process = this.#processes[world.between(0, world.scenario.nodes - 1)]!;
      if (!process.up) return process.start();
      const atWork = this.#processes.filter(({ options, store }) => options.role === 'node' && store !== undefined);
      const others = atWork.filter((each) => each !== process && !draining.has(each));
      if (process.store === undefined || draining.has(process) || others.length < AT_WORK_MIN) return;
      this.count++;
      world.note(`deploy ${process.options.name}`);
      draining.add(process);
      void process.drain(2_500).then(() => {
        draining.delete(process);
        world.note(`deployed ${process.options.name}`);
        this.#startAgain(process, 50, 1_500);
      });
    };
    world.time.after(900, step);
  }

  /** The log is wiped, with the snapshots or without them, or loses its newest records; a node dies, stands still, or none does. */
  loseLog(loss: LogLoss): void {
    const world = this.#world;
    const nodes = this.#processes.filter(({ options, up }) => up && options.role === 'node');
    const process = world.oneOf(nodes);
    const dice = world.random();
    const who = dice < 0.4 ? 'nobody' : dice < 0.7 ? 'killed' : 'paused';
    const generation = this.#cluster.generations('simulated').at(-1)!;
    const stored = this.#cluster.generation('simulated', generation);
    const lose = (): void => {
      this.count++;
      loss.happened(world.now(), who);
      const how = world.random();
      const records = world.between(1, 6);
      const what = how < 0.4 ? 'log' : how < 0.7 ? 'all' : `${records} records`;
      world.note(`lose generation ${generation}: ${what}, ${who} ${process.options.name}`);
      if (how < 0.7) stored.wipe({ snapshots: how >= 0.4 });
      else stored.rollBack(partition(0), records);
      if (who !== 'killed') return;
      process.kill();
      this.#startAgain(process, 50, 3_000);
    };
    if (who !== 'paused') return lose();
    process.pause();
    const { clock } = process;
    world.time.after(world.between(100, 900), lose);
    world.time.after(world.between(1_000, 3_500), () => clock.resume());
  }

  /** Ends every fault. */
  heal(): void {
    this.#world.note('heal');
    this.#faults.active = false;
    this.#faults.logOut = false;
    for (const process of this.#processes) {
      if (!process.up) process.start();
      process.resume();
      process.mend();
    }
  }

  #drain(process: SimulatedProcess, downMs: number): void {
    const world = this.#world;
    const { name } = process.options;
    world.note(`drain ${name}`);
    const again = (): void => {
      world.note(`drained ${name}`);
      world.time.after(downMs, () => process.up || process.start());
    };
    void process.drain(world.between(300, 2_500)).then(again);
  }

  #startAgain(process: SimulatedProcess, lowMs: number, highMs: number): void {
    this.#world.time.after(this.#world.between(lowMs, highMs), () => process.up || process.start());
  }
}
