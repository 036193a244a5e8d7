// What is typed into the form of a broadcast is kept in this tab until it is saved: a reload, a crash of the browser or
// a server that cannot be reached take nothing away, nor does somebody else who saves in between.
(() => {
  const START = "belfry-typed-";
  const SOON = 1000; // ms
  const NEVER = new Set(["csrfmiddlewaretoken", "author", "broadcast", "q"]);
  const form = document.getElementById("broadcast-form");

  const read = name => {
    try {
      return JSON.parse(sessionStorage.getItem(START + name));
    } catch {
      return null;
    }
  };

  // The page of a broadcast: what was sent from this tab has arrived there.
  const saved = document.querySelector("[data-saved]");
  if (saved) {
    const { saved: pk, version, key, writer } = saved.dataset;
    const [edit, draft] = [`${writer}-${pk}`, `${writer}-new`];
    const [edited, begun] = [read(edit), read(draft)];
    if (edited?.sent && Number(version) > Number(edited.version)) sessionStorage.removeItem(START + edit);
    if (begun && key === `form-${Object.fromEntries(begun.fields).key}`) sessionStorage.removeItem(START + draft);
  }
  if (!form) return;

  const { keep: name, version } = form.dataset;
  const fields = () => [...new FormData(form)].filter(([field, value]) => !NEVER.has(field) && typeof value === "string");

  const keep = (sent = false) => {
    try {
      sessionStorage.setItem(START + name, JSON.stringify({ version, sent, fields: fields() }));
    } catch {
      // no room, or not allowed: then only the server keeps it
    }
  };

  const fill = kept => {
    const values = new Map();
    for (const [field, value] of kept) values.set(field, [...(values.get(field) ?? []), value]);
    for (const control of form.elements) {
      if (!control.name || NEVER.has(control.name) || control.type === "submit") continue;
      const given = values.get(control.name) ?? [];
      if (control.type === "checkbox" || control.type === "radio") control.checked = given.includes(control.value);
      else if (given.length) control.value = given[0];
    }
  };

  const before = read(name);
  const isSame = kept => {
    const plain = list => JSON.stringify(list.filter(([field]) => field !== "key" && field !== "version"));
    return plain(kept) === plain(fields());
  };
  if ("typed" in form.dataset) {
    keep();
  } else if (before && !isSame(before.fields)) {
    fill(before.fields); // its version, too: over somebody else's edit, it is saved knowingly or not at all
    document.getElementById("restored").hidden = false;
    form.dispatchEvent(new Event("belfry:restored"));
  } else {
    sessionStorage.removeItem(START + name);
  }

  document.getElementById("forget-typed")?.addEventListener("click", () => {
    sessionStorage.removeItem(START + name);
    location.assign(location.pathname);
  });
  for (const kind of ["input", "change"]) form.addEventListener(kind, event => event.target.form === form && keep());

  // The second click of a double click sends nothing. Later ones do: the first may have been stopped.
  let sentAt = -SOON;
  form.addEventListener("submit", event => {
    if (performance.now() - sentAt < SOON) return event.preventDefault();
    sentAt = performance.now();
    keep(true);
  });
})();
