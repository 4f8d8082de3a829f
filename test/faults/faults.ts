/**
 * What goes wrong, by kind. Each takes its time, and what it broke is whole again when it ends.
 *
 * Invariant: a kind and its seed decide what is done to whom and for how long; only what the cluster makes of it differs. So whom it
 * hits is drawn from the names that there always are, never from who happens to be up, or in what order they came.
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsServer } from '../nats-server.js';
import { NAMES, NODES } from './fault-world.js';
import type { FaultWorld } from './fault-world.js';
import type { LineState } from './line.js';

export interface Done {
  /** In words, with names and times. */
  readonly what: string;
  /** Nothing was done, as this machine cannot do it. */
  readonly skipped?: boolean;
}

export interface FaultKind {
  readonly weight: number;
  /** What it needs of the world: two of one kind do not go together. */
  readonly hits: 'nodes' | 'lines' | 'servers';
  /** What of a session it can take away; without both of them, what was acknowledged is gone, as it was promised. */
  readonly takes?: 'log' | 'all memory';
  readonly run: (world: FaultWorld, random: () => number) => Promise<Done>;
}

const between = (random: () => number, low: number, high: number): number => Math.round(low + random() * (high - low));
const one = <T>(random: () => number, among: readonly T[]): T => among[Math.floor(random() * among.length)]!;
/** From 0.1 s to `maxMs`, mostly short; and no longer than this world allows. */
const shortly = ({ longestMs }: FaultWorld, random: () => number, maxMs: number): number =>
  Math.round(100 * (Math.min(maxMs, longestMs) / 100) ** (random() ** 3));

async function killed(world: FaultWorld, random: () => number, names: readonly string[]): Promise<Done> {
  const backMs = between(random, 50, 700);
  await Promise.all(names.map((name) => world.kill(name)));
  await sleep(backMs);
  for (const name of names) await world.join(name);
  return { what: `kill -9 of ${names.join(', ')}, back after ${backMs} ms` };
}

async function paused(world: FaultWorld, random: () => number, name: string): Promise<Done> {
  const ms = shortly(world, random, 30_000);
  const worker = world.worker(name);
  worker.pause();
  await sleep(ms);
  worker.resume();
  return { what: `SIGSTOP of ${name} for ${ms} ms` };
}

async function lined(world: FaultWorld, random: () => number, state: LineState): Promise<Done> {
  const name = one(random, NAMES);
  const ms = shortly(world, random, 8_000);
  for (const line of world.lines(name)) line.set(state);
  await sleep(ms);
  for (const line of world.lines(name)) line.set('whole');
  return { what: `line of ${name} ${state} for ${ms} ms` };
}

async function served(
  world: FaultWorld,
  random: () => number,
  down: (server: NatsServer) => Promise<void>,
  what: string,
): Promise<Done> {
  const at = between(random, 0, world.servers.length - 1);
  const server = world.servers[at]!;
  const ms = between(random, 0, 1_000);
  await down(server);
  await sleep(ms);
  await server.start();
  return { what: `server ${at + 1} ${what}, back after ${ms} ms` };
}

const someNode = (random: () => number): string => one(random, NODES);

const SINGLE: Readonly<Record<string, FaultKind>> = {
  kill: { weight: 6, hits: 'nodes', run: (world, random) => killed(world, random, [someNode(random)]) },
  'kill two': {
    weight: 2,
    hits: 'nodes',
    takes: 'all memory',
    run: (world, random) => {
      const spared = someNode(random);
      return killed(
        world,
        random,
        NODES.filter((name) => name !== spared),
      );
    },
  },
  'kill all': { weight: 1, hits: 'nodes', takes: 'all memory', run: (world, random) => killed(world, random, NODES) },
  'kill caller': { weight: 1, hits: 'nodes', run: (world, random) => killed(world, random, ['y']) },
  pause: { weight: 6, hits: 'nodes', run: (world, random) => paused(world, random, someNode(random)) },
  'pause caller': { weight: 1, hits: 'nodes', run: (world, random) => paused(world, random, 'y') },
  drain: {
    weight: 2,
    hits: 'nodes',
    run: async (world, random) => {
      const name = someNode(random);
      await world.drain(name);
      await sleep(between(random, 0, 500));
      await world.join(name);
      return { what: `${name} drained and started again` };
    },
  },
  join: {
    weight: 1,
    hits: 'nodes',
    run: async (world, random) => {
      await world.join('d');
      await sleep(between(random, 300, 1_500));
      const kills = random() < 0.5;
      if (kills) await world.kill('d');
      else await world.drain('d');
      return { what: `a fourth node came and was ${kills ? 'killed' : 'drained'}` };
    },
  },
  cut: { weight: 3, hits: 'lines', run: (world, random) => lined(world, random, 'cut') },
  'cut one way': {
    weight: 3,
    hits: 'lines',
    run: (world, random) => lined(world, random, one(random, ['to server cut', 'from server cut'])),
  },
  reset: { weight: 2, hits: 'lines', run: (world, random) => lined(world, random, 'torn') },
  delay: {
    weight: 2,
    hits: 'lines',
    run: async (world, random) => {
      const name = one(random, NAMES);
      const [delayMs, ms] = [between(random, 5, 250), shortly(world, random, 6_000)];
      for (const line of world.lines(name)) line.slow(delayMs);
      await sleep(ms);
      for (const line of world.lines(name)) line.slow(0);
      return { what: `line of ${name} ${delayMs} ms slower for ${ms} ms` };
    },
  },
  'server kill': {
    weight: 3,
    hits: 'servers',
    run: (world, random) => served(world, random, (server) => server.kill(), 'killed'),
  },
  'server shutdown': {
    weight: 1,
    hits: 'servers',
    run: (world, random) => served(world, random, (server) => server.shutdown(), 'shut down'),
  },
  'server pause': {
    weight: 2,
    hits: 'servers',
    run: async (world, random) => {
      const server = one(random, world.servers);
      const ms = shortly(world, random, 8_000);
      await server.pause();
      await sleep(ms);
      server.resume();
      return { what: `SIGSTOP of a server for ${ms} ms` };
    },
  },
  wipe: {
    weight: 2,
    hits: 'servers',
    takes: 'log',
    run: (world, random) => {
      const wiped = async (server: NatsServer): Promise<void> => {
        await server.kill();
        server.wipe();
      };
      return served(world, random, wiped, 'killed and wiped');
    },
  },
  'slow disk': {
    weight: 1,
    hits: 'servers',
    run: async (world, random) => {
      const [delayMs, ms] = [between(random, 5, 60), between(random, 500, 2_500)];
      const isSo = await slowDisk(one(random, world.servers), delayMs, ms);
      if (!isSo) return { what: 'a disk cannot be slowed down here: it takes strace and the right to trace', skipped: true };
      return { what: `every write of a server ${delayMs} ms slower for ${ms} ms` };
    },
  },
};

/** Holds up each system call that writes to a file. @returns whether this machine can do that */
async function slowDisk({ pid }: NatsServer, delayMs: number, ms: number): Promise<boolean> {
  const calls = 'pwrite64,fsync,fdatasync,openat,renameat';
  const inject = `inject=${calls}:delay_enter=${delayMs * 1_000}`;
  const strace = spawn('strace', ['-f', '-q', '-p', String(pid), '-e', `trace=${calls}`, '-e', inject, '-o', '/dev/null'], {
    stdio: 'ignore',
  });
  const over = new Promise<boolean>((resolve) => {
    strace.once('error', () => resolve(false));
    strace.once('exit', () => resolve(false));
  });
  const isSo = await Promise.race([over, sleep(ms, true)]);
  strace.kill('SIGINT');
  await over;
  return isSo;
}

/** Two at once, which hit different things, the second one a little later. */
const TWO: FaultKind = {
  weight: 6,
  hits: 'nodes',
  run: async (world, random) => {
    const kinds = Object.values(SINGLE);
    const first = one(random, kinds);
    const second = one(
      random,
      kinds.filter(({ hits, takes }) => hits !== first.hits && (takes === undefined || first.takes === undefined)),
    );
    const [one1, one2] = [stream(random), stream(random)];
    const laterMs = between(random, 0, 400);
    const both = await Promise.all([first.run(world, one1), sleep(laterMs).then(() => second.run(world, one2))]);
    return { what: both.map(({ what }) => what).join('; ') };
  },
};

/** A source of chance of its own, so that what runs beside it does not change it. */
function stream(random: () => number): () => number {
  const drawn = Array.from({ length: 64 }, random);
  let at = 0;
  return () => drawn[at++ % drawn.length]!;
}

export const KINDS: Readonly<Record<string, FaultKind>> = { ...SINGLE, two: TWO };

export function chosenKind(random: () => number, only: string): string {
  const names = Object.keys(KINDS).filter((name) => (only === '' ? true : name === only));
  if (names.length === 0) throw new Error(`there is no kind "${only}"; there are ${Object.keys(KINDS).join(', ')}`);
  let dice = random() * names.reduce((sum, name) => sum + KINDS[name]!.weight, 0);
  return names.find((name) => (dice -= KINDS[name]!.weight) < 0) ?? names.at(-1)!;
}
