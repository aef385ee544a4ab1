// The LSTM baseline as a machine for the engine: one that looks at its memory, but to which nothing it sees there means
// anything. So there is no second engine.

const HEADS = 2, MEMORY = 4;

// The arguments and tensors of that machine, from those of an `ntm.LSTMBaseline`.
export function asMachine({ input_size, output_size, hidden_size, num_layers }, tensors) {
  const config = {
    input_size, output_size, controller: "lstm", controller_size: hidden_size, controller_layers: num_layers,
    memory_slots: MEMORY, memory_width: 1, read_heads: 1, write_heads: 1, shift_range: 1, memory_init: "constant", extension: null,
  };
  const machine = {
    "cell.heads.addressing.weight": zeros(HEADS * 7, hidden_size), "cell.heads.addressing.bias": zeros(HEADS * 7),
    "cell.heads.writing.weight": zeros(2, hidden_size), "cell.heads.writing.bias": zeros(2),
    "cell.output.weight": withZeroColumn(tensors["output.weight"]), "cell.output.bias": tensors["output.bias"],
  };
  for (let layer = 0; layer < num_layers; layer++)
    for (const name of ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]) {
      const tensor = tensors[`lstm.${name}_l${layer}`], seesRead = layer === 0 && name === "weight_ih";
      machine[`cell.controller.cells.${layer}.${name}`] = seesRead ? withZeroColumn(tensor) : tensor;
    }
  return [config, machine];
}

const zeros = (...shape) => ({ shape, values: new Float32Array(shape.reduce((product, size) => product * size)) });

// A matrix with one more column, the last, for what was read.
function withZeroColumn({ shape: [rows, columns], values }) {
  const wider = zeros(rows, columns + 1);
  for (let row = 0; row < rows; row++) wider.values.set(values.subarray(row * columns, (row + 1) * columns), row * (columns + 1));
  return wider;
}
