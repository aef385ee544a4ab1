// A run as the page holds it: the sequence that was asked, the machine's trace, and what follows from both. It comes from
// the engine in a worker, or packed from the server (see pack.py); both give the same.
//
// Its arrays are flat Float32Arrays with a `shape`, time first, named as in `ntm.Trace` but in the case of this language.

const CHANGED = { weights: "Weights", memory: "Memory", logits: "Logits" };
const camel = (name) => name.replace(/_([a-z]+)/g, (_, word) => CHANGED[word] ?? word[0].toUpperCase() + word.slice(1));
export const sigmoid = (value) => 1 / (1 + Math.exp(-value));
const product = (shape) => shape.reduce((total, size) => total * size, 1);

// The fields of a trace from the engine, of a machine with these arguments. An LSTM's are empty but for the logits.
export function nameFields(trace, config, steps, slots) {
  const width = config.memory_width ?? 0, reads = config.read_heads ?? 0, writes = config.write_heads ?? 0;
  const heads = reads + writes, count = config.hidden_size ? 0 : slots, outputs = config.output_size;
  const shapes = {
    logits: [steps, outputs], initial_memory: [count, width], memory: [steps, count, width],
    read_weights: [steps, reads, count], write_weights: [steps, writes, count], content_weights: [steps, heads, count],
    reads: [steps, reads, width], erases: [steps, writes, width], adds: [steps, writes, width], key: [steps, heads, width],
    strength: [steps, heads], gate: [steps, heads], sharpening: [steps, heads],
    shift: [steps, heads, 2 * (config.shift_range ?? 0) + 1],
  };
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) =>
    [camel(name), shaped(trace[name] ?? new Float32Array(product(shape)), shape)]));
}

export const shaped = (array, shape) => Object.assign(array, { shape });

// The run with its sizes, its heads, what came out, and memory after every step.
export function complete(unpacked) {
  const run = { ...unpacked };
  [run.steps, run.writeHeads, run.slots] = run.writeWeights.shape;
  run.readHeads = run.readWeights.shape[1];
  run.width = run.initialMemory.shape[1];
  run.inputSize = run.inputs.shape[1];
  run.outputSize = run.targets.shape[1];
  run.outputs ??= shaped(run.logits.map(sigmoid), run.logits.shape);
  run.heads = headsOf(run);
  run.memory ??= replayMemory(run);
  return run;
}

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
  return shaped(memory, [steps, slots, width]);
}

// ---- unpacking ---------------------------------------------------------------------------------------------------

// What `pack` made in Python: the header's entries, and each field's numbers.
export async function unpack(text) {
  const bytes = new Uint8Array(await inflate(bytesOf(text)));
  const headerLength = new DataView(bytes.buffer).getUint32(0, true);
  const { fields, ...run } = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + headerLength)));
  let offset = 4 + headerLength;
  for (const [name, { shape, low, step }] of Object.entries(fields)) {
    const levels = new Uint16Array(bytes.buffer, offset, product(shape));
    run[name] = shaped(Float32Array.from(levels, (level) => low + level * step), shape);
    offset += levels.byteLength;
  }
  return run;
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

const inflate = (bytes) =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
