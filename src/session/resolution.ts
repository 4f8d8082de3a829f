/**
 * What becomes of slots that two commits changed, by the rules that need no code of the application.
 *
 * Invariant: all values stay as they are stored, whatever their type: a rule chooses, adds, or puts together what is there, and makes
 * no object. `before`, mine and then `operations` and `collections` lead from their state to the merged one.
 */
import { writeOperations, type PlainOp } from '../diff/delta-composition.js';
import type { Graph } from '../diff/graph.js';
import { HOLE, isNode, type ArrayNode, type GraphNode, type SetNode, type Stored } from '../diff/node.js';
import { Link, type WireValue } from '../diff/operation.js';
import { showKey } from '../diff/path.js';
import type { Slot } from '../diff/slot.js';
import { added, isValueRule, kept, type ValueRule } from '../model/merge-rule.js';
import { isSecretive } from '../model/secrecy.js';
import type { AttributeModel, MergeRule, SessionModel } from '../model/session-model.js';
import { mergeLists, type ListItem, type ListMode } from './list-merge.js';

/** The state that both came from, with mine, and with theirs. */
export interface Sides {
  readonly base: Graph;
  readonly mine: Graph;
  readonly theirs: Graph;
}

type NamedRule = Exclude<MergeRule, (...args: never[]) => unknown>;

export class Resolution {
  readonly #sides: Sides;
  readonly #model: SessionModel;
  /** Mine's own new nodes have these ids in its graph, and so much higher ones in the merged state. */
  readonly #ownFrom: number;
  readonly #shift: number;
  readonly operations: PlainOp[] = [];
  readonly #before: PlainOp[] = [];
  readonly #lists = new Map<number, readonly WireValue[]>();
  readonly #sets = new Map<number, ReadonlyMap<string, WireValue>>();
  /** Why the last slot that was refused was, where there is more to say than that it has no rule. */
  why = '';

  constructor(sides: Sides, model: SessionModel) {
    this.#sides = sides;
    this.#model = model;
    this.#ownFrom = sides.base.nextId;
    this.#shift = sides.theirs.nextId - this.#ownFrom;
  }

  /** @returns false where the rule does not fit what is there */
  resolve(slot: Slot, rule: NamedRule, { key }: AttributeModel): boolean {
    if (slot.kind === 'array') return this.#array(slot.target, rule, key);
    if (rule === 'last') return this.#last(slot);
    if (isValueRule(rule)) return slot.kind === 'content' ? this.#time(slot.target, rule) : this.#value(slot, rule);
    if (rule === 'reject') return false;
    if (slot.kind === 'slot' || slot.kind === 'key' || (slot.kind === 'member' && this.#node(slot)?.kind === 'map')) {
      return this.#containers(slot, rule, key);
    }
    if (rule === 'union' && this.#node(slot)?.kind === 'set') return this.#members(slot.target);
    return this.#refuse(`'${rule}' has no meaning there`);
  }

  /** Keeps everything of both sides in the array, until a function of the application has decided. */
  keepAll(slot: Slot): void {
    if (slot.kind === 'content') this.#restoreBytes(slot.target);
    if (slot.kind !== 'array') return;
    const { mine, theirs } = this.#arrays(slot.target);
    if (mine === undefined || theirs === undefined) return;
    const values = theirs.elements.map((value) => this.#fromTheirs(value));
    for (const value of mine.elements) if (isNode(value) && value.id >= this.#ownFrom) values.push(this.#fromMine(value));
    this.#replace(slot.target, values);
  }

  /** What must be done before mine fits. */
  *before(): Generator<Uint8Array> {
    const part = writeOperations(this.#before);
    if (part !== undefined) yield part;
  }

  /** What makes the arrays and sets of a graph, to which all else was applied, what they shall be. */
  collections(graph: Graph): PlainOp[] {
    const operations: PlainOp[] = [];
    for (const [target, wanted] of this.#lists) {
      const node = graph.node(target);
      // mine may have taken it out, too
      if (node?.kind !== 'array') continue;
      const now = node.elements.map((value) => this.#fromTheirs(value));
      let head = 0;
      while (head < now.length && head < wanted.length && same(now[head], wanted[head])) head++;
      let tail = 0;
      while (tail < Math.min(now.length, wanted.length) - head && same(now.at(-1 - tail), wanted.at(-1 - tail))) tail++;
      const removed = now.length - head - tail;
      const inserted = wanted.slice(head, wanted.length - tail);
      if (removed + inserted.length > 0) operations.push({ target, op: 'edit', hunks: [{ kept: head, removed, inserted }] });
    }
    for (const [target, wanted] of this.#sets) {
      const node = graph.node(target);
      if (node?.kind !== 'set') continue;
      const now = this.#tokens(node, 'theirs');
      for (const [token, value] of now) if (!wanted.has(token)) operations.push({ target, op: 'setDelete', value });
      for (const [token, value] of wanted) if (!now.has(token)) operations.push({ target, op: 'setAdd', value });
    }
    return operations;
  }

  #last(slot: Slot): boolean {
    if (slot.kind === 'content') this.#restoreBytes(slot.target);
    return true;
  }

  /** Patches say where they differ from the base, so the base must be there again. */
  #restoreBytes(target: number): void {
    const node = this.#sides.base.node(target);
    if (node !== undefined && 'bytes' in node) this.#before.push({ target, op: 'bytes', bytes: node.bytes });
  }

  #time(target: number, rule: ValueRule): boolean {
    const [base, mine, theirs] = [this.#sides.base, this.#sides.mine, this.#sides.theirs].map((graph) => graph.node(target));
    if (base?.kind !== 'date' || mine?.kind !== 'date' || theirs?.kind !== 'date' || rule === 'add') {
      return this.#refuse(`'${rule}' has no meaning there`);
    }
    const which = kept(rule, new Date(mine.time), new Date(theirs.time));
    if (which === undefined) return this.#refuse(`'${rule}' cannot compare an invalid date`);
    if (which === 'theirs') this.operations.push({ target, op: 'date', time: theirs.time });
    return true;
  }

  #value(slot: Slot, rule: ValueRule): boolean {
    const values = this.#valuesOf(slot);
    const [base, mine, theirs] = values;
    if (rule === 'add') {
      // what was not there yet counts as nothing: two that begin one counter of a Map add up
      const from = base === undefined ? (typeof mine?.value === 'bigint' ? 0n : 0) : base.value;
      const sum = mine === undefined || theirs === undefined ? undefined : added(from, mine.value, theirs.value);
      if (sum === undefined) return this.#refuse(`'add' cannot add ${this.#shown(values)}`);
      return this.#set(slot, sum);
    }
    const which = kept(rule, comparable(mine), comparable(theirs));
    if (which === undefined) return this.#refuse(`'${rule}' cannot compare ${this.#shown(values.slice(1))}`);
    return which === 'mine' || this.#set(slot, this.#fromTheirs(theirs!.value));
  }

  /** Both put an array or a `Set` into the slot, or one did and the other changed the one that was there. */
  #containers(slot: Slot, rule: 'union' | 'append', key: string | undefined): boolean {
    const values = this.#valuesOf(slot);
    const [base, mine, theirs] = values.map((held) => held?.value);
    if (isNode(mine) && isNode(theirs)) {
      if (mine.kind === 'array' && theirs.kind === 'array') {
        const from = isNode(base) && base.kind === 'array' ? base : undefined;
        const merged = this.#merged(from, mine, theirs, rule, key);
        if (merged === undefined) return false;
        this.#lists.set(theirs.id, merged);
        return this.#set(slot, new Link(theirs.id));
      }
      if (rule === 'union' && mine.kind === 'set' && theirs.kind === 'set') {
        const from = isNode(base) && base.kind === 'set' ? base : undefined;
        this.#sets.set(theirs.id, this.#united(from, mine, theirs));
        return this.#set(slot, new Link(theirs.id));
      }
    }
    return this.#refuse(`'${rule}' cannot merge ${this.#shown(values)}`);
  }

  #members(target: number): boolean {
    const [base, mine, theirs] = [this.#sides.base, this.#sides.mine, this.#sides.theirs].map((graph) => graph.node(target));
    if (base?.kind !== 'set' || mine?.kind !== 'set' || theirs?.kind !== 'set')
      return this.#refuse(`'union' has no meaning there`);
    if (!this.#sets.has(target)) this.#sets.set(target, this.#united(base, mine, theirs));
    return true;
  }

  /** Sees to every member, however either side came to its set: what mine took out and theirs left alone is out, and so the other way. */
  #united(base: SetNode | undefined, mine: SetNode, theirs: SetNode): Map<string, WireValue> {
    const [was, ours, others] = [this.#tokens(base, 'theirs'), this.#tokens(mine, 'mine'), this.#tokens(theirs, 'theirs')];
    const wanted = new Map<string, WireValue>();
    for (const [token, value] of others) if (ours.has(token) || !was.has(token)) wanted.set(token, value);
    for (const [token, value] of ours) if (others.has(token) || !was.has(token)) wanted.set(token, value);
    return wanted;
  }

  #array(target: number, rule: NamedRule, key: string | undefined): boolean {
    const { base, mine, theirs } = this.#arrays(target);
    if (base === undefined || mine === undefined || theirs === undefined) return false;
    let wanted: readonly WireValue[] | undefined;
    if (rule === 'last') wanted = mine.elements.map((value) => this.#fromMine(value));
    else if (rule === 'append' || rule === 'union') wanted = this.#merged(base, mine, theirs, rule, key);
    else if (rule === 'reject' && key !== undefined) wanted = this.#merged(base, mine, theirs, 'append', key);
    else if (rule !== 'reject') return this.#refuse(`'${rule}' has no meaning for an array`);
    if (wanted === undefined) return false;
    if (!this.#reachable(wanted)) return this.#refuse('the other one took out an object that stays here');
    this.#replace(target, wanted);
    return true;
  }

  #replace(target: number, wanted: readonly WireValue[]): void {
    const { base, theirs } = this.#arrays(target);
    const missing = base!.elements.length - theirs!.elements.length;
    // mine speaks of positions in the base, so there must be as many
    if (missing > 0) {
      const hunk = { kept: theirs!.elements.length, removed: 0, inserted: Array.from({ length: missing }, () => undefined) };
      this.#before.push({ target, op: 'edit', hunks: [hunk] });
    }
    this.#lists.set(target, wanted);
  }

  #merged(base: ArrayNode | undefined, mine: ArrayNode, theirs: ArrayNode, mode: ListMode, key: string | undefined) {
    const items = (node: ArrayNode | undefined, graph: Graph, side: 'mine' | 'theirs'): ListItem<WireValue>[] =>
      (node?.elements ?? []).map((stored) => {
        const value = side === 'mine' ? this.#fromMine(stored) : this.#fromTheirs(stored);
        return { value, token: tokenOf(value), key: key === undefined ? undefined : this.#keyOf(graph, stored, key) };
      });
    const { base: was, mine: ours, theirs: others } = this.#sides;
    const merged = mergeLists(items(base, was, 'theirs'), items(mine, ours, 'mine'), items(theirs, others, 'theirs'), mode);
    if (merged !== undefined) return merged.map(({ value }) => value);
    this.why = key === undefined ? 'both moved the same element' : `both put in an element of the same ${key}, or moved one`;
    return undefined;
  }

  /** What identifies an element, where it is a primitive. */
  #keyOf(graph: Graph, stored: Stored, key: string): string | undefined {
    if (!isNode(stored)) return undefined;
    const value =
      stored.kind === 'object'
        ? stored.keys.get(key)
        : stored.kind === 'instance'
          ? this.#slotNamed(graph, stored.id, key)
          : undefined;
    return value === undefined || isNode(value) || value === HOLE ? undefined : `${typeof value} ${String(value)}`;
  }

  #slotNamed(graph: Graph, id: number, key: string): Stored | undefined {
    const node = graph.node(id);
    if (node?.kind !== 'instance') return undefined;
    for (let slot = 0; slot < node.slotCount; slot++)
      if (graph.attributeAt(id, slot, this.#model)?.property === key) return node.get(slot);
    return node.keys.get(key);
  }

  #reachable(wanted: readonly WireValue[]): boolean {
    const reachable = this.#sides.theirs.reachable();
    return wanted.every(
      (value) => !(value instanceof Link) || value.target >= this.#sides.theirs.nextId || reachable.has(value.target),
    );
  }

  #arrays(target: number): { readonly [K in keyof Sides]: ArrayNode | undefined } {
    const array = (graph: Graph): ArrayNode | undefined => {
      const node = graph.node(target);
      return node?.kind === 'array' ? node : undefined;
    };
    return { base: array(this.#sides.base), mine: array(this.#sides.mine), theirs: array(this.#sides.theirs) };
  }

  #node({ target }: Slot): GraphNode | undefined {
    return this.#sides.theirs.node(target);
  }

  /** What stands in the slot, in base, mine and theirs. */
  #valuesOf(slot: Slot): (Held | undefined)[] {
    return [this.#sides.base, this.#sides.mine, this.#sides.theirs].map((graph) => held(graph, slot));
  }

  #set(slot: Slot, value: WireValue): boolean {
    const { target } = slot;
    if (slot.kind === 'slot') this.operations.push({ target, op: 'slot', slot: slot.slot, value });
    else if (slot.kind === 'key') this.operations.push({ target, op: 'keySet', key: slot.key, value });
    else if (slot.kind === 'member') this.operations.push({ target, op: 'mapSet', key: slot.member, value });
    else return false;
    return true;
  }

  #tokens(node: SetNode | undefined, side: 'mine' | 'theirs'): Map<string, WireValue> {
    const tokens = new Map<string, WireValue>();
    for (const member of node?.members ?? []) {
      const value = side === 'mine' ? this.#fromMine(member) : this.#fromTheirs(member);
      tokens.set(tokenOf(value), value);
    }
    return tokens;
  }

  #fromMine(stored: Stored): WireValue {
    if (!isNode(stored)) return stored;
    return new Link(stored.id < this.#ownFrom ? stored.id : stored.id + this.#shift);
  }

  #fromTheirs(stored: Stored): WireValue {
    return isNode(stored) ? new Link(stored.id) : stored;
  }

  #shown(values: readonly (Held | undefined)[]): string {
    const text = values.map((each) => (each === undefined ? 'nothing' : show(each, isSecretive(this.#model))));
    return `${text.slice(0, -1).join(', ')} and ${text.at(-1)}`;
  }

  #refuse(why: string): false {
    this.why = why;
    return false;
  }
}

/** What a slot holds; undefined stands for nothing at all. */
interface Held {
  readonly value: Stored;
}

function held(graph: Graph, slot: Slot): Held | undefined {
  const node = graph.node(slot.target);
  if (slot.kind === 'slot') {
    const value = node?.kind === 'instance' ? node.get(slot.slot) : HOLE;
    return value === HOLE ? undefined : { value };
  }
  if (slot.kind === 'key') {
    if (node?.kind !== 'object' && node?.kind !== 'instance') return undefined;
    return node.keys.has(slot.key) ? { value: node.keys.get(slot.key)! } : undefined;
  }
  if (slot.kind !== 'member' || node?.kind !== 'map') return undefined;
  const key = slot.member instanceof Link ? graph.node(slot.member.target) : (slot.member as Stored);
  return node.entries.has(key) ? { value: node.entries.get(key)! } : undefined;
}

function comparable(value: Held | undefined): unknown {
  if (value === undefined || !isNode(value.value)) return value?.value;
  return value.value.kind === 'date' ? new Date(value.value.time) : value.value;
}

function tokenOf(value: WireValue): string {
  if (value instanceof Link) return `#${value.target}`;
  if (value === HOLE) return 'hole';
  return `${typeof value} ${Object.is(value, -0) ? '-0' : showKey(value)}`;
}

function same(a: WireValue, b: WireValue): boolean {
  return a instanceof Link ? b instanceof Link && a.target === b.target : Object.is(a, b);
}

function show({ value }: Held, secretive: boolean): string {
  if (isNode(value)) return `a value of kind ${value.kind}`;
  if (value === HOLE) return 'nothing';
  if (typeof value === 'string') return 'a text';
  return secretive && (typeof value === 'bigint' || Number.isFinite(value)) ? `a ${typeof value}` : showKey(value);
}
