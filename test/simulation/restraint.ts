/**
 * What is left out of a simulated world, to make the story of a failure short; and how that is written on a command line.
 *
 * Invariant: the same seed, scenario and restraint give the same history.
 */
export interface Restraint {
  /** Only these faults happen, by their names in the book; without it, all. */
  readonly keep?: ReadonlySet<string> | undefined;
  /** Faults end so early, in virtual milliseconds. */
  readonly faultsMs?: number | undefined;
  /** Clients that do nothing. */
  readonly silent?: ReadonlySet<string> | undefined;
  /** So many diaries are used, of three. */
  readonly diaries?: number | undefined;
}

/** Options of the command line, as text. */
export interface RestraintOptions {
  readonly keep?: string | undefined;
  readonly 'faults-ms'?: string | undefined;
  readonly silent?: string | undefined;
  readonly diaries?: string | undefined;
}

export function parseRestraint(options: RestraintOptions): Restraint {
  return {
    keep: options.keep === undefined ? undefined : names(options.keep),
    faultsMs: options['faults-ms'] === undefined ? undefined : Number(options['faults-ms']),
    silent: options.silent === undefined ? undefined : names(options.silent),
    diaries: options.diaries === undefined ? undefined : Number(options.diaries),
  };
}

/** Writes a restraint as the command line takes it. */
export function printRestraint({ keep, faultsMs, silent, diaries }: Restraint): string {
  const parts: string[] = [];
  if (keep !== undefined) parts.push(`--keep '${[...keep].join()}'`);
  if (faultsMs !== undefined) parts.push(`--faults-ms ${faultsMs}`);
  if (silent !== undefined && silent.size > 0) parts.push(`--silent ${[...silent].join()}`);
  if (diaries !== undefined) parts.push(`--diaries ${diaries}`);
  return parts.join(' ');
}

const names = (text: string): Set<string> => new Set(text.split(',').filter((name) => name !== ''));
