/**
 * Lets the planned faults happen to processes and to the log of a simulated world, and ends them all.
 *
 * Invariant: every fault is entered in the book before it happens, and over when the world is healed.
 */
import type { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { partition } from '../../src/shared/ids.js';
import type { Dice } from './dice.js';
import type { FaultBook } from './fault-book.js';
import type { PlannedFault } from './fault-plan.js';
import type { LogLoss } from './log-loss.js';
import type { Outages } from './outages.js';
import type { SimulatedProcess } from './process.js';
import { damaged, Rot } from './rot.js';
import type { Surroundings } from './surroundings.js';

/** Nodes at work without which nothing is drained by a deploy. */
const AT_WORK_MIN = 2;
/** A planned fault meets its process dead: so often it is started instead. */
const START_SHARE = 0.7;

export interface ChaosParts {
  readonly world: Surroundings;
  readonly processes: readonly SimulatedProcess[];
  readonly book: FaultBook;
  readonly outages: Outages;
  readonly cluster: MemoryCluster;
  readonly dice: Dice;
}

export class Chaos {
  readonly #world: Surroundings;
  readonly #processes: readonly SimulatedProcess[];
  readonly #book: FaultBook;
  readonly #outages: Outages;
  readonly #cluster: MemoryCluster;
  readonly #dice: Dice;
  readonly #rot: Rot;
  #healed = false;

  constructor({ world, processes, book, outages, cluster, dice }: ChaosParts) {
    this.#world = world;
    this.#processes = processes;
    this.#book = book;
    this.#outages = outages;
    this.#cluster = cluster;
    this.#dice = dice;
    this.#rot = new Rot(world, cluster);
  }

  /** Lets every fault of a plan happen at its time. */
  follow(plan: readonly PlannedFault[]): void {
    const { time, scenario } = this.#world;
    for (const fault of plan) if (fault.atMs < scenario.faultsMs) time.after(fault.atMs, () => this.#happen(fault));
  }

  /** Drains nodes and starts them again; never so many that nobody is left to hand over to. */
  deploy(): void {
    const world = this.#world;
    const dice = this.#dice;
    const draining = new Set<SimulatedProcess>();
    let number = 0;
    const step = (): void => {
      if (world.now() > world.scenario.faultsMs - 1_000) return;
      world.time.after(dice.between(200, 900), step);
      const process = this.#processes[dice.between(0, world.scenario.nodes - 1)]!;
      const downMs = dice.between(50, 1_500);
      number++;
      if (!process.up) return process.start();
      const atWork = this.#processes.filter(({ options, store }) => options.role === 'node' && store !== undefined);
      const others = atWork.filter((each) => each !== process && !draining.has(each));
      if (process.store === undefined || draining.has(process) || others.length < AT_WORK_MIN) return;
      if (!this.#book.strike('drain', `#${number}`, process.options.name)) return;
      draining.add(process);
      void process.drain(2_500).then(() => {
        draining.delete(process);
        world.note(`deployed ${process.options.name}`);
        this.#startAfter(process, downMs);
      });
    };
    world.time.after(900, step);
  }

  /** The log is wiped, with the snapshots or without them, or loses or damages its newest records; a node dies, stands still, or none does. */
  loseLog(loss: LogLoss): void {
    const dice = this.#dice;
    const world = this.#world;
    world.time.after(dice.between(1_200, 3_500), () => {
      const nodes = this.#processes.filter(({ options, up }) => up && options.role === 'node');
      const process = dice.oneOf(nodes);
      const roll = dice.random();
      const who = roll < 0.4 ? 'nobody' : roll < 0.7 ? 'killed' : 'paused';
      // a changed record stops a sealed partition until somebody takes it out, which nobody does here
      const how = dice.random() * (world.scenario.sealed === true ? 0.8 : 1);
      const records = dice.between(1, 6);
      const kind = how < 0.6 ? 'lost log' : how < 0.8 ? 'rolled back' : 'rotten record';
      const generation = this.#cluster.generations('simulated').at(-1)!;
      const stored = this.#cluster.generation('simulated', generation);
      const lose = (): void => {
        const what = how < 0.3 ? 'log' : how < 0.6 ? 'log and snapshots' : how < 0.8 ? `${records} records` : 'the newest record';
        if (!this.#book.strike(kind, '#1', `of generation ${generation}: ${what}, ${who} ${process.options.name}`)) return;
        loss.happened(world.now(), who, kind === 'rotten record');
        if (how < 0.6) stored.wipe({ snapshots: how >= 0.3 });
        else if (how < 0.8) stored.rollBack(partition(0), records);
        else stored.damage(partition(0), (record) => damaged(record, how));
        if (who !== 'killed' || !this.#book.strike('crash', '#2', process.options.name)) return;
        process.kill();
        this.#startAfter(process, dice.between(50, 3_000));
      };
      if (who !== 'paused' || !this.#book.strike('pause', '#2', process.options.name)) return lose();
      process.pause();
      const { clock } = process;
      world.time.after(dice.between(100, 900), lose);
      world.time.after(dice.between(1_000, 3_500), () => clock.resume());
    });
  }

  /** Ends every fault. */
  heal(): void {
    this.#world.note('heal');
    this.#healed = true;
    this.#outages.heal();
    const released = this.#processes.some(({ later }) => later);
    for (const process of this.#processes) {
      // who cannot read what others write is replaced
      if (released && !process.later) process.kill();
      process.later = released;
      if (this.#world.scenario.laterFormat === true) process.edition = 'new';
      if (process.up && process.knows !== process.edition && this.#world.scenario.laterFormat === true) process.kill();
      if (!process.up) process.start();
      process.resume();
      process.mend();
    }
  }

  #happen(fault: PlannedFault): void {
    const process = this.#processes[fault.process]!;
    if (!process.up) {
      if (fault.choice < START_SHARE) process.start();
      return;
    }
    // whoever is not there yet has nothing to hand over
    if (process.store === undefined && ['drain', 'handover broken', 'upgrade', 'later release'].includes(fault.kind)) return;
    const who = this.#concerned(fault);
    if (who !== undefined && this.#book.strike(fault.kind, fault.name, who)) this.#inflict(fault, process);
  }

  #inflict({ kind, lengthMs, choice, other, process: index }: PlannedFault, process: SimulatedProcess): void {
    const { time } = this.#world;
    const { name } = process.options;
    const { clock } = process;
    switch (kind) {
      case 'crash':
        process.kill();
        return this.#startAfter(process, lengthMs);
      case 'pause':
        process.pause();
        return void time.after(lengthMs, () => clock.resume());
      case 'freeze':
        process.pause();
        process.cutOff();
        // it goes on before it hears anything again, or hears of all at once
        time.after(choice < 0.5 ? lengthMs : lengthMs * 0.8, () => clock.resume());
        return void time.after(choice < 0.5 ? lengthMs * 0.8 : lengthMs, () => process.mend());
      case 'cut':
        process.cutOff();
        return void time.after(lengthMs, () => process.mend());
      case 'deaf':
        return this.#outages.hinder(name, 'deaf', lengthMs);
      case 'mute':
        return this.#outages.hinder(name, 'mute', lengthMs);
      case 'slow follower':
        return this.#outages.hinder(name, 'slow', lengthMs);
      case 'bus out':
        return this.#outages.begin('bus', lengthMs);
      case 'log out':
        return this.#outages.begin('log', lengthMs);
      case 'log full':
        this.#world.diskFilled = true;
        return this.#outages.begin('disk', lengthMs);
      case 'handover broken':
        return this.#breakHandover(process, this.#processes[other === index ? (index + 1) % this.#processes.length : other]!, {
          lengthMs,
          choice,
        });
      case 'upgrade':
        process.edition = choice < (this.#world.scenario.laterFormat === true ? 0.5 : 0.9) ? 'new' : 'old';
        return this.#drain(process, 1_000, lengthMs);
      case 'later release':
        process.later = true;
        // a deploy, or a restart out of hand
        if (choice < 0.7) return this.#drain(process, 1_000, lengthMs);
        process.kill();
        return this.#startAfter(process, lengthMs);
      case 'foreign record':
        return this.#rot.forge(choice);
      case 'forged end':
        return this.#forgeEnd(choice, lengthMs);
      case 'damaged snapshot':
        return this.#rot.damageSnapshot(choice);
      default:
        return this.#drain(process, 300 + choice * 2_200, lengthMs);
    }
  }

  /** Who is named in the book; nobody where there is nothing to do it to. */
  #concerned({ kind, process, choice }: PlannedFault): string | undefined {
    if (kind === 'damaged snapshot') return this.#rot.snapshot(choice)?.key;
    if (kind === 'foreign record' || kind === 'forged end') return this.#rot.stored === undefined ? undefined : 'of a stranger';
    return ['bus out', 'log out', 'log full'].includes(kind) ? 'for all' : this.#processes[process]!.options.name;
  }

  /** Nobody is left who wrote behind a stranger's record, and whoever leads next begins there. */
  #forgeEnd(choice: number, lengthMs: number): void {
    const at = this.#rot.partitionOf(choice);
    this.#rot.forge(choice);
    for (const process of this.#processes) {
      if (!process.up || process.node?.led.includes(at) !== true) continue;
      this.#world.note(`kill ${process.options.name}`);
      process.kill();
      this.#startAfter(process, lengthMs);
    }
  }

  /** Whoever might take over dies while it is invited, or had just accepted. */
  #breakHandover(
    process: SimulatedProcess,
    other: SimulatedProcess,
    { lengthMs, choice }: { readonly lengthMs: number; readonly choice: number },
  ): void {
    this.#drain(process, 2_500, lengthMs);
    this.#world.time.after(choice * 40, () => {
      if (!other.up) return;
      this.#world.note(`kill ${other.options.name}`);
      other.kill();
      this.#startAfter(other, lengthMs);
    });
  }

  #drain(process: SimulatedProcess, withinMs: number, downMs: number): void {
    void process.drain(withinMs).then(() => {
      this.#world.note(`drained ${process.options.name}`);
      this.#startAfter(process, downMs);
    });
  }

  #startAfter(process: SimulatedProcess, ms: number): void {
    this.#world.time.after(this.#healed ? 0 : ms, () => process.up || process.start());
  }
}
