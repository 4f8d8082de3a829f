/**
 * Tells a web framework's store that the connection to the engine went down, and came back.
 *
 * Invariant: `disconnect` and `connect` alternate, and a connection that is back within a moment was never away: meanwhile requests wait.
 * After `disconnect`, express-session serves requests without a session instead of letting each wait for its time-out.
 */
import type { EventEmitter } from 'node:events';
import { subscribe, type SessionStore } from '../index.js';

/** Longer than a NATS client takes to reach another server of its cluster. */
const MOMENT_MS = 2_000;

/** Emits `disconnect` and `connect` on `target`, for as long as somebody holds it. */
export function watchLink(store: SessionStore, target: EventEmitter): void {
  // the channel belongs to the process and would keep every store that was ever made
  const held = new WeakRef(target);
  let wait: NodeJS.Timeout | undefined;
  let isDown = false;
  const stop = subscribe('link', ({ node, up }) => {
    if (held.deref() === undefined) return stop();
    if (node !== store.nodeId) return;
    clearTimeout(wait);
    if (up && isDown) {
      isDown = false;
      held.deref()?.emit('connect');
    } else if (!up && !isDown) {
      wait = setTimeout(() => {
        isDown = true;
        held.deref()?.emit('disconnect');
      }, MOMENT_MS);
      wait.unref();
    }
  });
}
