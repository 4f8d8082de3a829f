/**
 * Every sample of the README compiles as its own `tsconfig.json` says, runs, and prints what it says that it prints.
 *
 * Invariant: a block that begins with a comment `// name.ts` is that file; one that imports begins a program; any other goes on with
 * the program before it. `// prints: …` are the lines of its output, in order.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { startNatsServer, type NatsServer } from '../nats-server.js';

const run = promisify(execFile);
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const SERVER = 'nats://localhost:4222';

interface Program {
  readonly name: string;
  code: string;
}

function blocks(language: string): string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, code]) => code!);
}

function programs(): Program[] {
  const found: Program[] = [];
  for (const code of blocks('ts')) {
    const file = /^\/\/ ([\w-]+)\.ts\n/.exec(code)?.[1];
    if (file !== undefined) found.push({ name: file, code });
    else if (/^import /m.test(code)) found.push({ name: `sample-${found.length + 1}`, code });
    else found.at(-1)!.code += code;
  }
  return found;
}

function prints(code: string): string[] {
  return [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, line]) => line!);
}

describe('the samples of the README', function () {
  this.timeout(120_000);
  let folder: string;
  let nats: NatsServer;
  const all = programs();
  const codeOf = (name: string): string => all.find((program) => program.name === name)!.code;

  before(async () => {
    // inside the package, so that `twinstate` is found as its users find it
    mkdirSync(join(ROOT, 'dist'), { recursive: true });
    folder = mkdtempSync(join(ROOT, 'dist/readme-'));
    nats = await startNatsServer();
    for (const { name, code } of all) {
      writeFileSync(join(folder, `${name}.ts`), `${code.replaceAll(SERVER, nats.url)}\nexport {};\n`);
    }
    const [config] = blocks('json');
    writeFileSync(join(folder, 'tsconfig.json'), config!);
  });

  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await nats.stop();
  });

  it('are found', () => {
    expect(all.length).to.be.at.least(6);
    expect(all.map(({ name }) => name)).to.include.members(['room', 'write', 'read']);
    expect(all.filter(({ code }) => prints(code).length > 0).length).to.be.at.least(5);
  });

  it('compile with the tsconfig.json that it shows', async () => {
    const tsc = createRequire(import.meta.url)
      .resolve('typescript/package.json')
      .replace('package.json', 'bin/tsc');
    const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout: string }) => error);
    expect(stdout).to.equal('');
  });

  for (const { name, code } of all.filter((program) => program.name.startsWith('sample-'))) {
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

  it('links only to files that are there', () => {
    const links = [...README.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target!);
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
