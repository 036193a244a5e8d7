// The list of conversations is asked for again when the bell has changed, and when it is looked at again.
(() => {
  const PAUSE = 500;
  const list = document.getElementById("threads");
  const bell = document.getElementById("bell-button"); // frames replace what is in it
  if (!list || !bell) return;

  let timer;
  const soon = () => {
    if (document.hidden) return;
    clearTimeout(timer);
    timer = setTimeout(() => list.dispatchEvent(new Event("belfry:news")), PAUSE);
  };

  new MutationObserver(soon).observe(bell, { childList: true, subtree: true });
  document.addEventListener("visibilitychange", soon);
  addEventListener("pageshow", event => event.persisted && soon());
})();
