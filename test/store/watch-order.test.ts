/** What a watcher is told never goes back and never ends too early, whatever primaries of earlier terms still say. */
import { expect } from 'chai';
import { Graph } from '../../src/diff/graph.js';
import { modelOf } from '../../src/model/model-of.js';
import { partition, sequence, sessionId, version } from '../../src/shared/ids.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';
import type { FinalRead, Router } from '../../src/store/router.js';
import { watchSession } from '../../src/store/watch.js';
import { Counter } from './sessions.js';

describe('a watcher between two primaries', () => {
  const model = modelOf(Counter);

  /** A session of versions 5, 6 and 7: its snapshot at 5, and the deltas after it. */
  function history(): { readonly snapshot: Uint8Array; readonly deltas: readonly Uint8Array[] } {
    const counter = new Counter();
    const graph = Graph.capture(counter, model);
    const snapshot = graph.encode();
    const deltas = [1, 2].map((count) => {
      counter.count = count;
      return graph.diff()!;
    });
    return { snapshot, deltas };
  }

  it('passes over older answers, and believes an end only when the log has confirmed it', async () => {
    const { snapshot, deltas } = history();
    const at = (n: number): FinalRead => ({
      kind: 'snapshot',
      version: version(n),
      incarnation: sequence(9),
      className: 'counter',
      snapshot,
    });
    const delta = (n: number): FinalRead => ({
      kind: 'deltas',
      version: version(n),
      incarnation: sequence(9),
      deltas: [{ version: version(n), delta: deltas[n - 6]! }],
    });
    const gone: FinalRead = { kind: 'gone', ended: undefined };
    const script: readonly (readonly [string, FinalRead])[] = [
      ['local', at(5)],
      ['primary', at(3)],
      ['primary', { ...at(8), incarnation: sequence(2) } as FinalRead],
      ['strong', { kind: 'same', version: version(5), incarnation: sequence(9) }],
      ['primary', delta(6)],
      ['primary', gone],
      ['strong', delta(7)],
      ['primary', gone],
      ['strong', gone],
    ];
    const asked: string[] = [];
    const router = {
      read: (_: unknown, { consistency }: { readonly consistency: string }): Promise<FinalRead> => {
        const [, answer] = script[asked.length]!;
        asked.push(consistency);
        return Promise.resolve(answer);
      },
    } as unknown as Router;
    const told: (readonly [number, readonly string[]])[] = [];
    const changes = watchSession({
      router,
      clock: REAL_RUNTIME.clock,
      partition: partition(0),
      session: sessionId('s'),
      model,
      options: {},
      closed: () => false,
    });
    for await (const change of changes) told.push([change.version, change.paths]);
    expect(told).to.deep.equal([
      [6, ['count']],
      [7, ['count']],
    ]);
    expect(asked).to.deep.equal(script.map(([consistency]) => consistency));
  });
});
