// Notifications of the system, for who has switched them on in this browser: while no tab of the site is visible, and
// once over all tabs. Web locks are how tabs know of each other: a visible one holds a lock, and who tells holds another.
(() => {
  const SETTING = "belfry-desktop";
  const VISIBLE = "belfry-visible";
  const HELD = 60_000; // for which no other tab tells of the same item
  const box = document.getElementById("toasts");
  const exists = "Notification" in window && "locks" in navigator && isSecureContext;
  const isOn = () => exists && localStorage.getItem(SETTING) === "on" && Notification.permission === "granted";

  // A tab that is looked at says so.

  let leave;
  const attend = () => {
    leave?.();
    leave = undefined;
    if (document.hidden || !isOn()) return;
    const gone = new Promise(resolve => (leave = resolve));
    navigator.locks.request(VISIBLE, { mode: "shared" }, () => gone);
  };
  const isWatched = async () => (await navigator.locks.query()).held.some(lock => lock.name === VISIBLE);

  const own = new Set();
  const once = (key, tell) => {
    if (own.has(key)) return tell(); // the number of a storm grows
    return navigator.locks.request(`${SETTING}-${key}`, { ifAvailable: true }, async lock => {
      if (!lock) return;
      own.add(key);
      tell();
      await new Promise(resolve => setTimeout(resolve, HELD));
      own.delete(key);
    });
  };

  const show = (text, key, url) => {
    const { lang, dir } = document.documentElement;
    const icon = document.querySelector("link[rel=icon]")?.href;
    const shown = new Notification(text, { tag: key, lang, dir, icon });
    shown.addEventListener("click", () => {
      window.focus();
      shown.close();
      if (url) location.assign(url);
    });
  };

  const tell = async toast => {
    const link = toast.querySelector("p a");
    const key = toast.id.replace(/^toast-/, "");
    if (!link || !document.hidden || !isOn() || (await isWatched())) return;
    await once(key, () => show(link.textContent.trim(), key, link.href));
  };

  if (box && exists) {
    attend();
    document.addEventListener("visibilitychange", attend);
    addEventListener("storage", attend);
    new MutationObserver(changes => {
      changes.flatMap(change => [...change.addedNodes]).filter(node => node.matches?.(".toast")).forEach(tell);
    }).observe(box, { childList: true });
  }

  // Its switch in the settings.

  const row = document.getElementById("desktop");
  if (!row) return;
  const button = row.querySelector("[role=switch]");

  const state = () => {
    if (!exists) return "missing";
    return Notification.permission === "denied" ? "denied" : "";
  };

  const refresh = (now = state()) => {
    row.hidden = false;
    button.hidden = now !== "";
    button.setAttribute("aria-checked", String(isOn()));
    button.querySelector(".switch-word").textContent = isOn() ? button.dataset.on : button.dataset.off;
    for (const words of row.querySelectorAll("[data-when]")) words.hidden = words.dataset.when !== now;
  };

  const switchOn = async () => {
    if ((await Notification.requestPermission()) !== "granted") return refresh();
    try {
      show(button.dataset.sample, SETTING); // some phones have the name, but no such thing
    } catch {
      return refresh("missing");
    }
    localStorage.setItem(SETTING, "on");
    refresh();
    attend();
  };

  button.addEventListener("click", () => {
    if (!isOn()) return switchOn();
    localStorage.removeItem(SETTING);
    refresh();
    attend();
  });
  refresh();
})();
