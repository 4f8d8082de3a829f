/**
 * The session model: what a class's decorators say, resolved once, frozen, and the only thing that the layers above know of it.
 *
 * Invariant: a `SessionModel` that exists is valid. Every class that can stand in a slot of it is in `classes`, constructs, and
 * has one meaning for each wire name; what is not in `classes` is never constructed, whatever bytes arrive.
 */
export type Class<T extends object = object> = new (...args: never[]) => T;

export type DiffStrategy = 'graph' | 'binary' | 'tracked' | 'auto';
export type MergeRule =
  'reject' | 'last' | 'add' | 'max' | 'min' | 'union' | 'append' | ((base: unknown, mine: unknown, theirs: unknown) => unknown);

/** Turns a value that Twinstate does not know into bytes and back. Pure, synchronous. */
export interface Codec<T = unknown> {
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/**
 * Bounds on what one session may hold. `limits.ts` in `wire/` has the defaults; `connect` refuses more, as every replica reads by them. A
 * write is held to those of the process that makes it and to those of the process that leads its session: give all processes the same.
 */
export interface SessionLimits {
  /** The encoded session, in bytes. */
  readonly sessionBytesMax?: number;
  /** One delta, in bytes. */
  readonly deltaBytesMax?: number;
  /** Objects of one session. */
  readonly objectsMax?: number;
  /** Elements of one array, `Map`, `Set` or plain object. */
  readonly elementsMax?: number;
}

export interface AttributeModel {
  /** The property. */
  readonly property: string;
  /** Stable name on the wire; the property's name unless the declaration says otherwise. */
  readonly wireName: string;
  /** Position in its class's `attributes`. */
  readonly index: number;
  readonly mutable: boolean;
  /** The classes declared for what stands in this slot or, for an array, `Map` or `Set`, for its elements; empty if none is. */
  readonly types: readonly ClassModel[];
  /** As resolved for this attribute: its own option, or else the session's. `auto` is left for `diff/` to resolve. */
  readonly diff: DiffStrategy;
  readonly merge: MergeRule;
  /** The property that identifies an array's elements. */
  readonly key: string | undefined;
  readonly sensitive: boolean;
  readonly codec: Codec | undefined;
  /** True where the class reads and writes it through its own getter and setter. */
  readonly accessor: boolean;
  /** From class-transformer's `@Type`: how a literal says which of `types` it is. */
  readonly discriminator: Discriminator | undefined;
}

export interface Discriminator {
  /** The property of a literal that names its class. */
  readonly property: string;
  /** The classes by what that property holds; not their names on the wire. */
  readonly classes: ReadonlyMap<string, ClassModel>;
}

export interface ClassModel {
  readonly type: Class;
  /** On the wire. */
  readonly name: string;
  /** Superclass first, then in the order of declaration. */
  readonly attributes: readonly AttributeModel[];
  /** The mutable-attribute set: the ordered, frozen subset that a comparison looks at. */
  readonly mutable: readonly AttributeModel[];
  /** Open-ended data: every own enumerable key that is not among `attributes` is a mutable attribute too (`mutable: '*'`). */
  readonly open: boolean;
  /** What all keys of an open class have in common. */
  readonly rest: AttributeModel | undefined;
  /** Properties marked `@Transient`; they matter where the class is open. */
  readonly transient: ReadonlySet<string>;
  /** Makes an instance, by the constructor without arguments or by `make`, which is given the attributes by property name. */
  construct(attributes: Readonly<Record<string, unknown>>): object;
  /** True where `construct` wants the attributes (`make`). */
  readonly makes: boolean;
}

export interface SessionModel {
  readonly root: ClassModel;
  /** Session name on the wire; `root.name`. */
  readonly name: string;
  /** Every class that may stand in the graph, `root` included, by wire name. */
  readonly classes: ReadonlyMap<string, ClassModel>;
  /** The same by constructor. An instance is of a class only if its prototype is that class's own. */
  readonly byType: ReadonlyMap<Class, ClassModel>;
  /** Changes whenever the meaning of stored bytes could: names, attributes, mutability, declared types. 16 hexadecimal digits. */
  readonly fingerprint: string;
  /** Idle time to live, in milliseconds. */
  readonly ttlMs: number | undefined;
  /** Absolute time to live, in milliseconds. */
  readonly maxAgeMs: number | undefined;
  readonly limits: SessionLimits;
}
