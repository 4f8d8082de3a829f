/**
 * What a server tells the shop's live view.
 *
 * Invariant: all of it comes from the public API, `subscribe` and `status()`, so anybody can build such a view. An event tells when it
 * happened on a clock that all processes of this machine share.
 */
import type { EventKind, ReplicaStatus, StoreEvent } from 'twinstate';

/** Milliseconds on that clock. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

export const TOLD = ['commit', 'promoted', 'role'] as const satisfies readonly EventKind[];

export type EventTold = {
  [K in (typeof TOLD)[number]]: { readonly kind: K; readonly event: StoreEvent<K> };
}[(typeof TOLD)[number]];

export type FromServer =
  | { readonly type: 'up'; readonly port: number; readonly node: string }
  | ({ readonly type: 'event'; readonly atMs: number } & EventTold)
  | { readonly type: 'status'; readonly replicas: readonly ReplicaStatus[] };
