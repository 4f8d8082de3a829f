import 'reflect-metadata';
import { expect } from 'chai';
import { Type } from 'class-transformer';
import { probeStorage } from '../../src/model/class-transformer-types.js';
import { defineSession } from '../../src/model/define-session.js';
import { Immutable } from '../../src/model/immutable.js';
import { modelOf } from '../../src/model/model-of.js';
import { Mutable } from '../../src/model/mutable.js';
import type { MutableOptions, SessionOptions } from '../../src/model/options.js';
import { Session } from '../../src/model/session.js';
import type { Class } from '../../src/model/session-model.js';
import { Transient } from '../../src/model/transient.js';
import { refusal } from './refusal.js';

/** Misuses that the compiler would catch are made in its back, as JavaScript makes them. */
// oxlint-disable-next-line typescript/no-explicit-any
const unchecked = (value: unknown): any => value;

class Line {
  @Immutable() sku!: string;
}

/** A fresh class `Doc` with one attribute `a`, declared as esbuild would, without `design:type`. */
function doc(options: MutableOptions | (() => Class), initial?: unknown, session: SessionOptions = {}): Class {
  class Doc {
    a = initial;
  }
  Mutable(options)(Doc.prototype, 'a');
  Session(session)(Doc);
  return Doc;
}

describe('a wrong declaration is refused', () => {
  it('when an attribute has two kinds, or one kind twice', () => {
    const twice =
      (...decorators: ((target: object, property: string) => void)[]) =>
      () => {
        class Doc {}
        for (const decorate of decorators) decorate(Doc.prototype, 'a');
      };
    const error = refusal(twice(Mutable(), Immutable()), 'DECLARATION_INVALID', /what changes is @Mutable/);
    expect(error.message).to.match(/Doc\.a is declared twice.*@Mutable\(\) and @Immutable\(\)/);
    refusal(twice(Immutable(), Transient()), 'DECLARATION_INVALID', /stays in this process is @Transient/);
    refusal(twice(Transient(), Mutable()), 'DECLARATION_INVALID', /decide/);
    refusal(twice(Mutable({ merge: 'last' }), Mutable()), 'DECLARATION_INVALID', /keep one @Mutable\(\)/);
  });

  it('when a subclass changes the kind of an attribute, to looser or to tighter', () => {
    const pair = (base: () => (t: object, p: string) => void, sub: () => (t: object, p: string) => void) => () => {
      class Base {}
      base()(Base.prototype, 'a');
      class Sub extends Base {}
      sub()(Sub.prototype, 'a');
      Session()(Sub);
      modelOf(Sub);
    };
    const error = refusal(pair(Immutable, Mutable), 'DECLARATION_INVALID', /keep @Immutable\(\), change it in Base/);
    expect(error.message).to.contain('Sub.a');
    refusal(pair(Mutable, Immutable), 'DECLARATION_INVALID', /keep @Mutable\(\)/);
    refusal(pair(Mutable, Transient), 'DECLARATION_INVALID', /keep @Mutable\(\)/);
    refusal(pair(Transient, Mutable), 'DECLARATION_INVALID', /keep @Transient\(\)/);
  });

  it('when two attributes share a wire name, also with a base', () => {
    class Base {
      @Mutable({ name: 'x' }) a = 1;
    }
    @Session()
    class Doc extends Base {
      @Mutable() x = 2;
    }
    const error = refusal(() => modelOf(Doc), 'DECLARATION_INVALID', /change the name option/);
    expect(error.message).to.contain("two attributes of Doc are named 'x'");
  });

  it('when two classes of one session share a wire name', () => {
    const Other = { Line: class {} }.Line;
    Session()(Other);
    @Session()
    class Doc {
      @Mutable(() => Line) a?: Line;
      @Mutable(() => Other) b?: object;
    }
    refusal(() => modelOf(Doc), 'DECLARATION_INVALID', /write @Session\(\{ name: '…' \}\) before one of them/);
  });

  it('when a class has two names', () => {
    @Session()
    class Doc {
      @Mutable({ type: { one: () => Line } }) a?: Line;
      @Mutable({ type: { two: () => Line } }) b?: Line;
    }
    const error = refusal(() => modelOf(Doc), 'DECLARATION_INVALID', /use the same name everywhere/);
    expect(error.received).to.equal("'one' at Doc.a and 'two' at Doc.b");
  });

  it('when a class has no name', () => {
    const anonymous = (() => class {})();
    Mutable()(anonymous.prototype, 'a');
    Session()(anonymous);
    refusal(() => modelOf(anonymous), 'DECLARATION_INVALID', /name: '…'/);
  });

  it('when a class does not construct without arguments', () => {
    @Session()
    class Doc {
      @Mutable() a: string;
      constructor(source: { a: string }) {
        this.a = source.a;
      }
    }
    const error = refusal(() => modelOf(Doc), 'NOT_CONSTRUCTIBLE', /give its parameters defaults, or declare @Session\(\{ make:/);
    expect(error.cause).to.be.instanceOf(TypeError);
  });

  it('when a nested class does not construct', () => {
    class Inner {
      @Mutable() a = 1;
      constructor() {
        throw new Error('no');
      }
    }
    refusal(() => modelOf(doc(() => Inner)), 'NOT_CONSTRUCTIBLE', /new Inner\(…\)/);
  });

  it('when constructing gives something else', () => {
    class Doc {
      constructor() {
        return {};
      }
    }
    defineSession(unchecked(Doc), { mutable: '*' });
    refusal(() => modelOf(Doc), 'NOT_CONSTRUCTIBLE', /return nothing from the constructor/);
    const made = doc({}, 1, { make: () => ({}) });
    refusal(() => modelOf(made).root.construct({}), 'NOT_CONSTRUCTIBLE', /return new Doc\(…\)/);
  });

  it('when a class inside was never declared', () => {
    class Unknown {}
    const error = refusal(
      () => modelOf(doc(() => Unknown)),
      'DECLARATION_INVALID',
      /defineSession\(Unknown, …\), or give Doc\.a a codec/,
    );
    expect(error.message).to.contain('Doc.a holds Unknown');
    @Session()
    class Transformed {
      @Mutable() @Type(() => Unknown) a: Unknown[] = [];
    }
    refusal(() => modelOf(Transformed), 'DECLARATION_INVALID', /mark its members/);
  });

  it('when an initialiser leaves what cannot be carried', () => {
    class Unknown {}
    refusal(() => modelOf(doc({}, new Unknown())), 'DECLARATION_INVALID', /type: \(\) => Unknown/);
    refusal(() => modelOf(doc({}, () => 1)), 'DECLARATION_INVALID', /make it a method, or mark it @Transient/);
    refusal(() => modelOf(doc({}, Promise.resolve())), 'DECLARATION_INVALID', /mark it @Transient/);
    refusal(() => modelOf(doc({}, new WeakMap())), 'DECLARATION_INVALID', /mark it @Transient/);
    for (const fine of [
      new Date(),
      new Map(),
      [],
      {},
      /x/,
      new URL('x:y'),
      Buffer.alloc(1),
      new Float64Array(1),
      1n,
      null,
      new Line(),
    ]) {
      expect(modelOf(doc(fine instanceof Line ? () => Line : {}, fine)).name).to.equal('Doc');
    }
  });

  it('when design:type can never leave the process', () => {
    @Session()
    class Doc {
      @Mutable() a?: Promise<void>;
    }
    refusal(() => modelOf(Doc), 'DECLARATION_INVALID', /mark this one @Transient/);
  });

  it('when a type function returns nothing, no class, or throws', () => {
    refusal(() => modelOf(doc(unchecked(() => undefined))), 'DECLARATION_INVALID', /circular import/);
    refusal(() => modelOf(doc(unchecked(() => [Line]))), 'DECLARATION_INVALID', /\(\) => LineItem for LineItem\[\]/);
    refusal(() => modelOf(doc(unchecked(() => null))), 'DECLARATION_INVALID', /return the class/);
    const thrower = doc(() => {
      throw new ReferenceError("Cannot access 'Line' before initialization");
    });
    expect(refusal(() => modelOf(thrower), 'DECLARATION_INVALID', /connect later/).cause).to.be.instanceOf(ReferenceError);
  });

  it('when a class stands where its function is meant, or something else', () => {
    refusal(() => doc(unchecked(Line)), 'OPTION_INVALID', /write \(\) => Line/);
    refusal(() => doc({ type: unchecked(Line) }), 'OPTION_INVALID', /write \(\) => Line/);
    refusal(() => doc({ type: unchecked({ line: Line }) }), 'OPTION_INVALID', /write \(\) => Line/);
    refusal(() => doc({ type: unchecked('Line') }), 'OPTION_INVALID', /write type: \(\) => LineItem/);
    refusal(() => doc({ type: unchecked([() => Line]) }), 'OPTION_INVALID', /write type/);
    refusal(() => doc({ type: {} }), 'OPTION_INVALID', /line: \(\) => LineItem/);
  });

  it('when the class is no session', () => {
    class Plain {}
    @Session()
    class Base {
      @Mutable() a = 1;
    }
    class Sub extends Base {}
    refusal(() => modelOf(Plain), 'NOT_A_SESSION', /defineSession\(Plain, …\)/);
    refusal(() => modelOf(Line), 'NOT_A_SESSION', /write @Session\(\) before class Line/);
    expect(refusal(() => modelOf(Sub), 'NOT_A_SESSION', /before class Sub/).received).to.equal('a subclass of one');
    refusal(() => modelOf(unchecked(new Base())), 'NOT_A_SESSION', /pass the class itself/);
    refusal(() => modelOf(unchecked(undefined)), 'NOT_A_SESSION', /pass the class itself/);
    refusal(() => modelOf(unchecked(() => 1)), 'NOT_A_SESSION', /pass the class itself/);
  });

  it('when a session has no attributes', () => {
    @Session()
    class Doc {
      a = 1;
    }
    refusal(() => modelOf(Doc), 'DECLARATION_INVALID', /mark what belongs to the session @Mutable/);
  });

  it('when a getter has no setter, or a setter no getter', () => {
    @Session()
    class Getter {
      @Mutable()
      get a(): number {
        return 1;
      }
    }
    @Session()
    class Setter {
      @Mutable()
      set a(_: number) {}
    }
    refusal(() => modelOf(Getter), 'DECLARATION_INVALID', /add a setter/);
    refusal(() => modelOf(Setter), 'DECLARATION_INVALID', /add a getter/);
  });

  it('when instances cannot take their attributes', () => {
    class Frozen {
      a = 1;
      constructor() {
        Object.freeze(this);
      }
    }
    class Sealed {
      declare a: number;
      constructor() {
        Object.preventExtensions(this);
      }
    }
    refusal(() => modelOf(defineSession(Frozen, { mutable: ['a'] })), 'DECLARATION_INVALID', /leave it writable/);
    refusal(() => modelOf(defineSession(Sealed, { mutable: ['a'] })), 'DECLARATION_INVALID', /do not freeze in the constructor/);
  });

  it('when a decorator stands at a static member, a method, a symbol, a parameter or a class', () => {
    class Doc {
      method(): void {}
    }
    const method = Object.getOwnPropertyDescriptor(Doc.prototype, 'method');
    for (const decorator of [Mutable, Immutable, Transient]) {
      const decorate = unchecked(decorator());
      refusal(() => decorate(Doc, 'a'), 'DECLARATION_INVALID', /property of the instance/);
      refusal(() => decorate(Doc.prototype, 'method', method), 'DECLARATION_INVALID', /leave it undecorated/);
      refusal(() => decorate(Doc.prototype, Symbol('a')), 'DECLARATION_INVALID', /string key/);
      refusal(() => decorate(Doc, undefined, 0), 'DECLARATION_INVALID', /declare a property/);
      refusal(() => decorate(Doc), 'DECLARATION_INVALID', /the class with @Session\(\)/);
    }
    refusal(() => unchecked(Session())(Doc.prototype, 'a'), 'DECLARATION_INVALID', /attributes are marked @Mutable\(\)/);
    refusal(
      () => modelOf(defineSession(Doc, { mutable: unchecked(['method']) })),
      'DECLARATION_INVALID',
      /methods come with the class/,
    );
  });

  it('when a decorator stands without parentheses', () => {
    class Doc {}
    for (const decorator of [Mutable, Immutable, Transient]) {
      refusal(() => unchecked(decorator)(Doc.prototype, 'a', undefined), 'DECLARATION_INVALID', /\(\)/);
    }
    refusal(() => unchecked(Session)(Doc), 'DECLARATION_INVALID', /write @Session\(\)/);
  });

  it('when it was compiled as a standard decorator', () => {
    const field = { kind: 'field', name: 'a' };
    const classContext = { kind: 'class', name: 'Doc' };
    class Doc {}
    for (const decorator of [Mutable, Immutable, Transient]) {
      refusal(() => unchecked(decorator())(undefined, field), 'DECLARATION_INVALID', /"experimentalDecorators": true/);
      refusal(() => unchecked(decorator)(undefined, field), 'DECLARATION_INVALID', /"experimentalDecorators": true/);
    }
    refusal(() => unchecked(Session())(Doc, classContext), 'DECLARATION_INVALID', /"experimentalDecorators": true/);
    refusal(() => unchecked(Session)(Doc, classContext), 'DECLARATION_INVALID', /"experimentalDecorators": true/);
  });

  it('when a merge rule is unknown, or does not fit what is known of the value', () => {
    refusal(() => doc({ merge: unchecked('sum') }), 'OPTION_INVALID', /correct it/);
    const cases: [MutableOptions['merge'], unknown][] = [
      ['add', 'text'],
      ['max', true],
      ['min', []],
      ['union', 1],
      ['append', new Set()],
      ['append', {}],
      ['add', new Line()],
      ['max', new Set()],
    ];
    for (const [merge, initial] of cases) {
      refusal(() => modelOf(doc({ merge }, initial)), 'DECLARATION_INVALID', /^use 'reject', 'last'/);
    }
    @Session()
    class Typed {
      @Mutable({ merge: 'add' }) a?: string;
    }
    const error = refusal(() => modelOf(Typed), 'DECLARATION_INVALID', /\(base, mine, theirs\) => value/);
    expect(error.message).to.match(
      /Typed\.a cannot be merged by 'add': expected number or bigint or map or plain object, received string/,
    );
    const fits: [MutableOptions['merge'], unknown][] = [
      ['add', 0],
      ['add', 0n],
      ['max', new Date(0)],
      ['min', 'text'],
      ['add', new Map()],
      ['max', {}],
      ['union', []],
      ['union', new Set()],
      ['append', []],
      ['add', undefined],
      [(_: unknown, mine: unknown) => mine, 'text'],
    ];
    for (const [merge, initial] of fits) expect(modelOf(doc({ merge }, initial)).root.mutable[0]!.merge).to.equal(merge);
  });

  it('when a key identifies nothing', () => {
    refusal(() => modelOf(doc({ type: () => Line, key: 'id' }, [])), 'DECLARATION_INVALID', /mark Line\.id @Immutable\(\)/);
    refusal(() => modelOf(doc({ key: 'id' }, new Map())), 'DECLARATION_INVALID', /leave key out/);
    refusal(() => doc({ key: '' }), 'OPTION_INVALID', /key: 'id'/);
    expect(modelOf(doc({ type: () => Line, key: 'sku' }, [])).root.attributes[0]!.key).to.equal('sku');
  });

  it('when a codec meets a type, or a comparison of objects', () => {
    const codec = { encode: (): Uint8Array => new Uint8Array(), decode: (): unknown => 1 };
    refusal(() => modelOf(doc({ codec, type: () => Line })), 'DECLARATION_INVALID', /drop the type/);
    refusal(() => modelOf(doc({ codec, diff: 'graph' })), 'DECLARATION_INVALID', /leave diff out/);
    refusal(() => modelOf(doc({ codec, diff: 'tracked' })), 'DECLARATION_INVALID', /leave diff out/);
    refusal(() => doc({ codec: unchecked({ encode: codec.encode }) }), 'OPTION_INVALID', /encode\(value\) \{…\}, decode/);
    class Foreign {}
    expect(modelOf(doc({ codec, diff: 'binary' }, new Foreign())).root.attributes[0]!.codec).to.equal(codec);
  });

  it('when options are misspelt, misplaced or of a wrong kind', () => {
    refusal(() => doc(unchecked({ tpye: () => Line })), 'OPTION_INVALID', /correct the name/);
    refusal(() => doc(unchecked('items')), 'OPTION_INVALID', /known options are type, name/);
    refusal(() => doc(unchecked(null)), 'OPTION_INVALID', /known options/);
    refusal(() => doc({ diff: unchecked('deep') }), 'OPTION_INVALID', /correct it/);
    refusal(() => doc({ sensitive: unchecked('yes') }), 'OPTION_INVALID', /sensitive: true/);
    refusal(() => doc({ name: '' }), 'OPTION_INVALID', /short name/);
    refusal(() => doc({ name: '\ud800' }), 'OPTION_INVALID', /whole characters/);
    refusal(() => unchecked(Immutable)({ merge: 'add' })({}, 'a'), 'OPTION_INVALID', /use @Mutable/);
    refusal(() => unchecked(Transient)({}), 'OPTION_INVALID', /write @Transient\(\)/);
    refusal(() => doc({}, 1, unchecked({ tll: '1h' })), 'OPTION_INVALID', /correct the name/);
    refusal(() => doc({}, 1, { name: '' }), 'OPTION_INVALID', /short name/);
    refusal(() => doc({}, 1, { make: unchecked({}) }), 'OPTION_INVALID', /make: \(attributes\) =>/);
    refusal(() => doc({}, 1, { limits: { objectsMax: -1 } }), 'OPTION_INVALID', /default/);
    refusal(() => doc({}, 1, { limits: unchecked({ objects: 1 }) }), 'OPTION_INVALID', /correct the name/);
  });

  it('when a time to live is no duration', () => {
    for (const ttl of ['30', '30 m', '1.5h', '-1s', '0s', '030m', '30M', '', '99999999999999d']) {
      refusal(() => doc({}, 1, { ttl }), 'OPTION_INVALID', /write '90m' for one and a half hours/);
    }
    refusal(() => doc({}, 1, { maxAge: unchecked(1000) }), 'OPTION_INVALID', /write '1000ms'/);
    const ms = ['500ms', '10s', '30m', '2h', '1d'].map((ttl) => modelOf(doc({}, 1, { ttl })).ttlMs);
    expect(ms).to.deep.equal([500, 10_000, 1_800_000, 7_200_000, 86_400_000]);
  });

  it('when a session is declared twice, or after its model was made', () => {
    @Session()
    class Doc {
      @Mutable() a = 1;
    }
    refusal(() => defineSession(Doc, { mutable: [] }), 'DECLARATION_INVALID', /keep one of them/);
    modelOf(Doc);
    refusal(() => Mutable()(Doc.prototype, 'b'), 'DECLARATION_INVALID', /where the class is defined/);
  });

  it('when defineSession is given no class or no lists', () => {
    class Doc {}
    refusal(() => defineSession(unchecked(undefined), {}), 'DECLARATION_INVALID', /circular import/);
    refusal(() => defineSession(Doc, unchecked(undefined)), 'OPTION_INVALID', /mutable: \['items'\]/);
    refusal(() => defineSession(class {}, { mutable: unchecked('items') }), 'OPTION_INVALID', /mutable: \['items'\]/);
    refusal(() => defineSession(class {}, { immutable: unchecked([Symbol('a')]) }), 'OPTION_INVALID', /mutable: \['items'\]/);
  });

  it('when an open class renames an attribute', () => {
    class Doc {
      id = '';
    }
    defineSession(Doc, { mutable: '*', immutable: { id: { name: 'i' } } });
    refusal(() => modelOf(Doc), 'DECLARATION_INVALID', /leave the name option out/);
  });

  it('when instances would be taken for promises', () => {
    @Session()
    class Doc {
      @Mutable() a = 1;
      // oxlint-disable-next-line unicorn/no-thenable -- the misuse that is refused
      then(): void {}
    }
    refusal(() => modelOf(Doc), 'DECLARATION_INVALID', /rename it/);
  });

  it('when @Type cannot be read, since it fills another storage', () => {
    refusal(() => probeStorage({ findTypeMetadata: () => undefined }), 'DECLARATION_INVALID', /external in the bundler/);
  });

  it('and leaves nothing behind: corrected classes make their model', () => {
    class Late {}
    const type = doc(() => Late);
    refusal(() => modelOf(type), 'DECLARATION_INVALID', /Late/);
    defineSession(Late, { mutable: '*' });
    expect(modelOf(type).classes.has('Late')).to.equal(true);
  });
});
