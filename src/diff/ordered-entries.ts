/**
 * What a `Map` or `Set` of the graph holds, in the order in which it was added.
 *
 * Invariant: names are told apart as `Map` tells them apart: NaN is itself, -0 is 0. They stand in an array, because nearly all that is
 * ever asked for is their order; an index is made on demand. `names` and `values` themselves may have gaps while something is being
 * deleted: `pack` closes them.
 */
const GAP: unique symbol = Symbol('gap');
/** Up to so many are searched one by one. */
const FEW = 8;

class OrderedMembers<K> {
  #names: (K | typeof GAP)[];
  #index: Map<unknown, number> | undefined = undefined;
  #gaps = 0;
  /** What `someName` found, until a name comes or goes. */
  #some: boolean | undefined = undefined;

  constructor(names: K[] = []) {
    this.#names = names;
  }

  get size(): number {
    return this.#names.length - this.#gaps;
  }

  /** In their order. To be read only. */
  get names(): readonly K[] {
    if (this.#gaps > 0) this.pack();
    return this.#names as K[];
  }

  has(name: K): boolean {
    return this.find(name) >= 0;
  }

  keys(): ArrayIterator<K> {
    return this.names.values();
  }

  /** True where one of the names passes the test, which must be the same at each call. */
  someName(test: (name: unknown) => boolean): boolean {
    return (this.#some ??= this.names.some(test));
  }

  /** @returns its position, new or old */
  add(name: K): number {
    const found = this.find(name);
    if (found >= 0) return found;
    const at = this.#names.length;
    this.#names.push(Object.is(name, -0) ? (0 as K) : name);
    this.#index?.set(name, at);
    this.#some = undefined;
    return at;
  }

  delete(name: K): boolean {
    const at = this.find(name);
    if (at < 0) return false;
    this.#index?.delete(name);
    this.#some = undefined;
    if (at === this.#names.length - 1) this.#names.pop();
    else {
      this.#names[at] = GAP;
      this.#gaps++;
    }
    this.removed(at);
    return true;
  }

  clear(): void {
    this.#names = [];
    this.#index = this.#some = undefined;
    this.#gaps = 0;
  }

  /** Gives back the room that was kept for more. */
  trim(): void {
    this.#names = this.#names.slice();
  }

  /** Puts other names in the places of the same ones. */
  replaceNames(replace: (name: K) => K): void {
    this.#names = this.names.map(replace);
    this.#index = this.#some = undefined;
  }

  /** The position, or -1. Gaps count. */
  protected find(name: K): number {
    const names = this.#names;
    if (names.length > FEW) return (this.#index ??= this.#makeIndex()).get(name) ?? -1;
    for (let i = 0; i < names.length; i++) if (names[i] === name || (name !== name && names[i] !== names[i])) return i;
    return -1;
  }

  /** Says that a position became a gap, or, if it was the last, is no more. */
  protected removed(_at: number): void {}

  /** Closes the gaps. */
  protected pack(): void {
    this.#names = this.#names.filter((name) => name !== GAP);
    this.#index = undefined;
    this.#gaps = 0;
  }

  protected isGap(at: number): boolean {
    return this.#names[at] === GAP;
  }

  #makeIndex(): Map<unknown, number> {
    const index = new Map<unknown, number>();
    this.#names.forEach((name, at) => name !== GAP && index.set(name, at));
    return index;
  }
}

export class OrderedSet<K> extends OrderedMembers<K> {
  copy(): OrderedSet<K> {
    return new OrderedSet([...this.names]);
  }

  [Symbol.iterator](): ArrayIterator<K> {
    return this.keys();
  }
}

export class OrderedMap<K, V> extends OrderedMembers<K> {
  #values: (V | undefined)[];

  constructor(names: K[] = [], values: V[] = []) {
    super(names);
    this.#values = values;
  }

  /** In the order of `names`. To be changed by whoever puts another value in a place. */
  get entryValues(): V[] {
    if (this.size !== this.#values.length) this.pack();
    return this.#values as V[];
  }

  /** @returns undefined where there is none */
  get(name: K): V | undefined {
    const at = this.find(name);
    return at < 0 ? undefined : this.#values[at];
  }

  set(name: K, value: V): this {
    this.#values[this.add(name)] = value;
    return this;
  }

  values(): ArrayIterator<V> {
    return this.entryValues.values();
  }

  copy(): OrderedMap<K, V> {
    return new OrderedMap([...this.names], [...this.entryValues]);
  }

  override clear(): void {
    super.clear();
    this.#values = [];
  }

  override trim(): void {
    super.trim();
    this.#values = this.#values.slice();
  }

  *[Symbol.iterator](): Generator<[K, V]> {
    const { names } = this;
    const values = this.entryValues;
    for (let i = 0; i < names.length; i++) yield [names[i]!, values[i] as V];
  }

  protected override removed(at: number): void {
    if (at === this.#values.length - 1) this.#values.pop();
    else this.#values[at] = undefined;
  }

  protected override pack(): void {
    this.#values = this.#values.filter((_, at) => !this.isGap(at));
    super.pack();
  }
}
