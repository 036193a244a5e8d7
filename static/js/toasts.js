// Toasts: gone after eight seconds unless they report an error or somebody looks at them. How many come is the server's
// business: nothing that it has counted is dropped here.
(() => {
  const STAY = 8000;
  const box = document.getElementById("toasts");
  if (!box) return;

  const toasts = () => [...box.querySelectorAll(".toast")];

  // The reader wants none. desktop.js has its own record of what came.
  if (box.dataset.toasts === "off") {
    new MutationObserver(() => toasts().forEach(toast => toast.remove())).observe(box, { childList: true });
  }

  let timer;
  const passing = () => toasts().filter(toast => toast.dataset.level !== "error");
  const watched = () => box.matches(":hover") || box.contains(document.activeElement);

  // One clock for all: whatever arrives or is looked at gives everybody the full time again.
  const restart = () => {
    clearTimeout(timer);
    if (passing().length && !watched()) timer = setTimeout(clear, STAY);
  };
  const clear = () => passing().forEach(toast => toast.remove());

  new MutationObserver(restart).observe(box, { childList: true });

  for (const name of ["pointerenter", "pointerleave", "focusin"]) box.addEventListener(name, restart);
  box.addEventListener("focusout", () => setTimeout(restart));

  const dismiss = toast => {
    const hadFocus = toast.contains(document.activeElement);
    toast.remove();
    const next = box.querySelector("[data-dismiss]") ?? document.getElementById("main");
    if (hadFocus) next?.focus({ preventScroll: true });
  };
  document.addEventListener("click", event => {
    const toast = event.target.closest?.("[data-dismiss]")?.closest(".toast");
    if (toast) dismiss(toast);
  });
})();
