// A worker that runs machines, one run at a time. Whoever asks while it is busy waits; of those who wait only the last is
// answered, for the answers to the others would come too late to be of use.

export const canRun = () => typeof WebAssembly === "object" && typeof Worker === "function";

export class Runner {
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  #busy = false;
  #waiting = null;

  // The trace of a run, or null where another was asked for since. It fails where the worker does. See worker.js for
  // what is asked.
  run(asked) {
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
    this.#worker.postMessage(asked);
  }
}
