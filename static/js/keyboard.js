// Keys for the list, while it has the focus: a row of it, or the heading above it. Tab reaches one of its rows, j and k go from there.
(() => {
  const SOON = 1500; // ms between the two keys of a pair
  const WRITES = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";
  const HEADING = "feed-heading"; // has the focus when the last row has gone
  const feed = document.getElementById("feed");
  const help = document.getElementById("keys");
  if (!feed || feed.dataset.shortcuts === "off") return;

  const rows = () => [...feed.querySelectorAll(":scope > .notification:not([hidden])")];
  const focused = () => document.activeElement?.closest("#feed > .notification");

  // One row can be reached by Tab: the one that last had the focus, whatever has been swapped in for it.

  let current;
  const rove = () => {
    const all = rows();
    const row = all.find(one => one.id === current) ?? all[0];
    for (const one of feed.querySelectorAll(':scope > .notification[tabindex="0"]')) if (one !== row) one.tabIndex = -1;
    if (row) row.tabIndex = 0;
  };
  feed.addEventListener("focusin", () => {
    current = focused()?.id;
    rove();
  });
  new MutationObserver(rove).observe(feed, { childList: true, subtree: true, attributeFilter: ["hidden"] });
  rove();

  // What the keys do.

  const go = step => {
    const all = rows();
    const next = all[all.indexOf(focused()) + step];
    next?.focus();
    return next;
  };

  const press = (...acts) => {
    const row = focused();
    const key = row?.id.slice("notification-".length);
    const control = acts.map(act => document.getElementById(`notification-${act}-${key}`)).find(one => row?.contains(one));
    control?.click();
    return control;
  };

  const KEYS = {
    j: () => go(1),
    k: () => go(-1),
    e: () => press("archive", "unarchive") && (go(1) ?? go(-1)),
    U: () => press("unread"),
    s: () => press("save", "unsave"),
    x: () => focused()?.querySelector("input[name=key]")?.click(),
    z: () => document.getElementById("undo-button")?.click(),
    m: () => press("more"),
    "?": () => help.showModal(),
    gn: () => location.assign(help.dataset.inbox),
  };

  // A keyboard whose letters are not Latin ones says where the key is.
  const letter = event => {
    if (event.key === "؟") return "?";
    if (event.key.length !== 1 || /[\x20-\x7e]/.test(event.key)) return event.key;
    const latin = /^Key([A-Z])$/.exec(event.code)?.[1] ?? "";
    return event.shiftKey ? latin : latin.toLowerCase();
  };

  let first = "";
  let firstAt = 0;
  const said = event => {
    const key = letter(event);
    const pair = event.timeStamp - firstAt < SOON ? first + key : key;
    [first, firstAt] = [key, event.timeStamp];
    return pair in KEYS ? pair : key;
  };

  document.addEventListener("keydown", event => {
    const { target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    const isInList = focused()?.contains(target) || target.id === HEADING;
    if (!isInList || target.closest(WRITES) || target.closest("[popover], dialog")) return;
    const isRow = target === focused();
    const key = said(event);
    if (key === "Enter" && isRow) target.querySelector("h3 a")?.click();
    else if (!Object.hasOwn(KEYS, key)) return;
    else if (!event.repeat || key === "j" || key === "k") KEYS[key]();
    event.preventDefault();
  });

  // The row from which help was asked for may have been replaced meanwhile.
  help?.addEventListener("close", () => {
    const { activeElement, body } = document;
    if (activeElement === body || help.contains(activeElement)) feed.querySelector(':scope > [tabindex="0"]')?.focus();
  });
})();
