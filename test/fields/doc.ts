/**
 * A class with every form of field, compiled twice: with `useDefineForClassFields` and without. It imports the package by name, as
 * its users do, so both builds of it meet the same Twinstate.
 */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import { defineSession, Immutable, Mutable, Session, Transient } from 'twinstate';

export class Page {
  @Immutable() readonly id!: string;
  @Mutable() text?: string;
}

export abstract class Base {
  @Immutable() owner!: string;
  @Mutable() revision = 0;
}

@Session({ name: 'doc' })
export class Doc extends Base {
  @Mutable() title?: string;
  @Mutable() @Type(() => Page) pages: Page[] = [];
  @Mutable() override revision = 1;
  @Transient() cache = new Map<string, string>();
  socket?: object;
  #upper = '';
  @Mutable()
  get heading(): string {
    return this.#upper;
  }
  set heading(value: string) {
    this.#upper = value.toUpperCase();
  }
}

export class Plain {
  id!: string;
  items: Page[] = [];
}
defineSession(Plain, { name: 'plain', immutable: ['id'], mutable: { items: () => Page } });

/** Shows which of the two builds this is: a field without initialiser is an own property only where fields are defined. */
export const fieldsAreDefined = Object.hasOwn(new Page(), 'text');

export class Leaf {
  @Mutable() size = 1;
  @Mutable() note?: string;
}

@Session({ name: 'tree', diff: 'tracked' })
export class Tree extends Base {
  #rings = 0;
  @Mutable() name = 'oak';
  @Mutable() @Type(() => Leaf) leaves: Leaf[] = [new Leaf(), new Leaf()];
  grow(): number {
    return ++this.#rings;
  }
}
