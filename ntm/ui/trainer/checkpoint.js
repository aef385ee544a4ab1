// A training as a checkpoint folder (see ntm/storage/checkpoint.py), which `ntm.load` reads and `train.py push` publishes.

import { sizesNear } from "./batches.js";
import { writeSafetensors } from "./engine.js";
import { SEED_BESIDE } from "./training.js";
import { zip } from "./zip.js";

const SEQUENCES = 100; // that the machine is judged on, of every size

/** The folder's name: `ntm-copy`. */
export const nameOf = ({ task }) => `ntm-${task.name}`;

/** The folder as a ZIP archive. */
export function packCheckpoint(training, seconds) {
  const folder = nameOf(training.settings);
  const json = (value) => JSON.stringify(value, null, 1) + "\n";
  return zip({
    [`${folder}/config.json`]: json({ architecture: "NTM", ...training.config, task: training.settings.task.name }),
    [`${folder}/model.safetensors`]: writeSafetensors(training.machine.tensors),
    [`${folder}/training.json`]: json(describe(training, seconds)),
    [`${folder}/evaluation.json`]: json(evaluate(training)),
    [`${folder}/README.md`]: readMe(training.settings, training, folder),
  });
}

function describe({ settings, updates, curve }, seconds) {
  const { task, seed, batch_size, learning_rate, largest_size } = settings;
  return {
    task: task.name,
    updates,
    largest_size,
    batch_size,
    learning_rate,
    seed,
    best_update: updates,
    sequences: updates * batch_size,
    seconds: Math.round(10 * seconds) / 10,
    device: "a browser",
    threads: 1,
    versions: { engine: "WebAssembly" },
    curve,
  };
}

// The error at every size up to the largest that was trained on.
function evaluate(training) {
  const { task, largest_size: largest } = training.settings;
  const sizes = Array.from({ length: largest }, (_, index) => JSON.stringify(sizesNear(task, index + 1)));
  const score = (sizes) => ({
    sizes,
    memory_slots: training.config.memory_slots,
    sequences: SEQUENCES,
    ...training.evaluate(sizes, SEQUENCES),
  });
  const scores = [...new Set(sizes)].map((each) => score(JSON.parse(each)));
  return { task: task.name, error: "bit errors", sequences: SEQUENCES, seeds: [SEED_BESIDE], scores };
}

const readMe = ({ task, seed }, { updates }, folder) => `# ${folder}

A Neural Turing Machine, trained on the task "${task.name}" in a browser: ${updates} updates, seed ${seed}.

    import ntm

    model = ntm.load("${folder}")

\`python train.py push ${folder} NAMESPACE/${folder}\` publishes it, with a model card in place of this file.
`;
