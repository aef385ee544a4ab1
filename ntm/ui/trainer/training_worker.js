// Trains one machine off the page's thread.
//
//   in:  { start: settings }    from first weights on, and running
//        { run: true | false }  go on, pause
//        { step: true }         one update
//        { rate }               the learning rate from now on
//        { ask: sequence }      what the machine is asked in every report
//        { keep: true }         the machine as it is, for `kept`
//   out: { report }             a few times a second while it runs, and at once after each of these
//        { kept: bytes }        a checkpoint folder as a ZIP archive
//        { problem }            a sentence; the training has ended

import { packCheckpoint } from "./checkpoint.js";
import { Engine } from "./engine.js";
import { Training } from "./training.js";

const TURN_MS = 30; // after which it listens
const REPORT_MS = 200;

const engine = fetch(new URL("engine.wasm", import.meta.url))
  .then((response) => response.arrayBuffer())
  .then((bytes) => Engine.load(bytes));
// Unlike a timer's, its turns come at once, in hidden tabs too.
const turns = new MessageChannel();
let training = null;
let running = false;
let asked = null;
let seconds = 0; // spent on updates
let reported = { at: 0, rows: 0 };
let turnComes = false;

const orders = {
  async start(settings) {
    training = new Training(await engine, settings);
    orders.run(true);
  },
  run(go) {
    running = go;
    takeTurn();
  },
  step() {
    running = false;
    train(0);
  },
  rate(rate) {
    training.rate = rate;
  },
  ask(sequence) {
    asked = sequence;
  },
  keep() {
    const bytes = packCheckpoint(training, seconds);
    postMessage({ kept: bytes }, [bytes.buffer]);
  },
};

onmessage = ({ data }) => guard(async () => {
  for (const [name, value] of Object.entries(data)) await orders[name](value);
  if (training) report();
});

function takeTurn() {
  if (!running || turnComes) return;
  turnComes = true;
  turns.port1.postMessage(null);
}

turns.port2.onmessage = () => guard(() => {
  turnComes = false;
  if (!running) return;
  const before = training.finished;
  train(TURN_MS);
  if (training.finished && !before) running = false;
  if (!running || performance.now() - reported.at > REPORT_MS) report();
  takeTurn();
});

async function guard(work) {
  try {
    await work();
  } catch (error) {
    running = false;
    postMessage({ problem: error.message });
  }
}

// Updates until so many milliseconds have passed, one at least.
function train(milliseconds) {
  const begin = performance.now();
  do training.update();
  while (performance.now() - begin < milliseconds);
  seconds += (performance.now() - begin) / 1000;
}

function report() {
  const { settings, updates, rate, error, solvedAt, returns, finished, curve } = training;
  const rows = curve.slice(reported.rows);
  reported = { at: performance.now(), rows: curve.length };
  const sequences = updates * settings.batch_size;
  const picture = asked && pictureOf(training.trace(asked));
  postMessage({ report: { running, updates, sequences, seconds, rate, error, solvedAt, returns, finished, rows, picture } });
}

const pictureOf = ({ logits, memory, read_weights, write_weights }) => ({
  outputs: logits.map((logit) => 1 / (1 + Math.exp(-logit))),
  memory,
  readWeights: read_weights,
  writeWeights: write_weights,
});
