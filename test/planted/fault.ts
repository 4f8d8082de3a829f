/** A fault to plant, with the suite that must catch it. `find` stands exactly once in the built file `src/<file>`. */
export interface Fault {
  readonly name: string;
  readonly suite: Suite;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** One of those that CI has the time for: the most telling of their kind. */
  readonly core?: boolean;
}

export type Suite = 'simulation' | 'waits' | 'diff' | 'session' | 'store' | 'sealing';

export function fault(suite: Suite, name: string, file: string, find: string, replace: string): Fault {
  return { suite, name, file, find, replace };
}

/** One that CI has the time for. */
export function coreOf(of: Fault): Fault {
  return { ...of, core: true };
}
