// Writing: Enter sends where there is a keyboard; what is typed is kept in this tab until it was said, and nothing is said
// twice. The key of the form says which of two that look alike it is: the answer to what was said brings a new one.
(() => {
  const START = "belfry-draft-";
  const keyboard = matchMedia("(pointer: fine)");

  const sends = event => {
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return false;
    if (event.ctrlKey || event.metaKey) return true;
    return keyboard.matches && !event.shiftKey && !event.altKey;
  };

  document.addEventListener("keydown", event => {
    const text = event.target;
    if (!text.matches?.("textarea[data-sends]") || !sends(event)) return;
    event.preventDefault();
    if (!event.repeat) text.form.requestSubmit();
  });

  const form = document.getElementById("compose");
  const text = document.getElementById("compose-text");
  if (!form || !text) return;

  const name = START + form.dataset.draft;
  const key = () => document.getElementById("compose-key");
  const problem = document.getElementById("compose-problem");

  // The draft, and the key that it would be sent with: sent once more after a reload, it is still the same.

  const keep = () => {
    try {
      if (text.value) sessionStorage.setItem(name, JSON.stringify({ text: text.value, key: key().value }));
      else sessionStorage.removeItem(name);
    } catch {} // no room, or not allowed: then only this page has it
  };

  const kept = () => {
    try {
      return JSON.parse(sessionStorage.getItem(name));
    } catch {
      return null;
    }
  };

  const grow = () => {
    if (CSS.supports("field-sizing", "content")) return;
    text.style.blockSize = "auto";
    text.style.blockSize = `${text.scrollHeight}px`;
  };

  const restore = () => {
    const draft = kept();
    if (draft && !text.value) [text.value, key().value] = [draft.text, draft.key];
    grow();
  };

  text.addEventListener("input", () => {
    keep();
    grow();
  });
  restore();
  keep();

  // Until the answer is there, the text stays. Who types on and presses Enter meanwhile is heard then.

  let sent = null;
  let isPressed = false;

  document.addEventListener("submit", event => {
    if (event.target !== form || (sent === null && text.value.trim())) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    isPressed = sent !== null && text.value !== sent.text;
  }, true);

  form.addEventListener("htmx:before:request", () => {
    sent = { text: text.value, key: key().value };
  });

  const take = said => {
    if (text.value === said) text.value = "";
    else if (text.value.startsWith(said)) text.value = text.value.slice(said.length).trimStart();
    problem.textContent = "";
    if (form.contains(document.activeElement)) text.focus();
    grow();
  };

  form.addEventListener("htmx:finally:request", () => {
    if (!sent) return;
    const isSaid = key().value !== sent.key;
    if (isSaid) take(sent.text);
    sent = null;
    keep();
    if (isSaid && isPressed && text.value.trim()) form.requestSubmit();
    isPressed = false;
  });
})();
