/**
 * Portions of work for threads whose memory is bounded: what grows without end, or hangs, ends its thread and nothing else.
 *
 * Invariant: every portion that was taken is told of once, as done or as lost.
 */
// threads have no origin
/* oxlint-disable unicorn/require-post-message-target-origin */
import { Worker } from 'node:worker_threads';

export interface Work<P, R> {
  /** Of the thread: it answers each portion that it is sent with its result. */
  readonly file: URL;
  readonly data: unknown;
  readonly threads: number;
  readonly memoryMb: number;
  /** A portion that is not done by then hangs. */
  readonly hangMs: number;
  /** `undefined`: there is no more. */
  next(): P | undefined;
  done(portion: P, result: R): void;
  lost(portion: P, error: Error): void;
}

/** Resolves when there are no portions left and all are told of. */
export async function inThreads<P, R>(work: Work<P, R>): Promise<void> {
  await Promise.all(Array.from({ length: work.threads }, () => inThread(work)));
}

function inThread<P, R>(work: Work<P, R>): Promise<void> {
  return new Promise((resolve, reject) => {
    let portion: P | undefined;
    let timer: NodeJS.Timeout | undefined;
    const begin = (): void => {
      portion = work.next();
      if (portion === undefined) return resolve();
      const worker = new Worker(work.file, {
        workerData: work.data,
        resourceLimits: { maxOldGenerationSizeMb: work.memoryMb },
      });
      const lost = (error: Error): void => {
        clearTimeout(timer);
        worker.removeAllListeners();
        // what it still says is nobody's concern
        worker.on('error', () => undefined);
        void worker.terminate();
        if (portion === undefined) return reject(error);
        work.lost(portion, error);
        begin();
      };
      const give = (): void => {
        timer = setTimeout(() => lost(new Error(`it hangs: not done after ${work.hangMs} ms`)), work.hangMs);
        worker.postMessage(portion);
      };
      worker.on('message', (result: R) => {
        clearTimeout(timer);
        if (portion !== undefined) work.done(portion, result);
        portion = work.next();
        if (portion === undefined) return resolve(worker.terminate().then(() => undefined));
        give();
      });
      worker.on('error', lost);
      give();
    };
    begin();
  });
}
