// The bell's popover: opening it loads the newest and marks them as seen, closing it what came in the meantime.
(() => {
  const bell = document.getElementById("bell");
  if (!bell) return;

  const send = (id, name) => document.getElementById(id)?.dispatchEvent(new CustomEvent(name));

  bell.addEventListener("toggle", event => {
    const open = event.newState === "open";
    const flag = document.getElementById("bell-open");
    const shown = document.getElementById("bell-at");
    if (flag) flag.value = open ? "1" : "";
    if (shown) shown.value = "";
    if (open || document.getElementById("badge")?.dataset.count !== "0") {
      delete bell.dataset.failed;
      send("bell-loader", "belfry:open");
    }
    if (document.documentElement.dataset.live === "on") send("resume", "belfry:acknowledge");
  });

  // Nobody looks at it in a hidden tab, and what comes there is news.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && bell.matches(":popover-open")) bell.hidePopover();
  });

  // A frame may have been quicker than the answer: the server is told which revision the list shows.
  document.addEventListener("htmx:after:swap", event => {
    if (event.target.id === "bell-loader" && document.documentElement.dataset.live === "on") send("resume", "belfry:acknowledge");
  });

  // The list that could not be loaded says so in its own place; acts.js keeps quiet about it.
  const failed = event => {
    if (event.target.id === "bell-loader") bell.dataset.failed = "";
  };
  document.addEventListener("htmx:response:error", failed);
  document.addEventListener("htmx:error", failed);
})();
