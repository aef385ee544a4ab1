// The tour: a few stops on a real run, that of the sentence the page begins with. Gradio calls this as a function body with
// `element`; the page's button sends a "start" event.

const part = (name) => element.querySelector('[data-part="' + name + '"]');
const [card, text, place, previousButton, nextButton] = ["card", "text", "place", "previous", "next"].map(part);

// What is said, the step of the run that it is said of, and what it is about.
const STOPS = [
  ["Each letter of the sentence is a vector of 8 bits, drawn here from top to bottom. The machine sees one vector a step, each only once.", 4, "#history [data-part=history]"],
  ["While the letters come in, it writes. The orange bar is its write head: it puts each letter into a slot of memory, the coloured stack below it, and moves one slot back with every step.", 9, "#tape [data-part=memory]"],
  ["Here the input says: your turn. From now on the machine sees nothing but zeros. Whatever it says comes from its memory.", 41, "#tape [data-part=status]"],
  ["The blue bar is its read head. It stayed where the first letter was written while the others came in, and now walks along the same slots; what it finds there comes out on the right.", 45, "#tape [data-part=memory]"],
  ["Nobody programmed that. These lines say what each head does at this step, read off its own numbers. Moving one slot back, again and again, is the loop of a copy program, and it was learned from examples.", 48, "#tape [data-part=heads]"],
  ["It never saw more than 20 letters, and says all 40. The LSTM has the same examples and no such memory: beyond 20 it is lost.", 81, "#summary"],
  ["Your turn: type another sentence, choose another task, or open what is below: how far it carries, how it learned, and what you can take with you.", 81, "#task"],
];
const MARGIN = 16; // in pixels, around what is told of
let stop = 0;

function go(to) {
  leaveHighlight();
  stop = to;
  const [words, step, about] = STOPS[stop];
  text.textContent = words;
  place.textContent = stop + 1 + " of " + STOPS.length;
  previousButton.disabled = stop === 0;
  nextButton.textContent = stop === STOPS.length - 1 ? "Done" : "Next";
  const scrubber = document.querySelector("#tape [data-part=scrubber]");
  scrubber.value = step;
  scrubber.dispatchEvent(new Event("input"));
  const target = document.querySelector(about);
  target.classList.add("toured");
  // Told at once, and again whenever it moves: its tab may have only just opened, and what lies above it may grow.
  for (const each of [target, document.body]) moved.observe(each);
}

const moved = new ResizeObserver(() => bringIntoView(document.querySelector(".toured")));

// The card lies over the foot of the window, so what it tells of is to be above it.
function bringIntoView(target) {
  const free = window.innerHeight - card.offsetHeight - 2 * MARGIN, { top, bottom } = target.getBoundingClientRect();
  if (top < MARGIN || bottom - top > free) window.scrollBy(0, top - MARGIN);
  else if (bottom > MARGIN + free) window.scrollBy(0, bottom - MARGIN - free);
}

function leaveHighlight() {
  moved.disconnect();
  for (const each of document.querySelectorAll(".toured")) each.classList.remove("toured");
}

function leave() {
  leaveHighlight();
  card.hidden = true;
}

part("tour").addEventListener("start", () => {
  card.hidden = false;
  document.querySelector("#more [role=tab]").click();
  go(0);
  nextButton.focus({ preventScroll: true });
});
previousButton.addEventListener("click", () => go(stop - 1));
nextButton.addEventListener("click", () => (stop === STOPS.length - 1 ? leave() : go(stop + 1)));
part("leave").addEventListener("click", leave);
element.addEventListener("keydown", (event) => {
  if (event.key === "Escape") leave();
});
