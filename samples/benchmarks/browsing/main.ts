/**
 * `npm run bench:browsing`: the bytes written for one recorded browsing of 1,000 requests, on NATS by `twinstate/express` and on Redis by
 * connect-redis: the same application, sessions of plain data, two servers, no stickiness. Both must end with the same sessions.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { connectRedis, twinstate, type Bytes, type Side } from './sides.js';

const { values } = parseArgs({ options: { json: { type: 'string' } } });
const recording = new URL('../../../../samples/benchmarks/browsing/requests.txt', import.meta.url);
const requests = readFileSync(recording, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split(' ') as [visitor: string, server: string, path: string]);

interface Result extends Bytes {
  readonly name: string;
  readonly server: string;
  readonly seconds: number;
  readonly sessions: ReadonlyMap<string, unknown>;
}

async function browse(side: Side): Promise<Result> {
  const cookies = new Map<string, string>();
  const get = async (visitor: string, url: string, number: number): Promise<unknown> => {
    const cookie = cookies.get(visitor);
    const response = await fetch(url, { headers: { 'x-request': String(number), ...(cookie !== undefined && { cookie }) } });
    const [setCookie] = response.headers.getSetCookie();
    if (setCookie !== undefined) cookies.set(visitor, setCookie.split(';')[0]!);
    const body: unknown = await response.json();
    if (response.status !== 200) throw new Error(`${side.name}: ${url} was answered ${response.status}`);
    return body;
  };
  // what the start of a cluster writes is no part of it
  await side.count();
  const began = performance.now();
  for (const [i, [visitor, server, path]] of requests.entries()) {
    await get(visitor, side.shops[Number(server) as 0 | 1].url + path, i + 1);
  }
  const seconds = (performance.now() - began) / 1_000;
  const bytes = await side.count();
  const sessions = new Map<string, unknown>();
  for (const visitor of [...cookies.keys()].toSorted())
    sessions.set(visitor, await get(visitor, `${side.shops[0].url}/session`, 0));
  await side.close();
  return { ...bytes, name: side.name, server: side.server, seconds, sessions };
}

const ours = await browse(await twinstate());
const theirs = await browse(await connectRedis());
if (!isDeepStrictEqual(ours.sessions, theirs.sessions)) throw new Error('the sides do not end with the same sessions');

const ratio = theirs.written / ours.written;
const sizes = [...ours.sessions.values()].map((session) => JSON.stringify(session).length).toSorted((a, b) => a - b);
const kB = (bytes: number): string => `${(bytes / 1_000).toFixed(1)} kB`;
console.log(`connect-redis writes ${ratio.toFixed(1)} times the bytes of twinstate, for the same ${requests.length} requests.`);
console.log(`Node ${process.versions.node}, ${ours.server}, ${theirs.server}`);
console.log(`${sizes.length} sessions, the same on both sides; as JSON ${sizes[0]} to ${sizes.at(-1)} B in the end, half of them over ${sizes[sizes.length >> 1]} B\n`); // prettier-ignore
console.log('| side | written | of that | received in all | seconds |\n| --- | --- | --- | --- | --- |');
for (const { name, written, parts, received, seconds } of [ours, theirs]) {
  const each = Object.entries(parts).map(([part, bytes]) => `${part} ${kB(bytes)}`);
  console.log(`| ${name} | ${kB(written)} | ${each.join(', ')} | ${kB(received)} | ${seconds.toFixed(1)} |`);
}
if (values.json !== undefined) {
  const sides = [ours, theirs].map((side) => ({ ...side, sessions: undefined }));
  writeFileSync(
    values.json,
    `${JSON.stringify({ requests: requests.length, sessions: sizes.length, ratio, sides }, undefined, 2)}\n`,
  );
}
process.exit(0);
