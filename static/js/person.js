// Choosing one person by typing: whoever is chosen stands in the field, and writing goes on below.
(() => {
  const PAUSE = 200; // ms without a key
  const field = document.getElementById("id_to");
  const found = document.getElementById("person-found");
  const text = document.getElementById("id_text");
  if (!field || !found) return;

  for (const words of document.querySelectorAll("#person-help > *")) words.hidden = "withoutScript" in words.dataset;

  const people = () => [...found.querySelectorAll("button[data-name]")];
  const close = () => {
    clearTimeout(asking);
    found.replaceChildren();
  };

  let asking;
  const ask = () => {
    clearTimeout(asking);
    const url = `${found.dataset.url}?q=${encodeURIComponent(field.value)}`;
    return htmx.ajax("GET", url, { source: found, target: "#person-found", swap: "innerHTML swapEmpty:true" });
  };

  const choose = person => {
    field.value = person.dataset.name;
    close();
    text.focus();
  };

  field.addEventListener("input", () => {
    clearTimeout(asking);
    asking = setTimeout(ask, PAUSE);
  });

  // Enter takes the first of those whom the field means now, however quickly it comes after the last letter.
  field.addEventListener("keydown", async event => {
    if (event.isComposing) return;
    if (event.key === "Escape") close();
    if (event.key === "ArrowDown" && people().length) {
      event.preventDefault();
      people()[0].focus();
    }
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!field.value.trim()) return;
    await ask();
    if (people().length) choose(people()[0]);
  });

  found.addEventListener("keydown", event => {
    const at = people().indexOf(document.activeElement);
    if (event.key === "Escape") {
      close();
      field.focus();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    (people()[at + (event.key === "ArrowDown" ? 1 : -1)] ?? field).focus();
  });

  found.addEventListener("click", event => {
    const person = event.target.closest("button[data-name]");
    if (person) choose(person);
  });

  (field.value ? text : field).focus();
})();
