/**
 * How far a command of the proof has come: told to whoever runs it, nobody where a person does.
 *
 * Invariant: numbers only rise, so what was heard last holds even where the command is killed then.
 */
export interface Progress {
  readonly tried: number;
  /** What must not be: a loss, a difference, a crash, a planted fault that nobody caught. */
  readonly found: number;
}

export function tellProgress(tried: number, found: number): void {
  process.send?.({ tried, found } satisfies Progress);
}

export function isProgress(message: unknown): message is Progress {
  const { tried, found } = (message ?? {}) as Partial<Progress>;
  return typeof tried === 'number' && typeof found === 'number';
}
