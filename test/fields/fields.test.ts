import { expect } from 'chai';
import { instantiate } from '../../src/model/adoption.js';
import { sealImmutables } from '../../src/model/immutability.js';
import { modelOf } from '../../src/model/model-of.js';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { difference } from '../diff/topology.js';

type Build = typeof import('./doc.js');

for (const [setting, folder, defined] of [
  ['with useDefineForClassFields', 'fields-define', true],
  ['without useDefineForClassFields', 'fields-assign', false],
] as const) {
  describe(`classes compiled ${setting}`, () => {
    let build: Build;
    before(async () => {
      build = (await import(new URL(`../../${folder}/doc.js`, import.meta.url).href)) as Build;
    });

    it('are what they are said to be', () => {
      expect(build.fieldsAreDefined).to.equal(defined);
    });

    it('have the same model', () => {
      const { root, fingerprint } = modelOf(build.Doc);
      expect(root.attributes.map((a) => [a.property, a.mutable, a.accessor, a.types.map((t) => t.name)])).to.deep.equal([
        ['owner', false, false, []],
        ['revision', true, false, []],
        ['title', true, false, []],
        ['pages', true, false, ['Page']],
        ['heading', true, true, []],
      ]);
      expect(fingerprint).to.equal('95486a5c131d8070');
      expect(modelOf(build.Plain).root.mutable.map((a) => a.property)).to.deep.equal(['items']);
    });

    it('are made from literals, with their immutable attributes sealed', () => {
      const model = modelOf(build.Doc);
      const doc = instantiate(model, {
        owner: 'ada',
        pages: [{ id: 'p1', text: 'x' }],
        heading: 'tea',
        cache: new Map(),
      }) as InstanceType<Build['Doc']>;
      expect(doc).to.include({ owner: 'ada', heading: 'TEA', revision: 1 });
      expect(doc.pages[0]).to.be.instanceOf(build.Page);
      sealImmutables(model.root, doc);
      sealImmutables(model.classes.get('Page')!, doc.pages[0]!);
      expect(() => (doc.owner = 'bob')).to.throw(TypeError, /owner/);
      expect(() => Object.assign(doc.pages[0]!, { id: 'p2' })).to.throw(TypeError, /id/);
      doc.revision = 2;
      doc.pages[0]!.text = 'y';
      expect([doc.revision, doc.pages[0]!.text]).to.deep.equal([2, 'y']);
    });

    it('are tracked, or compared where an attribute is not there yet, and nothing is missed', () => {
      const tree = new build.Tree();
      const benchmark = Benchmark.of(tree);
      const replica = Replica.restore(build.Tree, benchmark.snapshot());
      const follow = (): boolean => {
        const delta = benchmark.diff(tree);
        if (delta !== null) replica.apply(delta);
        expect(difference(tree, replica.instance)).to.equal(undefined);
        return delta !== null;
      };
      expect([follow(), follow()]).to.deep.equal([false, false]);
      const isTracked = (object: object, key: string): boolean => Object.getOwnPropertyDescriptor(object, key)?.set !== undefined;
      expect([isTracked(tree, 'name'), isTracked(tree, 'revision'), isTracked(tree.leaves[0]!, 'size')]).to.deep.equal([
        true,
        true,
        defined,
      ]);
      const writes = [
        () => (tree.name = 'elm'),
        () => tree.revision++,
        () => (tree.leaves[0]!.size = 2),
        () => (tree.leaves[0]!.note = 'green'),
        () => Object.assign(tree.leaves[1]!, { size: 3, note: 'red' }),
        () => tree.leaves.push(new build.Leaf()),
        () => (tree.leaves[2]!.note = 'new'),
      ];
      for (const write of writes) {
        write();
        expect([follow(), follow(), follow()], String(write)).to.deep.equal([true, false, false]);
      }
      expect([tree.grow(), tree.grow()]).to.deep.equal([1, 2]);
    });
  });
}
