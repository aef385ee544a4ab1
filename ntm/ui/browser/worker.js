// Runs machines off the page's thread.
//
//   in:  { machine: { config, weights }, inputs, steps, slots, overrides }    `weights` is an address
//   out: { trace } or { error }; without inputs the machine is loaded, and the trace is empty
//
// A trace is that of engine.js; of an LSTM it has the logits alone. One message is answered before the next is sent.

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

onmessage = async ({ data: asked }) => {
  try {
    const trace = run(await machineOf(asked.machine), asked);
    postMessage({ trace }, Object.values(trace).map((values) => values.buffer));
  } catch (error) {
    postMessage({ error: String(error.message ?? error) });
  }
};

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
