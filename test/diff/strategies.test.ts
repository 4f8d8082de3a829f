import { expect } from 'chai';
import 'reflect-metadata';
import { strategies } from '../../src/diff/index.js';
import { Immutable } from '../../src/model/immutable.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';

class Clip {
  @Mutable() frame = Buffer.alloc(4);
}

@Session({ name: 'film' })
class Film {
  @Immutable() id = 'f';
  @Mutable() title = '';
  @Mutable({ diff: 'binary' }) script = '';
  @Mutable({ codec: { encode: () => new Uint8Array(0), decode: () => '' } }) cut = '';
  @Mutable({ diff: 'tracked', type: () => Clip }) clips: Clip[] = [];
}

@Session({ name: 'still', diff: 'tracked' })
class Still {
  @Mutable() title = '';
  @Mutable({ diff: 'graph' }) frame = 0;
}

describe('strategies', () => {
  it('tell of each mutable attribute, nested classes included, how it is compared, and why', () => {
    const told = strategies(Film);
    expect(told.map(({ class: name, property, strategy }) => `${name}.${property}: ${strategy}`)).to.deep.equal([
      'film.title: graph',
      'film.script: binary',
      'film.cut: binary',
      'film.clips: tracked',
      'Clip.frame: graph',
    ]);
    expect(told[0]!.reason).to.match(/measured.*Graph or binary/);
    expect(told[1]!.reason).to.equal('declared');
    expect(told[2]!.reason).to.match(/codec/);
  });

  it('are what the session declares where the attribute does not', () => {
    expect(strategies(Still).map(({ strategy }) => strategy)).to.deep.equal(['tracked', 'graph']);
  });
});
