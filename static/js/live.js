// The page's side of the live connection: coming back when it was cut, a watch on sockets that are dead without having
// been closed, acknowledgements, and polling where no socket opens. htmx itself connects, sends and swaps.
(() => {
  const HEARTBEAT = 25_000, PATIENCE = 10_000, POLL = 15_000, ACKNOWLEDGE = 2_000;
  const RETRY = 1_000, LONGEST = 2_000, LONGEST_UNSEEN = 20_000; // between two tries; give or take 90 %
  const RUBBISH = 1008, SIGNED_OUT = 4401, NOT_ALLOWED = 4403, TOO_MANY = 4408;
  const root = document.documentElement;
  let connection, heardAt, watching, retrying, polling, acknowledging, depth, tries = 0;

  const tell = (id, event) => document.getElementById(id)?.dispatchEvent(new Event(event));
  const input = () => document.getElementById("live-state");

  function show(state) {
    root.dataset.live = state;
    if (input()) input().value = state === "on" ? "on" : "";
  }

  // The page's reader has signed out, or is somebody else now; #live has given way to a notice that says so.
  function stop() {
    for (const timer of [watching, retrying, polling, acknowledging]) clearTimeout(timer);
    delete root.dataset.live;
  }
  document.addEventListener("htmx:after:swap", () => {
    if (root.dataset.live && !document.getElementById("resume")) stop();
  });

  // Coming back. Who is looking at the page does not want to wait; the many that nobody looks at are gentle with a server
  // that has just started.

  function connect() {
    clearTimeout(retrying);
    tell("live", "belfry:connect");
  }

  function retry() {
    const delay = Math.min(RETRY * 2 ** tries++, document.hidden ? LONGEST_UNSEEN : LONGEST);
    clearTimeout(retrying);
    retrying = setTimeout(connect, delay * (0.1 + 1.8 * Math.random()));
  }

  // Looked at again, or online again: timers may have slept meanwhile, and a socket may have died without a word.
  function hurry() {
    if (document.hidden || !root.dataset.live) return;
    if (root.dataset.live === "on" && Date.now() - heardAt < HEARTBEAT * 1.2) return;
    drop();
    connect();
  }

  // A dead socket takes a minute to close itself. htmx is told that it has closed.
  function drop() {
    connection?.socket?.dispatchEvent(new CloseEvent("close", { code: 1006 }));
  }

  function watch(event) {
    connection = event.detail.connection;
    heardAt = Date.now();
    clearTimeout(watching);
    watching = setTimeout(drop, HEARTBEAT * 2.2);
  }

  // Polling, while there is no socket.

  function poll() {
    show("polling");
    tell("poll", "belfry:poll");
    polling = setTimeout(poll, POLL);
  }

  function pollSoon(delay) {
    clearTimeout(polling);
    polling = setTimeout(poll, delay);
  }

  document.addEventListener("htmx:ws:before:connection", watch);
  document.addEventListener("htmx:ws:after:connection", (event) => {
    clearTimeout(polling);
    polling = undefined;
    tries = 0;
    show("on");
    watch(event);
  });
  document.addEventListener("htmx:ws:before:message:incoming", watch);
  document.addEventListener("htmx:ws:close", (event) => {
    const { code } = event.detail;
    if (code === SIGNED_OUT || code === NOT_ALLOWED) return stop();
    clearTimeout(watching);
    connection = undefined;
    if (root.dataset.live !== "polling") show("off");
    // Its socket made room for an eleventh one, or was not understood: it tries again when it is looked at again.
    if (code === TOO_MANY || code === RUBBISH) return pollSoon(0);
    if (!polling) pollSoon(PATIENCE);
    retry();
  });
  document.addEventListener("visibilitychange", hurry);
  addEventListener("online", hurry);

  // A socket that opened meanwhile is ahead of a reply that was asked for before.
  document.addEventListener("htmx:before:swap", (event) => {
    if (event.target?.id === "poll" && root.dataset.live === "on") event.preventDefault();
  });

  // Acknowledging: what has been shown, at once where a frame asks for it, which is what an echo is measured by; and at
  // once when older rows have been loaded, how far the page reaches down.

  document.addEventListener("htmx:ws:after:message:incoming", (event) => {
    if (String(event.detail.message.data).startsWith("{")) return;
    if (document.getElementById("receipt")?.hasAttribute("data-at-once")) acknowledge();
    else acknowledging ??= setTimeout(acknowledge, ACKNOWLEDGE);
  });

  function acknowledge() {
    clearTimeout(acknowledging);
    acknowledging = undefined;
    if (root.dataset.live === "on") tell("resume", "belfry:acknowledge");
  }

  // Older rows are as old as their rendering, which is told with them: what has changed in them since comes again.
  function reachDown() {
    const bottom = document.querySelector("#reach input")?.id;
    if (bottom === depth) return;
    depth = bottom;
    if (root.dataset.live === "on") tell("resume", "belfry:acknowledge");
  }

  if (document.getElementById("live")) {
    depth = document.querySelector("#reach input").id;
    new MutationObserver(reachDown).observe(document.getElementById("resume"), { childList: true });
    show("off");
    pollSoon(PATIENCE);
  }
})();
