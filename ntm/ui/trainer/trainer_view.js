// The trainer on the page: one or two machines in training, each in a worker of its own. A run is what is known of a
// training; the chart and the cards are views of the runs.

import { drawQuestion, sizesNear } from "./batches.js";
import { drawChart } from "./chart.js";
import { nameOf } from "./checkpoint.js";
import { encode } from "./encode.js";
import { drawPicture } from "./picture.js";
import { rowsOfWord, wordOf } from "./question.js";
import { Random } from "./random.js";
import { canRun } from "./runner.js";
import { problemOf } from "./settings.js";
import { configOf } from "./training.js";

const KINDS = ["first", "second"];
const TITLES = { first: "First machine", second: "Second machine" };
const SPEAK_EVERY_MS = 20_000;
const WORTH_KEEPING = 100; // updates

/** Takes over the elements of trainer.html; `taskOf(name)` describes a task. Returns { train(kind, settings) }. */
export function mount(element, taskOf) {
  const part = (name, place = element) => place.querySelector(`[data-part="${name}"]`);
  const runs = new Map(); // by kind
  let drawn = null; // a question that was drawn and not typed

  // ---- asking -----------------------------------------------------------------------------------------------------

  const word = part("word"), takesWord = ({ form }) => form.word;

  function questionFor(settings) {
    const { task } = settings;
    if (takesWord(task) && drawn === null) return { rows: rowsOfWord(word.value || "?"), number: 2 };
    const seed = drawn ?? 1;
    return drawQuestion(task, sizesNear(task, settings.largest_size), new Random(seed));
  }

  function ask(run) {
    run.question = questionFor(run.settings);
    run.sequence = encode(run.settings.task, run.question);
    run.worker.postMessage({ ask: run.sequence });
  }

  word.addEventListener("input", () => {
    drawn = null;
    runs.forEach(ask);
  });
  part("another").addEventListener("click", () => {
    drawn = 1 + Math.floor(2 ** 31 * Math.random());
    runs.forEach(ask);
  });
  part("ask").addEventListener("submit", (event) => event.preventDefault());

  // ---- training ---------------------------------------------------------------------------------------------------

  function train(kind, chosen) {
    const problem = canRun() ? problemOf(chosen) : "This browser cannot run the engine that trains machines.";
    tell(problem);
    if (problem) return;
    const { name, inputSize, outputSize, sizes, form, layout } = taskOf(chosen.task);
    const settings = { ...chosen, task: { name, inputSize, outputSize, sizes, form, layout } };
    runs.get(kind)?.worker.terminate();
    const worker = new Worker(new URL("training_worker.js", import.meta.url), { type: "module" });
    const run = { kind, settings, config: configOf(settings), worker, curve: [], report: null, keptAt: 0, card: cardOf(kind), spoken: 0 };
    runs.set(kind, run);
    listen(run);
    part("runs").replaceChildren(...KINDS.filter((each) => runs.has(each)).map((each) => runs.get(each).card));
    part("wordLabel").hidden = ![...runs.values()].some((each) => takesWord(each.settings.task));
    ask(run);
    worker.postMessage({ start: settings });
    showAll();
  }

  function listen(run) {
    const { worker, card, kind } = run, send = (order) => worker.postMessage(order);
    worker.onmessage = ({ data: { report, kept, problem } }) => {
      if (problem) fail(run, problem);
      if (kept) {
        download(`${nameOf(run.settings)}.zip`, kept);
        run.keptAt = run.report.updates;
      }
      if (!report) return;
      const before = run.report;
      run.curve.push(...report.rows);
      run.report = report;
      speak(run, before);
      showSoon();
    };
    worker.onerror = ({ message }) => fail(run, message || "The trainer cannot start in this browser.");
    part("go", card).addEventListener("click", () => send({ run: !run.report?.running }));
    part("step", card).addEventListener("click", () => send({ step: true }));
    part("keep", card).addEventListener("click", () => send({ keep: true }));
    part("rate", card).addEventListener("input", ({ target }) => send({ rate: 10 ** Number(target.value) }));
    part("away", card).addEventListener("click", () => putAway(kind));
  }

  function fail(run, problem) {
    tell(problem);
    run.worker.terminate();
    run.failed = true;
    showSoon();
  }

  function putAway(kind) {
    const { worker, card } = runs.get(kind);
    worker.terminate();
    runs.delete(kind);
    card.remove();
    showAll();
    word.focus();
  }

  // The browser asks before it leaves a page on which something would be lost.
  window.addEventListener("beforeunload", (event) => {
    if ([...runs.values()].some(({ report, keptAt }) => report && report.updates > keptAt + WORTH_KEEPING)) event.preventDefault();
  });

  // ---- showing ----------------------------------------------------------------------------------------------------

  let soon = false; // whether the next frame draws

  function showSoon() {
    if (soon) return;
    soon = true;
    requestAnimationFrame(showAll);
  }

  function showAll() {
    soon = false;
    if (!element.isConnected) return end();
    const shown = KINDS.filter((kind) => runs.has(kind)).map((kind) => runs.get(kind));
    drawChart(part("chart"), shown.map(({ kind, curve, report }) => ({ kind, curve, solvedAt: report?.solvedAt })));
    part("chart").setAttribute("aria-label", shown.map((run) => `${TITLES[run.kind]}: ${stateOf(run)}`).join(" ") || "Nothing has been trained yet.");
    shown.forEach(showCard);
  }

  function end() {
    runs.forEach(({ worker }) => worker.terminate());
    runs.clear();
  }

  function cardOf(kind) {
    const card = part("template").content.firstElementChild.cloneNode(true);
    card.classList.add(kind);
    card.setAttribute("aria-label", TITLES[kind]);
    part("title", card).textContent = TITLES[kind];
    return card;
  }

  function showCard(run) {
    const { card, report } = run;
    const write = (name, text) => { part(name, card).textContent = text; };
    write("settings", settingsInWords(run.settings));
    write("state", stateOf(run));
    write("go", report?.running ? "Pause" : "Go on");
    for (const name of ["go", "step", "keep", "rate"]) part(name, card).disabled = run.failed || !report;
    if (!report) return;
    write("rateText", Number(report.rate.toPrecision(2)));
    const rate = part("rate", card);
    if (!rate.matches(":active")) rate.value = Math.log10(report.rate); // not under a finger
    rate.setAttribute("aria-valuetext", String(Number(report.rate.toPrecision(2))));
    if (report.picture) showAnswer(run, write);
  }

  function showAnswer(run, write) {
    const { card, config, question, sequence, report: { picture }, settings } = run;
    if (picture.outputs.length !== sequence.steps * config.output_size) return; // the answer to what was asked before
    const { rows, due } = answerOf(sequence, picture, config.output_size);
    const wrong = rows.join("").split("").filter((bit, index) => bit !== due.join("")[index]).length;
    write("wrong", `${wrong} of ${due.join("").length} bits of this answer wrong`);
    const inLetters = takesWord(settings.task) && drawn === null;
    part("echo", card).hidden = !inLetters;
    if (inLetters) {
      const letters = (bits) => bits.map((row) => wordOf([row]));
      part("asked", card).replaceChildren(...letters(question.rows).map((letter) => letterOf(letter, true)));
      part("answered", card).replaceChildren(...letters(rows).map((letter, index) => letterOf(letter, rows[index] === due[index])));
    }
    drawPicture(part("picture", card), { config, sequence, picture });
    part("picture", card).setAttribute("aria-label", `Input, answer, weightings and memory over time; ${wrong} bits are wrong.`);
  }

  function letterOf(letter, right) {
    const made = document.createElement("b");
    made.textContent = letter;
    if (!right) made.className = "no";
    return made;
  }

  new ResizeObserver(showSoon).observe(part("chart"));
  new MutationObserver(showSoon).observe(document.body, { attributes: true, attributeFilter: ["class"] });

  // ---- telling ----------------------------------------------------------------------------------------------------

  function tell(problem) {
    part("problem").textContent = problem ?? "";
    part("problem").hidden = !problem;
  }

  // To those who do not see it: what has changed, and otherwise now and then.
  function speak(run, before) {
    const { report } = run, changed = (name) => Boolean(before?.[name]) !== Boolean(report[name]);
    const news = ["running", "solvedAt", "finished"].some(changed) || before?.returns < report.returns;
    if (!news && performance.now() - run.spoken < SPEAK_EVERY_MS) return;
    run.spoken = performance.now();
    part("live").textContent = `${TITLES[run.kind]}: ${stateOf(run)}`;
  }

  return { train };
}

// The scored rows of the answer after rounding, and those that are due, as bits.
function answerOf({ mask, targets }, { outputs }, size) {
  const steps = [...mask.keys()].filter((step) => mask[step]);
  const bits = (values) => steps.map((step) => Array.from(values.subarray(step * size, (step + 1) * size), (value) => (value > 0.5 ? "1" : "0")).join(""));
  return { rows: bits(outputs), due: bits(targets) };
}

function settingsInWords({ task, ...settings }) {
  const controller = settings.controller === "lstm" ? "LSTM" : "feedforward";
  const heads = settings.read_heads + settings.write_heads > 2 ? [`${settings.read_heads} read, ${settings.write_heads} write heads`] : [];
  return [
    `${task.name}, sizes to ${settings.largest_size}`,
    `${controller} of ${settings.controller_size}`,
    `${settings.memory_slots} slots of ${settings.memory_width}, ${settings.memory_init}`,
    ...heads,
    ...(settings.shift_range === 1 ? [] : [settings.shift_range ? `shifts to ${settings.shift_range}` : "no shifts"]),
    `rate ${settings.learning_rate}`,
    `batch ${settings.batch_size}`,
    `seed ${settings.seed}`,
  ].join(" · ");
}

// How it goes, in words.
function stateOf({ report, failed }) {
  if (failed) return "It has ended.";
  if (!report) return "Starting from noise …";
  const { updates, sequences, seconds, error, solvedAt, finished, returns, running } = report;
  const count = (number) => number.toLocaleString("en");
  if (error === null) return `Update ${count(updates)}: noise so far.`;
  const wrong = `${error < 0.1 ? error.toFixed(3) : error.toFixed(1)} wrong bits a sequence`;
  const fell = returns ? ` It fell back ${returns === 1 ? "once" : `${returns} times`} and took up where it was best, at a lower rate.` : "";
  if (finished && !running) return `Finished after ${count(updates)} updates and ${count(sequences)} sequences: ${wrong}.${fell}`;
  const now = `${running ? "Update" : "Paused at update"} ${count(updates)}, ${seconds.toFixed(0)} s: ${wrong}.`;
  const solved = solvedAt ? ` Solved after ${count(solvedAt)}; its rate falls now, so that it stays that way.` : "";
  return now + solved + fell;
}

function download(name, bytes) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/zip" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
