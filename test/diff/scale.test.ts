import { expect } from 'chai';
import 'reflect-metadata';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';

interface Link {
  n: number;
  next: Link | undefined;
}

@Session({ name: 'chain' })
class Chain {
  @Mutable() first: Link | undefined;
  @Mutable() numbers: number[] = [];
}

const LENGTH = 200_000;

function chain(length: number): Link {
  let first: Link = { n: 0, next: undefined };
  for (let n = 1; n < length; n++) first = { n, next: first };
  return first;
}

describe('depth and size cost no stack and no squares', () => {
  it('a linked list of 200,000 objects is captured, restored, compared, changed and sent', function () {
    this.timeout(120_000);
    const primary = new Chain();
    primary.first = chain(LENGTH);
    const benchmark = Benchmark.of(primary);
    const replica = Replica.restore(Chain, benchmark.snapshot());
    let deepest = primary.first;
    while (deepest.next !== undefined) deepest = deepest.next;
    deepest.next = chain(LENGTH);
    primary.first = { n: -1, next: primary.first };
    replica.apply(benchmark.diff(primary)!);
    let length = 0;
    for (let [a, b] = [primary.first as Link | undefined, replica.instance.first]; a !== undefined; [a, b] = [a.next, b?.next]) {
      if (a.n !== b?.n) throw new Error(`link ${length} differs`);
      length++;
    }
    expect(length).to.equal(2 * LENGTH + 1);
    expect(benchmark.diff(primary)).to.equal(null);
    primary.first = undefined;
    replica.apply(benchmark.diff(primary)!);
    expect(replica.snapshot().byteLength).to.be.lessThan(100);
  });

  it('every second element of 200,000 is taken out', function () {
    this.timeout(120_000);
    const primary = new Chain();
    primary.numbers = Array.from({ length: LENGTH }, (_, i) => i);
    const benchmark = Benchmark.of(primary);
    const replica = Replica.restore(Chain, benchmark.snapshot());
    primary.numbers = primary.numbers.filter((n) => n % 2 === 0);
    replica.apply(benchmark.diff(primary)!);
    expect(replica.instance.numbers).to.deep.equal(primary.numbers);
  });
});
