/**
 * Reads what class-transformer's `@Type` said.
 *
 * Invariant: a `@Type` is either found or its absence is certain. class-transformer exports its storage only by a deep path, and
 * a bundler may give `import { Type } from 'class-transformer'` another build than that path: so a probe is decorated once, and
 * if the storage does not show it, models are refused. Further copies of the package that are loaded in the process are read
 * too, since a user's `@Type` may come from one of them.
 */
import 'reflect-metadata';
import { createRequire } from 'node:module';
import { Type } from 'class-transformer';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { TwinstateError } from '../shared/errors.js';
import type { Class } from './session-model.js';

/** The part of class-transformer's storage that is read. */
export interface TypeStorage {
  findTypeMetadata(target: object, property: string): TypeDeclaration | undefined;
}

/** The part of a `@Type` that is read. */
export interface TypeDeclaration {
  readonly typeFunction: unknown;
  readonly options?: {
    readonly discriminator?: {
      readonly property: string;
      readonly subTypes: readonly { readonly name: string; readonly value: Class }[];
    };
  };
}

let probed = false;

/**
 * Finds the `@Type` of an attribute, the class's own before its bases'.
 *
 * @throws {TwinstateError} `DECLARATION_INVALID` where the storage is not the one that `@Type` fills
 */
export function typeDeclaration(type: Class, property: string): TypeDeclaration | undefined {
  if (!probed) probeStorage(defaultMetadataStorage);
  probed = true;
  for (const storage of [defaultMetadataStorage, ...otherCopies()]) {
    const found = storage.findTypeMetadata(type, property);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Checks that `@Type`, as imported, fills this storage. @throws {TwinstateError} `DECLARATION_INVALID` where it does not */
export function probeStorage(storage: TypeStorage): void {
  class Probe {}
  const typeFunction = (): typeof Probe => Probe;
  Type(typeFunction)(Probe.prototype, 'probe');
  if (storage.findTypeMetadata(Probe, 'probe')?.typeFunction === typeFunction) return;
  throw new TwinstateError('DECLARATION_INVALID', "class-transformer's @Type cannot be read", {
    expected: 'class-transformer and class-transformer/cjs/storage.js to be one build of one package',
    received: 'two, as some bundlers make them',
    cure: 'mark class-transformer and twinstate as external in the bundler',
  });
}

/** Storages of other copies of the package, as Node has loaded them. */
function otherCopies(): TypeStorage[] {
  const { cache } = createRequire(process.execPath);
  const found: TypeStorage[] = [];
  for (const [file, module] of Object.entries(cache)) {
    if (!/[\\/]class-transformer[\\/]cjs[\\/]storage\.js$/.test(file)) continue;
    const storage = (module?.exports as { defaultMetadataStorage?: TypeStorage } | undefined)?.defaultMetadataStorage;
    if (storage !== undefined && storage !== defaultMetadataStorage) found.push(storage);
  }
  return found;
}
