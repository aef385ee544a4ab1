// Runs machines: short runs at once, so that they are drawn in the same frame, and long ones in a worker, one at a time.
// Whoever asks while the worker is busy waits; of those who wait only the last is answered, for the answers to the others
// would come too late to be of use.

const SHORT = 2 ** 18; // numbers of memory in all steps, for which a run takes a few milliseconds

export const canRun = () => typeof WebAssembly === "object" && typeof Worker === "function";

export class Runner {
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  #here = null; // the page's own machines, once it has some
  #known = new Set(); // the addresses of the weights that have been asked for
  #busy = false;
  #waiting = null;

  // The trace of a run, or null where another was asked for since. It fails where the machine cannot be run. See
  // machines.js for what is asked.
  run(asked) {
    const { machine } = asked, isNew = this.#isNew(machine);
    if (isShort(asked)) {
      if (isNew) this.#loadThere(machine);
      return this.#runHere(asked);
    }
    if (isNew) this.#loadHere(machine);
    return this.#runThere(asked);
  }

  // Has a machine be here and there before it is asked for.
  load(machine) {
    if (!this.#isNew(machine)) return;
    this.#loadHere(machine);
    this.#loadThere(machine);
  }

  #isNew({ weights }) {
    if (this.#known.has(weights)) return false;
    this.#known.add(weights);
    return true;
  }

  #loadHere(machine) {
    if (!isLSTM(machine)) this.#runHere({ machine }).catch(() => {});
  }

  #loadThere(machine) {
    this.#runThere({ machine }).catch(() => {});
  }

  async #runHere(asked) {
    this.#here ??= import(new URL("machines.js", import.meta.url));
    return (await this.#here).trace(asked);
  }

  #runThere(asked) {
    return new Promise((resolve, reject) => {
      this.#waiting?.resolve(null);
      this.#waiting = { asked, resolve, reject };
      this.#next();
    });
  }

  #next() {
    if (this.#busy || !this.#waiting) return;
    const { asked, resolve, reject } = this.#waiting;
    this.#waiting = null;
    this.#busy = true;
    const answer = (settle) => {
      this.#busy = false;
      settle();
      this.#next();
    };
    this.#worker.onmessage = ({ data }) => answer(() => (data.error ? reject(new Error(data.error)) : resolve(data.trace)));
    this.#worker.onerror = ({ message }) => answer(() => reject(new Error(message || "the worker cannot start")));
    try {
      this.#worker.postMessage(asked);
    } catch (error) {
      answer(() => reject(error));
    }
  }
}

const isLSTM = ({ config }) => "hidden_size" in config;

const isShort = ({ machine, inputs, steps, slots }) => inputs && !isLSTM(machine) && steps * slots * machine.config.memory_width <= SHORT;
