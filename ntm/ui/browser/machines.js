// Loads machines and runs them. A worker does so for long runs, and the page itself for short ones.
//
// Asked is { machine: { config, weights }, inputs, steps, slots, overrides }, where `weights` is an address. The answer is
// a trace as engine.js gives it; of an LSTM it has the logits alone. Without inputs the machine is loaded, and the trace
// is empty.

import { Engine, readSafetensors } from "./engine.js";
import { asMachine } from "./lstm.js";
import { drawMemory } from "./random.js";

const KEPT = 40; // machines: all snapshots of a training, with room

const bytesAt = async (address) => {
  const response = await fetch(address);
  if (!response.ok) throw new Error("the machine's weights cannot be had any more");
  return new Uint8Array(await response.arrayBuffer());
};
const engine = bytesAt(new URL("engine.wasm", import.meta.url)).then((bytes) => Engine.load(bytes));
const machines = new Map();

export async function trace({ machine, ...asked }) {
  return run(await machineOf(machine), asked);
}

function machineOf({ config, weights }) {
  if (!machines.has(weights)) {
    const loaded = Promise.all([engine, bytesAt(weights)]).then(([engine, bytes]) => {
      const tensors = readSafetensors(bytes);
      return config.hidden_size ? { lstm: engine.machine(...asMachine(config, tensors)) } : { ntm: engine.machine(config, tensors) };
    });
    machines.set(weights, loaded);
    loaded.catch(() => machines.delete(weights));
    if (machines.size > KEPT) machines.delete(machines.keys().next().value);
  }
  return machines.get(weights);
}

function run({ ntm, lstm }, { inputs, steps, slots, overrides = [] }) {
  if (!inputs) return {};
  if (lstm) return { logits: lstm.run(inputs, steps, 1) };
  const { config } = ntm, memory = config.memory_init === "random" ? drawMemory(slots * config.memory_width) : null;
  return ntm.trace(inputs, steps, 1, { slots, memory, overrides });
}
