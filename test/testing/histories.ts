/** Short words for the histories of the checker's tests: `from` and `to` are milliseconds; all is of one session and one life. */
import type { HistoryAttribute, HistoryCall, HistoryDeed, HistoryValue } from '../../src/testing/history.js';

export const S = 's';
export const LIFE = 'first';

type Rest = Partial<Omit<HistoryCall, 'does' | 'startMs' | 'endMs'>>;

export function call(from: number, to: number, does: HistoryDeed, rest: Rest = {}): HistoryCall {
  return { session: S, by: 'p', startMs: from, endMs: to, does, told: 'ok', ...rest };
}

export const UNKNOWN: Rest = { told: 'unknown' };
export const REFUSED: Rest = { told: 'not-stored' };

export const create = (from: number, to: number, rest: Rest = {}, life = LIFE): HistoryCall =>
  call(from, to, { kind: 'create', life }, rest);
export const destroy = (from: number, to: number, rest: Rest = {}): HistoryCall => call(from, to, { kind: 'destroy' }, rest);
export const gone = (from: number, to: number, rest: Rest = {}): HistoryCall =>
  call(from, to, { kind: 'read', saw: undefined }, rest);
export const append = (from: number, to: number, value: HistoryValue, rest: Rest = {}): HistoryCall =>
  call(from, to, { kind: 'change', life: LIFE, changes: [{ attribute: 'log', append: value }] }, rest);
export const add = (from: number, to: number, amount: number, rest: Rest = {}): HistoryCall =>
  call(from, to, { kind: 'change', life: LIFE, changes: [{ attribute: 'count', add: amount }] }, rest);
export const write = (from: number, to: number, value: HistoryValue, rest: Rest = {}): HistoryCall =>
  call(from, to, { kind: 'change', life: LIFE, changes: [{ attribute: 'value', write: value }] }, rest);
/** Writes over the value that it found. */
export const swap = (from: number, to: number, over: HistoryValue, value: HistoryValue, rest: Rest = {}): HistoryCall =>
  call(from, to, { kind: 'change', life: LIFE, changes: [{ attribute: 'value', write: value, over }] }, rest);

const see = (from: number, to: number, attributes: Record<string, HistoryAttribute>, rest: Rest): HistoryCall =>
  call(from, to, { kind: 'read', saw: { life: LIFE, attributes } }, rest);
export const list = (from: number, to: number, values: string, rest: Rest = {}): HistoryCall =>
  see(from, to, { log: values.split('') }, rest);
export const count = (from: number, to: number, value: number, rest: Rest = {}): HistoryCall =>
  see(from, to, { count: value }, rest);
export const value = (from: number, to: number, of: HistoryValue, rest: Rest = {}): HistoryCall =>
  see(from, to, { value: of }, rest);
export const all = (from: number, to: number, attributes: Record<string, HistoryAttribute>, rest: Rest = {}): HistoryCall =>
  see(from, to, attributes, rest);
