/**
 * What the clients of a simulated world did and were told, and whether it can be true.
 *
 * Invariant checked: every change that was acknowledged is there exactly once; one reported as not stored is not there; what a
 * reader saw is a beginning of what is there at the end; a read misses nothing that was acknowledged before its bound; and a
 * session that was destroyed does not come back.
 */
export type Told = 'ok' | 'not-stored' | 'unknown';

export interface AppendTold {
  readonly session: string;
  readonly life: string;
  readonly op: string;
  readonly told: Told;
  readonly version: number;
  readonly endedMs: number;
  /** It was acknowledged with backups. */
  readonly held?: boolean;
  /** It was written by who knows the later version of the class, and into its attribute, too. */
  readonly mood?: boolean;
}

export interface Observation {
  readonly session: string;
  readonly life: string;
  readonly entries: readonly string[];
  readonly version: number;
  readonly askedMs: number;
  /** Whatever was acknowledged so long before it was asked must be in it. */
  readonly boundMs: number;
  readonly by: string;
}

/** A diary as it is at the end. */
export interface FinalDiary {
  readonly life: string;
  readonly entries: readonly string[];
  readonly notes: ReadonlyMap<string, { readonly text: string }>;
  readonly version: number;
  /** As far as the reader knows that attribute. */
  readonly moods?: readonly string[] | undefined;
}

/** What a lost log excuses; nothing where none was lost. */
export interface Excuses {
  mayMiss(session: string, held: boolean): boolean;
  mayLag(askedMs: number): boolean;
}

export class History {
  readonly violations: string[] = [];
  readonly appends: AppendTold[] = [];
  readonly observations: Observation[] = [];
  readonly #excuses: Excuses | undefined;
  readonly #notes = new Map<string, { value: string; told: Told }[]>();
  /** By session: when each life was destroyed, as far as anybody was told. */
  readonly #ended = new Map<string, number>();

  constructor(excuses?: Excuses) {
    this.#excuses = excuses;
  }

  violation(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }

  append(told: AppendTold): void {
    this.appends.push(told);
  }

  observe(seen: Observation): void {
    this.observations.push(seen);
    const ended = this.#ended.get(`${seen.session}/${seen.life}`);
    if (ended !== undefined && ended < seen.askedMs - seen.boundMs && this.#excuses?.mayLag(seen.askedMs) !== true) {
      this.violation(
        `destroyed session read: ${seen.session} life ${seen.life} ended at ${ended}, read at ${seen.askedMs} by ${seen.by}`,
      );
    }
  }

  /** A note is being written; until somebody is told otherwise, it may be there or not. */
  note(key: string, value: string): { told: Told } {
    const all = this.#notes.get(key) ?? [];
    const entry = { value, told: 'unknown' as Told };
    all.push(entry);
    this.#notes.set(key, all);
    return entry;
  }

  destroyed(session: string, life: string, atMs: number): void {
    const key = `${session}/${life}`;
    if (!this.#ended.has(key)) this.#ended.set(key, atMs);
  }

  /** Holds everything against the state at the end; `final` has no entry for a session that is gone. */
  check(final: ReadonlyMap<string, FinalDiary>): void {
    const excused = (session: string, held = false): boolean => this.#excuses?.mayMiss(session, held) === true;
    for (const { session, life, op, told, version, held, mood } of this.appends) {
      const state = final.get(session);
      if (state === undefined || state.life !== life) continue;
      const count = state.entries.filter((entry) => entry === op).length;
      if (told === 'ok' && count === 0 && !excused(session, held))
        this.violation(`lost: ${op} of ${session}, acknowledged as version ${version}`);
      if (mood === true && state.moods !== undefined && state.moods.includes(op) !== count > 0)
        this.violation(`of ${op} of ${session} one attribute has it and one has not`);
      if (told === 'not-stored' && count > 0) this.violation(`reported as not stored, but stored: ${op} of ${session}`);
      if (count > 1) this.violation(`applied ${count} times: ${op} of ${session}`);
      if (told === 'ok' && version > state.version)
        this.violation(`version went back: ${op} was ${version}, the end is ${state.version}`);
    }
    for (const { session, life, entries, askedMs, boundMs, by, version } of this.observations) {
      const state = final.get(session);
      const there = state !== undefined && excused(session) ? entries.filter((entry) => state.entries.includes(entry)) : entries;
      if (state !== undefined && state.life === life && !there.every((entry, i) => state.entries[i] === entry)) {
        this.violation(`read what was never so: ${by} saw ${entries.slice(-3).join()} at ${askedMs} of ${session}`);
      }
      for (const each of this.appends) {
        if (each.session !== session || each.life !== life || each.told !== 'ok' || each.endedMs >= askedMs - boundMs) continue;
        // what a lost log excuses
        if (this.#excuses?.mayLag(askedMs) === true || excused(session, each.held)) continue;
        if (!entries.includes(each.op))
          this.violation(`stale read: ${by} asked ${session} at ${askedMs}, ${each.op} was acknowledged at ${each.endedMs}`);
        if (version < each.version)
          this.violation(`version read went back: ${by} saw ${version} at ${askedMs}, ${each.version} was acknowledged`);
      }
    }
    for (const [session, { life, notes }] of final) {
      for (const [name, { text }] of notes) {
        const written = this.#notes.get(`${session}/${life}/${name}`)?.some(({ value }) => value === text) === true;
        if (!written) this.violation(`a note of another life: ${text} in ${session} ${life}`);
      }
    }
    for (const [key, all] of this.#notes) {
      const [session, life, name] = key.split('/') as [string, string, string];
      const state = final.get(session);
      if (state === undefined || state.life !== life) continue;
      const lastOk = all.findLastIndex(({ told }) => told === 'ok');
      const possible = all.slice(Math.max(0, lastOk)).filter(({ told }, i) => told !== 'not-stored' || (i === 0 && lastOk >= 0));
      const value = state.notes.get(name)?.text;
      const earlier = excused(session) && all.some((each) => each.value === value);
      const fits =
        earlier ||
        possible.some((each) => each.value === value) ||
        (lastOk < 0 && value === undefined) ||
        (excused(session) && value === undefined);
      if (!fits) this.violation(`note ${key} is ${value}, possible were ${possible.map((each) => each.value).join()}`);
    }
  }
}
