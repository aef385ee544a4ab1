// What is typed, as a question. Only what is surely right is read here: of anything else the server says what is wrong
// with it, so that there is one place for such sentences.

const MOST_CHARACTERS = 4500;
const LINES = /\r\n|\r|\n/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)$/;
const LINE = String.fromCharCode(10);
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\uFFFD]/gu; // what has no place in a line, and what is no character

// The question { task, text, rows, priorities, number } that was typed, or null.
export function read(task, { kind, typed, number }) {
  const text = isWord(task, kind) ? rowsOfWord(typed).join(LINE) : typed;
  if (text.length > MOST_CHARACTERS) return null;
  const parts = { rows: readRows, items: readItems, stream: readStream }[task.form.kind](task.form, text);
  if (!parts) return null;
  const count = parts.rows.length / (task.form.rowsAnItem ?? 1);
  if (count < task.form.fewest || count > task.form.most) return null;
  const asked = task.form.number && readNumber(task.form.number, number, count);
  if (task.form.number && asked === null) return null;
  return { task: task.name, text, priorities: null, ...parts, number: asked };
}

export const isWord = (task, kind) => kind === "Word" && task.form.word;

function readRows({ bits, priorities }, text) {
  const lines = text.split(LINES).map((line) => line.trim()).filter((line) => line);
  const split = (line) => line.split(/[ \t]+/);
  const rows = lines.map((line) => (priorities ? split(line).slice(0, -1) : split(line)).join(""));
  if (!rows.every((row) => isBits(row, bits))) return null;
  if (!priorities) return { rows };
  const last = lines.map((line) => split(line).at(-1));
  const values = last.map(Number);
  if (!last.every((each) => DECIMAL.test(each)) || !values.every((value) => value >= -1 && value <= 1)) return null;
  return { rows, priorities: values.map(Math.fround) };
}

function readItems({ bits, rowsAnItem }, text) {
  const items = [[]];
  for (const line of text.split(LINES).map((line) => line.replace(/[ \t]/g, ""))) {
    if (line) items.at(-1).push(line);
    else if (items.at(-1).length) items.push([]);
  }
  if (!items.at(-1).length) items.pop();
  if (!items.every((rows) => rows.length === rowsAnItem)) return null;
  const rows = items.flat();
  return rows.every((row) => isBits(row, bits)) ? { rows } : null;
}

function readStream(_, text) {
  const bits = text.replace(/[ \t\r\n]/g, "");
  return isBits(bits, bits.length) ? { rows: [...bits] } : null;
}

const isBits = (row, length) => row.length === length && /^[01]+$/.test(row);

// The number, where it is a whole one among the choices. An item's number goes up to the last but one.
function readNumber({ first, last }, number, count) {
  return Number.isInteger(number) && number >= first && number <= (last ?? count - 1) ? number : null;
}

// ---- words -------------------------------------------------------------------------------------------------------

export const rowsOfWord = (word) =>
  Array.from(new TextEncoder().encode(word), (byte) => byte.toString(2).padStart(8, "0"));

// The characters that rows of 8 bits stand for, with a middle dot for what cannot be printed.
export function wordOf(rows) {
  const bytes = Uint8Array.from(rows, (row) => parseInt(row, 2));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).replace(UNSEEN, "·");
}

// The same vectors written as `kind` says, where they were written the other way and can be written so; else what it was.
export function rewrite(task, { kind, typed, number }) {
  const question = read(task, { kind: kind === "Word" ? "Bits" : "Word", typed, number });
  if (!question) return typed;
  if (kind !== "Word") return question.rows.join(LINE);
  const word = wordOf(question.rows);
  return rowsOfWord(word).join() === question.rows.join() ? word : typed;
}

// ---- sizes -------------------------------------------------------------------------------------------------------

// The sizes of a question by name, and whether machines are trained on sequences of these.
export function sizesOf(task, { rows, number }) {
  const [counted] = Object.keys(task.sizes), name = task.form.number?.name;
  const sizes = { [counted]: rows.length / (task.form.rowsAnItem ?? 1) };
  if (name in task.sizes) sizes[name] = number;
  const trained = Object.entries(sizes).every(([each, size]) => size >= task.sizes[each][0] && size <= task.sizes[each][1]);
  return { sizes, trained };
}

// The question as the grid shows it.
export function layOut(task, { rows, priorities, number }) {
  const shared = { task: task.name, number, layout: task.form.kind };
  if (task.form.kind === "stream") return { ...shared, rows: [rows.join("")] };
  if (task.form.kind === "items") return { ...shared, rows, rowsAnItem: task.form.rowsAnItem };
  return priorities ? { ...shared, rows, priorities: [...priorities] } : { ...shared, rows };
}
