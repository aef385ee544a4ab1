// What is said of a run: the step, what each head does in it, where its answer comes from, and the number under the
// pointer. Everything here is given a run and a step and returns text; nothing touches the page.

const BY_CONTENT = 0.75;         // content brought a head where it is if it brought more than this share of its weight
const PARTLY_BY_CONTENT = 0.25;  // and had a part in it if it brought more than this
const LINE_BREAK = String.fromCharCode(10);
const percent = (share) => Math.round(100 * share) + " %";

function stepWords(run, step) {
  const caption = run.captions[step];
  return "Step " + (step + 1) + " of " + run.steps + ": " + caption + (caption.endsWith("?") ? "" : ".");
}

// A line for each head, and one for the register where the machine has one: [{kind, text}].
function headLines(run, step) {
  const lines = run.heads.map((head) => ({ kind: head.kind, text: head.name + " " + movement(run, head, step) }));
  if (run.register) lines.push({ kind: "register", text: registerWords(run, step) });
  return lines.length ? lines : [{ kind: "none", text: "this machine has no memory to look into" }];
}

// What a head did in a step, from where it was, where it is, and how much of its weight there content brought; the rest
// is from its last place.
function movement(run, head, step) {
  const now = focusOf(run, head, step);
  if (overridesAt(run, step, "weighting").some((each) => each.head === head.gates)) return "is on slot " + now.slot + ", where you put it";
  if (now.weight < ON_A_SLOT) return "looks at many slots at once, most at slot " + now.slot + " (" + percent(now.weight) + ")";
  const where = " (" + percent(now.weight) + ")";
  const before = focusBefore(run, head, step);
  const half = run.slots / 2;
  const moved = ((now.slot - before.slot + run.slots + half) % run.slots) - half;
  const share = contentShareOf(run, head, step);
  const how = share > BY_CONTENT ? "by content" : share > PARTLY_BY_CONTENT ? "partly by content" : "";
  const too = how && ", " + how;
  if (before.weight < ON_A_SLOT) return (share > 0.5 ? "finds slot " + now.slot + " " + how : "settles on slot " + now.slot + too) + where;
  if (moved === 0) return "stays on slot " + now.slot + (how && ", found " + how) + where;
  if (share > 0.5) return "jumps to slot " + now.slot + " " + how + where;
  const far = Math.abs(moved) === 1 ? "one slot" : Math.abs(moved) + " slots";
  return "moves " + far + (moved > 0 ? " on" : " back") + ", to slot " + now.slot + too + where;
}

function registerWords(run, step) {
  return "the register holds " + registerAt(run, step).toFixed(1).replace("-0.0", "0.0");
}

// Of what `linkOf` found for a step; `bit` is the output bit that was pointed at, or null.
function linkWords(run, step, link, bit) {
  if (!isScored(run, step)) return "What is written to slot " + link.slot + " comes out in step " + (link.step + 1) + ".";
  const what = bit === null ? "What comes out here" : "Bit " + (bit + 1) + " of what comes out here";
  const read = run.readDelay ? " was read one step before from slot " : " is read from slot ";
  return what + read + link.slot + ", which was written in step " + (link.step + 1) + ".";
}

// Of a slot of memory, and of one of its columns where that is not null.
function slotWords(run, step, slot, column) {
  const value = column === null ? "" : ", column " + (column + 1) + ": " + cellAt(run, step, slot, column).toFixed(3);
  const weights = run.heads.map((head) => head.name + " " + weightAt(run, head, step, slot).toFixed(3));
  return ["slot " + slot + value, ...weights].join(LINE_BREAK);
}

// Of the weights that the heads of a kind have on a slot in a step of the history.
function weightWords(run, kind, step, slot) {
  const weights = run.heads.filter((head) => head.kind === kind).map((head) => weightAt(run, head, step, slot).toFixed(3));
  return "step " + (step + 1) + ", slot " + slot + ": " + weights.join(", ");
}

// Of a cell of the strip of this name in the history; `outputs` are those that the strip shows, if it shows any.
function cellWords(run, name, outputs, step, row) {
  const where = "step " + (step + 1) + ", ";
  if (name === "input") return where + "input " + (row + 1) + ": " + run.inputs[step * run.inputSize + row].toFixed(2);
  if (name === "best guess") return where + "the best guess is " + run.optimal[step].toFixed(3);
  if (!isScored(run, step)) return where + "nothing is due";
  const index = step * run.outputSize + row, whose = name === "LSTM" ? "the LSTM's probability" : "probability";
  const probability = (outputs ?? run.outputs)[index].toFixed(3);
  return where + "bit " + (row + 1) + ": " + run.targets[index].toFixed(0) + " is due, " + whose + " of 1 is " + probability;
}
