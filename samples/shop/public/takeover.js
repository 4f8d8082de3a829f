/**
 * Draws what happens after a kill, step by step.
 *
 * Invariant: every time is one that was told, and stands in its place on a scale on which each third is ten times the one before.
 */
import { element } from './element.js';

const at = (id) => document.getElementById(id);
const STEPS = {
  killed: ({ server }) => `kill -9 ${server}`,
  suspected: ({ server }) => `${server} finds that it does not answer`,
  promoted: ({ server }) => `${server} leads: the log has its claim`,
  answered: ({ server }) => `${server} answers, with every acknowledged change`,
  protected: ({ server }) => `${server} is the new backup, and up to date`,
  restarted: ({ server }) => `${server} is back`,
};

/** Draws the steps that were told so far; all of them are told each time. */
export function drawTakeover({ server, steps }) {
  at('takeover').hidden = false;
  const answered = steps.find(({ step }) => step === 'answered');
  const said = at('takeover-said');
  if (answered === undefined) said.textContent = `${server} was killed.`;
  else said.replaceChildren(`${answered.server} took over in `, element('strong', '', `${answered.ms} ms`), '.');
  drawSteps(steps);
  const gap = element('span', 'gap');
  gap.style.width = `${placeOf(answered?.ms ?? Math.max(...steps.map(({ ms }) => ms)))}%`;
  const marks = steps.map((each) => {
    const mark = element('span', `mark-at ${styleOf(each)}`);
    mark.style.left = `${placeOf(each.ms)}%`;
    return mark;
  });
  at('marks').replaceChildren(gap, ...marks);
}

/** One line for each step; those that stand already stay, so that only what is new moves. */
function drawSteps(steps) {
  const list = at('steps');
  const lines = steps.map((each) => {
    const key = `${each.step} ${each.server} ${each.ms}`;
    const before = [...list.children].find(({ dataset }) => dataset.key === key);
    if (before !== undefined) return before;
    const line = element(
      'li',
      `step ${styleOf(each)}`,
      element('span', 'at', timeOf(each)),
      element('span', '', STEPS[each.step](each)),
    );
    line.dataset.key = key;
    return line;
  });
  for (const child of [...list.children]) if (!lines.includes(child)) child.remove();
  lines.forEach((line, i) => list.children[i] !== line && list.insertBefore(line, list.children[i] ?? null));
}

const styleOf = ({ step }) => (step === 'answered' ? 'answered-step' : step);
const timeOf = ({ ms }) => (ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`);
/** From 10 ms to 10 s, each third ten times the one before. */
const placeOf = (ms) => Math.min(100, Math.max(0, (Math.log10(Math.max(ms, 10)) - 1) * (100 / 3)));
