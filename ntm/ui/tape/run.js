// A run as the browser holds it: what the page sent, unpacked, and what follows from that, such as memory after every
// step. Everything here is given the run that it works on, and needs no page.

const TOUCHED = 0.02;      // a slot where a head once put more weight than this counts as used
const FEWEST_SLOTS = 16;   // the stretch of used slots is never shorter
const FAINT = 1e-2;        // a cell that never holds more than this is as good as empty

// ---- unpacking ---------------------------------------------------------------------------------------------------

// A run, from the text that `encode` made of it in Python: the header's entries, and each field's numbers (time first)
// with their shape.
async function decode(text) {
  const bytes = new Uint8Array(await inflate(bytesOf(text)));
  const headerLength = new DataView(bytes.buffer).getUint32(0, true);
  const { fields, ...run } = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + headerLength)));
  let offset = 4 + headerLength;
  for (const [name, { shape, low, high }] of Object.entries(fields)) {
    const size = shape.reduce((product, length) => product * length, 1);
    const levels = new Uint16Array(bytes.buffer, offset, size);
    run[name] = Float32Array.from(levels, (level) => low + (level * (high - low)) / 65535);
    run[name].shape = shape;
    offset += 2 * size;
  }
  return complete(run);
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

const inflate = (bytes) =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();

// The run with its sizes, its heads, memory after every step, and what to show of that.
function complete(unpacked) {
  const run = { ...unpacked };
  [run.steps, run.writeHeads, run.slots] = run.writeWeights.shape;
  run.readHeads = run.readWeights.shape[1];
  run.width = run.initialMemory.shape[1];
  run.inputSize = run.inputs.shape[1];
  run.outputSize = run.outputs.shape[1];
  run.heads = headsOf(run);
  run.memory = replayMemory(run);
  run.brightest = brightest(run);
  run.usedSlots = usedSlots(run);
  return run;
}

// ---- what follows from it ----------------------------------------------------------------------------------------

// The heads in the order in which they are shown, each with its weightings, which it shares with the `count` heads of
// its kind, and its place among the gates, where the read heads come first.
function headsOf({ writeHeads, readHeads, writeWeights, readWeights }) {
  const of = (kind, count, weights, first) =>
    Array.from({ length: count }, (_, index) => ({
      kind, index, count, weights, gates: first + index, name: kind + " head" + (count > 1 ? " " + (index + 1) : ""),
    }));
  return [...of("write", writeHeads, writeWeights, readHeads), ...of("read", readHeads, readWeights, 0)];
}

// Memory after every step, (T, N, M): the paper's equation 3 (erase) and then 4 (add), for all write heads at once.
function replayMemory(run) {
  const { steps, slots, width, writeHeads, writeWeights, erases, adds } = run;
  const memory = new Float32Array(steps * slots * width);
  let before = run.initialMemory;
  for (let step = 0; step < steps; step++) {
    if (step === run.changedAt) before = run.changedMemory;
    const after = memory.subarray(step * slots * width, (step + 1) * slots * width);
    for (let slot = 0; slot < slots; slot++) {
      for (let column = 0; column < width; column++) {
        let kept = before[slot * width + column], added = 0;
        for (let head = 0; head < writeHeads; head++) {
          const weight = writeWeights[(step * writeHeads + head) * slots + slot];
          const vector = (step * writeHeads + head) * width + column;
          kept *= 1 - weight * erases[vector];
          added += weight * adds[vector];
        }
        after[slot * width + column] = kept + added;
      }
    }
    before = after;
  }
  return memory;
}

// The size of a value that is drawn in full colour: few cells ever hold more. Were it the largest of all, one that counts
// would leave the bits beside it too pale to see.
function brightest({ memory, slots, width }) {
  const peaks = new Float32Array(slots * width);
  memory.forEach((value, index) => {
    const cell = index % peaks.length;
    peaks[cell] = Math.max(peaks[cell], Math.abs(value));
  });
  const held = peaks.filter((peak) => peak > FAINT).sort();
  return held.length ? held[Math.floor(0.9 * (held.length - 1))] : FAINT;
}

// The shortest stretch of the circular memory that holds every slot a head was on: {first, count}. All of memory, where
// that is not much more.
function usedSlots({ slots, writeWeights, readWeights }) {
  if (!slots) return { first: 0, count: 0 };
  const used = new Uint8Array(slots);
  for (const weights of [writeWeights, readWeights])
    for (let index = 0; index < weights.length; index++) if (weights[index] > TOUCHED) used[index % slots] = 1;
  let gapStart = 0, gapLength = 0, length = 0;
  for (let index = 0; index < 2 * slots; index++) {
    length = used[index % slots] ? 0 : length + 1;
    if (length > gapLength && length <= slots) [gapLength, gapStart] = [length, index - length + 1];
  }
  const count = Math.min(slots, Math.max(FEWEST_SLOTS, slots - gapLength + 2));
  if (count > 0.75 * slots) return { first: 0, count: slots };
  return { first: (gapStart + gapLength - 1 + slots) % slots, count };
}

// ---- looking things up -------------------------------------------------------------------------------------------

const weightAt = (run, head, step, slot) => head.weights[(step * head.count + head.index) * run.slots + slot];
const cellAt = (run, step, slot, column) => run.memory[(step * run.slots + slot) * run.width + column];

const isScored = (run, step) => run.mask[step] > 0.5;

const isWrong = (run, outputs, step, bit) => {
  const index = step * run.outputSize + bit;
  return run.certain && isScored(run, step) && outputs[index] > 0.5 !== run.targets[index] > 0.5;
};

const isChanged = (run, step, bit) => {
  const index = step * run.outputSize + bit;
  return run.originalOutputs && isScored(run, step) && run.outputs[index] > 0.5 !== run.originalOutputs[index] > 0.5;
};
