// What somebody has set in the run on show, one touch after another. A view tells of each by the document's event "touch",
// whose `detail` is what is replaced for it, see touches.js.
//
// The page's owner of the run makes it again with all of them (see ntm/ui/browser/store.js), and every view shows that.

const part = (name) => element.querySelector('[data-part="' + name + '"]');
const root = part("bar");
const SAID_AFTER = 600; // a screen reader is told when nothing has changed for so many milliseconds
const NOT_THERE = "What the link changes in this run is not there to be changed.";

let touches = [], runOf = null, saying = 0, touched = null; // `touched` is what had the focus then

// What is set again at once, as while it is dragged, is one touch.
function add(touch) {
  const last = touches.at(-1);
  apply([...(last && isSameTouch(last, touch) ? touches.slice(0, -1) : touches), touch]);
}

function apply(changed) {
  touches = changed;
  window.ntm.rerun(touches.flat(), writeTouches(touches));
}

// What a link has set.
function open(run, text) {
  const read = run.byServer ? null : readTouches(run, text);
  if (read) apply(read);
  else window.ntm.tell(NOT_THERE);
}

function show({ run, original, touch }) {
  if (run?.id !== runOf) [touches, runOf] = [[], run?.id];
  if (touch && window.ntm.takeTouch()) queueMicrotask(() => open(run, touch)); // once all views have this run
  const isEmpty = !original || !touches.length;
  if (isEmpty && root.contains(document.activeElement)) touched?.focus({ preventScroll: true });
  root.hidden = isEmpty;
  document.documentElement.toggleAttribute("data-touched", !isEmpty);
  if (isEmpty) return;
  part("words").textContent = wordsOf(run, touches, changedBits(run, original));
  clearTimeout(saying);
  saying = setTimeout(() => { part("live").textContent = part("words").textContent; }, SAID_AFTER);
}

function wordsOf(run, touches, bits) {
  const last = touches.at(-1), also = touches.length > 1 ? " (your change number " + touches.length + ")" : "";
  return "In step " + (last[0].step + 1) + " you " + touchWords(run, last) + also + ": " + (bits || "no") + (bits > 1 ? " bits change." : " bit changes.");
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
if (window.ntm) show(window.ntm.state);
part("undo").addEventListener("click", () => apply(touches.slice(0, -1)));
part("reset").addEventListener("click", () => apply([]));
