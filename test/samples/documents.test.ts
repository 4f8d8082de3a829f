/**
 * Every sample of the README and of the guides compiles as the README's own `tsconfig.json` says, runs, and prints what it says that it
 * prints.
 *
 * Invariant: a block that begins with a comment `// name.ts` is that file; one that imports begins a program; any other goes on with
 * the program before it. `// prints: …` are the lines of its output, in order. A program without them is one that serves, and ends at SIGTERM.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { RedisPair } from '../../samples/support/redis-server.js';
import { startNatsServer, type NatsServer } from '../nats-server.js';

const run = promisify(execFile);
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const GUIDES = readdirSync(join(ROOT, 'samples/guides')).map((file) => `samples/guides/${file}`);
const DOCUMENTS = ['README.md', ...GUIDES];
const SERVER = 'nats://localhost:4222';
const REDIS = 'redis://localhost:6379';

interface Program {
  readonly name: string;
  code: string;
}

const textOf = (document: string): string => readFileSync(join(ROOT, document), 'utf8');

function blocks(document: string, language: string): string[] {
  return [...textOf(document).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, code]) => code!);
}

/** Files keep their names; programs are numbered, and those of a guide bear its name. */
function programs(document: string): Program[] {
  const found: Program[] = [];
  const prefix = document === 'README.md' ? 'sample' : document.replace(/^.*\/|\.md$/g, '');
  for (const code of blocks(document, 'ts')) {
    const file = /^\/\/ ([\w-]+)\.ts\n/.exec(code)?.[1];
    if (file !== undefined) found.push({ name: file, code });
    else if (/^import /m.test(code)) found.push({ name: `${prefix}-${found.length + 1}`, code });
    else found.at(-1)!.code += code;
  }
  return found;
}

function prints(code: string): string[] {
  return [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, line]) => line!);
}

const isFile = ({ name }: Program): boolean => !/-\d+$/.test(name);
const serves = (program: Program): boolean => !isFile(program) && prints(program.code).length === 0;

describe('the samples of the README and of the guides', function () {
  this.timeout(120_000);
  let folder: string;
  let nats: NatsServer;
  let redis: RedisPair;
  const all = DOCUMENTS.flatMap(programs);
  const codeOf = (name: string): string => all.find((program) => program.name === name)!.code;

  before(async () => {
    // inside the package, so that `twinstate` is found as its users find it
    mkdirSync(join(ROOT, 'dist'), { recursive: true });
    folder = mkdtempSync(join(ROOT, 'dist/documents-'));
    nats = await startNatsServer();
    redis = await RedisPair.start();
    for (const program of all) {
      const code = program.code.replaceAll(SERVER, nats.url).replaceAll(REDIS, redis.url);
      const end = serves(program) ? "process.kill(process.pid, 'SIGTERM');" : '';
      writeFileSync(join(folder, `${program.name}.ts`), `${code}\nexport {};\n${end}\n`);
    }
    const [config] = blocks('README.md', 'json');
    writeFileSync(join(folder, 'tsconfig.json'), config!);
  });

  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await Promise.all([nats.stop(), redis.stop()]);
  });

  it('are found', () => {
    expect(all.map(({ name }) => name)).to.include.members(['room', 'write', 'read']);
    expect(new Set(all.map(({ name }) => name)).size).to.equal(all.length);
    const running = (document: string): number => programs(document).filter(({ code }) => prints(code).length > 0).length;
    expect(running('README.md')).to.be.at.least(9);
    expect(GUIDES).to.have.length(3);
    for (const guide of GUIDES) expect(running(guide), guide).to.be.at.least(1);
  });

  it('compile with the tsconfig.json that it shows', async () => {
    const tsc = createRequire(import.meta.url)
      .resolve('typescript/package.json')
      .replace('package.json', 'bin/tsc');
    const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout: string }) => error);
    expect(stdout).to.equal('');
  });

  for (const { name } of all.filter(serves)) {
    it(`${name} runs, and ends at SIGTERM`, async () => {
      const { stdout, stderr } = await run(process.execPath, [join(folder, `${name}.js`)], { timeout: 30_000 });
      expect({ stdout, stderr }).to.deep.equal({ stdout: '', stderr: '' });
    });
  }

  for (const { name, code } of all.filter((program) => !isFile(program) && !serves(program))) {
    it(`${name} prints what it says`, async () => {
      const { stdout, stderr } = await run(process.execPath, [join(folder, `${name}.js`)], { timeout: 30_000 });
      expect(stderr).to.equal('');
      expect(stdout.trimEnd().split('\n')).to.deep.equal(prints(code));
    });
  }

  it('on NATS, one process reads and goes on with what the other wrote', async () => {
    const writer = spawn(process.execPath, [join(folder, 'write.js')], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [first] = (await once(writer.stdout, 'data', { signal: AbortSignal.timeout(30_000) })) as [Buffer];
      expect(first.toString().trimEnd().split('\n')).to.deep.equal(prints(codeOf('write')));
      const { stdout } = await run(process.execPath, [join(folder, 'read.js')], { timeout: 30_000 });
      expect(stdout.trimEnd().split('\n')).to.deep.equal(prints(codeOf('read')));
      writer.kill('SIGINT');
      const [code] = (await once(writer, 'exit', { signal: AbortSignal.timeout(30_000) })) as [number | null];
      expect(code).to.equal(0);
    } finally {
      writer.kill('SIGKILL');
    }
  });

  it('link only to files that are there', () => {
    const links = DOCUMENTS.flatMap((document) =>
      [...textOf(document).matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => join(dirname(document), target!)),
    );
    expect(links.length).to.be.greaterThan(3);
    const missing = links.filter((link) => {
      try {
        return readFileSync(join(ROOT, link)).byteLength === 0;
      } catch {
        return true;
      }
    });
    expect(missing).to.deep.equal([]);
  });
});
