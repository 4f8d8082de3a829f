/** All sessions of a class, partition by partition, page by page: what is there while it is looked at, no snapshot of a moment. */
import type { Partition } from '../shared/ids.js';
import type { CallOptions } from './deadline.js';
import type { Router } from './router.js';

const PAGE = 500;

export async function* listSessions(
  router: Router,
  partitions: number,
  className: string,
  options: CallOptions,
): AsyncGenerator<string, void, undefined> {
  for (let partition = 0; partition < partitions; partition++) {
    let after = '';
    for (;;) {
      const { ids } = await router.list(partition as Partition, className, after, PAGE, options);
      yield* ids;
      if (ids.length < PAGE) break;
      after = ids.at(-1)!;
    }
  }
}

export async function countSessions(
  router: Router,
  partitions: number,
  className: string,
  options: CallOptions,
): Promise<number> {
  let count = 0;
  for (let partition = 0; partition < partitions; partition++) {
    count += (await router.list(partition as Partition, className, '', 0, options)).total;
  }
  return count;
}
