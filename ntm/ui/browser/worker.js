// Runs machines off the page's thread: in comes what machines.js is asked, out goes { trace } or { error }. One message is
// answered before the next is sent.

import { trace as run } from "./machines.js";

onmessage = async ({ data: asked }) => {
  try {
    const trace = await run(asked);
    postMessage({ trace }, Object.values(trace).map((values) => values.buffer));
  } catch (error) {
    postMessage({ error: String(error.message ?? error) });
  }
};
