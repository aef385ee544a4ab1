// How well a run went, in words. Everything here is given a run and returns text; nothing touches the page.

import { wordOf } from "./question.js";

const CLOSE = 0.1; // a log loss so little above that of the guesser that is best on average is good

const number = (value) => value.toLocaleString("en-US");
const count = (size, noun) => number(size) + " " + noun + (size === 1 ? "" : "s");

// Of the machine: { good, said, score, beyond, full }. `said` is the word that came back, as [{ text, wrong }], null where
// none went in; `beyond` and `full` say what is unusual, null where nothing is.
export function verdictOf(run) {
  const wrong = wrongBits(run, run.outputs);
  const good = run.optimal ? surpriseOf(run, run.outputs) / surpriseOf(run, run.optimal) - 1 < CLOSE : wrong === 0;
  return {
    good,
    said: wordSaid(run, run.outputs),
    score: run.optimal ? guessWords(run) : countWrongBits(wrong, bitsDue(run)),
    beyond: run.trained ? null : sizesOf(run) + ": more than it was trained on",
    full: fullWords(run, wrong),
  };
}

// Of the LSTM, the same; null as long as it has not answered.
export function comparisonOf(run) {
  const outputs = run.baselineOutputs;
  if (!outputs || Number.isNaN(outputs[0])) return null;
  const score = run.optimal
    ? surpriseOf(run, outputs).toFixed(1) + " bits of surprise."
    : countWrongBits(wrongBits(run, outputs), bitsDue(run));
  return { said: wordSaid(run, outputs), score };
}

// What stands over a picture of the run, of a task with this title: { kicker, heading, caption, comparison }.
export function wordsOf(run, title) {
  const own = verdictOf(run), lstm = comparisonOf(run), changes = (run.overrides ?? []).length;
  const quoted = ({ said, score }) => (said ? " says “" + said.map(({ text }) => text).join("") + "” " : ": ") + score;
  const sizes = sizesOf(run);
  return {
    kicker: "Neural Turing Machine · " + title,
    heading: run.asked.word === null ? sizes[0].toUpperCase() + sizes.slice(1) : "“" + run.asked.word + "”",
    caption: "The machine" + quoted(own) + (changes ? " " + count(changes, "number") + " in it changed by hand." : ""),
    comparison: lstm ? "A plain LSTM" + quoted(lstm) : "",
  };
}

const sizesOf = (run) => Object.entries(run.sizes).map(([name, size]) => name + " " + size).join(", ");

// The task's own measure: wrong bits, or bits of log loss above the best guesser's.
export const errorOf = (run) =>
  run.optimal ? surpriseOf(run, run.outputs) - surpriseOf(run, run.optimal) : wrongBits(run, run.outputs);

const scoredSteps = (run) => Array.from({ length: run.steps }, (_, step) => step).filter((step) => run.mask[step]);

export const bitsDue = (run) => scoredSteps(run).length * run.outputSize;

export function wrongBits(run, outputs) {
  let wrong = 0;
  for (const step of scoredSteps(run))
    for (let index = step * run.outputSize; index < (step + 1) * run.outputSize; index++)
      wrong += outputs[index] > 0.5 !== run.targets[index] > 0.5;
  return wrong;
}

// The log loss of probabilities in bits, summed over the scored steps.
function surpriseOf(run, probabilities) {
  let bits = 0;
  for (const step of scoredSteps(run))
    for (let index = step * run.outputSize; index < (step + 1) * run.outputSize; index++)
      bits -= Math.log2(run.targets[index] > 0.5 ? probabilities[index] : 1 - probabilities[index]);
  return bits;
}

function guessWords(run) {
  const own = surpriseOf(run, run.outputs), best = surpriseOf(run, run.optimal), share = 100 * (own / best - 1);
  const more = (share < 0 ? "" : "+") + share.toFixed(1) + "%";
  return own.toFixed(1) + " bits of surprise; the guesser that is best on average has " + best.toFixed(1) + " (" + more + ").";
}

function countWrongBits(wrong, bits) {
  if (!wrong) return "Not one of " + count(bits, "bit") + " is wrong.";
  return count(wrong, "bit") + " of " + number(bits) + (wrong === 1 ? " is" : " are") + " wrong.";
}

// Why so much is wrong where more came in than there is room for.
function fullWords(run, wrong) {
  const vectors = run.question.rows.length;
  if (!run.certain || !wrong || !run.slots || vectors <= run.slots) return null;
  return "Memory is full: " + number(vectors) + " vectors came in, and there are " + number(run.slots) +
    " slots, so later ones were written over earlier ones. With more memory slots the same weights may do it.";
}

// The word that came back, in stretches of characters that are right or wrong. Characters take one to four rows of UTF-8,
// and wrong bits may tear them: they are told apart by the rows that were due.
function wordSaid(run, outputs) {
  if (run.asked.word === null) return null;
  const row = (values, step) =>
    Array.from(values.subarray(step * run.outputSize, (step + 1) * run.outputSize), (value) => +(value > 0.5)).join("");
  const steps = scoredSteps(run), due = steps.map((step) => row(run.targets, step)), came = steps.map((step) => row(outputs, step));
  const said = [];
  for (let from = 0; from < due.length; from += lengthOf(due[from])) {
    const to = from + lengthOf(due[from]), rows = came.slice(from, to);
    const text = wordOf(rows), wrong = rows.join() !== due.slice(from, to).join();
    if (said.at(-1)?.wrong === wrong) said.at(-1).text += text;
    else said.push({ text, wrong });
  }
  return said;
}

// How many rows a character of UTF-8 takes, by the first of them.
const lengthOf = (row) => (row.startsWith("11110") ? 4 : row.startsWith("1110") ? 3 : row.startsWith("110") ? 2 : 1);
