/**
 * Finds a Chromium to run, or gets one without being root.
 *
 * It takes `$CHROME_PATH`, then what the `PATH` has, then a folder of the repository that git ignores. Otherwise it asks the package
 * manager of a Debian machine which packages Chromium would need beyond what is installed, downloads those from the machine's own
 * sources, and unpacks them into that folder; nothing is installed.
 *
 * Invariant: the folder `whole` appears only when it is, so processes that look at the same time agree.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { isExecutable, lock, repository, type ServerBinary } from './server-binary.js';

const run = promisify(execFile);
const COMMAND_MS_MAX = 300_000;
const OUTPUT_BYTES_MAX = 16_777_216;
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** The loader of the machine goes with the machine's own C library. */
const MACHINES_OWN = /^(libc6|libc-bin|base-files|dpkg|init|systemd|udev)$/;

/** What a browser under test is started with. It asks nobody for anything, and root may start it. */
export const CHROMIUM_FLAGS: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Finds a Chromium. @throws {Error} that says how to install one */
export async function findChromium(): Promise<ServerBinary> {
  const given = process.env['CHROME_PATH'];
  if (given !== undefined && given !== '') {
    if (isExecutable(given)) return { path: given, env: {} };
    throw new Error(`$CHROME_PATH names ${given}, which is no program`);
  }
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const installed = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  if (installed !== undefined) return { path: installed, env: {} };
  const home = join(repository(), '.chromium');
  const whole = join(home, 'whole');
  const path = join(whole, 'usr/lib/chromium/chromium');
  if (!isExecutable(path)) await getInto(home, whole, path);
  return { path, env: environmentOf(home, whole) };
}

async function getInto(home: string, whole: string, path: string): Promise<void> {
  mkdirSync(home, { recursive: true });
  const unlock = await lock(join(home, 'lock'), path);
  try {
    if (!isExecutable(path)) await unpack(home, whole);
    if (!isExecutable(path)) throw new Error('the packages hold no Chromium');
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      [
        'no Chromium was found on the PATH, and none could be unpacked.',
        'Install one: `apt install chromium`, `brew install --cask chromium`, or name any Chromium or Chrome in $CHROME_PATH,',
        `and run this again. (${said})`,
      ].join('\n'),
      { cause },
    );
  } finally {
    unlock();
  }
}

async function unpack(home: string, whole: string): Promise<void> {
  const work = join(home, `unpack-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  for (const folder of ['lists/partial', 'cache/archives/partial', 'debs', 'whole'])
    mkdirSync(join(work, folder), { recursive: true });
  const options = [
    '-o', `Dir::State::lists=${join(work, 'lists')}`,
    '-o', `Dir::Cache=${join(work, 'cache')}`,
    '-o', 'Debug::NoLocking=1',
    '-o', 'APT::Install-Recommends=0',
    ...(process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []),
  ]; // prettier-ignore
  const apt = async (...args: string[]): Promise<string> =>
    (
      await run('apt-get', [...options, '-q', ...args], {
        cwd: join(work, 'debs'),
        timeout: COMMAND_MS_MAX,
        maxBuffer: OUTPUT_BYTES_MAX,
      })
    ).stdout;
  try {
    // one unreachable source among several is no obstacle; the download below tells
    await apt('update').catch(() => undefined);
    const plan = await apt('--simulate', '--no-remove', 'install', 'chromium');
    const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name!).filter((name) => !MACHINES_OWN.test(name));
    // where they are installed, and not on this PATH, the plan is empty
    await apt('download', ...new Set(['chromium', 'chromium-common', ...missing]));
    for (const archive of readdirSync(join(work, 'debs'))) {
      await run('dpkg-deb', ['-x', join(work, 'debs', archive), join(work, 'whole')], { timeout: COMMAND_MS_MAX });
    }
    writeFileSync(join(home, 'fonts.conf'), fonts(home, whole));
    rmSync(whole, { recursive: true, force: true });
    renameSync(join(work, 'whole'), whole);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The machine may have no fonts, and no settings that would find those which were unpacked. */
function fonts(home: string, whole: string): string {
  const folders = ['/usr/share/fonts', join(whole, 'usr/share/fonts')].map((folder) => `<dir>${folder}</dir>`).join('');
  const settings = ['/etc/fonts/fonts.conf', join(whole, 'usr/share/fontconfig/conf.avail/60-latin.conf')];
  const includes = settings.map((file) => `<include ignore_missing="yes">${file}</include>`).join('');
  return `<?xml version="1.0"?><fontconfig>${includes}${folders}<cachedir>${join(home, 'font-cache')}</cachedir></fontconfig>\n`;
}

function environmentOf(home: string, whole: string): Record<string, string> {
  const architectures = readdirSync(join(whole, 'usr/lib')).filter((name) => name.endsWith('-linux-gnu'));
  const folders = architectures.flatMap((name) => ['usr/lib', 'lib'].map((folder) => join(whole, folder, name)));
  const nested = architectures.map((name) => join(whole, 'usr/lib', name, 'pulseaudio'));
  return {
    LD_LIBRARY_PATH: [...folders, ...nested].join(':'),
    FONTCONFIG_FILE: join(home, 'fonts.conf'),
  };
}
