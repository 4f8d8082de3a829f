/**
 * Finds a `nats-server` to run, or gets one without being root.
 *
 * It looks on the `PATH`, then in the repository's own `.nats/` folder, which git ignores. Otherwise it asks the package manager of
 * a Debian or Ubuntu machine: the package is downloaded from the machine's own sources and unpacked into `.nats/`, nothing is
 * installed, and lists and cache stay in a folder of their own.
 *
 * Invariant: the binary appears under its final name only when it is whole, so processes that look at the same time agree.
 */
import { execFile } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const COMMAND_MS_MAX = 120_000;
const LOCK_MS_MAX = 150_000;

const HOW_TO = [
  'no nats-server was found on the PATH, and none could be unpacked.',
  'Install one: `brew install nats-server`, `apt install nats-server`, or see the download page of nats.io,',
  'then put it on the PATH and run this again.',
].join('\n');

let found: Promise<string> | undefined;

/** Finds a binary. @throws {Error} that says how to install one */
export function findNatsServer(): Promise<string> {
  found ??= find();
  return found;
}

async function find(): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(folder, 'nats-server');
    if (folder !== '' && isExecutable(candidate)) return candidate;
  }
  const home = join(repository(), '.nats');
  const binary = join(home, 'nats-server');
  if (isExecutable(binary)) return binary;
  mkdirSync(home, { recursive: true });
  const unlock = await lock(join(home, 'lock'), binary);
  try {
    if (!isExecutable(binary)) await unpack(home, binary);
    return binary;
  } catch (cause) {
    throw new Error(`${HOW_TO}\n(${cause instanceof Error ? cause.message : String(cause)})`, { cause });
  } finally {
    unlock();
  }
}

async function unpack(home: string, binary: string): Promise<void> {
  const work = join(home, `unpack-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  for (const folder of ['lists/partial', 'cache/archives/partial', 'package']) mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, 'status'), '');
  try {
    const options = [
      '-o', `Dir::State=${work}`,
      '-o', `Dir::State::lists=${join(work, 'lists')}`,
      '-o', `Dir::State::status=${join(work, 'status')}`,
      '-o', `Dir::Cache=${join(work, 'cache')}`,
      '-o', 'Debug::NoLocking=1',
      ...(process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []),
    ]; // prettier-ignore
    // one unreachable source among several is no obstacle; the download below tells
    const update = await attempt('apt-get', [...options, '-q', 'update'], work);
    const download = await attempt('apt-get', [...options, '-q', 'download', 'nats-server'], work);
    const archive = readdirSync(work).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error(download ?? update ?? 'apt-get downloaded nothing');
    await run('dpkg', ['-x', join(work, archive), join(work, 'package')], { timeout: COMMAND_MS_MAX });
    const unpacked = ['usr/bin', 'usr/sbin'].map((folder) => join(work, 'package', folder, 'nats-server')).find(isExecutable);
    if (unpacked === undefined) throw new Error('the package holds no nats-server');
    renameSync(unpacked, binary);
  } finally {
    rmSync(work, { recursive: true, force: true });
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

/** Makes a folder that only one process can make. It waits for another one, and takes over from one that died. */
async function lock(folder: string, binary: string): Promise<() => void> {
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

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The folder with this package's `package.json`, from the compiled file upwards. */
function repository(): string {
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
