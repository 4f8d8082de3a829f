/** Shapes of many objects: a deep tree, a net with shared references and cycles, a document of plain objects without keys. */
import { schema, t } from '@colyseus/schema';

const DEPTH = 300;

function branch(level) {
  const children = level === DEPTH ? [] : [leafOf(level, 0), branch(level + 1), leafOf(level, 1), leafOf(level, 2)];
  return { label: `node ${level}`, weight: level, children };
}

function leafOf(level, i) {
  return { label: `leaf ${level}.${i}`, weight: i, children: [] };
}

const deepest = (state) => {
  let at = state.root;
  while (at.children.length > 0) at = at.children[1];
  return at;
};

const TREE_NODE = { name: 'TreeNode', mutable: { label: 'any', weight: 'any' } };
TREE_NODE.mutable.children = TREE_NODE;

export const tree = {
  name: 'tree-300',
  title: 'a tree 300 levels deep: 1,200 nodes, each with an array of children',
  description: { name: 'Tree', mutable: { title: 'any', root: TREE_NODE } },
  plain: () => ({ title: 'deep', root: branch(1) }),
  colyseus() {
    const node = schema({ label: t.string(), weight: t.number() }, 'TreeNode');
    const whole = schema({ children: t.array(node) }, 'TreeBranch', node);
    const tree = schema({ title: t.string(), root: t.ref(whole) }, 'Tree');
    const make = (plain) => {
      const made = Object.assign(new whole(), { label: plain.label, weight: plain.weight });
      for (const child of plain.children) made.children.push(make(child));
      return made;
    };
    return { type: tree, make: (plain) => Object.assign(new tree(), { title: plain.title, root: make(plain.root) }) };
  },
  changes: [
    { name: 'none', apply() {} },
    { name: 'scalar', apply: (state, i) => (state.title = `deep ${1000 + (i & 8191)}`) },
    { name: 'deepest', apply: (state, i) => (deepest(state).weight = 10_000 + (i & 8191)) },
  ],
};

const NODES = 1000;
const NET_NODE = { name: 'NetNode', mutable: { id: 'any', weight: 'any' } };
NET_NODE.mutable.peers = NET_NODE;
NET_NODE.mutable.owner = NET_NODE;

export const net = {
  name: 'net-1000',
  title: 'a net of 1,000 nodes with 4 references each: shared, and in cycles',
  description: { name: 'Net', mutable: { title: 'any', nodes: NET_NODE } },
  plain() {
    const nodes = Array.from({ length: NODES }, (_, id) => ({ id, weight: id % 50, peers: [], owner: null }));
    for (const node of nodes) {
      node.owner = nodes[(node.id * 7 + 1) % NODES];
      for (let k = 1; k <= 3; k++) node.peers.push(nodes[(node.id * 31 + k * 333) % NODES]);
    }
    return { title: 'net', nodes };
  },
  colyseus() {
    const node = schema({ id: t.number(), weight: t.number() }, 'NetNode');
    const whole = schema({ peers: t.array(node), owner: t.ref(node) }, 'NetWhole', node);
    const type = schema({ title: t.string(), nodes: t.array(node) }, 'Net');
    return {
      type,
      make({ title, nodes }) {
        const made = nodes.map(({ id, weight }) => Object.assign(new whole(), { id, weight }));
        nodes.forEach(({ peers, owner }, i) => {
          made[i].owner = made[owner.id];
          for (const peer of peers) made[i].peers.push(made[peer.id]);
        });
        const netState = Object.assign(new type(), { title });
        for (const one of made) netState.nodes.push(one);
        return netState;
      },
    };
  },
  changes: [
    { name: 'none', apply() {} },
    { name: 'scalar', apply: (state, i) => (state.nodes[NODES >> 1].weight = 10_000 + (i & 8191)) },
    { name: 'edge', apply: (state, i) => (state.nodes[NODES >> 1].owner = state.nodes[i % NODES]) },
  ],
};

const SPANS = 4;
const paragraph = (i) => ({
  type: 'paragraph',
  align: i % 9 === 0 ? 'center' : 'left',
  spans: Array.from({ length: SPANS }, (_, k) => ({
    text: `Sentence ${k} of paragraph ${i}, with some words in it. `,
    marks: k % 2 === 0 ? { bold: true, color: '#333' } : {},
  })),
});

export const keyless = {
  name: 'document-300',
  title: 'a document of 300 paragraphs of 4 spans: plain objects without keys or classes',
  description: { name: 'Document', mutable: { title: 'any', body: 'any' } },
  plain: () => ({ title: 'A document', body: Array.from({ length: 300 }, (_, i) => paragraph(i)) }),
  changes: [
    { name: 'none', apply() {} },
    { name: 'text', apply: (state, i) => (state.body[150].spans[2].text = `Sentence ${i & 8191} was written anew. `) },
    {
      name: 'in/out',
      apply(state, i) {
        if (i % 2 === 0) state.body.splice(150, 0, paragraph(1000 + (i & 1023)));
        else state.body.splice(150, 1);
      },
    },
    {
      name: 'parsed',
      title: 'the whole body replaced by an equal copy with one other word (as after JSON.parse of a request)',
      apply(state, i) {
        const body = JSON.parse(JSON.stringify(state.body));
        body[150].spans[2].text = `Sentence ${i & 8191} was written anew. `;
        state.body = body;
      },
    },
  ],
};
