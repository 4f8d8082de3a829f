/** 200 scalars side by side in one object. */
import { schema, t } from '@colyseus/schema';

const NAMES = Array.from({ length: 200 }, (_, i) => `field${String(i).padStart(3, '0')}`);
const valueOf = (i) => [i * 3, `text ${i}`, i % 2 === 0, i + 0.25][i % 4];

const GROUP = 50;

// a schema of theirs holds 63 fields at most, so theirs are four in a row
const colyseus = () => {
  const types = [t.number, t.string, t.boolean, t.number];
  const groups = [0, 1, 2, 3].map((group) => {
    const names = NAMES.slice(group * GROUP, (group + 1) * GROUP);
    return { names, type: schema(Object.fromEntries(names.map((name) => [name, types[NAMES.indexOf(name) % 4]()])), `Flat${group}`) };
  }); // prettier-ignore
  const flat = schema(Object.fromEntries(groups.map(({ type }, group) => [`g${group}`, t.ref(type)])), 'Flat');
  return {
    type: flat,
    make(plain) {
      const parts = groups.map(({ names, type }, group) => [
        `g${group}`,
        Object.assign(new type(), Object.fromEntries(names.map((name) => [name, plain[name]]))),
      ]);
      return Object.assign(new flat(), Object.fromEntries(parts));
    },
  };
};

export const flat = {
  name: 'flat-200',
  title: '200 flat scalars: numbers, strings, booleans',
  description: { name: 'Flat', mutable: Object.fromEntries(NAMES.map((name) => [name, 'any'])) },
  plain: () => Object.fromEntries(NAMES.map((name, i) => [name, valueOf(i)])),
  colyseus,
  byHand: { scalars: NAMES },
  changes: [
    { name: 'none', apply() {} },
    {
      name: 'scalar',
      apply: (state, i) => (state.field100 = 10_000 + (i & 8191)),
      colyseus: (state, i) => (state.g2.field100 = 10_000 + (i & 8191)),
    },
    {
      name: 'three',
      apply(state, i) {
        state.field000 = 10_000 + (i & 8191);
        state.field101 = `text ${10 + (i % 89)}`;
        state.field199 = (i & 8191) + 0.25;
      },
      colyseus(state, i) {
        state.g0.field000 = 10_000 + (i & 8191);
        state.g2.field101 = `text ${10 + (i % 89)}`;
        state.g3.field199 = (i & 8191) + 0.25;
      },
    },
  ],
};
