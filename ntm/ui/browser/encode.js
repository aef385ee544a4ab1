// From a question to the sequence that asks it, by the layout that its task declares (see ntm/tasks/layout.py, which does
// the same in Python).
//
// A question is { rows, priorities, number }: rows of bits as text, and where the form has them a priority a row and a
// number. The result holds flat Float32Arrays, time first.

// The sequence of a question: { steps, inputs, targets, mask, captions }; null where more would be due than the task
// lets people ask for.
export function encode({ layout, inputSize, outputSize }, question) {
  const rows = [...rowsOf(layout, question)];
  const due = rows.filter((row) => row.due !== null || row.marker !== null).length;
  if (layout.most_due !== null && due > layout.most_due) return null;
  const inputs = new Float32Array(rows.length * inputSize), targets = new Float32Array(rows.length * outputSize);
  const mask = new Float32Array(rows.length);
  const put = (array, start, bits) => [...bits].forEach((bit, index) => { array[start + index] = Number(bit); });
  rows.forEach(({ part, comes, due, scored }, step) => {
    const input = step * inputSize, output = step * outputSize;
    if (part.flag !== null) inputs[input + part.flag] = 1;
    if (part.count !== null)
      inputs[input + part.count.channel] = (question.number - part.count.mean) / part.count.deviation;
    if (comes !== null) put(inputs, input, question.rows[comes]);
    if (comes !== null && part.priorities !== null) inputs[input + part.priorities] = question.priorities[comes];
    if (due !== null) put(targets, output, question.rows[due]);
    if (part.marker !== null) targets[output + part.marker] = 1;
    mask[step] = scored;
  });
  // Captions take longer than all the rest, and whoever trains needs none.
  return { steps: rows.length, inputs, targets, mask, get captions() { return rows.map(({ caption }) => caption()); } };
}

// The rows in their order: the part of each, which vectors come in and are due there, whether that is scored, the caption.
function* rowsOf(layout, question) {
  for (const { part, item } of partsOf(layout, question)) {
    const comes = part.comes && placesOf(part.comes, layout, question, item);
    const due = part.due && placesOf(part.due, layout, question, item);
    const places = comes ?? due ?? [null];
    for (const [index, place] of places.entries()) {
      const isDue = due !== null || part.marker !== null;
      yield {
        part,
        marker: part.marker,
        comes: comes && comes[index],
        due: due && due[index],
        scored: isDue && index >= part.unscored ? 1 : 0,
        caption: () => captionOf(part, layout, question, { item, index, place, of: places.length }),
      };
    }
  }
}

function* partsOf(layout, { rows }) {
  const items = layout.each_item.length ? Math.floor(rows.length / layout.rows_an_item) : 0;
  for (let item = 0; item < items; item++) for (const part of layout.each_item) yield { part, item };
  for (const part of layout.parts) yield { part, item: 0 };
}

// The places of vectors among the question's rows.
function placesOf(source, layout, { rows, priorities, number }, item) {
  const all = rows.map((_, index) => index), size = layout.rows_an_item;
  const ofItem = (index) => all.slice(index * size, (index + 1) * size);
  switch (source) {
    case "all": return all;
    case "all but the last": return all.slice(0, -1);
    case "all but the first": return all.slice(1);
    case "repeated": return Array.from({ length: number }, () => all).flat();
    case "item": return ofItem(item);
    case "asked": return ofItem(number - 1);
    case "next": return ofItem(number);
    case "sorted": return all.sort((a, b) => priorities[b] - priorities[a] || a - b).slice(0, rows.length - layout.left_out);
  }
  throw new Error("no such vectors: " + source);
}

function captionOf(part, layout, { rows, priorities, number }, { item, index, place, of }) {
  const known = place === null ? { item: item + 1, number } : {
    place: index + 1, of, number,
    vector: place + 1,
    next: place + 2,
    time: Math.floor(index / rows.length) + 1,
    item: Math.floor(place / layout.rows_an_item) + 1,
    bit: rows[place][0],
    priority: priorities && (Math.floor(100 * priorities[place] + 0.5) / 100).toFixed(2),
  };
  return part.caption.replace(/{(\w+)}/g, (_, name) => known[name]);
}

// The best possible guess of each bit from those so far, equation 10, on every step: (n1 + 1/2) / (n0 + n1 + 1), where n0
// and n1 are how often a 0 and a 1 followed the same so many bits.
export function guess(context, inputs) {
  const counts = Array.from({ length: 2 ** context }, () => [0, 0]);
  let before = 0;
  return Float64Array.from(inputs, (bit, step) => {
    if (step >= context) counts[before][bit]++;
    before = (2 * before + bit) % counts.length;
    const [zeros, ones] = counts[before];
    return step >= context - 1 ? (ones + 0.5) / (zeros + ones + 1) : 0.5;
  });
}
