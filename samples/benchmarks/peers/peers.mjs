/** Every side of the benchmark, the one that the others are held against first. */
import { byHandObjectIs, byHandStrict } from './by-hand.mjs';
import { colyseus } from './colyseus.mjs';
import { jsondiffpatch, jsonPatch, micro } from './comparers.mjs';
import { immer, mutative } from './drafts.mjs';
import { twinstate } from './twinstate.mjs';
import { jsonWhole, msgpackrRecords, msgpackrWhole } from './whole.mjs';

export const peers = [
  twinstate('graph'),
  twinstate('tracked'),
  jsonWhole,
  msgpackrWhole,
  msgpackrRecords,
  jsonPatch,
  micro,
  jsondiffpatch,
  immer,
  mutative,
  colyseus,
  byHandStrict,
  byHandObjectIs,
];
