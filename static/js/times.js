// Keeps relative times true, and calls today and yesterday by their names.
(() => {
  const root = document.documentElement;
  const EVERY = 30_000;
  const UNITS = [["year", 31_557_600], ["month", 2_629_800], ["week", 604_800], ["day", 86_400], ["hour", 3600], ["minute", 60]];
  const amounts = new Intl.RelativeTimeFormat(root.lang); // "1 day ago" is not always "yesterday"
  const words = new Intl.RelativeTimeFormat(root.lang, { numeric: "auto" });
  const dates = new Intl.DateTimeFormat("en-CA", { timeZone: root.dataset.timeZone || undefined });

  const ago = seconds => {
    const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
    return unit === "second" ? words.format(0, "second") : amounts.format(Math.trunc(seconds / length), unit);
  };

  const refreshTimes = now => {
    for (const time of document.querySelectorAll("time[data-relative]")) {
      const text = ago((Date.parse(time.dateTime) - now) / 1000);
      if (time.textContent !== text) time.textContent = text;
    }
  };

  const refreshDays = now => {
    for (const ahead of [0, -1]) {
      const day = document.getElementById(`day-${dates.format(now + ahead * 86_400_000)}`);
      const heading = day?.querySelector("time");
      if (heading) heading.dataset.word = words.format(ahead, "day");
    }
  };

  const refresh = () => {
    const now = Date.now();
    document.querySelectorAll(".day time[data-word]").forEach(time => delete time.dataset.word);
    refreshTimes(now);
    refreshDays(now);
  };

  refresh();
  setInterval(refresh, EVERY);
  document.addEventListener("htmx:after:swap", refresh);
})();
