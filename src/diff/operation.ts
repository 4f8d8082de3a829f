/**
 * Parsed deltas: what one says, free of any graph.
 *
 * Invariant: nodes are named by *targets*. In a delta an id (>= 0) is a node that existed before it, and -1 - k is the k-th node that
 * it makes itself; in a snapshot every target is an id.
 */
import type { Primitive } from '../wire/value.js';
import type { HOLE } from './node.js';

/** A reference to a node. */
export class Link {
  readonly target: number;

  constructor(target: number) {
    this.target = target;
  }
}

/** A node that begins to exist here. */
export class Fresh {
  readonly target: number;
  readonly form: Form;

  constructor(target: number, form: Form) {
    this.target = target;
    this.form = form;
  }
}

export type WireValue = Primitive | typeof HOLE | Link | Fresh;

export interface RegExpForm {
  readonly pattern: string;
  readonly flags: string;
  readonly lastIndex: number;
}

/** A container that is not of a class; it gets its content later. */
export type ContainerForm =
  | { readonly kind: 'object'; readonly nullPrototype: boolean }
  | { readonly kind: 'array' | 'map' | 'set' }
  | { readonly kind: 'view'; readonly view: number };

/** What a new node is; containers get their content later. */
export type Form =
  | { readonly kind: 'instance'; readonly shape: number }
  | ContainerForm
  | { readonly kind: 'date'; readonly time: number }
  | ({ readonly kind: 'regexp' } & RegExpForm)
  | { readonly kind: 'url'; readonly href: string }
  | { readonly kind: 'buffer' | 'arrayBuffer'; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly bytes: Uint8Array; readonly coded: boolean };

export type Content =
  | { readonly kind: 'instance' | 'array' | 'set'; readonly values: readonly WireValue[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, WireValue])[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [WireValue, WireValue])[] }
  | { readonly kind: 'view'; readonly buffer: WireValue; readonly offsetBytes: number; readonly length: number };

export interface WireHunk {
  readonly kept: number;
  readonly removed: number;
  readonly inserted: readonly WireValue[];
}

export interface Patch {
  readonly kept: number;
  readonly removed: number;
  readonly inserted: Uint8Array;
}

export type SchemaOp =
  | { readonly op: 'shape'; readonly name: string; readonly attributes: readonly string[] }
  | { readonly op: 'extend'; readonly shape: number; readonly attributes: readonly string[] }
  | { readonly op: 'fingerprint'; readonly fingerprint: string };

export type NodeOp = { readonly target: number } & (
  | { readonly op: 'slot'; readonly slot: number; readonly value: WireValue }
  | { readonly op: 'keySet'; readonly key: string; readonly value: WireValue }
  | { readonly op: 'keyDelete'; readonly key: string }
  | { readonly op: 'index'; readonly index: number; readonly value: WireValue }
  | { readonly op: 'edit'; readonly hunks: readonly WireHunk[] }
  | { readonly op: 'mapSet'; readonly key: WireValue; readonly value: WireValue }
  | { readonly op: 'mapDelete'; readonly key: WireValue }
  | { readonly op: 'setAdd' | 'setDelete'; readonly value: WireValue }
  | { readonly op: 'clear' }
  | { readonly op: 'date'; readonly time: number }
  | ({ readonly op: 'regexp' } & RegExpForm)
  | { readonly op: 'url'; readonly href: string }
  | { readonly op: 'bytes'; readonly bytes: Uint8Array }
  | { readonly op: 'patch'; readonly patches: readonly Patch[] }
  | { readonly op: 'fill'; readonly content: Content }
);

export type Operation = SchemaOp | NodeOp;

export function isSchemaOp(operation: Operation): operation is SchemaOp {
  return operation.op === 'shape' || operation.op === 'extend' || operation.op === 'fingerprint';
}
