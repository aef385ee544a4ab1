// The C++ engine in a browser: load a machine's weights, run it, trace it, train it. No DOM, so a page or a worker can
// use it.
//
//   const engine = await Engine.load(bytesOfEngineWasm);
//   const machine = engine.machine(config, readSafetensors(bytesOfModelSafetensors));
//   const logits = machine.run(inputs, steps, batch);          // inputs: Float32Array (T, B, in)
//   const { loss } = machine.update(inputs, targets, mask, steps, batch, { rate: 1e-3 });
//
// Arrays are flat Float32Arrays, time first as in Python. Sizes are those of config.json's arguments.

const SHAPE = [
  "steps", "batch", "inputs", "outputs", "units", "layers", "lstm", "slots", "width", "read_heads", "write_heads",
  "shift_range", "heads_see_input", "linear_adds", "count_channel", "keeps_tape",
];
const LAYOUT = [
  "memory", "weightings", "content", "reads", "emitted", "slot_row", "read_row", "emitted_row", "key", "add", "erase",
  "gate", "strength", "sharpening", "shift",
];
const EMITTED = 0, WEIGHTINGS = 1, MEMORY = 2; // the fields of an override
const GAIN = 3, HALF_A_COUNT = 0.5, CONSTANT_MEMORY = 1e-6;
const CONTENTS = "initial_memory.contents";

/** The tensors of a safetensors file in single precision: { name: { shape, values } }. */
export function readSafetensors(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (dtype !== "F32") throw new Error(`${name} is ${dtype}, not F32`);
    tensors[name] = { shape, values: new Float32Array(bytes.slice(8 + length + begin, 8 + length + end).buffer) };
  }
  return tensors;
}

/** The bytes of a safetensors file with these tensors, as `readSafetensors` reads them. */
export function writeSafetensors(tensors) {
  const header = {};
  let end = 0;
  for (const [name, { shape, values }] of Object.entries(tensors))
    header[name] = { dtype: "F32", shape, data_offsets: [end, (end += values.byteLength)] };
  const text = JSON.stringify(header), length = 8 * Math.ceil(text.length / 8);
  const bytes = new Uint8Array(8 + length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(new TextEncoder().encode(text.padEnd(length)), 8);
  for (const [name, { values }] of Object.entries(tensors))
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 8 + length + header[name].data_offsets[0]);
  return bytes;
}

export class Engine {
  /** From the bytes of engine.wasm. */
  static async load(bytes) {
    const { instance } = await WebAssembly.instantiate(bytes, {});
    instance.exports._initialize();
    return new Engine(instance.exports);
  }

  constructor(exports) {
    this.exports = exports;
  }

  /** A machine with these arguments of an `ntm.NTM` and weights, named as in its checkpoint. */
  machine(config, tensors) {
    return new Machine(this, config, tensors);
  }

  floats(address, count) {
    return new Float32Array(this.exports.memory.buffer, address, count);
  }
}

/** Pieces of the engine's memory, freed together. */
class Pieces {
  constructor(engine) {
    this.engine = engine;
    this.addresses = [];
  }

  take(bytes) {
    const address = this.engine.exports.malloc(Math.max(bytes, 4));
    if (!address) throw new Error(`no memory for ${bytes} bytes`);
    this.addresses.push(address);
    return address;
  }

  floats(count) {
    return this.take(4 * count);
  }

  put(values) {
    const address = this.floats(values.length);
    this.engine.floats(address, values.length).set(values);
    return address;
  }

  pointers(addresses) {
    const address = this.take(4 * addresses.length);
    new Uint32Array(this.engine.exports.memory.buffer, address, addresses.length).set(addresses);
    return address;
  }

  free() {
    for (const address of this.addresses) this.engine.exports.free(address);
    this.addresses = [];
  }
}

class Machine {
  constructor(engine, config, tensors) {
    this.engine = engine;
    this.config = config;
    this.tensors = tensors;
    this.names = parameterNames(config);
    this.trained = config.memory_init === "learned" ? [...this.names, CONTENTS] : this.names;
    this.moments = null;
    this.updates = 0;
  }

  /** Logits (T, B, out) of inputs (T, B, in), from the initial state. */
  run(inputs, steps, batch, { slots = this.config.memory_slots, memory = null } = {}) {
    return this.#within((pieces) => this.#forward(pieces, inputs, steps, batch, slots, memory, false).logits.slice());
  }

  /**
   * All that happened in a run, by the names of `ntm.Trace`, time first, and the `initial_memory` (B, N, M).
   *
   * Each override puts a number in place of another, in every sequence, and the rest of the run follows from it:
   *   { step, field, head, index, value }           what a head emits, before it uses it: key, strength, gate, shift,
   *                                                 sharpening, add or erase; `index` is the place in a vector
   *   { step, field: "weighting", head, slot }      all of a head's weight is on this slot
   *   { step, field: "memory", slot, index, value } a cell of memory, after the step's writing and before its reading
   * Heads are numbered as in a trace, read heads first.
   */
  trace(inputs, steps, batch, { slots = this.config.memory_slots, memory = null, overrides = [] } = {}) {
    return this.#within((pieces) => {
      const run = this.#forward(pieces, inputs, steps, batch, slots, memory, true, overrides);
      const { logits, memory: initial_memory } = run;
      return { logits: logits.slice(), initial_memory, ...this.#read(pieces, run, steps, batch, slots) };
    });
  }

  /** Gradients by parameter from those of the logits (T, B, out), which `of(logits)` gives. */
  gradients(inputs, steps, batch, of, { slots = this.config.memory_slots, memory = null } = {}) {
    return this.#within((pieces) => {
      const run = this.#forward(pieces, inputs, steps, batch, slots, memory, true);
      const logitGradients = pieces.put(of(run.logits.slice()));
      const found = this.names.map((name) => pieces.floats(this.tensors[name].values.length));
      const state = run.stateSizes.map((size) => pieces.floats(size));
      const none = pieces.pointers(run.stateSizes.map(() => 0));
      const { exports } = this.engine;
      exports.ntm_backward(
        run.shape, run.tape, run.inputs, logitGradients, 0, none, 0, pieces.pointers(state), 0, batch,
      );
      exports.ntm_weight_gradients(run.shape, run.tape, pieces.pointers(found), 0, 1);
      const read = (address, size) => this.engine.floats(address, size).slice();
      const gradients = Object.fromEntries(
        this.names.map((name, index) => [name, read(found[index], this.tensors[name].values.length)]),
      );
      if (this.config.memory_init === "learned") {
        const [ofMemory, , ofReads] = run.stateSizes.map((size, index) => read(state[index], size));
        gradients[CONTENTS] = contentsGradient(this.config, this.tensors[CONTENTS], ofMemory, ofReads, batch, slots);
      }
      return gradients;
    });
  }

  /**
   * One update by Adam (Kingma and Ba 2014) on the mean cross entropy of the bits whose step is in `mask` (T, B), and
   * `worstBit` times that of each sequence's worst bit, as `ntm.tasks.Loss` has it. The norm of all gradients together
   * is limited. Returns the mean cross entropy in nats and the wrong bits a sequence, both as they were before.
   */
  update(inputs, targets, mask, steps, batch, { rate = 1e-3, norm = 10, worstBit = 0, slots, memory } = {}) {
    const judged = { loss: 0, error: 0 };
    const slope = (logits) => judge(judged, logits, targets, mask, batch, worstBit);
    const gradients = this.gradients(inputs, steps, batch, slope, { slots, memory });
    let squares = 0;
    for (const values of Object.values(gradients))
      for (let i = 0; i < values.length; i += 1) squares += values[i] * values[i];
    this.#adam(gradients, rate, Math.min(1, norm / (Math.sqrt(squares) + 1e-6)));
    return judged;
  }

  /** A copy of all that an update changes. */
  snapshot() {
    const copies = (arrays) => arrays.map((values) => values.slice());
    return {
      values: copies(this.trained.map((name) => this.tensors[name].values)),
      mean: copies(this.moments.mean),
      square: copies(this.moments.square),
      updates: this.updates,
    };
  }

  /** Goes back to what `snapshot` gave. */
  restore({ values, mean, square, updates }) {
    this.trained.forEach((name, index) => this.tensors[name].values.set(values[index]));
    mean.forEach((each, index) => this.moments.mean[index].set(each));
    square.forEach((each, index) => this.moments.square[index].set(each));
    this.updates = updates;
  }

  #adam(gradients, rate, scale) {
    const first = 0.9, second = 0.999;
    const zeros = () => this.trained.map((name) => new Float32Array(this.tensors[name].values.length));
    this.moments ??= { mean: zeros(), square: zeros() };
    this.updates += 1;
    const step = rate / (1 - first ** this.updates), squareBias = 1 - second ** this.updates;
    this.trained.forEach((name, index) => {
      const { values } = this.tensors[name], found = gradients[name];
      const mean = this.moments.mean[index], square = this.moments.square[index];
      for (let i = 0; i < values.length; i += 1) {
        const value = Number.isFinite(found[i]) ? found[i] * scale : 0;
        mean[i] = first * mean[i] + (1 - first) * value;
        square[i] = second * square[i] + (1 - second) * value * value;
        values[i] -= (step * mean[i]) / (Math.sqrt(square[i] / squareBias) + 1e-8);
      }
    });
  }

  #within(work) {
    const pieces = new Pieces(this.engine);
    try {
      return work(pieces);
    } finally {
      pieces.free();
    }
  }

  #forward(pieces, inputs, steps, batch, slots, memory, keepsTape, overrides = []) {
    const { config, engine } = this;
    const { exports } = engine;
    const { register = null } = config.extension ?? {}, analog = config.extension === "analog", lstm = config.controller === "lstm";
    const numbers = {
      steps, batch, inputs: config.input_size, outputs: config.output_size, units: config.controller_size,
      layers: config.controller_layers, lstm: +lstm, slots, width: config.memory_width, read_heads: config.read_heads,
      write_heads: config.write_heads, shift_range: config.shift_range, heads_see_input: +analog,
      linear_adds: +analog, count_channel: register ? register.channel : -1, keeps_tape: +keepsTape,
    };
    const shape = pieces.take(4 * (SHAPE.length + 1));
    new Int32Array(exports.memory.buffer, shape, SHAPE.length).set(SHAPE.map((name) => numbers[name]));
    engine.floats(shape + 4 * SHAPE.length, 1)[0] = analog || register ? GAIN : 0;

    const initial = initialState(config, this.tensors, batch, slots, memory);
    const tape = pieces.floats(Number(exports.ntm_tape_size(shape)));
    const state = pieces.pointers(initial.map((part) => pieces.put(part)));
    const last = pieces.pointers(initial.map((part) => pieces.floats(part.length)));
    const parameters = pieces.pointers(this.names.map((name) => pieces.put(this.tensors[name].values)));
    const given = pieces.put(register ? restore(inputs, config.input_size, register) : inputs);
    const size = steps * batch * config.output_size, logits = pieces.floats(size);
    exports.ntm_prepare(shape, tape, parameters);
    const at = this.#layout(pieces, shape, tape), replaced = overrides.flatMap((each) => locate(each, config, slots, at));
    exports.ntm_forward(
      shape, tape, given, state, logits, last, 0, batch, this.#putOverrides(pieces, replaced), replaced.length,
    );
    const stateSizes = initial.map((part) => part.length);
    return { shape, tape, at, inputs: given, memory: initial[0], stateSizes, logits: engine.floats(logits, size) };
  }

  /** Where the tape of a run holds what, by name. */
  #layout(pieces, shape, tape) {
    const { exports } = this.engine;
    const address = pieces.take(8 * LAYOUT.length);
    exports.ntm_layout(shape, tape, address);
    const offsets = new BigInt64Array(exports.memory.buffer, address, LAYOUT.length);
    return Object.fromEntries(LAYOUT.map((name, index) => [name, Number(offsets[index])]));
  }

  #putOverrides(pieces, replaced) {
    const address = pieces.take(16 * replaced.length), { buffer } = this.engine.exports.memory;
    replaced.forEach(({ step, field, index, value }, i) => {
      new Int32Array(buffer, address + 16 * i, 3).set([step, field, index]);
      new Float32Array(buffer, address + 16 * i + 12, 1)[0] = value;
    });
    return address;
  }

  #read(pieces, run, steps, batch, slots) {
    const { config, engine } = this, { at } = run;
    const width = config.memory_width, readHeads = config.read_heads, writeHeads = config.write_heads;
    const heads = readHeads + writeHeads, rows = steps * batch;
    const tape = new Float32Array(engine.exports.memory.buffer, run.tape);

    // Some rows' numbers from `first` on, the rows `row` apart.
    const gather = (start, count, row, first, size) => {
      const found = new Float32Array(count * size);
      for (let i = 0; i < count; i += 1) {
        const from = start + i * row + first;
        found.set(tape.subarray(from, from + size), i * size);
      }
      return found;
    };
    const emitted = (first, size) => gather(at.emitted, rows, at.emitted_row, first, size);
    const weightings = gather(at.weightings + batch * heads * at.slot_row, rows * heads, at.slot_row, 0, slots);
    const ofHeads = (first, count) => {
      const found = new Float32Array(rows * count * slots);
      for (let i = 0; i < rows; i += 1) {
        const from = (i * heads + first) * slots;
        found.set(weightings.subarray(from, from + count * slots), i * count * slots);
      }
      return found;
    };
    const columns = at.memory + batch * width * at.slot_row;
    const memory = new Float32Array(rows * slots * width);
    for (let i = 0; i < rows; i += 1)
      for (let m = 0; m < width; m += 1)
        for (let n = 0; n < slots; n += 1)
          memory[(i * slots + n) * width + m] = tape[columns + (i * width + m) * at.slot_row + n];
    return {
      memory,
      read_weights: ofHeads(0, readHeads),
      write_weights: ofHeads(readHeads, writeHeads),
      reads: gather(at.reads, rows, at.read_row, 0, readHeads * width),
      erases: emitted(at.erase, writeHeads * width),
      adds: emitted(at.add, writeHeads * width),
      key: emitted(at.key, heads * width),
      strength: emitted(at.strength, heads),
      gate: emitted(at.gate, heads),
      shift: emitted(at.shift, heads * (2 * config.shift_range + 1)),
      sharpening: emitted(at.sharpening, heads),
      content_weights: gather(at.content, rows * heads, at.slot_row, 0, slots),
    };
  }
}

/** The numbers of the tape that an override of `trace` replaces: [{ step, field, index, value }]. */
function locate({ step, field, head, slot, index = 0, value }, config, slots, at) {
  const width = config.memory_width, shifts = 2 * config.shift_range + 1;
  if (field === "memory") return [{ step, field: MEMORY, index: index * at.slot_row + slot, value }];
  if (field === "weighting")
    return Array.from({ length: slots }, (_, other) => (
      { step, field: WEIGHTINGS, index: head * at.slot_row + other, value: +(other === slot) }
    ));
  const size = { key: width, shift: shifts, erase: width, add: width }[field] ?? 1;
  const place = field === "erase" || field === "add" ? head - config.read_heads : head;
  return [{ step, field: EMITTED, index: at[field] + place * size + index, value }];
}

/** In the order in which the engine takes them. */
function parameterNames(config) {
  const names = [];
  for (let layer = 0; layer < config.controller_layers; layer += 1) {
    const own = config.controller === "lstm"
      ? ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map((name) => `cells.${layer}.${name}`)
      : ["weight", "bias"].map((name) => `layers.${layer}.0.${name}`);
    names.push(...own.map((name) => `cell.controller.${name}`));
  }
  for (const layer of ["heads.addressing", "heads.writing", "output"])
    names.push(`cell.${layer}.weight`, `cell.${layer}.bias`);
  return names;
}

/** Memory, weightings, reads, then output and cell of each layer. `memory` (B, N, M) is needed where it is random. */
function initialState(config, tensors, batch, slots, memory) {
  const width = config.memory_width, heads = config.read_heads + config.write_heads;
  let contents = memory;
  if (contents === null || contents === undefined) {
    if (config.memory_init === "random") throw new Error("a machine with random memory must be given its contents");
    contents = new Float32Array(batch * slots * width).fill(CONSTANT_MEMORY);
    if (config.memory_init === "learned") {
      const { values } = tensors[CONTENTS];
      for (let i = 0; i < contents.length; i += 1) contents[i] = values[(i % (slots * width)) % values.length];
    }
  }
  const weightings = new Float32Array(batch * heads * slots);
  for (let head = 0; head < batch * heads; head += 1) weightings[head * slots] = 1;
  const reads = new Float32Array(batch * config.read_heads * width);
  reads.forEach((_, i) => {
    const sequence = Math.floor(i / (config.read_heads * width)), column = i % width;
    for (let slot = 0; slot < slotsReadFirst(config, column, slots); slot += 1)
      reads[i] += contents[(sequence * slots + slot) * width + column];
  });
  const layers = config.controller === "lstm" ? 2 * config.controller_layers : 0;
  const zeros = Array.from({ length: layers }, () => new Float32Array(batch * config.controller_size));
  return [contents, weightings, reads, ...zeros];
}

/** Of how many slots every head reads the sum at first, in a column: of all where it is a register, else of slot 0. */
function slotsReadFirst(config, column, slots) {
  return config.extension?.register && column === 0 ? slots : 1;
}

/** The gradient of learned contents, from those of the initial memory (B, N, M) and reads (B, R, M). */
function contentsGradient(config, { values }, ofMemory, ofReads, batch, slots) {
  const gradient = new Float32Array(values.length), width = config.memory_width, size = slots * width;
  for (let i = 0; i < batch * size; i += 1) gradient[(i % size) % values.length] += ofMemory[i];
  ofReads.forEach((slope, i) => {
    const column = i % width;
    for (let slot = 0; slot < slotsReadFirst(config, column, slots); slot += 1)
      gradient[(slot * width + column) % values.length] += slope;
  });
  return gradient;
}

/**
 * The gradients of the logits (T, B, out) of what `update` minimises. Adds to `judged` the mean cross entropy, and the
 * wrong bits a sequence after rounding at 0.5.
 */
function judge(judged, logits, targets, mask, batch, worstBit) {
  const outputs = logits.length / mask.length;
  const scored = mask.reduce((total, each) => total + each, 0) * outputs;
  const slopes = new Float32Array(logits.length);
  const worst = new Float32Array(batch), worstAt = new Int32Array(batch);
  for (let i = 0; i < logits.length; i += 1) {
    const row = Math.floor(i / outputs), sequence = row % batch, logit = logits[i], target = targets[i];
    if (!mask[row]) continue;
    const loss = Math.max(logit, 0) - logit * target + Math.log1p(Math.exp(-Math.abs(logit)));
    judged.loss += loss / scored;
    judged.error += (logit > 0 === target < 0.5 ? 1 : 0) / batch;
    slopes[i] = (1 / (1 + Math.exp(-logit)) - target) / scored;
    if (loss >= worst[sequence]) [worst[sequence], worstAt[sequence]] = [loss, i];
  }
  for (const i of worstAt) slopes[i] += slopes[i] * scored * (worstBit / batch);
  return slopes;
}

/** Inputs with the count that a register takes in, see ntm/machine/extensions.py. */
function restore(inputs, channels, { channel, mean, deviation }) {
  return inputs.map((value, index) =>
    index % channels === channel && value !== 0 ? deviation * value + (mean - HALF_A_COUNT) : value,
  );
}
