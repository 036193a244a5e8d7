// The test on the page of settings: what is said while it is under way, and when nothing comes back.
(() => {
  const PATIENCE = 15_000;
  const button = document.getElementById("echo-button");
  const result = document.getElementById("echo");
  const line = document.getElementById("echo-waiting");
  if (!button) return;
  let timer;

  const say = words => {
    clearTimeout(timer);
    line.textContent = words;
  };
  const wait = () => {
    say(line.dataset.waiting);
    timer = setTimeout(() => say(line.dataset.silent), PATIENCE);
  };
  const isOurs = event => event.detail?.ctx?.request?.submitter === button;

  document.addEventListener("htmx:before:request", event => isOurs(event) && wait());
  // 204: the result comes by the socket, or has come by now.
  document.addEventListener("htmx:finally:request", event => isOurs(event) && event.detail.ctx.response?.status !== 204 && say(""));
  new MutationObserver(() => say("")).observe(result, { childList: true });
})();
