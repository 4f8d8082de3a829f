/**
 * Finds a server's binary to run, or gets one without being root.
 *
 * It looks on the `PATH`, then in a folder of the repository that git ignores. Otherwise it asks the package manager of a Debian or
 * Ubuntu machine: the packages are downloaded from the machine's own sources and unpacked into that folder, nothing is installed,
 * and lists and cache stay in a folder of their own.
 *
 * Invariant: the binary appears under its final name only when it is whole, so processes that look at the same time agree.
 */
import { execFile } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const COMMAND_MS_MAX = 120_000;
const LOCK_MS_MAX = 150_000;

/** What to look for, and where to get it. */
interface ServerPackage {
  readonly name: string;
  /** Of the repository. */
  readonly folder: string;
  /** The first one holds the binary, the others what it is linked with. */
  readonly packages: readonly string[];
  /** The release of Debian that has it, where the machine's own is too old; it is read from the machine's own mirror. */
  readonly release?: string;
  /** What is on the `PATH` serves only from this version on. */
  readonly versionMin?: readonly [number, number];
  readonly howTo: string;
}

export interface ServerBinary {
  readonly path: string;
  /** To be given to it beside one's own. */
  readonly env: Readonly<Record<string, string>>;
}

const NATS: ServerPackage = {
  name: 'nats-server',
  folder: '.nats',
  packages: ['nats-server'],
  howTo: 'Install one: `brew install nats-server`, `apt install nats-server`, or see the download page of nats.io,',
};

/** Three replicas of an older server let several writers win one conditional append. */
const REPLICATING_NATS: ServerPackage = { ...NATS, folder: '.nats/replicating', release: 'trixie', versionMin: [2, 10] };

const REDIS: ServerPackage = {
  name: 'redis-server',
  folder: '.redis',
  packages: ['redis-tools', 'liblzf1', 'libjemalloc2', 'libatomic1'],
  howTo: 'Install one: `brew install redis`, `apt install redis-server`, or see the download page of redis.io,',
};

const found = new Map<ServerPackage, Promise<ServerBinary>>();

/** Finds a `nats-server`. @throws {Error} that says how to install one */
export function findNatsServer(): Promise<ServerBinary> {
  return findOnce(NATS);
}

/** Finds a `nats-server` that can keep a log on several servers. @throws {Error} that says how to install one */
export function findReplicatingNatsServer(): Promise<ServerBinary> {
  return findOnce(REPLICATING_NATS);
}

/** Finds a `redis-server`, which only benchmarks need. @throws {Error} that says how to install one */
export function findRedisServer(): Promise<ServerBinary> {
  return findOnce(REDIS);
}

function findOnce(server: ServerPackage): Promise<ServerBinary> {
  let finding = found.get(server);
  if (finding === undefined) {
    finding = find(server);
    found.set(server, finding);
  }
  return finding;
}

async function find(server: ServerPackage): Promise<ServerBinary> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(folder, server.name);
    if (folder !== '' && isExecutable(candidate) && (await isRecent(candidate, server))) return { path: candidate, env: {} };
  }
  const home = join(repository(), server.folder);
  const binary = join(home, server.name);
  const env: Record<string, string> = server.packages.length > 1 ? { LD_LIBRARY_PATH: join(home, 'lib') } : {};
  const unpacked = { path: binary, env };
  if (isExecutable(binary)) return unpacked;
  mkdirSync(home, { recursive: true });
  const unlock = await lock(join(home, 'lock'), binary);
  try {
    if (!isExecutable(binary)) await unpack(server, home, binary);
    return unpacked;
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    const none = `no ${server.name} was found on the PATH, and none could be unpacked.`;
    throw new Error([none, server.howTo, 'then put it on the PATH and run this again.', `(${said})`].join('\n'), { cause });
  } finally {
    unlock();
  }
}

async function isRecent(binary: string, { versionMin }: ServerPackage): Promise<boolean> {
  if (versionMin === undefined) return true;
  const { stdout } = await run(binary, ['--version'], { timeout: COMMAND_MS_MAX });
  const [, major = 0, minor = 0] = /v(\d+)\.(\d+)/.exec(stdout)?.map(Number) ?? [];
  return major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1]);
}

/** A source list with one release of Debian, on the mirror that this machine uses. */
function sourcesOf(release: string): string {
  const folder = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...(existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : [])];
  const text = files.flatMap((file) => (existsSync(file) ? [readFileSync(file, 'utf8')] : [])).join('\n');
  const mirror = /^(?:URIs:|deb(?: \[.*?\])?)\s+(\S+\/debian)\/?(?:\s|$)/m.exec(text)?.[1];
  if (mirror === undefined) throw new Error(`this machine names no mirror of Debian from which ${release} could be read`);
  return `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${release} main\n`;
}

async function unpack({ name, packages, release }: ServerPackage, home: string, binary: string): Promise<void> {
  const work = join(home, `unpack-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  for (const folder of ['lists/partial', 'cache/archives/partial', 'package']) mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, 'status'), '');
  if (release !== undefined) writeFileSync(join(work, 'sources.list'), sourcesOf(release));
  try {
    const options = [
      '-o', `Dir::State=${work}`,
      '-o', `Dir::State::lists=${join(work, 'lists')}`,
      '-o', `Dir::State::status=${join(work, 'status')}`,
      '-o', `Dir::Cache=${join(work, 'cache')}`,
      '-o', 'Debug::NoLocking=1',
      ...(release === undefined ? [] : ['-o', `Dir::Etc::sourcelist=${join(work, 'sources.list')}`, '-o', 'Dir::Etc::sourceparts=-']),
      ...(process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []),
    ]; // prettier-ignore
    // one unreachable source among several is no obstacle; the download below tells
    const update = await attempt('apt-get', [...options, '-q', 'update'], work);
    const download = await attempt('apt-get', [...options, '-q', 'download', ...packages], work);
    const archives = readdirSync(work).filter((file) => file.endsWith('.deb'));
    if (archives.length < packages.length) throw new Error(download ?? update ?? 'apt-get downloaded nothing');
    for (const archive of archives) {
      await run('dpkg', ['-x', join(work, archive), join(work, 'package')], { timeout: COMMAND_MS_MAX });
    }
    const whole = join(work, 'package');
    // libraries first: who sees the binary may start it
    if (packages.length > 1) moveLibraries(whole, join(home, 'lib'));
    // Debian's redis-server is another name of redis-check-rdb
    const names = [name, ...(name === 'redis-server' ? ['redis-check-rdb'] : [])];
    const unpacked = names
      .flatMap((each) => ['usr/bin', 'usr/sbin'].map((folder) => join(whole, folder, each)))
      .find(isExecutable);
    if (unpacked === undefined) throw new Error(`the package holds no ${name}`);
    renameSync(unpacked, binary);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function moveLibraries(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (/\.so(\.\d+)*$/.test(file)) cpSync(join(from, file), join(to, basename(file)), { dereference: true });
  }
}

/** @returns what went wrong */
async function attempt(command: string, args: readonly string[], cwd: string): Promise<string | undefined> {
  try {
    await run(command, args, { cwd, timeout: COMMAND_MS_MAX });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Makes a folder that only one process can make, to get `binary`. It waits for another one, and takes over from one that died. */
export async function lock(folder: string, binary: string): Promise<() => void> {
  const owner = join(folder, 'pid');
  const deadlineMs = Date.now() + LOCK_MS_MAX;
  for (;;) {
    try {
      mkdirSync(folder);
      writeFileSync(owner, String(process.pid));
      return () => rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (isExecutable(binary)) return () => undefined;
    if (isAbandoned(folder, owner) || Date.now() > deadlineMs) rmSync(folder, { recursive: true, force: true });
    else await sleep(200);
  }
}

function isAbandoned(folder: string, owner: string): boolean {
  let pid: number;
  try {
    pid = Number(readFileSync(owner, 'utf8'));
  } catch {
    pid = 0;
  }
  if (pid > 0) {
    try {
      process.kill(pid, 0);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ESRCH';
    }
  }
  // made a moment ago, or its maker died before it wrote its id
  try {
    return Date.now() - statSync(folder).mtimeMs > 5_000;
  } catch {
    return false;
  }
}

/** Whether this is a file that can be run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The folder with this package's `package.json`, from the compiled file upwards. */
export function repository(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown };
      if (name === 'twinstate') return folder;
    } catch {
      // not here
    }
  }
  return process.cwd();
}
