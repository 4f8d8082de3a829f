/**
 * Clients that keep diaries: they append by `update`, read, destroy and create again, and hold instances that they commit several times
 * at once.
 *
 * Invariant: every change names who made it and which one it was, and is in the history with what its client was told.
 */
import type { SessionStore } from '../../src/store/session-store.js';
import { attributesOf, Diary, NewDiary, noteBy } from './diary.js';
import type { Actor } from './actor.js';
import type { SimulatedProcess } from './process.js';
import type { Surroundings } from './surroundings.js';

/** The class that a process knows. */
export const diaryOf = ({ knows }: SimulatedProcess): typeof Diary => (knows === 'new' ? NewDiary : Diary);

/** Those that begin with `d` are destroyed at times. */
export const DIARIES: readonly string[] = ['s0', 's1', 'd0'];

export class Diarists {
  readonly #world: Surroundings;
  readonly #leaseMs: number;
  readonly #diaries: readonly string[];
  /** Who keeps notes. */
  readonly writers: readonly string[];
  /** The highest version that the wandering reader has seen, by session. */
  readonly #seen = new Map<string, number>();
  /** Commits that came to a later version than the next. */
  merges = 0;

  /** @param leaseMs reads of a primary's memory may be so old */
  constructor(world: Surroundings, leaseMs: number, diaries: readonly string[]) {
    this.#world = world;
    this.#diaries = diaries;
    this.#leaseMs = leaseMs;
    const { nodes, clients } = world.scenario;
    this.writers = Array.from({ length: nodes + clients }, (_, i) => `h${i}`);
  }

  /** Changes sessions by `update`, reads them, destroys and creates them anew. */
  async client(actor: Actor): Promise<void> {
    const world = this.#world;
    const { dice } = actor;
    while (!world.stopped) {
      await world.sleep(dice.between(5, 160));
      const { store } = actor;
      if (store === undefined || world.stopped) continue;
      const session = dice.oneOf(this.#diaries);
      const roll = dice.random();
      if (roll < 0.45) await this.#append(actor, store, session);
      else if (roll < 0.75) await this.#read(actor, store, session, dice.chance(0.4) ? 'strong' : 'primary');
      else if (roll < 0.85) await this.#wander(actor, store, session);
      else if (roll < 0.9 && session.startsWith('d')) await this.#destroy(actor, store, session);
      else await this.#create(actor, store, session);
    }
  }

  /** Only reads: what a process that is cut off still believes is seen here. */
  async reader(actor: Actor): Promise<void> {
    const world = this.#world;
    const { dice } = actor;
    while (!world.stopped) {
      await world.sleep(dice.between(20, 250));
      const { store } = actor;
      if (store === undefined || world.stopped) continue;
      await this.#read(actor, store, dice.oneOf(this.#diaries), 'primary');
    }
  }

  /** Keeps an instance open, commits it again and again, several at once, and refreshes it when it is told to. */
  async holder(actor: Actor): Promise<void> {
    const world = this.#world;
    const { process, dice, name } = actor;
    const session = dice.oneOf(this.#diaries);
    let of: SessionStore | undefined;
    let diary: Diary | undefined;
    while (!world.stopped) {
      await world.sleep(dice.between(20, 300));
      const { store } = actor;
      if (store === undefined || world.stopped) continue;
      try {
        if (of !== store || diary === undefined) {
          of = store;
          diary = undefined;
          diary = await world.alive(process, store.open(diaryOf(process), session, { timeoutMs: 2_000 }));
          continue;
        }
        const committed: Promise<void>[] = [];
        for (let i = dice.between(1, 3); i > 0; i--) {
          const value = actor.nextOp();
          const note = diary.notes.get(name);
          if (note === undefined || dice.chance(0.5)) diary.notes.set(name, { text: value });
          else note.text = value;
          committed.push(this.#noted(actor, store, diary, session, value));
        }
        await Promise.all(committed);
      } catch (error) {
        if (world.expected(error, 'hold') === 'SESSION_GONE') diary = undefined;
      }
      try {
        if (diary !== undefined && process.store === store)
          await world.alive(process, store.refresh(diary, { timeoutMs: 2_000 }));
      } catch (error) {
        world.expected(error, 'refresh');
        diary = undefined;
      }
    }
  }

  async #append(actor: Actor, store: SessionStore, session: string): Promise<void> {
    const world = this.#world;
    const { process, name, dice } = actor;
    const op = actor.nextOp();
    const made = { session, by: name, startMs: world.now() };
    let life = '';
    let version = 0;
    let base = 0;
    let held: Diary | undefined;
    const ack = dice.chance(0.2) ? ({ backups: 1 } as const) : 'log';
    const told = await world.tell(process, async () => {
      await store.update(
        diaryOf(process),
        session,
        (diary) => {
          life = diary.life;
          held = diary;
          base = store.versionOf(diary);
          diary.entries.push(op);
          if (diary instanceof NewDiary) diary.moods.push(op);
          // an object that everybody keeps and changes
          const page = diary.pages.find(({ by }) => by === name);
          if (page === undefined) diary.pages.push({ by: name, text: op });
          else page.text = op;
        },
        { timeoutMs: 2_500, ack },
      );
      version = store.versionOf(held!);
    });
    world.note(`${name} append ${op} to ${session}: ${told} ${version}`);
    if (life !== '') {
      // where others' changes are not known any more, the instance stays at the version that it was opened with
      const own = version > base ? { version } : {};
      world.calls.changed(made, life, [{ attribute: 'entries', append: op }], { told, ...own });
    }
    if (told !== undefined && life !== '') {
      world.history.append({
        session,
        life,
        op,
        told,
        version,
        endedMs: world.now(),
        held: ack !== 'log',
        mood: held instanceof NewDiary,
      });
    }
  }

  /** A reader who is sent from process to process, and never sees less than it has seen. */
  async #wander(actor: Actor, store: SessionStore, session: string): Promise<void> {
    const { process, dice } = actor;
    const consistency = dice.chance(0.7) ? 'local' : 'primary';
    const atLeast = this.#seen.get(session) ?? 0;
    const seen = await this.#read(actor, store, session, consistency, atLeast);
    if (seen === undefined) return;
    if (seen < atLeast)
      this.#world.violation(`${process.options.name} showed version ${seen} of ${session} to who has seen ${atLeast}`);
    this.#seen.set(session, Math.max(seen, this.#seen.get(session) ?? 0));
  }

  /** @returns the version that was seen */
  async #read(
    { process }: Actor,
    store: SessionStore,
    session: string,
    consistency: 'strong' | 'primary' | 'local',
    atLeast?: number,
  ): Promise<number | undefined> {
    const askedMs = this.#world.now();
    try {
      const options = { consistency, timeoutMs: 2_000, ...(atLeast !== undefined && { atLeast }) };
      const opened = store.open(diaryOf(process), session, options).then((found) => ({ found }));
      const answer = await this.#world.alive(process, opened);
      if (answer === undefined || process.store !== store) return undefined;
      const diary = answer.found;
      const boundMs = this.#boundMs(consistency);
      const by = `${process.options.name} ${consistency}`;
      const made = { session, by, startMs: askedMs };
      if (diary === undefined) {
        this.#world.calls.read(made, undefined, { staleMs: boundMs });
        return undefined;
      }
      const version = store.versionOf(diary);
      const saw = { life: diary.life, attributes: attributesOf(diary, this.writers) };
      this.#world.calls.read(made, saw, { version, staleMs: boundMs });
      this.#world.history.observe({ session, life: diary.life, entries: diary.entries, version, askedMs, boundMs, by });
      return version;
    } catch (error) {
      this.#world.expected(error, 'read');
      return undefined;
    }
  }

  /** What was acknowledged so long before a read was asked for must be in it (rule 12). */
  #boundMs(consistency: 'strong' | 'primary' | 'local'): number {
    if (consistency === 'local') return Infinity;
    return consistency === 'strong' || this.#world.scenario.takeover === 'strict' ? 0 : this.#leaseMs;
  }

  async #create(actor: Actor, store: SessionStore, session: string): Promise<void> {
    const world = this.#world;
    const { process } = actor;
    const life = `life ${actor.nextOp()}`;
    const made = { session, by: actor.name, startMs: world.now() };
    const told = await world.tell(
      process,
      async () => void (await store.create(diaryOf(process), { life }, { id: session, timeoutMs: 2_500 })),
    );
    world.note(`create ${session} ${life}: ${told}`);
    world.calls.created(made, life, { told });
  }

  async #destroy({ process, name }: Actor, store: SessionStore, session: string): Promise<void> {
    const world = this.#world;
    const made = { session, by: name, startMs: world.now() };
    let life: string | undefined;
    let asked = false;
    let found = true;
    const told = await world.tell(process, async () => {
      life = (await store.open(diaryOf(process), session, { timeoutMs: 2_500, consistency: 'strong' }))?.life;
      asked = true;
      found = await store.destroy(diaryOf(process), session, { timeoutMs: 2_500 });
    });
    world.note(`destroy ${session}: ${told}`);
    if (asked) world.calls.destroyed(made, { told }, found);
    // what was seen before the destroy is ended by it, whoever ended it
    if (told === 'ok' && life !== undefined) world.history.destroyed(session, life, world.now());
  }

  async #noted({ process, name }: Actor, store: SessionStore, diary: Diary, session: string, value: string): Promise<void> {
    const world = this.#world;
    const { life } = diary;
    const key = `${session}/${life}/${name}`;
    const made = { session, by: name, startMs: world.now() };
    let version = 0;
    const entry = world.history.note(key, value);
    const told = await world.tell(process, async () => {
      const before = store.versionOf(diary);
      const askedMs = world.now();
      ({ version } = await store.commit(diary, { timeoutMs: 2_500 }));
      world.waited(process, world.now() - askedMs);
      if (version > before + 1) this.merges++;
    });
    world.note(`note ${key} ${value}: ${told}`);
    world.calls.changed(made, life, [{ attribute: noteBy(name), write: value }], { told, version });
    if (told !== undefined) entry.told = told;
  }
}
