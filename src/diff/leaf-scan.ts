/**
 * Scans dates, expressions, addresses, bytes and views: what has no slots.
 *
 * Invariant: as `findings.ts`. A view is followed by its buffer, at the same level, because a comparison meets them so.
 */
import { bytesEqual } from '../shared/bytes.js';
import { findings, HARD, SIMPLE } from './findings.js';
import { kindOf } from './live-kind.js';
import type { BytesNode, DateNode, GraphNode, RegExpNode, UrlNode, ViewNode } from './node.js';
import { liveBytes, looksLike } from './likeness.js';

export function scanDate(node: DateNode, live: Date, depth: number): void {
  if (Object.getPrototypeOf(live) !== Date.prototype) findings.broken = true;
  else if (!Object.is(live.getTime(), node.time)) findings.report(node, depth, SIMPLE, findings.count);
}

export function scanView(node: ViewNode, live: ArrayBufferView, depth: number): void {
  const buffer = node.buffer!;
  if (!isLike(node, live)) findings.broken = true;
  else if (!buffer.shared) buffer.compare(buffer.source, depth);
}

export function scanLeaf(node: RegExpNode | UrlNode | BytesNode, live: object, depth: number): void {
  // a blob is looked at by what holds it
  if (node.kind === 'blob' || !isLike(node, live)) findings.broken = true;
  else if (!isSame(node, live)) findings.report(node, depth, HARD, findings.count);
}

function isLike(node: GraphNode, live: object): boolean {
  const { binding } = findings;
  const kind = binding && kindOf(live, binding.kinds);
  return kind !== undefined && looksLike(node, live, kind, binding!);
}

function isSame(node: RegExpNode | UrlNode | BytesNode, live: object): boolean {
  switch (node.kind) {
    case 'regexp': {
      const { source, flags, lastIndex } = live as RegExp;
      return source === node.pattern && flags === node.flags && Object.is(lastIndex, node.lastIndex);
    }
    case 'url':
      return (live as URL).href === node.href;
    default:
      return bytesEqual(live instanceof ArrayBuffer ? liveBytes(live) : (live as Buffer), node.bytes);
  }
}
