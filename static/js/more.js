// "More" of a row opens in a popover of the page; without script it is a page of its own.
(() => {
  const panel = document.getElementById("more");
  const body = document.getElementById("more-body");
  if (!panel) return;
  let opener = null;

  document.addEventListener("click", event => {
    const link = event.target.closest?.(".more-link");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    opener = link.id;
    body.replaceChildren(); // what can be done with another row
    panel.setAttribute("aria-label", link.textContent.trim());
    htmx.ajax("GET", link.href, { target: "#more-body", swap: "innerHTML" }).then(() => opener === link.id && open());
  });

  // The row may have been replaced meanwhile, or have left.
  const open = () => {
    const link = document.getElementById(opener);
    if (!link || !body.childElementCount) return;
    const at = link.getBoundingClientRect();
    panel.showPopover({ source: link }); // which keeps the bell open
    place(at);
    (panel.querySelector("[autofocus]") ?? panel.querySelector("button, a"))?.focus();
  };

  // Beside the link where there is room; on a phone the style sheet makes a sheet of it.
  const place = at => {
    const room = innerHeight - at.bottom - 8;
    const height = panel.offsetHeight;
    const top = room >= height ? at.bottom + 4 : Math.max(8, at.top - height - 4);
    const isRtl = getComputedStyle(panel).direction === "rtl";
    const left = isRtl ? at.left : at.right - panel.offsetWidth;
    panel.style.setProperty("--top", `${top}px`);
    panel.style.setProperty("--left", `${Math.max(8, Math.min(left, innerWidth - panel.offsetWidth - 8))}px`);
  };

  const back = () => (document.getElementById(opener) ?? document.getElementById("feed-heading"))?.focus({ preventScroll: true });
  panel.addEventListener("toggle", event => {
    if (event.newState === "closed" && (panel.contains(document.activeElement) || document.activeElement === document.body)) back();
  });
  // A time of one's own that is not given yet is asked for where it stands: nothing is sent, and htmx must not hear of it.
  document.addEventListener("submit", event => {
    const field = event.submitter?.value === "own" && event.submitter.closest(".own-time")?.querySelector("input");
    if (!field || field.value) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    field.focus();
  }, true);

  // What was chosen is done elsewhere: the panel has served. One in which something was written stays until that has arrived.
  document.addEventListener("submit", event => {
    if (event.target.matches("[data-stays]")) return;
    if (event.submitter?.closest("#more, #selection-snooze")) event.submitter.closest("[popover]").hidePopover();
  });
  panel.addEventListener("htmx:after:request", event => {
    if (event.target.matches("[data-stays]") && event.detail.ctx.response.status < 400) panel.hidePopover();
  });
})();
