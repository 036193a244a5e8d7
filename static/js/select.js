// Ticked rows: a range with shift, a count in words, and ticks that survive the swap of their row.
(() => {
  const feed = document.getElementById("feed");
  const bar = document.getElementById("selection");
  if (!feed || !bar) return;

  const count = bar.querySelector(".selection-count");
  const clear = bar.querySelector("[data-clear]");
  const boxes = () => [...feed.querySelectorAll('.notification:not([hidden]) input[name="key"]')];
  const ticked = new Set();
  let last = null;

  const show = () => {
    count.textContent = inWords(count.dataset.words, ticked.size);
  };

  const tick = (box, on) => {
    box.checked = on;
    if (on) ticked.add(box.value);
    else ticked.delete(box.value);
  };

  feed.addEventListener("click", event => {
    const box = event.target.closest?.('input[name="key"]');
    if (!box) return;
    const all = boxes();
    const from = all.findIndex(one => one.value === last);
    const range = event.shiftKey && from >= 0 ? all.slice(...[from, all.indexOf(box)].sort((a, b) => a - b).map((at, i) => at + i)) : [box];
    range.forEach(one => tick(one, box.checked));
    last = box.value;
    show();
  });

  clear.addEventListener("click", () => {
    boxes().forEach(box => tick(box, false));
    ticked.clear();
    show();
    document.getElementById("feed-heading").focus({ preventScroll: true });
  });

  // A row that was swapped gets its tick back; one that left the list has none.
  new MutationObserver(() => {
    const there = boxes();
    there.filter(box => ticked.has(box.value)).forEach(box => { box.checked = true; });
    const values = new Set(there.map(box => box.value));
    [...ticked].filter(value => !values.has(value)).forEach(value => ticked.delete(value));
    show();
  }).observe(feed, { childList: true });

  boxes().filter(box => box.checked).forEach(box => ticked.add(box.value)); // as a browser restores them
  show();
})();
