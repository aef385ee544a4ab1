// Puts the pieces in their places and draws them. Gradio calls this as a function body with `element`.

// Each has its pictures from top to bottom, and the numbers that are set in it.
const PIECES = {
  content: { pictures: ["memory", "similarity", "content"], numbers: () => [number("strength", "β", "the key strength")] },
  gate: { pictures: ["gated"], numbers: () => [number("gate", "g", "the gate")] },
  shift: { pictures: ["shifted"], numbers: () => toy.shift.map((share, index) => shiftNumber(share, index)) },
  sharpening: { pictures: ["weighting"], numbers: () => [number("sharpening", "γ", "the sharpening")] },
  read: { pictures: ["read"], numbers: () => [] },
  write: {
    pictures: ["written"],
    numbers: () => [
      number("erase", "e", "how much is wiped out"),
      { ...number("add", "a", "how much of its vector is put in"), least: -1, most: 1 },
    ],
  },
};

let toy = firstHead(), frame = 0;
const places = {}, pictures = {};

function set(changes) {
  Object.assign(toy, changes);
  if (!frame) frame = requestAnimationFrame(draw);
}

const number = (field, sign, name) =>
  ({ sign, name, ...RANGES[field], value: toy[field], overrides: true, set: (value) => set({ [field]: value }) });

const shiftNumber = (share, index) => ({
  ...number("shift", "s(" + signed(index - 1) + ")", "the shift by " + signed(index - 1)), value: share,
  set: (value) => set({ shift: shiftWith(toy.shift, index, value) }),
});

// ---- drawing -----------------------------------------------------------------------------------------------------

// What the drawings of addressing have of a run, here of the one head.
function sceneOf(name) {
  const run = { slots: toy.before.length, width: PATTERN.length, brightest: 1 };
  const width = pictures[name].parentElement.clientWidth;
  return { run, palette: paletteOf(places.content), stretch: { first: 0, count: run.slots }, width, hover: null };
}

function draw() {
  frame = 0;
  const head = weigh(toy), { palette } = sceneOf("memory");
  const memory = (name, vectors, values, slot) => drawMemory(pictures[name], sceneOf(name), vectors, values, { row: null, slot });
  const add = PATTERN.map((value) => head.add * value), erase = PATTERN.map(() => head.erase);
  memory("memory", [["k", head.key, 1]], head.memory, head.wanted);
  for (const [name, bars] of Object.entries(barsOf(head, palette, palette.read))) drawBars(pictures[name], sceneOf(name), bars);
  memory("read", [["r", readFrom(head.memory, head.weighting), 1]], head.memory, null);
  memory("written", [["e", erase, 1], ["a", add, 1]], writeTo(head.memory, head.weighting, erase, add), null);
  describe(head);
}

function describe(head) {
  const { similarity, content, gated, shifted, weighting } = stageWords(head), peak = peakOf(head.weighting);
  const most = "slot " + peak.slot + ", which has " + inPercent(peak.value) + " of the weighting";
  const words = {
    content: similarity + " " + content, gate: gated, shift: shifted, sharpening: weighting,
    read: "What is read is mostly " + most + ".", write: "What changes is mostly " + most + ".",
  };
  for (const [name, { pictures: shown, numbers }] of Object.entries(PIECES)) {
    const place = places[name];
    setText(place.querySelector(".words"), words[name]);
    showSliders(place.querySelector(".numbers"), numbers(), null, (each, value) => each.set(value));
    for (const picture of shown) pictures[picture].setAttribute("aria-label", NAMES[picture] + words[name]);
  }
  showField(wanted, head.wanted, head.before.length - 1);
}

const NAMES = {
  memory: "The key and memory. ", similarity: "How like the key each slot is. ", content: "The weighting by content. ",
  gated: "After the gate. ", shifted: "After the shift. ", weighting: "After sharpening. ",
  read: "What is read, and memory. ", written: "What is wiped out and put in, and memory after that. ",
};

// ---- putting it there --------------------------------------------------------------------------------------------

const wanted = makeField("The key is what is in slot", "The slot whose contents are the key", (slot) => set({ wanted: slot }));

function build(place) {
  const { pictures: shown } = PIECES[place.dataset.piece], numbers = make("div", "numbers");
  const canvases = shown.map((name) => {
    const frame = make("div", "picture");
    pictures[name] = document.createElement("canvas");
    pictures[name].setAttribute("role", "img");
    frame.append(pictures[name]);
    return frame;
  });
  place.append(...canvases, numbers, make("p", "words"));
  places[place.dataset.piece] = place;
  new ResizeObserver(() => set({})).observe(place);
}

function make(tag, name, text = "") {
  return Object.assign(document.createElement(tag), { className: name, textContent: text });
}

function button(text, press) {
  const made = make("button", "", text);
  made.type = "button";
  made.addEventListener("click", press);
  return made;
}

// The text may come after this.
function begin() {
  const found = [...document.querySelectorAll("#essay [data-piece]")];
  if (!element.isConnected) return;
  if (found.length < Object.keys(PIECES).length) return void requestAnimationFrame(begin);
  found.forEach(build);
  places.content.insertBefore(wanted.field, places.content.querySelector(".numbers"));
  const buttons = make("div", "buttons");
  buttons.append(
    button("One step on", () => set({ before: weigh(toy).weighting })),
    button("Start again", () => { toy = firstHead(); set({}); }),
  );
  places.sharpening.append(buttons);
  pictures.memory.addEventListener("click", ({ offsetX }) => {
    const slot = slotAtX(sceneOf("memory"), offsetX);
    if (slot !== null) set({ wanted: slot });
  });
  new MutationObserver(() => set({})).observe(document.body, { attributes: true, attributeFilter: ["class"] });
}

begin();
