// What an act has done is said for ten seconds, with the way back; for as long as somebody looks at it, it stays.
(() => {
  const STAY = 10_000;
  const box = document.getElementById("undo");
  if (!box) return;
  let timer;

  const restart = () => {
    clearTimeout(timer);
    if (box.childElementCount && !box.matches(":hover") && !box.contains(document.activeElement)) timer = setTimeout(() => box.replaceChildren(), STAY);
  };
  new MutationObserver(restart).observe(box, { childList: true });
  for (const name of ["pointerenter", "pointerleave", "focusin"]) box.addEventListener(name, restart);
  box.addEventListener("focusout", () => setTimeout(restart));
})();
