/** The session of `npm run start:nats`: a basket that remembers who put what into it, so that every commit can be found again. */
import { Immutable, Mutable, Session } from 'twinstate';

export class Entry {
  @Immutable() op!: string;
  @Immutable() at!: Date;
}

@Session({ name: 'basket' })
export class Basket {
  @Immutable() readonly openedBy!: string;
  /** In the order of the commits; the array's order is one slot, so two that push at the same time conflict. */
  @Mutable(() => Entry) entries: Entry[] = [];
  /** How many entries each server made. */
  @Mutable() perServer = new Map<string, number>();
  /** The same object as the last of `entries`. */
  @Mutable(() => Entry) latest?: Entry;
}
