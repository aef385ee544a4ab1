// What can be chosen of a training. Its settings are an object:
//
//   task                            { name, inputSize, outputSize, sizes, form, layout } of a task that declares a layout
//   largest_size                    no sequence is larger than this
//   controller ... memory_init      arguments of an `ntm.NTM`, by their names there
//   learning_rate, batch_size, seed

const WHOLE = {
  largest_size: ["The largest size", 1, 40],
  controller_size: ["The controller's units", 1, 512],
  memory_slots: ["The number of slots", 1, 256],
  memory_width: ["The width of a slot", 1, 64],
  read_heads: ["The number of read heads", 1, 4],
  write_heads: ["The number of write heads", 1, 4],
  shift_range: ["The shift range", 0, 8],
  batch_size: ["The batch size", 1, 128],
  seed: ["The seed", 0, 2 ** 32 - 1],
};
const RATES = { least: 1e-5, most: 0.1 };

/** What is wrong with settings, as a sentence; null where nothing is. */
export function problemOf(settings) {
  for (const [name, [words, least, most]] of Object.entries(WHOLE)) {
    const value = settings[name];
    if (!Number.isInteger(value) || value < least || value > most)
      return `${words} must be a whole number from ${least} to ${most.toLocaleString("en")}.`;
  }
  const { learning_rate: rate, memory_slots: slots, shift_range: range } = settings;
  if (!(rate >= RATES.least && rate <= RATES.most)) return `The learning rate must be from ${RATES.least.toFixed(5)} to ${RATES.most}.`;
  if (slots < 2 * range + 1) return `Shifts by up to ${range} take ${2 * range + 1} slots or more; here are ${slots}.`;
  return null;
}
