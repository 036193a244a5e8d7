// The preview of a broadcast, while it is being written. The last request wins; the last preview stays until there is a
// newer one, and a line says when it is out of date.
(() => {
  const PAUSE = 250; // ms without a key
  const SLOW = 1500; // ms until the line says that the server takes its time
  const RETRY = 5000;
  const form = document.getElementById("broadcast-form");
  const loader = document.getElementById("preview-loader");
  const preview = document.getElementById("preview");
  const line = document.getElementById("preview-state");
  if (!form || !loader) return;

  let pausing, slow, retrying;

  const say = state => {
    preview.dataset.state = state;
    const words = line.dataset[state] ?? "";
    if (line.textContent !== words) line.textContent = words;
  };

  const ask = () => {
    clearTimeout(retrying);
    loader.dispatchEvent(new CustomEvent("belfry:typed"));
  };

  const soon = () => {
    clearTimeout(pausing);
    pausing = setTimeout(ask, PAUSE);
  };

  const typed = event => {
    if (event.target.form !== form) return;
    soon();
    slow ??= setTimeout(() => preview.dataset.state || say("late"), PAUSE + SLOW);
  };
  form.addEventListener("input", typed);
  form.addEventListener("change", typed);

  const ours = event => event.target === loader || event.detail?.ctx?.sourceElement === loader;

  const failed = event => {
    if (!ours(event)) return;
    clearTimeout(slow);
    slow = undefined;
    say(event.detail?.ctx?.response?.status ? "failed" : "unreachable");
    clearTimeout(retrying);
    retrying = setTimeout(ask, RETRY);
  };
  document.addEventListener("htmx:response:error", failed);
  document.addEventListener("htmx:error", failed);
  addEventListener("online", () => preview.dataset.state && ask());

  document.addEventListener("htmx:after:request", event => {
    if (!ours(event) || event.detail.ctx.response.status >= 400) return;
    clearTimeout(slow);
    slow = undefined;
    say("");
  });

  // What was restored. Not at once: htmx does not listen yet while scripts are being run.
  form.addEventListener("belfry:restored", soon);
})();
