// The one line that screen readers are told of: every two seconds at most it takes what an act has done, and what frames
// have written beside it.
(() => {
  const EVERY = 2000;
  const line = document.getElementById("bell-status");
  const bell = document.getElementById("bell-button"); // frames replace what is in it
  const next = () => document.getElementById("bell-status-next")?.textContent ?? "";
  const done = document.getElementById("undo");
  if (!line || !bell) return;

  let said = -EVERY;
  let timer;

  const say = () => {
    timer = undefined;
    const words = [done?.textContent.trim(), next()].filter(Boolean).join(" ");
    if (line.textContent === words) return;
    line.textContent = words;
    said = performance.now();
  };

  const soon = () => {
    timer ??= setTimeout(say, Math.max(0, said + EVERY - performance.now()));
  };

  new MutationObserver(soon).observe(bell, { childList: true, characterData: true, subtree: true });
  if (done) new MutationObserver(() => done.childElementCount && soon()).observe(done, { childList: true });
})();
