// The view: which run is on show, at which step, and whether it plays. It alone changes that, and has all else drawn from
// it in the browser's next frame.

// The history is moved to its place below once that is there, so parts are looked up while they are all in here.
const parts = Object.fromEntries([...element.querySelectorAll("[data-part]")].map((each) => [each.dataset.part, each]));
const part = (name) => parts[name];
const [root, memoryCanvas, historyCanvas, overTime, tip] = ["root", "memory", "history", "overTime", "tip"].map(part);
const [scrubber, playButton, zoomButton, speedSelect] = ["scrubber", "play", "zoom", "speed"].map(part);
const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

const PLAY = "M4 2l10 6-10 6z", PAUSE = "M4 2h3v12H4zM9 2h3v12H9z";

// The position is a step, or lies between two while it plays; `bit` is the output bit that was pointed at, `hover` where
// the pointer is.
const view = {
  run: null, original: null, position: 0, playing: false, allSlots: false, hover: null, bit: null, historyIsInSight: false,
};
let lastTime = 0, frame = 0;
let shown = null, isOwed = false; // the run that is drawn, and whether the history still is to show it

const currentStep = () => Math.round(view.position);

// What there is to draw, for those who draw it. Where motion is unwelcome it jumps from step to step.
function sceneNow() {
  const { run, original, bit } = view, step = currentStep();
  return {
    run, original, step, bit,
    link: linkOf(run, step),
    position: reducedMotion.matches ? step : view.position,
    stretch: view.allSlots ? { first: 0, count: run.slots } : run.usedSlots,
    width: root.clientWidth,
    historyWidth: overTime.clientWidth,
    room: window.innerHeight - (memoryCanvas.getBoundingClientRect().top + window.scrollY),
    palette: paletteOf(root),
  };
}

function draw() {
  if (!view.run || !root.clientWidth) return;
  houseHistory();
  const scene = sceneNow();
  if (scene.run.slots) drawMemory(memoryCanvas, scene);
  if (scene.historyWidth) showHistory(scene);
  describe(scene);
  showTip(scene, view.hover);
  root.dataset.step = scene.step;
}

// It takes as long as all else together to draw a new run, so it follows a frame later.
function showHistory(scene) {
  isOwed = scene.run !== shown && !isOwed;
  shown = scene.run;
  if (isOwed) return schedule();
  (view.historyIsInSight ? drawHistory : holdHistory)(historyCanvas, scene);
}

// It stands among what one can look into.
function houseHistory() {
  const place = document.querySelector("#history [data-part=place]");
  if (place && overTime.parentElement !== place) place.replaceChildren(overTime);
}

function schedule() {
  if (!frame) frame = requestAnimationFrame(tick);
}

function tick(time) {
  frame = 0;
  if (!element.isConnected || !view.run) return;
  if (view.playing) {
    const position = view.position + (Math.max(0, time - lastTime) / 1000) * Number(speedSelect.value);
    lastTime = time;
    seek(position);
    if (view.position === view.run.steps - 1) setPlaying(false);
    schedule();
  }
  draw();
}

// ---- changing it -------------------------------------------------------------------------------------------------

// Shows a run. An edit stays at its step; another task, and what is asked anew, plays from the start.
function show({ run, original }) {
  if (!run || !element.isConnected) return;
  const fresh = view.run?.id !== run.id, again = !run.anew && view.run?.asked?.task === run.asked?.task;
  Object.assign(view, { run: prepareRun(run, original), original });
  scrubber.max = run.steps - 1;
  zoomButton.hidden = view.run.usedSlots.count === run.slots;
  zoomButton.textContent = "All " + run.slots + " slots";
  memoryCanvas.hidden = !run.slots;
  root.dataset.run = run.id;
  if (!fresh) return schedule();
  if (!again) view.bit = null;
  seek(run.openAt ?? (again ? view.position : 0));
  if (run.openAt !== null) setPlaying(false);
  else if (!again) setPlaying(!reducedMotion.matches);
}

// All other views follow.
function seek(position) {
  view.position = Math.min(Math.max(position, 0), view.run.steps - 1);
  scrubber.value = currentStep();
  schedule();
  document.dispatchEvent(new CustomEvent("tape", { detail: { position: view.position } }));
}

function goTo(step) {
  setPlaying(false);
  seek(step);
}

const goBy = (steps) => goTo(currentStep() + steps);

function setPlaying(playing) {
  if (playing && view.position >= view.run.steps - 1) view.position = 0;
  view.playing = playing;
  lastTime = performance.now();
  part("playIcon").setAttribute("d", playing ? PAUSE : PLAY);
  playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
  schedule();
}
