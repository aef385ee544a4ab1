// The tour: six stops on a real run, that of the word the page begins with. Gradio calls this as a function body with
// `element`; the page's button sends a "start" event.

const part = (name) => element.querySelector('[data-part="' + name + '"]');
const [card, text, place, previousButton, nextButton] = ["card", "text", "place", "previous", "next"].map(part);

// What is said, the step of the run that it is said of, and what it is about.
const STOPS = [
  ["Each letter of “Turing machine” is a column of 8 bits. The machine sees one column a step, each only once.", 4, "[data-part=history]"],
  ["While the letters come in, it writes. The orange bar is its write head: it puts each letter into a slot of memory, the coloured column below it, and moves one slot back with every step.", 9, "[data-part=memory]"],
  ["Here the input says: your turn. From now on the machine sees nothing but zeros. Whatever it says comes from its memory.", 15, "[data-part=status]"],
  ["The blue bar is its read head. It stayed where the first letter was written while the others came in, and now walks along the same slots; what it finds there comes out on the right.", 19, "[data-part=memory]"],
  ["Nobody programmed that. These lines say what each head does at this step, read off its own numbers. Moving one slot back, again and again, is the loop of a copy program, and it was learned from examples.", 22, "[data-part=heads]"],
  ["Your turn: type another word, ask for far more than it was trained on, reach into its memory under “Break it”, or drag it back to when it knew nothing yet.", 29, "#task"],
];
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
  const target = document.querySelector(about.startsWith("#") ? about : "#tape " + about);
  target.classList.add("toured");
}

function leaveHighlight() {
  for (const each of document.querySelectorAll(".toured")) each.classList.remove("toured");
}

function leave() {
  leaveHighlight();
  card.hidden = true;
}

// It begins with the next run on show, which the page asks for at the same time.
part("tour").addEventListener("start", () => {
  const observer = new MutationObserver(() => {
    observer.disconnect();
    card.hidden = false;
    setTimeout(() => go(0));
    nextButton.focus({ preventScroll: true });
  });
  observer.observe(document.querySelector("#tape [data-part=root]"), { attributes: true, attributeFilter: ["data-run"] });
});
previousButton.addEventListener("click", () => go(stop - 1));
nextButton.addEventListener("click", () => (stop === STOPS.length - 1 ? leave() : go(stop + 1)));
part("leave").addEventListener("click", leave);
element.addEventListener("keydown", (event) => {
  if (event.key === "Escape") leave();
});
