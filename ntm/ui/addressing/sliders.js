// Puts a slider on the page for each number, so that mouse, finger and keyboard can set it. A slider that is there stays
// there while its number changes, for it may be under a finger.

function showSliders(place, numbers, were, onInput) {
  while (place.children.length < numbers.length) place.append(makeSlider());
  while (place.children.length > numbers.length) place.lastChild.remove();
  numbers.forEach((number, index) => showSlider(place.children[index], number, were?.[index], onInput));
}

function makeSlider() {
  const [label, sign, track, value] = ["label", "i", "span", "output"].map((tag) => document.createElement(tag));
  label.className = "number";
  track.append(Object.assign(document.createElement("input"), { type: "range" }));
  label.append(sign, track, value);
  return label;
}

function showSlider(label, number, was, onInput) {
  const [sign, track, value] = label.children, slider = track.firstChild, text = number.value.toFixed(2);
  const touched = was !== undefined && Math.abs(was.value - number.value) > 1e-6;
  setText(sign, number.sign);
  Object.assign(slider, { min: number.least, max: number.most, step: 0.01, disabled: !number.overrides });
  if (!slider.matches(":active")) slider.value = number.value; // a finger on it is ahead of the run
  slider.oninput = () => onInput(number, Number(slider.value));
  slider.setAttribute("aria-label", number.name);
  slider.setAttribute("aria-valuetext", text + (touched ? ", was " + was.value.toFixed(2) : ""));
  setText(value, text);
  label.classList.toggle("touched", touched);
  if (touched) label.style.setProperty("--was", (was.value - was.least) / (was.most - was.least));
}

// A field for a whole number, such as which slot is meant.
function makeField(label, name, onInput) {
  const field = document.createElement("label"), input = Object.assign(document.createElement("input"), { type: "number", min: 0 });
  field.className = "field";
  input.setAttribute("aria-label", name);
  input.addEventListener("input", () => input.validity.valid && input.value !== "" && onInput(Number(input.value)));
  field.append(label, input);
  return { field, input };
}

function showField({ input }, value, most) {
  input.max = most;
  const typing = document.activeElement === input && input.value === "";
  if (!typing && Number(input.value) !== value) input.value = value;
}

function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
