// A swap may take away what had the focus. It then goes to the same control if there is one again, else to the next row or
// the next banner.
(() => {
  const ROWS = ".notification, .banner, .job, .message";
  let held = null;

  const isThere = element => element?.isConnected && element.checkVisibility({ visibilityProperty: true });
  const controls = row => [...row.querySelectorAll("a, button")];

  const following = row => {
    const rows = [...row.parentElement.children].filter(one => one.matches(ROWS));
    const at = rows.indexOf(row);
    const others = [...rows.slice(at + 1), ...rows.slice(0, at).reverse()];
    return others.map(one => (one.matches(".banner") ? controls(one).at(-1) : one));
  };

  const hold = element => {
    if (element.closest("#older")) return { element, last: [...document.querySelectorAll("#feed > .notification")].at(-1) };
    if (element.closest("#older-messages")) return { element, first: document.querySelector("#messages > .message") };
    const row = element.closest(ROWS);
    if (!row) return { element };
    return { element, rowId: row.id, place: controls(row).indexOf(element), following: following(row) };
  };

  const sameRow = () => {
    const row = held.rowId && document.getElementById(held.rowId);
    if (row?.matches(".job")) return controls(row)[0]; // what stands in place of "Cancel" is no such thing
    return row && (controls(row)[held.place] ?? row);
  };

  // Older rows were asked for: reading goes on at the first of them.
  const firstLoaded = () => {
    let row = held.last?.nextElementSibling;
    while (row && !row.matches(".notification")) row = row.nextElementSibling;
    return row ?? held.last;
  };

  // And older messages are read from the last of them.
  const lastLoaded = () => {
    let row = held.first?.previousElementSibling;
    while (row && !row.matches(".message")) row = row.previousElementSibling;
    return row ?? held.first;
  };

  const successor = () =>
    [
      held.element.id && document.getElementById(held.element.id),
      sameRow(),
      held.following?.find(isThere),
      firstLoaded(),
      lastLoaded(),
      document.getElementById("feed-heading"),
      document.getElementById("job-title"),
      document.getElementById("thread-title"),
      document.getElementById("main"),
    ].find(isThere);

  document.addEventListener("htmx:before:swap", () => {
    const element = document.activeElement;
    if (element && element !== document.body) held = hold(element);
  });

  document.addEventListener("htmx:after:swap", () => {
    const focused = document.activeElement;
    const lost = held && !isThere(held.element) && (focused === document.body || focused === held.element);
    if (lost) successor()?.focus({ preventScroll: Boolean(held.last ?? held.first) });
    held = null;
  });
})();
