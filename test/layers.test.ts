/** The layer table of DESIGN.md, section 6, enforced on every import of `src/`, type imports included. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

// from dist/test/, where this runs
const SRC = join(dirname(fileURLToPath(import.meta.url)), '../../src');

/** What each layer may import besides itself. The longest name that fits a file is its layer. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  model: ['shared'],
  wire: ['shared'],
  diff: ['model', 'wire', 'shared'],
  session: ['diff', 'model', 'wire', 'shared'],
  replication: ['wire', 'shared'],
  'engine/port.ts': ['shared'],
  'engine/memory': ['engine/port.ts', 'wire', 'shared'],
  'engine/sealed': ['engine/port.ts', 'wire', 'shared'],
  'engine/nats': ['engine/port.ts', 'wire', 'shared'],
  node: ['replication', 'session', 'engine/port.ts', 'wire', 'shared'],
  store: ['node', 'session', 'diff', 'model', 'observe', 'engine/port.ts', 'engine/memory', 'engine/sealed', 'shared'],
  observe: ['shared'],
  'observe/otel': ['observe', 'store', 'shared'],
  'index.ts': ['store', 'observe', 'model', 'engine/port.ts', 'engine/memory', 'shared'],
  integrations: ['index.ts', 'diff/index.ts'],
  cli: ['index.ts', 'diff/index.ts', 'engine/nats/index.ts', 'testing/index.ts'],
  testing: [
    'index.ts',
    'store',
    'observe',
    'node',
    'replication',
    'session',
    'diff',
    'model',
    'wire',
    'engine/port.ts',
    'engine/memory',
    'engine/sealed',
    'engine/nats',
    'shared',
  ],
};

/** Packages, and the only layers that may import them; Node's own modules are free. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  nats: ['engine/nats'],
  'class-transformer': ['model'],
  'reflect-metadata': ['model'],
  'express-session': ['integrations'],
  fastify: ['integrations'],
  '@fastify/session': ['integrations'],
  '@nestjs/common': ['integrations'],
};

const PUBLIC_INDEXES = ['index.ts', 'diff/index.ts', 'engine/nats/index.ts', 'testing/index.ts'];
const NAMES_SAYING_NOTHING = /\b(?:utils?|helpers?|common|managers?|impl)\b/;
/** Time and randomness are arguments in these. */
const PURE = ['shared', 'model', 'wire', 'diff', 'session', 'replication', 'engine', 'node'];
const IMPURE =
  /\bDate\.now\b|\bnew Date\(\)|\bset(?:Timeout|Interval|Immediate)\b|\bMath\.random\b|\bperformance\.now\b|\brandomUUID\b/;

interface Source {
  readonly file: string;
  readonly code: string;
  /** Files of `src/`, as `layer/file.ts`, and packages by name. */
  readonly imports: readonly string[];
}

/** Blanks comments and keeps strings, so that neither prose nor a `//` inside a string counts. */
function withoutComments(text: string): string {
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
  return text.replace(token, (found) => (found.startsWith('/') ? ' ' : found));
}

function importsOf(file: string, code: string): string[] {
  const pattern = /\b(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g;
  return [...code.matchAll(pattern)].map(([, , target]) =>
    target!.startsWith('.') ? posix.join(posix.dirname(file), target!).replace(/\.js$/, '.ts') : target!,
  );
}

const sources: readonly Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .map((file) => {
    const code = withoutComments(readFileSync(join(SRC, file), 'utf8'));
    return { file, code, imports: importsOf(file, code) };
  });

const isIn = (file: string, layer: string): boolean => file === layer || file.startsWith(`${layer}/`);
const layerOf = (file: string): string | undefined =>
  Object.keys(ALLOWED)
    .filter((layer) => isIn(file, layer))
    .toSorted((a, b) => b.length - a.length)[0];
const packageOf = (name: string): string => name.split('/', name.startsWith('@') ? 2 : 1).join('/');
const isFile = (target: string): boolean => target.endsWith('.ts');

/** Every breach, one sentence each, so that a failure lists all of them. */
function breaches(judge: (source: Source) => readonly (string | false)[]): string[] {
  return sources.flatMap((source) => judge(source).filter((breach) => breach !== false));
}

describe('the layers of src/', () => {
  it('are read at all', () => {
    expect(sources.length).to.be.greaterThan(10);
    expect(sources.flatMap(({ imports }) => imports).length).to.be.greaterThan(30);
    expect(sources.find(({ file }) => file === 'model/model-of.ts')?.imports).to.include('shared/errors.ts');
  });

  it('hold every file', () => {
    expect(breaches(({ file }) => [layerOf(file) === undefined && `${file} is in no layer of the table`])).to.deep.equal([]);
  });

  it('import downward only, types too', () => {
    const found = breaches(({ file, imports }) =>
      imports.filter(isFile).map((target) => {
        const layer = layerOf(file)!;
        const permitted = isIn(target, layer) && layerOf(target) === layer;
        return !permitted && !ALLOWED[layer]!.some((l) => isIn(target, l)) && `${file} imports ${target}`;
      }),
    );
    expect(found).to.deep.equal([]);
  });

  it('import no package but those granted to them', () => {
    const found = breaches(({ file, imports }) =>
      imports
        .filter((target) => !isFile(target) && !target.startsWith('node:'))
        .map((target) => !PACKAGES[packageOf(target)]?.some((layer) => isIn(file, layer)) && `${file} imports ${target}`),
    );
    expect(found).to.deep.equal([]);
  });

  it('have no cycle between files, types included', () => {
    const graph = new Map(sources.map(({ file, imports }) => [file, imports.filter(isFile)]));
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
        return;
      }
      state.set(file, 'open');
      for (const target of graph.get(file) ?? []) visit(target, [...trail, file]);
      state.set(file, 'done');
    };
    for (const file of graph.keys()) visit(file, []);
    expect(cycles).to.deep.equal([]);
  });

  it('have no barrels but the public ones, which list every name', () => {
    const found = breaches(({ file, code }) => [
      /\bexport\s*\*/.test(code) && `${file} exports *`,
      file.endsWith('index.ts') &&
        !PUBLIC_INDEXES.includes(file) &&
        !file.startsWith('integrations/') &&
        `${file} is an inner barrel`,
    ]);
    expect(found).to.deep.equal([]);
  });

  it('name their files by nouns that say something', () => {
    expect(breaches(({ file }) => [NAMES_SAYING_NOTHING.test(file) && `${file} says nothing`])).to.deep.equal([]);
  });

  it('take time and randomness as arguments below store/', () => {
    const found = breaches(({ file, code }) => [
      PURE.some((layer) => isIn(file, layer)) && IMPURE.test(code) && `${file} uses ${IMPURE.exec(code)![0]}`,
    ]);
    expect(found).to.deep.equal([]);
  });

  it('have files of at most 400 lines', () => {
    const lines = (file: string): number => readFileSync(join(SRC, file), 'utf8').split('\n').length;
    expect(breaches(({ file }) => [lines(file) > 401 && `${file} has ${lines(file)} lines`])).to.deep.equal([]);
  });
});
