// The page's side of the live connection: whether it is live, a watch on sockets that are dead without having been closed,
// acknowledgements, and polling where no socket opens. htmx itself connects, reconnects and swaps.
(() => {
  const HEARTBEAT = 25_000, PATIENCE = 10_000, POLL = 15_000, ACKNOWLEDGE = 2_000;
  const SIGNED_OUT = 4401, NOT_ALLOWED = 4403, TOO_MANY = 4408;
  const root = document.documentElement;
  let silence, polling, acknowledging, depth, isSetAside = false;

  const tell = (id, event) => document.getElementById(id)?.dispatchEvent(new Event(event));
  const input = () => document.getElementById("live-state");

  function show(state) {
    root.dataset.live = state;
    if (input()) input().value = state === "on" ? "on" : "";
  }

  function watch(connection) {
    clearTimeout(silence);
    silence = setTimeout(() => connection.socket?.close(), HEARTBEAT * 2.2);
  }

  function poll() {
    show("polling");
    tell("poll", "belfry:poll");
    polling = setTimeout(poll, POLL);
  }

  function pollSoon(delay) {
    clearTimeout(polling);
    polling = setTimeout(poll, delay);
  }

  function acknowledgeSoon() {
    acknowledging ??= setTimeout(() => {
      acknowledging = undefined;
      if (root.dataset.live === "on") tell("resume", "belfry:acknowledge");
    }, ACKNOWLEDGE);
  }

  document.addEventListener("htmx:ws:after:connection", (event) => {
    isSetAside = false;
    clearTimeout(polling);
    polling = undefined;
    show("on");
    watch(event.detail.connection);
  });
  document.addEventListener("htmx:ws:before:message:incoming", (event) => watch(event.detail.connection));
  document.addEventListener("htmx:ws:after:message:incoming", (event) => {
    if (!String(event.detail.message.data).startsWith("{")) acknowledgeSoon();
  });
  document.addEventListener("htmx:ws:close", (event) => {
    clearTimeout(silence);
    const code = event.detail.code;
    if (code === SIGNED_OUT || code === NOT_ALLOWED) {
      clearTimeout(polling);
      delete root.dataset.live;
      return;
    }
    if (root.dataset.live !== "polling") show("off");
    isSetAside = code === TOO_MANY;
    if (isSetAside) pollSoon(0);
    else if (!polling) pollSoon(PATIENCE);
  });

  // Older rows have been loaded: the server is told at once how far the page reaches down now. They are as old as their
  // rendering, so the page's position goes back to that: what has changed in them since comes again.
  function reachDown() {
    const cursor = document.getElementById("cursor"), bottom = document.getElementById("bottom")?.value ?? "";
    if (bottom === depth) return;
    depth = bottom;
    const revision = bottom.split("@")[1];
    if (Number(revision) < Number(cursor.value)) cursor.value = revision;
    if (root.dataset.live === "on") tell("resume", "belfry:acknowledge");
  }
  // A socket that opened meanwhile is ahead of a reply that was asked for before.
  document.addEventListener("htmx:before:swap", (event) => {
    if (event.target?.id === "poll" && root.dataset.live === "on") event.preventDefault();
  });
  // This page's socket made room for an eleventh one. Looked at again, it takes its place back.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && isSetAside) tell("live", "belfry:connect");
  });

  if (document.getElementById("live")) {
    depth = document.getElementById("bottom").value;
    new MutationObserver(reachDown).observe(document.getElementById("resume"), { childList: true });
    show("off");
    pollSoon(PATIENCE);
  }
})();
