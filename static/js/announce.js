// The one line that screen readers are told of: every two seconds at most it takes what has become of jobs, what an act
// has done, and what frames have written beside it.
(() => {
  const EVERY = 2000;
  const line = document.getElementById("bell-status");
  const bell = document.getElementById("bell-button"); // frames replace what is in it
  const next = () => document.getElementById("bell-status-next")?.textContent ?? "";
  const done = document.getElementById("undo");
  const jobs = document.getElementById("jobs-said"); // each sentence is said once
  if (!line || !bell) return;

  const ofJobs = () => {
    const words = [...(jobs?.children ?? [])].map(one => `${one.textContent}.`).join(" ");
    jobs?.replaceChildren();
    return words;
  };
  const ofOthers = () => [done?.textContent.trim(), next()].filter(Boolean).join(" ");

  let said = -EVERY;
  let known = ofOthers(); // how things stood, and so is no news
  let timer;

  const say = () => {
    timer = undefined;
    const others = ofOthers();
    const words = [ofJobs(), others !== known && others].filter(Boolean).join(" ");
    if (!words && others === known) return;
    known = others;
    line.textContent = words;
    said = performance.now();
  };

  const soon = () => {
    timer ??= setTimeout(say, Math.max(0, said + EVERY - performance.now()));
  };

  new MutationObserver(soon).observe(bell, { childList: true, characterData: true, subtree: true });
  if (jobs) new MutationObserver(() => jobs.childElementCount && soon()).observe(jobs, { childList: true });
  if (done) new MutationObserver(() => done.childElementCount && soon()).observe(done, { childList: true });
})();
