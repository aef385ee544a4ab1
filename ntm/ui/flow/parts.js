// The parts of the machine, what passes between them in a step, and how much of it. Everything here is given a run and a
// step, and needs no page.

const sizeOf = (vector) => Math.hypot(...vector);

// The paths from one part to another and what passes there, a share from 0 to 1. Those that skip parts go beside the
// chain, on one side or the other and so far out, and are told in words. The output is made either of what was just read
// or by the controller, of what it saw before: that path shows how certain the output is.
function pathsOf(run, step) {
  const { outputSize, width, brightest } = run, full = brightest * Math.sqrt(width);
  const at = (array, size, when = step) => array.subarray(when * size, (when + 1) * size);
  const keys = (kind) => run.heads.filter((head) => head.kind === kind).map((head) => sizeOf(emittedBy(run, head, step, "key")));
  const written = changeOfMemory(memoryBefore(run, step), memoryBefore(run, step + 1));
  const read = (when) => (when < 0 ? 0 : sizeOf(at(run.reads, run.readHeads * width, when)));
  const certainty = at(run.outputs, outputSize).reduce((sum, bit) => sum + Math.abs(2 * bit - 1), 0) / outputSize;
  return [
    { from: "input", to: "controller", share: Math.max(...at(run.inputs, run.inputSize).map(Math.abs)) },
    { from: "controller", to: "write", share: Math.max(...keys("write")) / Math.sqrt(width) },
    { from: "write", to: "memory", share: written / full, kind: "write" },
    { from: "memory", to: "read", share: read(step) / full, kind: "read" },
    { from: "read", to: "output", share: run.readDelay ? 0 : certainty, kind: "read" },
    { from: "controller", to: "read", share: Math.max(...keys("read")) / Math.sqrt(width), over: 1, words: "where to read" },
    { from: "controller", to: "output", share: run.readDelay ? certainty : 0, over: 2, words: "what to say" },
    { from: "read", to: "controller", share: read(step - 1) / full, kind: "read", over: -1, words: "what was read, one step later" },
  ].map((path) => ({ ...path, share: Math.min(1, path.share) }));
}

function changeOfMemory(before, after) {
  let squares = 0;
  for (let index = 0; index < after.length; index++) squares += (after[index] - before[index]) ** 2;
  return Math.sqrt(squares);
}

// The vectors that can be opened, by the part that they are shown in: { sign, name, values, most, numbers }. `numbers()`
// gives those that somebody can set, as numbersOf does.
function vectorsOf(run, step) {
  const { inputSize, outputSize, width, brightest } = run;
  const row = (array, size) => array.subarray(step * size, (step + 1) * size);
  const of = (head, sign, name, values, most, pick = null) => ({
    sign: sign + (head.count > 1 ? head.index + 1 : ""), name: name + " of the " + head.name, values, most,
    numbers: pick && (() => Array.from(values, (_, place) => pick(numbersOf(run, head, step, { row: place, slot: 0 })))),
  });
  const key = (head) => of(head, "k", "key", emittedBy(run, head, step, "key"), 1, (numbers) => numbers.key[0]);
  const vector = ({ count, index }, array) => array.subarray((step * count + index) * width, (step * count + index + 1) * width);
  const heads = (kind, make) => run.heads.filter((head) => head.kind === kind).flatMap(make);
  return {
    input: [{ sign: "x", name: "input", values: row(run.inputs, inputSize), most: 1 }],
    write: heads("write", (head) => [
      key(head),
      of(head, "e", "erase vector", vector(head, run.erases), 1, (numbers) => numbers.vectors[0]),
      of(head, "a", "add vector", vector(head, run.adds), brightest, (numbers) => numbers.vectors[1]),
    ]),
    read: heads("read", (head) => [key(head), of(head, "r", "read vector", vector(head, run.reads), brightest)]),
    output: [{ sign: "y", name: "output", values: row(run.outputs, outputSize), most: 1 }],
  };
}
