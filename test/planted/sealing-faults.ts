/** Faults of what is sealed, and of who is let in. */
import { coreOf, fault } from './fault.js';
import type { Fault } from './fault.js';

const SEALING = 'wire/sealing.js';
const SEALS = 'engine/sealed/seals.js';
const MARKS = 'store/cluster-marks.js';

const sealing = (name: string, file: string, find: string, replace: string): Fault => fault('sealing', name, file, find, replace);

const core = (...of: Parameters<typeof sealing>): Fault => coreOf(sealing(...of));

export const SEALING_FAULTS: readonly Fault[] = [
  core('a process uses one nonce for everything', SEALING, 'const counter = own.messages++;', 'const counter = 0;'),
  core('a restarted process seals under the same salt again', SEALING, 'this.#entropy()', "'a salt'"),
  sealing('what is sealed is bound to nothing', SEALING, 'out.set(context);', ''),
  sealing('the position of a record is not authenticated', SEALING, 'out.set(head, context.byteLength);', ''),
  sealing('a copy of an older record is read as a new one', 'engine/sealed/sealed-log.js', 'opened.place >= before', 'true'),
  core('a record opens in any partition', SEALS, "'record', generation, partition, ''", "'record', generation, 0, ''"),
  sealing(
    "a snapshot opens under any session's key",
    SEALS,
    "'snapshot', generation, partition, key",
    "'snapshot', generation, partition, ''",
  ),
  sealing('a reply answers any request', SEALS, 'isSealed(request) ? tagOf(request) : new Uint8Array(0)', 'new Uint8Array(0)'),
  sealing('another key of the same id is taken for the key', SEALING, 'Buffer.compare(known.check, check) === 0', 'true'),
  core('plain records are taken where none may be', SEALS, "if (this.rule !== 'refuse')", 'if (true)'),
  sealing(
    'what does not open is left out, as if it were not there',
    'engine/sealed/sealed-log.js',
    'if (opened === undefined)\n                return undefined;',
    'if (opened === undefined)\n                continue;',
  ),
  sealing('the mark of an old key goes with the first node that has a new one', MARKS, '...sealed.filter(', '...[].filter('),
  sealing('records under an old key stay in the log', 'node/partition-driver.js', 'this.machine.upkeep.full();', ''),
  sealing(
    'a node without keys goes over sealed records',
    'replication/foreign-record.js',
    "error.code === 'KEY_UNKNOWN'",
    'false',
  ),
];
