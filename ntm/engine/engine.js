// The C++ engine in a browser: load a machine's weights, run it, trace it, train it. No DOM, so a page or a worker can
// use it.
//
//   const engine = await Engine.load(bytesOfEngineWasm);
//   const machine = engine.machine(config, readSafetensors(bytesOfModelSafetensors));
//   const logits = machine.run(inputs, steps, batch);          // inputs: Float32Array (T, B, in)
//   const loss = machine.update(inputs, targets, mask, steps, batch, { rate: 1e-3 });
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
const ANALOG_GAIN = 3, REGISTER_GAIN = 10, HALF_A_COUNT = 0.5, CONSTANT_MEMORY = 1e-6;

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
    this.moments = null;
    this.updates = 0;
  }

  /** Logits (T, B, out) of inputs (T, B, in), from the initial state. */
  run(inputs, steps, batch, { slots = this.config.memory_slots, memory = null } = {}) {
    return this.#within((pieces) => this.#forward(pieces, inputs, steps, batch, slots, memory, false).logits.slice());
  }

  /**
   * All that happened in a run, by the names of `ntm.Trace`, time first.
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
      return { logits: run.logits.slice(), ...this.#read(pieces, run, steps, batch, slots) };
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
      const size = (name) => this.tensors[name].values.length;
      return Object.fromEntries(
        this.names.map((name, index) => [name, this.engine.floats(found[index], size(name)).slice()]),
      );
    });
  }

  /**
   * One update by Adam on the mean cross entropy of the bits whose step is in `mask` (T, B); returns that loss.
   * The norm of all gradients together is limited.
   */
  update(inputs, targets, mask, steps, batch, { rate = 1e-3, norm = 10, slots, memory } = {}) {
    const outputs = this.config.output_size;
    const scored = mask.reduce((total, each) => total + each, 0) * outputs;
    let loss = 0;
    const crossEntropy = (logits) => logits.map((logit, index) => {
      if (!mask[Math.floor(index / outputs)]) return 0;
      loss += (Math.max(logit, 0) - logit * targets[index] + Math.log1p(Math.exp(-Math.abs(logit)))) / scored;
      return (1 / (1 + Math.exp(-logit)) - targets[index]) / scored;
    });
    const gradients = this.gradients(inputs, steps, batch, crossEntropy, { slots, memory });
    let squares = 0;
    for (const values of Object.values(gradients)) for (const value of values) squares += value * value;
    this.#adam(gradients, rate, Math.min(1, norm / (Math.sqrt(squares) + 1e-6)));
    return loss;
  }

  #adam(gradients, rate, scale) {
    const first = 0.9, second = 0.999;
    const zeros = () => this.names.map((name) => new Float32Array(this.tensors[name].values.length));
    this.moments ??= { mean: zeros(), square: zeros() };
    this.updates += 1;
    const meanBias = 1 - first ** this.updates, squareBias = 1 - second ** this.updates;
    this.names.forEach((name, index) => {
      const { values } = this.tensors[name];
      const mean = this.moments.mean[index], square = this.moments.square[index];
      gradients[name].forEach((gradient, i) => {
        const value = Number.isFinite(gradient) ? gradient * scale : 0;
        mean[i] = first * mean[i] + (1 - first) * value;
        square[i] = second * square[i] + (1 - second) * value * value;
        values[i] -= (rate * (mean[i] / meanBias)) / (Math.sqrt(square[i] / squareBias) + 1e-8);
      });
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
    engine.floats(shape + 4 * SHAPE.length, 1)[0] = analog ? ANALOG_GAIN : register ? REGISTER_GAIN : 0;

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
    return { shape, tape, at, inputs: given, stateSizes, logits: engine.floats(logits, size) };
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
      const { values, shape: [trained] } = tensors["initial_memory.contents"];
      contents.forEach((_, i) => {
        contents[i] = values[(Math.floor(i / width) % slots % trained) * width + (i % width)];
      });
    }
  }
  const weightings = new Float32Array(batch * heads * slots);
  for (let head = 0; head < batch * heads; head += 1) weightings[head * slots] = 1;
  const reads = new Float32Array(batch * config.read_heads * width);
  reads.forEach((_, i) => {
    reads[i] = contents[Math.floor(i / (config.read_heads * width)) * slots * width + (i % width)];
  });
  const layers = config.controller === "lstm" ? 2 * config.controller_layers : 0;
  const zeros = Array.from({ length: layers }, () => new Float32Array(batch * config.controller_size));
  return [contents, weightings, reads, ...zeros];
}

/** Inputs with the count that a register takes in, see ntm/machine/extensions.py. */
function restore(inputs, channels, { channel, mean, deviation }) {
  return inputs.map((value, index) =>
    index % channels === channel && value !== 0 ? deviation * value + (mean - HALF_A_COUNT) : value,
  );
}
