// A machine in training, update by update. It knows nothing of workers and pages.

import { drawBatch, drawSizes } from "./batches.js";
import { Random } from "./random.js";
import { initialMemory, initialWeights } from "./weights.js";

const WORST_BIT = 0.03, GRADIENT_NORM = 1; // as in the recipe of ntm/tasks/copy.py
const UPDATES_A_ROW = 10; // of the learning curve
const ROWS_OF_ERROR = 5;
const ROWS_A_LOOK = 20, COLLAPSED = 1.3, NEGLIGIBLE = 0.5, SLOWER = 0.7; // as in ntm/training/recovery.py
const SOLVED = 0.02; // wrong bits a sequence
// What the rate is multiplied by for every row of a machine that has solved it: at a steady rate some fall back to chance.
const COOLING = 0.98;
const FINISHED = 0.02; // of the rate at the start
// Of all that is not trained on: the same every time, so that what changes is what was learned. No training can have it.
export const SEED_BESIDE = 2 ** 32;

/** The arguments of an `ntm.NTM` with these settings. */
export const configOf = ({ task, ...settings }) => ({
  input_size: task.inputSize,
  output_size: task.outputSize,
  controller: settings.controller,
  controller_size: settings.controller_size,
  controller_layers: 1,
  memory_slots: settings.memory_slots,
  memory_width: settings.memory_width,
  read_heads: settings.read_heads,
  write_heads: settings.write_heads,
  shift_range: settings.shift_range,
  memory_init: settings.memory_init,
  extension: null,
});

export class Training {
  /** Settings are what settings.js describes. */
  constructor(engine, settings) {
    this.settings = settings;
    this.config = configOf(settings);
    this.random = new Random(settings.seed);
    this.machine = engine.machine(this.config, initialWeights(this.config, this.random));
    this.rate = settings.learning_rate;
    this.updates = 0;
    this.curve = []; // rows of { update, loss, error }, each the mean of some updates
    this.sums = { loss: 0, error: 0 };
    this.best = null; // all that an update changes, at the best look so far, and its mean error
    this.solvedAt = null;
    this.returns = 0; // how often it went back to the best look
  }

  /** Whether the rate has fallen so far that little changes any more. */
  get finished() {
    return this.rate <= FINISHED * this.settings.learning_rate;
  }

  /** Wrong bits a sequence, over the newest rows; null as long as there are none. */
  get error() {
    return this.curve.length ? this.#meanError(ROWS_OF_ERROR) : null;
  }

  #meanError(rows) {
    const newest = this.curve.slice(-rows);
    return newest.reduce((sum, { error }) => sum + error, 0) / newest.length;
  }

  update() {
    const { task, largest_size: largest, batch_size: batch } = this.settings;
    const sizes = drawSizes(task, largest, this.random);
    const { inputs, targets, mask, steps, size } = drawBatch(task, sizes, batch, this.random);
    const memory = initialMemory(this.config, size, this.random);
    const options = { rate: this.rate, norm: GRADIENT_NORM, worstBit: WORST_BIT, memory };
    const judged = this.machine.update(inputs, targets, mask, steps, size, options);
    this.updates += 1;
    this.sums.loss += judged.loss;
    this.sums.error += judged.error;
    if (this.updates % UPDATES_A_ROW === 0) this.#addRow();
  }

  #addRow() {
    const { loss, error } = this.sums;
    this.sums = { loss: 0, error: 0 };
    if (!Number.isFinite(loss)) throw new Error("The numbers have grown past all bounds. Start again with a lower rate.");
    this.curve.push({ update: this.updates, loss: loss / UPDATES_A_ROW, error: error / UPDATES_A_ROW });
    if (this.curve.length % ROWS_A_LOOK === 0) this.#look();
    if (this.curve.length < ROWS_OF_ERROR || this.error > SOLVED) return;
    this.solvedAt ??= this.updates;
    this.rate *= COOLING;
  }

  // Remembers the machine if it does best now, or puts it back to where it did if it has collapsed.
  #look() {
    const error = this.#meanError(ROWS_A_LOOK);
    if (this.best === null || error < this.best.error) {
      this.best = { error, ...this.machine.snapshot() };
    } else if (error > Math.max(COLLAPSED * this.best.error, NEGLIGIBLE)) {
      this.machine.restore(this.best);
      this.rate *= SLOWER;
      this.returns += 1;
    }
  }

  /** What the machine does now with one sequence, as engine.js traces it. */
  trace({ inputs, steps }) {
    const memory = initialMemory(this.config, 1, new Random(SEED_BESIDE));
    return this.machine.trace(inputs, steps, 1, { memory });
  }

  /** Wrong bits a sequence, mean and worst, on fresh sequences of these sizes, and how many of these had one. */
  evaluate(sizes, sequences) {
    const { task } = this.settings, random = new Random(SEED_BESIDE);
    const { inputs, targets, mask, steps, size } = drawBatch(task, sizes, sequences, random);
    const logits = this.machine.run(inputs, steps, size, { memory: initialMemory(this.config, size, random) });
    const wrong = new Float64Array(size), outputs = task.outputSize;
    logits.forEach((logit, index) => {
      const row = Math.floor(index / outputs);
      if (mask[row] && logit > 0 !== targets[index] > 0.5) wrong[row % size] += 1;
    });
    return {
      error: wrong.reduce((a, b) => a + b) / size,
      worst: Math.max(...wrong),
      wrong: wrong.filter((bits) => bits).length,
    };
  }
}
