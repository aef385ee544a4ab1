// Sequences to train on, drawn anew for every update.

import { encode } from "./encode.js";

/** A random question of a task that declares a layout, of these sizes; each bit is a 1 with this probability. */
export function drawQuestion(task, sizes, random, density = 0.5) {
  const { bits, rowsAnItem = 1, number, priorities } = task.form;
  const [counted] = Object.keys(task.sizes), count = sizes[counted];
  const row = () => Array.from({ length: bits }, () => (random.uniform() < density ? 1 : 0)).join("");
  const rows = Array.from({ length: count * rowsAnItem }, row);
  return {
    rows,
    number: number ? (sizes[number.name] ?? random.whole(1, count - 1)) : null,
    priorities: priorities ? rows.map(() => 2 * random.uniform() - 1) : null,
  };
}

/** Random sizes up to `largest`, within what the task is trained on. */
export function drawSizes(task, largest, random) {
  return sizesOf(task, ([first, last]) => random.whole(first, Math.max(first, Math.min(last, largest))));
}

/** Every size as near to `size` as what the task is trained on allows. */
export const sizesNear = (task, size) => sizesOf(task, ([first, last]) => Math.max(first, Math.min(last, size)));

const sizesOf = (task, choose) =>
  Object.fromEntries(Object.entries(task.sizes).map(([name, range]) => [name, choose(range)]));

/**
 * A batch of sequences of these sizes: flat inputs (T, B, in), targets (T, B, out) and mask (T, B).
 *
 * In one half of them each has a share of ones of its own, as `half_skewed_bits` in ntm/tasks/bits.py draws them: among
 * fair coins all-zero vectors, which look like the empty rows of an answer, are too rare to learn from.
 */
export function drawBatch(task, sizes, size, random) {
  const sequences = Array.from({ length: size }, (_, index) =>
    encode(task, drawQuestion(task, sizes, random, index < size / 2 ? 0.5 : random.uniform())));
  const [{ steps }] = sequences;
  const together = (field, width) => {
    const found = new Float32Array(steps * size * width);
    sequences.forEach((sequence, index) => {
      for (let step = 0; step < steps; step += 1)
        found.set(sequence[field].subarray(step * width, (step + 1) * width), (step * size + index) * width);
    });
    return found;
  };
  return {
    inputs: together("inputs", task.inputSize),
    targets: together("targets", task.outputSize),
    mask: together("mask", 1),
    steps,
    size,
  };
}
