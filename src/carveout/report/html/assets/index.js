"use strict";
(() => {
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const rows = [...document.querySelectorAll(".boards tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());

  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    let shown = 0;
    rows.forEach((row, index) => {
      row.hidden = !texts[index].includes(wanted);
      if (!row.hidden) shown += 1;
    });
    found.textContent = wanted ? `${shown} of ${rows.length}` : "";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && search.value) {
      search.value = "";
      search.dispatchEvent(new Event("input"));
    }
    if (event.key !== "/" || event.target.closest("input")) return;
    event.preventDefault();
    search.focus();
  });
})();
