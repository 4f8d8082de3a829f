/**
 * What an open instance takes with its benchmark, over what its own objects take.
 *
 * Many instances of a shape are made and measured, then a benchmark is captured of each and compared twice, as an open session is; both
 * after full collections. Strings that instance and benchmark share count once, and so in both figures: they are the instance's own.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Benchmark } from '../../dist/src/diff/index.js';
import { adopt, twinstateClasses } from './shapes/model.mjs';
import { shapes } from './shapes/shapes.mjs';

/** At most this many times the instance's own objects, benchmark included. */
export const MEMORY_GOAL = 2.25;

/** So much is made of each shape, as JSON says it: enough for what is made once to disappear in it. */
const MADE_BYTES = 12e6;
const INSTANCES_MIN = 8;
/** Classes are compiled, and their objects laid out, by then. */
const WARM_UPS = 40;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

function usedBytes() {
  for (let i = 0; i < 4; i++) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function measure(shape) {
  const classes = twinstateClasses(shape.description, 'graph');
  const make = () => adopt(shape.description, classes, shape.plain());
  const open = (instance) => {
    const benchmark = Benchmark.of(instance);
    for (let i = 0; i < 2; i++) if (benchmark.diff(instance) !== null) throw new Error(`${shape.name} changed by itself`);
    return benchmark;
  };
  for (let i = 0; i < WARM_UPS; i++) open(make());
  const count = Math.max(INSTANCES_MIN, Math.ceil(MADE_BYTES / open(make()).snapshot().byteLength / 3));
  const empty = usedBytes();
  const instances = Array.from({ length: count }, make);
  const ownBytes = (usedBytes() - empty) / count;
  const benchmarks = instances.map(open);
  const openBytes = (usedBytes() - empty) / count;
  return { shape: shape.name, ratio: openBytes / ownBytes, ownBytes, openBytes, instances: instances.length, benchmarks: benchmarks.length };
} // prettier-ignore

/** @param prefix only shapes whose name begins so */
export function measureMemory(prefix = '') {
  return shapes.filter(({ name }) => name.startsWith(prefix)).map(measure);
}

export function printMemory(results) {
  console.log(`\n| open instance with its benchmark, over its own objects (goal: at most ${MEMORY_GOAL}) | ratio | own | open |`);
  console.log('| --- | --- | --- | --- |');
  for (const { shape, ratio, ownBytes, openBytes } of results) {
    console.log(`| ${shape} | x${ratio.toFixed(2)} | ${Math.round(ownBytes)} B | ${Math.round(openBytes)} B |`);
  }
}
