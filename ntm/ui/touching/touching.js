// What somebody has set in the run on show, one touch after another. A view tells of each by the document's event "touch":
//
//   { step, what, words, overrides }    what it is that was set, what was done in words, and what is replaced for that
//
// The page's owner of the run makes it again with all of them (see ntm/ui/browser/store.js), and every view shows that.

const part = (name) => element.querySelector('[data-part="' + name + '"]');
const root = part("bar");
const SAID_AFTER = 600; // a screen reader is told when nothing has changed for so many milliseconds

let touches = [], runOf = null, saying = 0, touched = null; // `touched` is what had the focus then

// What is set again at once, as while it is dragged, is one touch.
function add(touch) {
  const last = touches.at(-1), again = last && last.step === touch.step && last.what === touch.what;
  apply([...(again ? touches.slice(0, -1) : touches), touch]);
}

function apply(changed) {
  touches = changed;
  window.ntm.rerun(touches.flatMap(({ overrides }) => overrides));
}

function show({ run, original }) {
  if (run?.id !== runOf) [touches, runOf] = [[], run?.id];
  const isEmpty = !original || !touches.length;
  if (isEmpty && root.contains(document.activeElement)) touched?.focus({ preventScroll: true });
  root.hidden = isEmpty;
  if (isEmpty) return;
  part("words").textContent = wordsOf(touches, changedBits(run, original));
  clearTimeout(saying);
  saying = setTimeout(() => { part("live").textContent = part("words").textContent; }, SAID_AFTER);
}

function wordsOf(touches, bits) {
  const { step, words } = touches.at(-1), before = touches.length - 1;
  const also = before ? " (your change number " + touches.length + ")" : "";
  return "In step " + (step + 1) + " you " + words + also + ": " + (bits || "no") + (bits > 1 ? " bits change." : " bit changes.");
}

// How many of the bits that are due come out otherwise.
function changedBits(run, original) {
  const isOne = (outputs, index) => outputs[index] > 0.5, isDue = (index) => run.mask[Math.floor(index / run.outputSize)] > 0.5;
  return run.outputs.reduce((count, _, index) => count + (isDue(index) && isOne(run.outputs, index) !== isOne(original.outputs, index)), 0);
}

document.addEventListener("touch", ({ detail }) => {
  touched = document.activeElement;
  add(detail);
});
document.addEventListener("run", ({ detail }) => show(detail));
part("undo").addEventListener("click", () => apply(touches.slice(0, -1)));
part("reset").addEventListener("click", () => apply([]));
