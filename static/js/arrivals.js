// A notification that has just arrived fades in. Nobody's place in the list jumps for it: while the reader has
// scrolled down, or has the focus in the list, what arrives on top waits behind a button that counts it.
(() => {
  const TOP = 8; // px that still are the top
  const FRESH = 60_000_000; // µs, as data-order counts
  const RISE = [{ opacity: 0.15 }, {}]; // nothing that has to be painted anew in each frame
  const feed = document.getElementById("feed");
  const button = document.getElementById("new-rows");
  if (!feed) return;

  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const rows = nodes => [...nodes].filter(node => node.matches?.(".notification"));
  const order = row => Number(row.dataset.order);
  const waiting = () => rows(feed.children).filter(row => row.hidden);
  const isReading = () => scrollY > TOP || feed.contains(document.activeElement) || document.activeElement?.closest("#new-rows, dialog");

  const rise = row => {
    const isFresh = row.dataset.state === "unread" && Date.now() * 1000 - order(row) < FRESH;
    if (isFresh && row.isConnected && !row.hidden && !still.matches) row.animate(RISE, { duration: 600, easing: "ease-out" });
  };

  new MutationObserver(changes => {
    const replaced = new Set(changes.flatMap(change => [...change.removedNodes].map(node => node.id)));
    const added = changes.flatMap(change => rows(change.addedNodes));
    const arrived = added.filter(row => !replaced.has(row.id));
    if (arrived.length) requestAnimationFrame(() => arrived.forEach(rise)); // begun at once, it would cost a layout now
    if (button) count();
  }).observe(feed, { childList: true });

  if (!button) return;

  // A day whose rows all wait has no heading yet.
  const isWaiting = day => {
    let row = day.nextElementSibling;
    if (!row?.hidden) return false;
    while (row?.matches(".notification") && row.hidden) row = row.nextElementSibling;
    return !row?.matches(".notification");
  };

  const count = () => {
    const number = waiting().length;
    for (const day of feed.querySelectorAll(":scope > .day")) day.hidden = number > 0 && isWaiting(day);
    button.hidden = number === 0;
    if (number) button.textContent = inWords(button.dataset.words, number);
  };

  const reveal = () => {
    const shown = waiting();
    for (const row of shown) row.hidden = false;
    if (shown.length) count();
    shown.forEach(rise);
  };

  // Before anything is swapped in. New on top is what is newer than all that has been shown: rows that come back, older ones
  // and a whole list are not. A row that is replaced goes on waiting.
  let newest = Math.max(0, ...rows(feed.children).map(order));
  let isSwapping = false;

  document.addEventListener("htmx:before:swap", event => {
    if (event.defaultPrevented) return;
    isSwapping = true;
    const reading = isReading();
    const tasks = (event.detail?.tasks ?? []).filter(({ target }) => target === feed || target === "#feed");
    for (const { fragment, swapSpec } of tasks) {
      if (swapSpec?.style !== "upsert") continue;
      for (const row of rows(fragment.children)) {
        row.hidden = document.getElementById(row.id)?.hidden ?? (reading && order(row) > newest);
      }
    }
    newest = Math.max(newest, ...tasks.flatMap(({ fragment }) => rows(fragment.children).map(order)));
  });

  // A swap may take the focus for a moment.
  const look = () => setTimeout(() => isSwapping || isReading() || reveal());
  document.addEventListener("htmx:finally:swap", () => {
    isSwapping = false;
    look();
  });
  document.addEventListener("focusin", look);
  feed.addEventListener("focusout", look);
  document.addEventListener("scroll", () => scrollY <= TOP && reveal(), { passive: true });
  addEventListener("beforeprint", reveal);

  button.addEventListener("click", () => {
    reveal();
    rows(feed.children)[0]?.focus();
  });
})();
