/**
 * What the live view tells of one session: where it lives, each delta, and what happens after a kill.
 *
 * Invariant: what is told comes from the public API. Versions and paths are what `watch` shows, so they are in the log; bytes are what
 * the server that committed says. Both come in any order, and a delta is told again as more of it is known.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionStore } from 'twinstate';
import type { Fleet, Member } from './fleet.js';
import { nowMs, type FromServer } from './messages.js';
import { ShopSession } from './shop-session.js';
import { Takeover } from './takeover.js';

const DELTAS_KEPT = 40;
const PAUSE_MS = 100;

export interface DeltaTold {
  readonly version: number;
  /** What changed; absent until the watcher has it. */
  readonly paths?: readonly string[];
  /** Of the delta, the server that sent it, and how long its acknowledgement took. */
  readonly bytes?: number;
  readonly server?: string;
  readonly ms?: number;
  readonly merged?: boolean;
  /** Bytes that a store of whole sessions would have written: this state as JSON. */
  readonly whole?: number;
}

type Tell = (event: 'servers' | 'session' | 'delta' | 'takeover', data: object) => void;

export class SessionFeed {
  readonly #id: string;
  readonly #partition: number;
  readonly #store: SessionStore;
  readonly #fleet: Fleet;
  readonly #tell: Tell;
  readonly #ended = new AbortController();
  readonly #deltas = new Map<number, DeltaTold>();
  #version = 0;
  #whole: number | undefined;
  #takeover: Takeover | undefined;
  #servers = '';

  /** @param store of a process that holds no sessions itself, so that nothing of the view ends with a server */
  constructor(id: string, store: SessionStore, fleet: Fleet, tell: Tell) {
    this.#id = id;
    this.#partition = store.partitionOf(id);
    this.#store = store;
    this.#fleet = fleet;
    this.#tell = tell;
    fleet.on('told', this.#heard).on('changed', this.#look).on('killed', this.#mourn);
    void this.#follow();
  }

  /** Who leads it now. */
  get leader(): Member | undefined {
    return this.#fleet.leaderOf(this.#partition);
  }

  /** Tells somebody who has just come all that is known. */
  tellAll(tell: Tell): void {
    tell('servers', this.#placed());
    tell('session', { version: this.#version, whole: this.#whole });
    for (const delta of this.#deltas.values()) tell('delta', delta);
    if (this.#takeover !== undefined) tell('takeover', this.#takeover.told);
  }

  end(): void {
    this.#ended.abort();
    this.#fleet.off('told', this.#heard).off('changed', this.#look).off('killed', this.#mourn);
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        const changes = this.#store.watch(ShopSession, this.#id, { signal });
        await this.#measure();
        for await (const { version, paths } of changes) {
          this.#note({ version, paths });
          await this.#measure();
          this.#note({ version, ...(this.#whole !== undefined && { whole: this.#whole }) });
        }
      } catch {
        // it cannot be reached now; servers and takeover say why
      }
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The session's size as a store of whole sessions would write it. */
  async #measure(): Promise<void> {
    const session = await this.#store.open(ShopSession, this.#id, { signal: this.#ended.signal });
    if (session === undefined) return;
    const { cookie, cart } = session;
    this.#whole = Buffer.byteLength(JSON.stringify({ cookie, cart: Object.fromEntries(cart) }));
    this.#version = Math.max(this.#version, this.#store.versionOf(session));
    this.#tell('session', { version: this.#version, whole: this.#whole });
  }

  #note(delta: DeltaTold): void {
    const known = { ...this.#deltas.get(delta.version), ...delta };
    this.#deltas.set(delta.version, known);
    for (const version of this.#deltas.keys()) if (this.#deltas.size > DELTAS_KEPT) this.#deltas.delete(version);
    this.#tell('delta', known);
  }

  readonly #heard = ({ name }: Member, message: FromServer): void => {
    if (message.type !== 'event') return;
    if (message.kind === 'commit' && message.event.session === this.#id) {
      const { version, bytes, ms, merged } = message.event;
      const whole = this.#deltas.get(version)?.whole ?? this.#whole;
      this.#note({ version, bytes, ms, merged, server: name, ...(whole !== undefined && { whole }) });
    }
    if (message.kind !== 'promoted' || message.event.partition !== this.#partition) return;
    const { ms } = message.event;
    if (ms !== undefined) this.#take('suspected', message.atMs - ms, name);
    this.#take('promoted', message.atMs, name);
  };

  /** Tells where the session lives, where that is not as it was told last. */
  readonly #look = (): void => {
    const placed = this.#placed();
    const text = JSON.stringify(placed);
    if (text !== this.#servers) {
      this.#servers = text;
      this.#tell('servers', placed);
    }
    const killed = this.#fleet.members.find(({ name }) => name === this.#takeover?.server);
    if (killed === undefined) return;
    if (killed.state === 'up') this.#take('restarted', nowMs(), killed.name);
    const backup = placed.servers.find(({ part, lag }) => part === 'backup' && lag === 0);
    if (backup !== undefined && this.#takeover?.has('answered') === true) this.#take('protected', nowMs(), backup.name);
  };

  readonly #mourn = (member: Member, killedMs: number): void => {
    if (member.replicas.every(({ partition, role }) => partition !== this.#partition || role !== 'leading')) return;
    const takeover = new Takeover(member.name, this.#partition, killedMs);
    this.#takeover = takeover;
    this.#tell('takeover', takeover.told);
    const options = { consistency: 'strong', signal: this.#ended.signal, timeoutMs: 30_000 } as const;
    void this.#store.open(ShopSession, this.#id, options).then(
      () => this.#takeover === takeover && this.#take('answered', nowMs(), this.leader?.name ?? ''),
      // the steps that are missing tell it
      () => undefined,
    );
  };

  #take(step: Parameters<Takeover['take']>[0], atMs: number, server: string): void {
    if (this.#takeover?.take(step, atMs, server) === true) this.#tell('takeover', this.#takeover.told);
  }

  #placed() {
    const servers = this.#fleet.members.map((member) => ({
      name: member.name,
      state: member.state,
      ...this.#fleet.partOf(member, this.#partition),
    }));
    return { partition: this.#partition, servers };
  }
}
