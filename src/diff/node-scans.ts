/**
 * Gives the nodes that need no generated class the scans of their kinds.
 *
 * Invariant: what has no scan of its own, because it is loose or of a class that is not known here, proves nothing.
 */
import { scanDictionary, scanMap, scanSet } from './collection-scan.js';
import { findings } from './findings.js';
import { scanDate, scanLeaf, scanView } from './leaf-scan.js';
import {
  BytesNode,
  DateNode,
  DictionaryNode,
  MapNode,
  NodeBase,
  RegExpNode,
  SetNode,
  UrlNode,
  ViewNode,
  type GraphNode,
} from './node.js';

type Type<N extends NodeBase> = abstract new (...values: never[]) => N;

function give<N extends GraphNode>(type: Type<N>, scan: (node: N, live: never, depth: number) => void): void {
  Object.defineProperty(type.prototype, 'compare', {
    value(this: N, live: never, depth: number) {
      scan(this, live, depth);
    },
    writable: true,
  });
}

/** To be called before anything is scanned. */
export function giveScans(): void {
  Object.defineProperty(NodeBase.prototype, 'compare', {
    value() {
      findings.broken = true;
    },
    writable: true,
  });
  give(DictionaryNode, scanDictionary);
  give(MapNode, scanMap);
  give(SetNode, scanSet);
  give(ViewNode, scanView);
  give(DateNode, scanDate);
  give(RegExpNode, scanLeaf);
  give(UrlNode, scanLeaf);
  give(BytesNode, scanLeaf);
}
