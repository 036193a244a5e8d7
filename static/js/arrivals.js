// A notification that has just arrived glows for a moment. Nothing of it stays in the page.
(() => {
  const feed = document.getElementById("feed");
  if (!feed || matchMedia("(prefers-reduced-motion: reduce)").matches) return;

  const FRESH = 60_000_000; // µs, as data-order counts
  const GLOW = [{ backgroundColor: "var(--copper-wash)", opacity: 0.4 }, { backgroundColor: "var(--copper-wash)", opacity: 1, offset: 0.15 }, {}];

  const rows = nodes => [...nodes].filter(node => node.matches?.('.notification[data-state="unread"]'));
  const isFresh = row => Date.now() * 1000 - row.dataset.order < FRESH;

  new MutationObserver(changes => {
    const replaced = new Set(changes.flatMap(change => [...change.removedNodes].map(node => node.id)));
    for (const row of changes.flatMap(change => rows(change.addedNodes))) {
      if (isFresh(row) && !replaced.has(row.id)) row.animate(GLOW, { duration: 2400, easing: "ease-out" });
    }
  }).observe(feed, { childList: true });
})();
