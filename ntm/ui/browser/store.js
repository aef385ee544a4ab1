// The one owner of what is on show: the question, the run of the machine on it, and what is beside that. All else on the
// page is a view of it, and is told of every change by the document's event "run", whose `detail` is this state:
//
//   run       the run (see run.js), or null as long as there is none
//   problem   why what is asked now cannot be run, a sentence; null where it can
//   notice    what else is to be told, such as what is wrong with a link
//   original  the run as it was before somebody replaced numbers in it; null where nobody has
//   touch     what a link replaces in the run, until that is done; null where it replaces nothing
//
// Views and the page's events find it as `window.ntm`.

import { followBack, queryOf, showQuery } from "./address.js";
import { encode, guess } from "./encode.js";
import { isWord, layOut, read, rewrite, sizesOf } from "./question.js";
import { complete, nameFields, shaped, sigmoid, unpack } from "./run.js";
import { Runner, canRun } from "./runner.js";
import { comparisonOf, errorOf, verdictOf, wordsOf } from "./verdict.js";

const LARGEST_MEMORY = 2 ** 16; // numbers, of which there are as many in every step
const NO_ANSWER = "The server does not answer. Try again in a moment.";
const NOT_HERE = "This browser cannot run the machine itself, so its numbers cannot be changed here.";
const NOT_FINITE = "This machine's numbers grow beyond all bounds here, so it has no answer.";

class Store {
  #whenOpened;
  #isOpened = false;
  state = { run: null, problem: null, notice: null, original: null, touch: null };
  step = 0;
  link = new URLSearchParams(location.search); // that the page was opened with; its address changes
  opened = new Promise((resolve) => { this.#whenOpened = resolve; }); // once the page has asked what its address says
  #catalogue;
  #server;
  #runners = canRun() ? { machine: new Runner(), beside: new Runner() } : null;
  #newest = null; // what was asked last, as text
  #answering = null; // until that is answered
  #ids = 0;
  #controls = null; // what they said last
  #edits = []; // what was asked ahead of the controls and they have not said yet, as text, oldest first
  #held = null; // the query that the page's address has in place of that of the run on show

  // The catalogue of tasks and machines is that of ntm/ui/browser/catalogue.py; `server(asked)` encodes a question or says
  // what is wrong with it, and runs it where it is to.
  constructor(catalogue, server) {
    this.#catalogue = catalogue;
    this.#server = server;
    document.addEventListener("tape", ({ detail }) => this.#moveTo(Math.round(detail.position)));
  }

  get run() {
    return this.state.run;
  }

  get #untouched() {
    return this.state.original ?? this.state.run;
  }

  task(name) {
    return this.#catalogue.tasks[name];
  }

  // The page has asked what its address says, or knows what is wrong with that.
  finishOpening(problem) {
    if (problem) this.tell(problem);
    this.#isOpened = true;
    this.#whenOpened();
    this.#showAddress();
  }

  // The run that the page came with, or why there is none.
  async open({ asked, packed, problem }) {
    const settled = this.#settle(asked), key = JSON.stringify(settled);
    this.#controls ??= asked;
    if (problem) return this.refuse(problem);
    const sequence = await unpack(packed), run = this.#make(settled, { ...sequence, steps: sequence.inputs.shape[0] });
    if (this.#newest === null && !this.link.has("task")) [this.#newest] = [key, this.#show({ ...run, anew: true })];
    setTimeout(() => this.#loadAhead(settled));
  }

  // Asks what the controls say: { task, kind, typed, number, slots, learned, machine }. What was asked already is not
  // asked again; `anew` has it play from the start then.
  ask(controls, { anew = false } = {}) {
    const asked = this.#settle(controls), key = JSON.stringify(asked), ahead = this.#edits.indexOf(key);
    this.#controls = controls;
    this.#edits = ahead < 0 ? [] : this.#edits.slice(ahead + 1);
    return ahead < 0 || anew ? this.#ask(asked, key, anew) : this.#answering;
  }

  // Asks what the controls are about to say, for that takes them a frame or more. What they then say is known.
  edit(change) {
    const asked = this.#settle({ ...this.#controls, ...change }), key = JSON.stringify(asked);
    this.#edits.push(key);
    return this.#ask(asked, key, false);
  }

  async #ask(asked, key, anew) {
    if (key !== this.#newest) {
      this.#newest = key;
      this.#answering = this.#answerAndShow(asked, key, anew);
      return this.#answering;
    }
    await this.#answering;
    if (anew && key === this.#newest) this.#show({ ...this.#untouched, id: ++this.#ids, anew });
  }

  async #answerAndShow(asked, key, anew) {
    try {
      const run = await this.#answer(asked);
      if (run && key === this.#newest) this.#show({ ...run, anew });
    } catch (error) {
      if (key === this.#newest) this.refuse(error.message);
    }
  }

  // Says why what is asked now cannot be run. The run before stays on show, without a verdict.
  refuse(problem) {
    this.#newest = null;
    this.#set({ problem });
  }

  // Says something besides, until something else is asked.
  tell(notice) {
    this.#set({ notice });
  }

  // What a link replaces in the run on show, for whoever reads that; it is given but once.
  takeTouch() {
    const { touch } = this.state;
    this.state = { ...this.state, touch: null };
    return touch;
  }

  // Runs what is on show with numbers replaced, see `trace` in engine.js; with none it is as it was. `touched` is the same
  // as a part of an address.
  async rerun(overrides, touched) {
    const { id, asked, ...sequence } = this.#untouched;
    if (!this.#runners) return this.tell(NOT_HERE);
    if (!overrides.length) return this.#set({ run: this.#untouched, original: null });
    const trace = await this.#runners.machine.run(this.#request(asked, sequence, overrides)), original = this.#untouched;
    if (!trace || original.id !== id) return;
    const fields = nameFields(trace, this.#machineOf(original.asked).config, original.steps, original.slots);
    const { outputs, memory, heads, usedSlots, ...kept } = original;
    const changed = complete({ ...kept, ...fields, originalOutputs: outputs, overrides, touched });
    this.#set({ run: changed, original });
  }

  // How many rows, items or bits are on show.
  size() {
    return this.run && Object.values(this.run.sizes)[0];
  }

  // A question as the grid shows it.
  layOut(question) {
    return layOut(this.task(question.task), question);
  }

  // What is typed as the controls now say that it is written.
  rewrite({ task, ...written }) {
    return rewrite(this.task(task), written);
  }

  // Shows the run again, as it was before somebody touched it, at a step and with what a link replaces in it.
  reopen({ step = 0, touch = null }) {
    this.#show({ ...this.#untouched, id: ++this.#ids }, { step, touch });
  }

  // Has the page's address be this one, and not follow the run on show, until it is given null.
  hold(query) {
    this.#held = query;
    this.#showAddress();
  }

  // The query of an address that opens what is on show.
  query() {
    return queryOf(this.run, this.step, this.run.touched);
  }

  // That address.
  address() {
    return location.origin + location.pathname + "?" + this.query();
  }

  // What stands over a picture of a run.
  wordsOf(run) {
    return wordsOf(run, this.task(run.asked.task).title);
  }

  // What the server is told of what is on show, as it was before it was touched (read by ntm/ui/watching).
  told() {
    if (!this.run) return null;
    const { kicker, heading, caption } = this.wordsOf(this.#untouched);
    const shown = { query: this.query(), address: this.address(), error: errorOf(this.run) };
    return JSON.stringify({ ...shown, heading: kicker + ": " + heading, caption });
  }

  // ---- asking ----------------------------------------------------------------------------------------------------

  // What the controls ask, as far as it does not depend on how it is written.
  #settle({ task, kind, typed, number, slots, learned, machine }) {
    const { snapshots, machine: own } = this.task(task);
    // A value of Gradio's is a proxy, which cannot be sent to a worker.
    const pulled = machine?.task === task ? JSON.parse(JSON.stringify(machine)) : null;
    const [update] = snapshots.kept[learned] ?? [null];
    return {
      task, kind, typed, number: this.task(task).form.number ? number : null,
      slots: slots === own.config.memory_slots ? null : slots,
      update,
      machine: pulled && pulled.key,
      word: isWord(this.task(task), kind) ? typed : null,
      pulled,
    };
  }

  #machineOf({ task, update, pulled }) {
    const { machine, snapshots } = this.task(task), kept = snapshots.kept.find(([each]) => each === update);
    return kept ? { ...machine, config: snapshots.config, weights: kept[1] } : pulled ?? machine;
  }

  // Whether this browser is to run it: not what would take hundreds of megabytes, and what no machine could run.
  #fits(asked) {
    const { weights, config } = this.#machineOf(asked), slots = this.#slotsOf(asked);
    return weights && slots * (config.memory_width ?? 0) <= LARGEST_MEMORY && slots > 2 * (config.shift_range ?? -1);
  }

  #slotsOf(asked) {
    return asked.slots ?? this.#machineOf(asked).config.memory_slots ?? 0;
  }

  // The run of what is asked; null where something else was asked since.
  async #answer(asked) {
    const task = this.task(asked.task), question = read(task, asked);
    const sequence = question && task.layout && this.#encode(task, question);
    const here = this.#runners && this.#fits(asked);
    if (!here) return this.#make(asked, await this.#askServer(asked, true), { byServer: true });
    const known = sequence || await this.#askServer(asked, false);
    let trace;
    try {
      trace = await this.#runners.machine.run(this.#request(asked, known));
    } catch {
      return this.#make(asked, await this.#askServer(asked, true), { byServer: true });
    }
    if (!trace) return null;
    return this.#make(asked, { ...known, ...nameFields(trace, this.#machineOf(asked).config, known.steps, this.#slotsOf(asked)) });
  }

  // The sequence of a question, in the form in which the server gives it.
  #encode(task, question) {
    const sequence = encode(task, question);
    if (!sequence) return null;
    const { steps } = sequence, { context } = task.layout;
    return {
      ...sequence, question, ...sizesOf(task, question),
      inputs: shaped(sequence.inputs, [steps, task.inputSize]),
      targets: shaped(sequence.targets, [steps, task.outputSize]),
      optimal: context === null ? null : shaped(guess(context, sequence.inputs), [steps, 1]),
    };
  }

  #request(asked, { inputs, steps }, overrides = []) {
    const { config, weights } = this.#machineOf(asked);
    return { machine: { config, weights: this.#addressOf(weights) }, inputs, steps, slots: this.#slotsOf(asked), overrides };
  }

  #addressOf = (weights) => new URL(weights, this.#catalogue.root).href;

  async #askServer({ pulled, ...asked }, run) {
    const answer = await this.#server({ ...asked, run }).catch(() => null);
    if (!answer) throw new Error(NO_ANSWER);
    if (answer.problem) throw new Error(answer.problem);
    const sequence = await unpack(answer.packed);
    return { ...sequence, steps: sequence.inputs.shape[0] };
  }

  // A run, of a question as typed where it can be read.
  #make(asked, sequence, { byServer = false } = {}) {
    const task = this.task(asked.task);
    const question = sequence.question ?? read(task, asked) ?? read(task, { ...asked, kind: "Bits", typed: sequence.text });
    const { config, readDelay } = this.#machineOf(asked);
    if (!sequence.logits.every(Number.isFinite)) throw new Error(NOT_FINITE);
    const run = complete({
      optimal: null, ...sequence, asked, question, byServer, id: ++this.#ids,
      certain: !sequence.optimal, register: Boolean(config.extension?.register), readDelay,
      baselineOutputs: sequence.baselineOutputs ?? (task.baseline && notYet(sequence.steps, task.outputSize)),
    });
    return { ...run, belief: null };
  }

  // ---- showing ---------------------------------------------------------------------------------------------------

  #show(run, { step, touch } = this.#takePlace()) {
    this.#set({ run: { ...run, openAt: step }, problem: null, notice: null, original: null, touch });
    this.#lookBeside(run).catch(() => {});
  }

  // The step of the first run on show that the page's address asks for, and what it replaces there.
  #takePlace() {
    const [step, touch] = ["step", "touch"].map((name) => (this.run ? null : this.link.get(name)));
    return { step: /^\d+$/.test(step) ? Number(step) : null, touch };
  }

  #set(change) {
    this.state = { ...this.state, ...change };
    document.dispatchEvent(new CustomEvent("run", { detail: this.state }));
    this.#showAddress();
  }

  #moveTo(step) {
    if (step === this.step) return;
    this.step = step;
    this.#showAddress();
  }

  #showAddress() {
    if (this.#isOpened && this.run && !this.state.problem) showQuery(this.#held ?? this.query());
  }

  // What the LSTM makes of it, and how likely the machine thinks the next bit is a 1. Neither holds up the picture.
  async #lookBeside(run) {
    const task = this.task(run.asked.task), isCurrent = () => this.run?.id === run.id;
    if (!this.#runners) return;
    const longer = task.form.kind === "stream" && task.layout && this.#encodeLonger(task, run.question);
    if (longer && this.#machineOf(run.asked).weights) {
      const trace = await this.#runners.beside.run(this.#request(run.asked, longer));
      if (!trace || !isCurrent()) return;
      this.#add({ belief: [sigmoid(trace.logits.at(-1)), longer.optimal.at(-1)] });
    }
    if (!task.baseline || !Number.isNaN(run.baselineOutputs[0])) return;
    const machine = { ...task.baseline, weights: this.#addressOf(task.baseline.weights) };
    const trace = await this.#runners.beside.run({ machine, inputs: run.inputs, steps: run.steps });
    if (!trace || !isCurrent()) return;
    const outputs = trace.logits.map(sigmoid);
    this.#add({ baselineOutputs: shaped(outputs, run.outputs.shape) });
  }

  // Adds to the run on show, and to what it was before it was touched.
  #add(more) {
    const { run, original } = this.state;
    this.#set({ run: { ...run, ...more }, original: original && { ...original, ...more } });
  }

  // The sequence with one bit more, which asks for the next one.
  #encodeLonger(task, question) {
    const rows = [...question.rows, "0"];
    return rows.length <= task.form.most && task.layout.context !== null ? this.#encode(task, { ...question, rows }) : null;
  }

  // Weights come once the first picture is there, before somebody edits.
  #loadAhead(asked) {
    const { baseline } = this.task(asked.task), { config, weights } = this.#machineOf(asked);
    if (!this.#runners) return;
    if (weights) this.#runners.machine.load({ config, weights: this.#addressOf(weights) });
    if (baseline) this.#runners.beside.load({ ...baseline, weights: this.#addressOf(baseline.weights) });
  }
}

// The outputs of an LSTM that has not answered yet.
const notYet = (steps, outputs) => shaped(new Float32Array(steps * outputs).fill(NaN), [steps, outputs]);

// Starts it; the page calls this once.
export function open(catalogue, server, first) {
  window.ntm = new Store(catalogue, server);
  window.ntm.open(first);
  followBack();
  return window.ntm;
}

// For views and for the page's own events.
Object.assign(Store.prototype, { comparisonOf, complete, errorOf, unpack, verdictOf });
