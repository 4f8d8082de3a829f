import 'reflect-metadata';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import * as imported from 'class-transformer';
import { Mutable } from '../../src/model/mutable.js';
import { modelOf } from '../../src/model/model-of.js';
import { Session } from '../../src/model/session.js';

const require = createRequire(import.meta.url);

class Item {
  @Mutable() n = 0;
}

/** The classes that the model finds when `@Type` comes from this module. */
function typesBy({ Type }: typeof imported): string[] {
  @Session()
  class Doc {
    items: Item[] = [];
  }
  Mutable()(Doc.prototype, 'items');
  Type(() => Item)(Doc.prototype, 'items');
  return modelOf(Doc).root.attributes[0]!.types.map((type) => type.name);
}

describe("class-transformer's @Type is found", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'twinstate-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** A second copy of the package, as two versions in one tree of dependencies are. */
  function copy(name: string): string {
    const target = join(folder, name, 'node_modules/class-transformer');
    cpSync(dirname(require.resolve('class-transformer/package.json')), target, { recursive: true, dereference: true });
    return join(target, 'cjs/index.js');
  }

  it('when it is imported', () => {
    expect(typesBy(imported)).to.deep.equal(['Item']);
  });

  it('when it is required', () => {
    expect(typesBy(require('class-transformer') as typeof imported)).to.deep.equal(['Item']);
  });

  it('when a second copy of the package is required', () => {
    const second = require(copy('required')) as typeof imported;
    expect(second.Type).not.to.equal(imported.Type);
    expect(typesBy(second)).to.deep.equal(['Item']);
  });

  it('when a second copy of the package is imported', async () => {
    const second = (await import(pathToFileURL(copy('imported')).href)) as typeof imported;
    expect(second.Type).not.to.equal(imported.Type);
    expect(typesBy(second)).to.deep.equal(['Item']);
  });
});
