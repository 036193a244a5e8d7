// The page of a thread: it says that its reader is here, stays at its end, and marks what only this reader sees so.
(() => {
  const EVERY = 10_000; // the server believes it for fifteen seconds
  const END = 64; // px that still are the end
  const SOON = 300_000_000; // µs, as data-order counts
  const list = document.getElementById("messages");
  const button = document.getElementById("new-messages");
  if (!list) return;

  const rows = () => [...list.children].filter(row => row.matches(".message"));
  const order = row => Number(row.dataset.order);
  const isOwn = row => row.dataset.author === list.dataset.me;

  // Whose a message is, and whether it goes on with the one before. Frames are the same for everybody, and reloads are
  // as frames: so this is marked here.

  const mark = () => {
    let before = null;
    for (const row of list.children) {
      const isMessage = row.matches(".message");
      if (isMessage) {
        const goesOn = before?.dataset.author === row.dataset.author && order(row) - order(before) < SOON;
        row.toggleAttribute("data-own", isOwn(row));
        row.toggleAttribute("data-follows", Boolean(goesOn && row.dataset.author));
      }
      before = isMessage ? row : null;
    }
  };
  new MutationObserver(mark).observe(list, { childList: true, subtree: true, attributeFilter: ["data-own", "data-follows"] });
  mark();

  if (!button) return; // a page of older ones

  // Who is looking at it.

  const tell = () => {
    if (document.documentElement.dataset.live === "on") document.getElementById("resume")?.dispatchEvent(new Event("belfry:acknowledge"));
  };
  const attend = () => {
    const here = document.getElementById("thread-here");
    if (here) here.value = document.visibilityState === "visible" ? "1" : "";
    tell();
  };
  document.addEventListener("visibilitychange", attend);
  setInterval(() => document.visibilityState === "visible" && tell(), EVERY);
  attend();

  // Older messages are as old as their rendering, which is told with them.
  new MutationObserver(changes => {
    if (changes.some(change => [...change.addedNodes].some(node => node.id === "thread-from"))) tell();
  }).observe(document.getElementById("resume"), { childList: true });

  // Its end. Who reads further up is not moved: a button counts what has arrived below.

  const page = document.scrollingElement;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let isAtEnd = true;
  let waiting = []; // ids

  const count = () => {
    button.hidden = waiting.length === 0;
    if (waiting.length) button.textContent = inWords(button.dataset.words, waiting.length);
  };
  const look = () => {
    isAtEnd = innerHeight + scrollY >= page.scrollHeight - END;
    if (!isAtEnd || !waiting.length) return;
    waiting = [];
    count();
  };
  const stay = () => isAtEnd && scrollTo({ top: page.scrollHeight, behavior: "instant" });

  let newest = Math.max(0, ...rows().map(order));
  new MutationObserver(changes => {
    const added = changes.flatMap(change => [...change.addedNodes]).filter(node => node.matches?.(".message") && node.isConnected);
    const arrived = added.filter(row => order(row) > newest);
    waiting = waiting.filter(id => document.getElementById(id));
    newest = Math.max(newest, ...arrived.map(order));
    if (arrived.some(isOwn)) isAtEnd = true;
    if (!isAtEnd) waiting.push(...arrived.map(row => row.id));
    if (!still.matches) for (const row of arrived) row.animate([{ opacity: 0.15 }, {}], { duration: 400, easing: "ease-out" });
    stay();
    count();
  }).observe(list, { childList: true });

  button.addEventListener("click", () => {
    const first = document.getElementById(waiting[0]);
    waiting = [];
    count();
    first?.scrollIntoView({ block: "start" });
    first?.focus({ preventScroll: true });
  });

  addEventListener("scroll", look, { passive: true });
  addEventListener("resize", stay);
  const sizes = new ResizeObserver(stay);
  for (const part of [list, document.getElementById("compose")]) if (part) sizes.observe(part);

  // What comes in above moves nothing either: what is at the top of the window stays there.
  let held = null;
  document.addEventListener("htmx:before:swap", event => {
    const isOurs = (event.detail?.tasks ?? []).some(({ target }) => target === list || target === "#messages");
    const row = isOurs && !isAtEnd && rows().find(one => one.getBoundingClientRect().bottom > 0);
    held = row ? { id: row.id, top: row.getBoundingClientRect().top } : null;
  });
  document.addEventListener("htmx:after:swap", () => {
    const row = held && document.getElementById(held.id);
    if (row && !isAtEnd) scrollBy({ top: row.getBoundingClientRect().top - held.top, behavior: "instant" });
    held = null;
  });

  // The message that the address names, which may be on an older page.
  const number = id => Number(id.slice("message-".length));
  const jump = () => {
    const id = /^#(message-\d+)$/.exec(location.hash)?.[1];
    const row = id && document.getElementById(id);
    const first = rows()[0];
    if (row) {
      row.scrollIntoView({ block: "center", behavior: "instant" });
      row.focus({ preventScroll: true });
    } else if (id && first && number(id) < number(first.id)) {
      location.replace(`?before=${number(id) + 1}#${id}`);
    } else stay();
    look();
  };
  history.scrollRestoration = "manual";
  addEventListener("hashchange", jump);
  jump();

  // The link to a message, copied where the browser lets us.
  document.addEventListener("click", async event => {
    const link = event.target.closest?.("a[data-copy]");
    if (!link || !navigator.clipboard) return;
    event.preventDefault();
    await navigator.clipboard.writeText(link.href);
    const said = document.createElement("span");
    said.className = "said";
    said.textContent = link.dataset.copied;
    document.getElementById("undo").replaceChildren(said);
    link.closest("[popover]")?.hidePopover();
  });
})();
