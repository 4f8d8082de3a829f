/**
 * Bridges a store's events to OpenTelemetry: metrics, and spans for commits, opens and updates.
 *
 * Invariant: it only listens. The API's objects are taken by their shape, so nothing of OpenTelemetry is imported here, and any
 * version fits that has these few methods. Attributes of metrics are few-valued (class, node, partition, reason); ids of sessions
 * stand on spans only.
 */
import { subscribe } from './events.js';
import type { EventKind, StoreEvent } from './events.js';

export type OtelAttributes = Record<string, string | number | boolean>;

/** Of `@opentelemetry/api`'s `Meter`, what is used. */
export interface OtelMeter {
  createCounter(name: string, options?: OtelInstrumentOptions): { add(value: number, attributes?: OtelAttributes): void };
  createHistogram(name: string, options?: OtelInstrumentOptions): { record(value: number, attributes?: OtelAttributes): void };
  createObservableGauge(name: string, options?: OtelInstrumentOptions): OtelGauge;
}

export interface OtelInstrumentOptions {
  description?: string;
  unit?: string;
}

export interface OtelGauge {
  addCallback(callback: OtelCallback): void;
  removeCallback(callback: OtelCallback): void;
}

export type OtelCallback = (result: { observe(value: number, attributes?: OtelAttributes): void }) => void;

/** Of `@opentelemetry/api`'s `Tracer`, what is used. */
export interface OtelTracer {
  startSpan(name: string, options?: { attributes?: OtelAttributes; startTime?: number }): OtelSpan;
}

export interface OtelSpan {
  /** `code` 2 is an error. */
  setStatus(status: { code: number; message?: string }): unknown;
  end(endTime?: number): void;
}

/** What gauges are read from: a `SessionStore`. */
export interface OtelStore {
  readonly nodeId: string;
  status(): {
    readonly link: { readonly up: boolean };
    readonly replicas: readonly {
      readonly partition: number;
      readonly role: string;
      readonly sessions: number;
      readonly passive: number;
      readonly memoryBytes: number;
      readonly logRecords: number;
      readonly logBytes: number;
      readonly backups: readonly { readonly node: string; readonly lag: number }[];
    }[];
  };
}

export interface OtelOptions {
  /** `metrics.getMeter('twinstate')`; without it there are no metrics. */
  readonly meter?: OtelMeter | undefined;
  /** `trace.getTracer('twinstate')`; without it there are no spans. */
  readonly tracer?: OtelTracer | undefined;
  /** Stores whose status is read whenever gauges are collected; a closed one says nothing. */
  readonly stores?: readonly OtelStore[] | undefined;
}

const ERROR_STATUS = 2;

/**
 * Turns the events of all stores of this process into metrics and spans, until the function that it returns is called.
 *
 * @example
 * const stop = otel({ meter: metrics.getMeter('twinstate'), tracer: trace.getTracer('twinstate'), stores: [store] });
 */
export function otel({ meter, tracer, stores = [] }: OtelOptions): () => void {
  const ends: (() => void)[] = [];
  const on = <K extends EventKind>(kind: K, listener: (event: StoreEvent<K>) => void): void =>
    void ends.push(subscribe(kind, listener));
  if (meter !== undefined) {
    measure(meter, on);
    if (stores.length > 0) ends.push(gauge(meter, stores));
  }
  if (tracer !== undefined) trace(tracer, on);
  return () => {
    for (const end of ends.splice(0)) end();
  };
}

type On = <K extends EventKind>(kind: K, listener: (event: StoreEvent<K>) => void) => void;

function measure(meter: OtelMeter, on: On): void {
  const count = <K extends EventKind>(
    kind: K,
    name: string,
    description: string,
    attributes: (event: StoreEvent<K>) => OtelAttributes,
  ): void => {
    const counter = meter.createCounter(name, { description });
    on(kind, (event) => counter.add(1, { ...attributes(event), node: event.node }));
  };
  const spread = (name: string, unit: string, description: string): ReturnType<OtelMeter['createHistogram']> =>
    meter.createHistogram(name, { unit, description });
  const commitMs = spread('twinstate.commit.duration', 'ms', 'From a commit to its acknowledgement');
  const commitBytes = spread('twinstate.commit.size', 'By', 'Bytes of a delta');
  const openMs = spread('twinstate.open.duration', 'ms', 'From an open to its answer');
  const takeoverMs = spread('twinstate.takeover.duration', 'ms', 'From the suspicion of a primary to its successor');
  on('commit', ({ node, class: name, ms, bytes, merged }) => {
    commitMs.record(ms, { class: name, merged, node });
    commitBytes.record(bytes, { class: name, node });
  });
  on('open', ({ node, class: name, ms, found }) => openMs.record(ms, { class: name, found, node }));
  on('promoted', ({ node, ms }) => {
    if (ms !== undefined) takeoverMs.record(ms, { node });
  });
  count('failed', 'twinstate.failed', 'Writes that failed', ({ class: name, operation, code, outcome = '' }) => ({
    class: name,
    operation,
    code,
    outcome,
  }));
  count('conflict', 'twinstate.conflicts', 'Commits that met another one of the same slots', ({ class: name }) => ({
    class: name,
  }));
  count('created', 'twinstate.sessions.created', 'Sessions created', ({ class: name }) => ({ class: name }));
  count('destroyed', 'twinstate.sessions.destroyed', 'Sessions destroyed', ({ class: name }) => ({ class: name }));
  count('expired', 'twinstate.sessions.expired', 'Sessions expired', ({ class: name, reason }) => ({ class: name, reason }));
  count('promoted', 'twinstate.promotions', 'Partitions that a process began to lead', ({ partition }) => ({ partition }));
  count('demoted', 'twinstate.demotions', 'Partitions that a process stopped leading', ({ partition }) => ({ partition }));
  count('snapshot', 'twinstate.snapshots', 'Snapshots written in the background', ({ stored }) => ({ stored }));
  count('trim', 'twinstate.trims', 'Cuts of the log', ({ partition }) => ({ partition }));
  count('notice', 'twinstate.notices', 'What an operator should know of', ({ notice }) => ({ kind: notice.kind }));
  count('malformed', 'twinstate.malformed', 'Bytes that no process of the cluster wrote', ({ where }) => ({ where }));
  count('link', 'twinstate.link.changes', 'Connections to the engine that came up or went down', ({ up }) => ({ up }));
}

/** @returns ends it */
function gauge(meter: OtelMeter, stores: readonly OtelStore[]): () => void {
  const ends: (() => void)[] = [];
  type Look = (store: OtelStore, observe: (value: number, attributes: OtelAttributes) => void) => void;
  const show = (name: string, unit: string, description: string, look: Look): void => {
    const instrument = meter.createObservableGauge(name, { unit, description });
    const callback: OtelCallback = (result) => {
      for (const store of stores) {
        try {
          look(store, (value, attributes) => result.observe(value, { ...attributes, node: store.nodeId }));
        } catch {
          // it is closed
        }
      }
    };
    instrument.addCallback(callback);
    ends.push(() => instrument.removeCallback(callback));
  };
  type Replica = ReturnType<OtelStore['status']>['replicas'][number];
  const perReplica = (name: string, unit: string, description: string, value: (replica: Replica) => number): void =>
    show(name, unit, description, (store, observe) => {
      for (const each of store.status().replicas) observe(value(each), { partition: each.partition, role: each.role });
    });
  perReplica('twinstate.sessions', '{session}', 'Living sessions of a replica', ({ sessions }) => sessions);
  perReplica('twinstate.sessions.passive', '{session}', 'Of them, those in the stored snapshots only', ({ passive }) => passive);
  perReplica('twinstate.memory', 'By', 'Memory for packed sessions of a replica', ({ memoryBytes }) => memoryBytes);
  perReplica('twinstate.log.records', '{record}', 'Records that the log keeps', ({ logRecords }) => logRecords);
  perReplica('twinstate.log.size', 'By', 'Bytes that the log keeps', ({ logBytes }) => logBytes);
  show('twinstate.backup.lag', '{record}', 'Records that a backup had not reported', (store, observe) => {
    for (const { partition, backups } of store.status().replicas)
      for (const { node, lag } of backups) observe(lag, { partition, backup: node });
  });
  show('twinstate.link.up', '', '1 while the connection to the engine stands', (store, observe) => {
    observe(store.status().link.up ? 1 : 0, {});
  });
  return () => {
    for (const end of ends.splice(0)) end();
  };
}

/** A span is made when its end is told, with its beginning in the past; its parent is whatever is active where the call was made. */
function trace(tracer: OtelTracer, on: On): void {
  const span = (name: string, ms: number, attributes: OtelAttributes, error?: string): void => {
    const endMs = Date.now();
    const made = tracer.startSpan(name, { startTime: endMs - ms, attributes });
    if (error !== undefined) made.setStatus({ code: ERROR_STATUS, message: error });
    made.end(endMs);
  };
  on('commit', ({ session, class: name, version, bytes, merged, ms }) =>
    span('twinstate.commit', ms, { session, class: name, version, bytes, merged }),
  );
  on('open', ({ session, class: name, version, bytes, found, ms }) =>
    span('twinstate.open', ms, { session, class: name, version, bytes, found }),
  );
  on('update', ({ session, class: name, attempts, ms }) => span('twinstate.update', ms, { session, class: name, attempts }));
  on('failed', ({ session, class: name, operation, code, outcome = '', ms }) =>
    span(`twinstate.${operation}`, ms, { session, class: name, code, outcome }, code),
  );
}
