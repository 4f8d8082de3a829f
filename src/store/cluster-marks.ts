/**
 * The marks in a cluster's state: one for each key that something stored may still be sealed under.
 *
 * Invariant: whoever connects opens every mark, or is refused by the name of the key that it lacks: a missing key never shows as
 * missing sessions. A key's mark is made before anything is sealed under it, by the first node that has it first, and goes only when
 * `reseal` found nothing under that key any more. So do the traces of a time before encryption.
 */
import type { Seals } from '../engine/sealed/seals.js';
import { TwinstateError } from '../shared/errors.js';

export interface ClusterState {
  readonly format: 1;
  readonly partitions: number;
  /** Its marks: the number of partitions, sealed under each key that may still be in use, as base64; the one that seals first. */
  readonly sealed?: readonly string[] | undefined;
  /** It was started without encryption, and not all of that is sealed yet. */
  readonly plain?: true | undefined;
}

/** Makes the mark of the key that seals now. */
export function mark(partitions: number, seals: Seals): string {
  return Buffer.from(seals.seal(seals.state(), 0, Buffer.from(String(partitions)))).toString('base64');
}

/** Holds a process without keys against the marks. @throws {TwinstateError} `CLUSTER_MISMATCH` where there is one */
export function unsealed(state: ClusterState, cluster: string): ClusterState {
  if (state.sealed === undefined) return state;
  throw new TwinstateError('CLUSTER_MISMATCH', `the sessions of the cluster ${JSON.stringify(cluster)} are sealed`, {
    expected: '`encryption: { keys }`',
    received: 'no keys',
    cure: 'give this process the keys of the others',
  });
}

/**
 * Holds a process with keys against the marks.
 *
 * @returns the same state where its marks are as they should be, else what is to be stored
 * @throws {TwinstateError} `KEY_UNKNOWN` by the name of the key; `BYTES_CORRUPT`; `CLUSTER_MISMATCH` where plain bytes may be stored
 *   and are not accepted
 */
export function remarked(state: ClusterState, cluster: string, seals: Seals): ClusterState {
  const { partitions, sealed, plain } = state;
  const name = JSON.stringify(cluster);
  if ((sealed === undefined || plain === true) && seals.rule === 'refuse') {
    throw new TwinstateError('CLUSTER_MISMATCH', `the cluster ${name} holds sessions that are not sealed`, {
      expected: "`encryption: { keys, plain: 'accept' }`, or 'write', or none at all",
      received: 'encryption that accepts nothing plain',
      cure: "give all processes the keys with plain: 'write', then with 'accept', then call `reseal`, then leave `plain` out",
    });
  }
  if (sealed === undefined) return seals.seals ? { ...state, sealed: [mark(partitions, seals)], plain: true } : state;
  const marks = sealed.map((each) => Buffer.from(each, 'base64'));
  let first = false;
  for (const [i, bytes] of marks.entries()) {
    const opened = seals.openMark(bytes, `the state of the cluster ${name}`);
    const told = Buffer.from(opened.plain).toString();
    if (told !== String(partitions)) {
      throw new TwinstateError('BYTES_CORRUPT', `the stored state of the cluster ${name} was changed`, {
        expected: `partitions: ${told}`,
        received: `partitions: ${partitions}`,
        cure: 'find out who else writes there',
      });
    }
    if (i === 0) first = opened.current;
  }
  if (!seals.seals) return plain === true ? state : { ...state, plain: true };
  if (first) return state;
  return { ...state, sealed: [mark(partitions, seals), ...sealed.filter((_, i) => !seals.isCurrent(marks[i]!))] };
}
