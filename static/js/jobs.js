// Jobs: the seconds that are left, what screen readers are told of them, the end of the log, and that an end was seen.
(() => {
  const tray = document.getElementById("tray");
  const said = document.getElementById("jobs-said");
  const reader = document.getElementById("jobs-read");
  const places = ["tray-list", "jobs", "job-page"].map(id => document.getElementById(id)).filter(Boolean);
  if (!tray) return;

  // "in 20s", "in 3 min.". What can be done only then is shown only then; without this script the server refuses it until then.

  const SECOND = 1000, MINUTE = 60;
  const words = style => new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto", style });
  const seconds = words("narrow"), minutes = words("short"); // "10 m" is a length, too
  const left = n => (n > 1.5 * MINUTE ? minutes.format(Math.round(n / MINUTE), "minute") : seconds.format(Math.max(0, n), "second"));

  let counting;
  const countDown = () => {
    clearTimeout(counting);
    const now = Date.now();
    const times = [...document.querySelectorAll("time[data-countdown]")];
    for (const time of times) {
      const text = left(Math.ceil((Date.parse(time.dateTime) - now) / SECOND));
      if (time.textContent !== text) time.textContent = text;
    }
    for (const button of document.querySelectorAll("button[data-from]")) {
      const isEarly = now < Date.parse(button.dataset.from);
      if (button.hidden !== isEarly) button.hidden = isEarly; // each writing of it is a change, which brings us here
    }
    if (times.length) counting = setTimeout(countDown, SECOND - (now % SECOND));
  };

  // Each job is spoken of three times: when it begins, at half, and at its end.

  const WORKING = ["running", "cancelling"];
  const HALF = 0.5;
  const known = new Map();

  const tell = (row, what) => {
    const line = document.createElement("p");
    line.textContent = said.dataset[what].replace("{job}", () => row.querySelector("h1, h3").textContent.trim());
    said.append(line);
  };

  // What the page shows when it is loaded is read there.
  const notice = (row, isNew) => {
    const { job, state } = row.dataset;
    const bar = row.querySelector("progress");
    const before = known.get(job) ?? {};
    const now = {
      begun: before.begun || state !== "queued",
      half: before.half || bar?.position >= HALF,
      ended: before.ended || !bar, // the tray and the page may learn of it one after the other
    };
    known.set(job, now);
    if (isNew) return;
    if (now.ended) return before.ended === false && tell(row, state);
    if (now.begun && !before.begun && WORKING.includes(state)) tell(row, "started");
    else if (now.half && !before.half && before.begun) tell(row, "half");
  };

  const rows = () => places.flatMap(place => [...place.querySelectorAll("[data-job]")]);
  const listen = () => rows().forEach(row => notice(row));

  // An end that its owner sees is read: in the open tray, or on the job's own page. Once for each end, whichever page it was.

  const KEPT = 100;
  const MEMORY = "belfry-ends-read";
  const asked = new Set();
  const remembered = () => {
    try {
      return JSON.parse(localStorage.getItem(MEMORY)) ?? [];
    } catch {
      return [];
    }
  };
  const remember = url => {
    asked.add(url);
    try {
      localStorage.setItem(MEMORY, JSON.stringify([...remembered(), url].slice(-KEPT)));
    } catch {} // then this page alone knows it
  };
  const forget = url => {
    asked.delete(url);
    try {
      localStorage.setItem(MEMORY, JSON.stringify(remembered().filter(one => one !== url)));
    } catch {}
  };

  const see = () => {
    if (document.hidden) return;
    const own = [...document.querySelectorAll("[data-own] #job-page [data-read]")];
    const seen = tray.matches(":popover-open") ? [...own, ...tray.querySelectorAll("[data-read]")] : own;
    const urls = new Set(seen.map(row => row.dataset.read));
    for (const url of remembered()) urls.delete(url);
    for (const url of urls) {
      if (asked.has(url)) continue;
      remember(url);
      htmx.ajax("POST", url, { source: reader });
    }
  };

  // It may be said again later, unless there is nothing to be read.
  const failed = event => {
    const ctx = event.target === reader && event.detail?.ctx;
    if (ctx && ctx.response?.status !== 404) forget(ctx.request.action);
  };
  document.addEventListener("htmx:response:error", failed);
  document.addEventListener("htmx:error", failed);

  // The log is read from its end; who has scrolled up stays there.

  const log = document.getElementById("log");
  const box = log?.parentElement;
  let isAtEnd = true;
  const follow = () => {
    if (isAtEnd) box.scrollTop = box.scrollHeight;
  };
  if (box) {
    box.addEventListener("scroll", () => {
      isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
    }, { passive: true });
    new MutationObserver(follow).observe(log, { childList: true });
    follow();
  }

  const change = () => {
    countDown();
    listen();
    see();
  };
  const watched = { childList: true, characterData: true, subtree: true, attributeFilter: ["data-state", "value", "datetime", "hidden"] };
  for (const place of places) new MutationObserver(change).observe(place, watched);
  tray.addEventListener("toggle", see);
  document.addEventListener("visibilitychange", see);

  rows().forEach(row => notice(row, true));
  countDown();
  addEventListener("load", see); // htmx does not listen yet while scripts are being run
})();
