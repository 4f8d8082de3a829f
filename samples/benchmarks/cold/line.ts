/** The session of the cold start benchmark: about 1.5 kB of JSON, of which no two are alike. */
import { Immutable, Mutable, Session } from '../../../src/index.js';

@Session({ name: 'line' })
export class Line {
  @Immutable() readonly customer!: string;
  @Mutable() text = '';
  @Mutable() visits = 0;
}

const TEXT_CHARS = 1_440;

export function lineOf(i: number): { customer: string; text: string } {
  let text = '';
  for (let word = i; text.length < TEXT_CHARS; word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0)
    text += `${word.toString(36)} `;
  return { customer: `customer ${i}`, text: text.slice(0, TEXT_CHARS) };
}

export const idOf = (i: number): string => `line-${i}`;
