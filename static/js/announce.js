// The one line that screen readers are told of: frames write beside it, and every two seconds it takes what is true then.
(() => {
  const EVERY = 2000;
  const line = document.getElementById("bell-status");
  const next = document.getElementById("bell-status-next");
  if (!line || !next) return;

  let said = -EVERY;
  let timer;

  const say = () => {
    timer = undefined;
    if (line.textContent === next.textContent) return;
    line.textContent = next.textContent;
    said = performance.now();
  };

  new MutationObserver(() => {
    timer ??= setTimeout(say, Math.max(0, said + EVERY - performance.now()));
  }).observe(next, { childList: true, characterData: true, subtree: true });
})();
