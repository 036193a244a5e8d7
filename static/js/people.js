// Choosing people by typing: what is chosen becomes a line of the field below.
(() => {
  const search = document.getElementById("people-search");
  const found = document.getElementById("people-found");
  const names = document.getElementById("id_names");
  if (!search || !names) return;

  search.closest("[hidden]").hidden = false;

  const lines = () => names.value.split("\n").map(line => line.trim()).filter(Boolean);

  const choose = name => {
    if (!lines().includes(name)) names.value = [...lines(), name].join("\n") + "\n";
    search.value = "";
    found.replaceChildren();
    search.focus();
    names.dispatchEvent(new Event("input", { bubbles: true }));
  };

  found.addEventListener("click", event => {
    const button = event.target.closest("button[data-name]");
    if (button) choose(button.dataset.name);
  });

  search.addEventListener("keydown", event => {
    if (event.key === "Escape") found.replaceChildren();
    if (event.key !== "Enter") return;
    event.preventDefault(); // the form is not sent by looking for somebody
    const first = found.querySelector("button[data-name]");
    if (first) choose(first.dataset.name);
  });
})();
