/**
 * Tells a web framework by its callback what a store's promise came to.
 *
 * Invariant: the callback is called once, on a turn of its own, so that what it throws is nobody's failed store.
 */
export type Callback<T = void> = (error: unknown, value?: T) => void;

/** Gives the result to the callback, if there is one, and to whoever waits for the promise. */
export function settle<T>(callback: Callback<T> | undefined, work: () => Promise<T>): Promise<T> {
  const promise = work();
  if (callback === undefined) return promise;
  promise.then(
    (value) => setImmediate(callback, null, value),
    (error: unknown) => setImmediate(callback, error),
  );
  // somebody has been told
  return promise.catch(() => undefined as T);
}
