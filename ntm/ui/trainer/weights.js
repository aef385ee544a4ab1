// What a machine of `ntm.machine` starts from: its first weights, and the memory before the first step.

import { drawMemory } from "./random.js";

const DEVIATION = 0.5; // of learned contents at first, see ntm/machine/memory.py

/** Weights from the distributions that PyTorch draws them from, named and shaped as in a checkpoint. */
export function initialWeights(config, random) {
  const { input_size: inputs, controller_size: units, memory_slots: slots, memory_width: width } = config;
  const reads = config.read_heads * width, heads = config.read_heads + config.write_heads;
  const tensors = {};
  const add = (name, shape, draw) => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, draw);
    tensors[name] = { shape, values };
  };
  const uniform = (fan) => () => (2 * random.uniform() - 1) / Math.sqrt(fan);
  const linear = (name, rows, columns) => {
    add(`${name}.weight`, [rows, columns], uniform(columns));
    add(`${name}.bias`, [rows], uniform(columns));
  };
  if (config.memory_init === "learned") add("initial_memory.contents", [slots, width], () => random.normal(DEVIATION));
  for (let layer = 0; layer < config.controller_layers; layer += 1) {
    const seen = layer ? units : inputs + reads;
    if (config.controller === "feedforward") {
      linear(`cell.controller.layers.${layer}.0`, units, seen);
      continue;
    }
    const name = `cell.controller.cells.${layer}`;
    add(`${name}.weight_ih`, [4 * units, seen], uniform(units));
    add(`${name}.weight_hh`, [4 * units, units], uniform(units));
    add(`${name}.bias_ih`, [4 * units], uniform(units));
    add(`${name}.bias_hh`, [4 * units], uniform(units));
  }
  linear("cell.heads.addressing", heads * (width + 2 * config.shift_range + 4), units);
  linear("cell.heads.writing", config.write_heads * 2 * width, units);
  linear("cell.output", config.output_size, units + reads);
  return tensors;
}

/** Contents (B, N, M) for a batch where memory is random; null where the machine knows its contents itself. */
export function initialMemory({ memory_init: scheme, memory_slots: slots, memory_width: width }, batch, random) {
  if (scheme !== "random") return null;
  return drawMemory(batch * slots * width, random);
}
