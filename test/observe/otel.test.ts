/** The bridge, at its port: a meter and a tracer that keep what they are told. */
import 'reflect-metadata';
import { expect } from 'chai';
import { connect, Mutable, Session } from '../../src/index.js';
import { otel } from '../../src/observe/otel.js';
import type { OtelAttributes, OtelCallback, OtelMeter, OtelTracer } from '../../src/observe/otel.js';
import { refused } from '../store/refused.js';

@Session({ name: 'basket' })
class Basket {
  @Mutable() n = 0;
}

interface Point {
  readonly name: string;
  readonly value: number;
  readonly attributes: OtelAttributes;
}

class Meter implements OtelMeter {
  readonly points: Point[] = [];
  readonly callbacks = new Map<string, Set<OtelCallback>>();

  createCounter(name: string): ReturnType<OtelMeter['createCounter']> {
    return { add: (value, attributes = {}) => void this.points.push({ name, value, attributes }) };
  }

  createHistogram(name: string): ReturnType<OtelMeter['createHistogram']> {
    return { record: (value, attributes = {}) => void this.points.push({ name, value, attributes }) };
  }

  createObservableGauge(name: string): ReturnType<OtelMeter['createObservableGauge']> {
    const all = new Set<OtelCallback>();
    this.callbacks.set(name, all);
    return { addCallback: (callback) => void all.add(callback), removeCallback: (callback) => void all.delete(callback) };
  }

  collect(name: string): Point[] {
    const found: Point[] = [];
    for (const callback of this.callbacks.get(name) ?? [])
      callback({ observe: (value, attributes = {}) => void found.push({ name, value, attributes }) });
    return found;
  }

  of(name: string): Point[] {
    return this.points.filter((point) => point.name === name);
  }
}

interface Span {
  readonly name: string;
  readonly attributes: OtelAttributes;
  readonly startMs: number;
  endMs: number;
  error: string | undefined;
}

class Tracer implements OtelTracer {
  readonly spans: Span[] = [];

  startSpan(name: string, { attributes = {}, startTime = NaN } = {}): ReturnType<OtelTracer['startSpan']> {
    const span: Span = { name, attributes, startMs: startTime, endMs: NaN, error: undefined };
    this.spans.push(span);
    return {
      setStatus: ({ code, message }) => (span.error = code === 2 ? message : undefined),
      end: (endMs = NaN) => (span.endMs = endMs),
    };
  }
}

describe('the bridge to OpenTelemetry', () => {
  it('counts and measures, reads gauges from stores, makes spans, and ends when it is told to', async () => {
    const meter = new Meter();
    const tracer = new Tracer();
    const store = await connect({ sessions: [Basket], partitions: 2, backups: 0, timing: { settleMs: 10 } });
    const stop = otel({ meter, tracer, stores: [store] });
    const basket = await store.create(Basket, {}, { id: 'b' });
    basket.n = 1;
    const { bytes } = await store.commit(basket);
    await store.open(Basket, 'b');
    await store.update(Basket, 'b', (each) => void each.n++);
    await refused(
      store
        .commit(basket)
        .then(
          () => (basket.n = 9),
          () => undefined,
        )
        .then(() => store.commit(basket)),
      'CONFLICT',
    );
    await store.destroy(Basket, 'b');
    const node = store.nodeId;
    expect(meter.of('twinstate.commit.size')[0]).to.deep.include({ value: bytes, attributes: { class: 'basket', node } });
    expect(meter.of('twinstate.commit.duration')[0]!.attributes).to.deep.equal({ class: 'basket', merged: false, node });
    expect(meter.of('twinstate.open.duration')[0]!.attributes).to.deep.equal({ class: 'basket', found: true, node });
    expect(meter.of('twinstate.sessions.created')).to.have.length(1);
    expect(meter.of('twinstate.sessions.destroyed')).to.have.length(1);
    expect(meter.of('twinstate.conflicts')).to.have.length(1);
    expect(meter.of('twinstate.failed')[0]!.attributes).to.deep.equal({
      class: 'basket',
      operation: 'commit',
      code: 'CONFLICT',
      outcome: 'not-stored',
      node,
    });
    const session = 'b';
    expect(
      meter.points.some(({ attributes }) => Object.values(attributes).includes(session)),
      'ids are no label',
    ).to.equal(false);
    const names = tracer.spans.map(({ name }) => name);
    expect(names).to.include.members(['twinstate.commit', 'twinstate.open', 'twinstate.update']);
    for (const span of tracer.spans) {
      expect(span.attributes).to.include({ session, class: 'basket' });
      expect(span.endMs).to.be.at.least(span.startMs);
    }
    expect(tracer.spans.find(({ error }) => error !== undefined)?.error).to.equal('CONFLICT');
    expect(meter.collect('twinstate.sessions').map(({ value }) => value)).to.deep.equal([0, 0]);
    expect(meter.collect('twinstate.link.up')).to.deep.equal([{ name: 'twinstate.link.up', value: 1, attributes: { node } }]);
    expect(meter.collect('twinstate.log.size').every(({ value }) => value > 0)).to.equal(true);
    await store.close();
    expect(meter.collect('twinstate.sessions'), 'a closed store says nothing').to.deep.equal([]);
    const told = meter.points.length;
    stop();
    expect(meter.collect('twinstate.link.up')).to.deep.equal([]);
    const other = await connect({ sessions: [Basket], partitions: 1, backups: 0, timing: { settleMs: 10 } });
    await other.create(Basket);
    await other.close();
    expect(meter.points).to.have.length(told);
  });
});
