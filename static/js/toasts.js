// Toasts: at most three at a time, gone after eight seconds unless they report an error or somebody looks at them.
(() => {
  const LIMIT = 3;
  const STAY = 8000;
  const box = document.getElementById("toasts");
  if (!box) return;

  let timer;
  const toasts = () => [...box.querySelectorAll(".toast")];
  const passing = () => toasts().filter(toast => toast.dataset.level !== "error");
  const watched = () => box.matches(":hover") || box.contains(document.activeElement);

  // One clock for all: whatever arrives or is looked at gives everybody the full time again.
  const restart = () => {
    clearTimeout(timer);
    if (passing().length && !watched()) timer = setTimeout(clear, STAY);
  };
  const clear = () => passing().forEach(toast => toast.remove());

  new MutationObserver(() => {
    toasts().slice(0, -LIMIT).forEach(toast => toast.remove());
    restart();
  }).observe(box, { childList: true });

  for (const name of ["pointerenter", "pointerleave", "focusin"]) box.addEventListener(name, restart);
  box.addEventListener("focusout", () => setTimeout(restart));

  document.addEventListener("click", event => {
    event.target.closest?.("[data-dismiss]")?.closest(".toast")?.remove();
  });
})();
