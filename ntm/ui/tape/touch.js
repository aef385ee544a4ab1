// What can be dragged on the tape: a head's bar to another slot, and a cell of memory sideways to another value.

onDrag(memoryCanvas, (x, y) => {
  const scene = sceneNow(), { run, step } = scene, head = headUnder(scene, y), under = slotUnder(scene, x, y);
  if (!under || run.byServer) return null;
  setPlaying(false);
  if (!head) return under.column === null ? null : dragNumber(cellNumber(run, step, under.slot, under.column));
  return (to) => {
    const slot = slotUnder(scene, to, y)?.slot ?? null;
    if (slot !== null) putHead(step, head, slot);
  };
});
