import { expect } from 'chai';
import { instantiate } from '../../src/model/adoption.js';
import { sealImmutables } from '../../src/model/immutability.js';
import { modelOf } from '../../src/model/model-of.js';

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
  });
}
