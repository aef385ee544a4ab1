// Marks the page as whole, by the attribute `data-whole` of its root, once the machine and what stands around it are there.
// It stands at the head of the page, and of the others, which have but an essay.

{
  const PARTS = ["[data-run]", "#task input", "#typed textarea", "#slots input", "#surprise", "#summary .verdict", "#more [role=tab]"];
  const isThere = (part) => document.querySelector(part) !== null;
  const watcher = new MutationObserver(() => {
    if (!isThere("#essay") && !PARTS.every(isThere)) return;
    document.documentElement.toggleAttribute("data-whole", true);
    watcher.disconnect();
  });
  watcher.observe(document, { subtree: true, childList: true, attributeFilter: ["data-run"] });
}
