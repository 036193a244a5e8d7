// What the page says when an act fails, and a confirmation that closes when it was given.
(() => {
  const box = document.getElementById("alerts");
  if (!box) return;

  const sentence = status => {
    if (!status) return box.dataset.unreachable;
    if (status === 404 || status === 410) return box.dataset.missing;
    return status < 500 ? box.dataset.forbidden : box.dataset.failed;
  };

  const alert = text => {
    const line = document.createElement("div");
    const words = document.createElement("p");
    const button = document.createElement("button");
    line.className = "toast";
    line.id = "act-failed";
    line.dataset.level = "error";
    line.toggleAttribute("data-passing", text === box.dataset.unreachable);
    words.textContent = text;
    button.type = "button";
    button.className = "button";
    button.dataset.dismiss = "";
    button.textContent = box.dataset.dismissLabel;
    line.append(words, button);
    document.getElementById(line.id)?.remove();
    box.append(line);
  };

  // The bell's list and whatever is [data-quiet] speak for themselves, and what polls in the background may fail in silence; the menu of a row may not.
  const report = event => {
    const ctx = event.detail?.ctx;
    const isAsked = ctx?.request?.method === "POST" || ctx?.target?.id === "more-body";
    if (ctx?.response?.status === 422) return; // says why by itself, beside the field
    if (!isAsked || event.target.id === "bell-loader" || event.target.closest?.("[data-quiet]")) return;
    alert(sentence(ctx.response?.status));
  };
  document.addEventListener("htmx:response:error", report);
  document.addEventListener("htmx:error", report);
  // What was refused before is no news while the next act is on its way.
  document.addEventListener("htmx:before:request", event => {
    if (event.detail?.ctx?.request?.method === "POST") document.getElementById("act-refused")?.remove();
  });
  document.addEventListener("htmx:ws:after:connection", () => box.querySelector("[data-passing]")?.remove());

  // Enter in a field presses the button that does nothing: htmx must not hear of it.
  document.addEventListener("submit", event => {
    if (event.submitter?.id !== "no-act") return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  document.addEventListener("submit", event => {
    event.submitter?.closest(".confirm[popover]")?.hidePopover();
  });
})();
