(() => {
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const only = document.getElementById("only");
  const rows = [...document.querySelectorAll("main tbody tr, .log li")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const marks = [...document.querySelectorAll(".picture .mark")];
  const byRow = new Map();
  for (const node of document.querySelectorAll("[data-row]")) {
    if (!byRow.has(node.dataset.row)) byRow.set(node.dataset.row, []);
    byRow.get(node.dataset.row).push(node);
  }
  const same = new Set([...document.querySelectorAll("tr.same")].map((row) => row.dataset.row));
  let chosen = "";

  // ---- which row is looked at -------------------------------------------------------------------
  const heat = (mark) => {
    for (const node of document.querySelectorAll(".hot")) node.classList.remove("hot");
    for (const node of byRow.get(mark) || []) node.classList.add("hot");
  };
  const choose = (mark, scroll) => {
    chosen = mark;
    heat(mark);
    const row = scroll && (byRow.get(mark) || []).find((node) => node.tagName === "TR");
    if (row) row.scrollIntoView({ block: "center" });
  };
  const markOf = (target) => {
    const node = target.closest && target.closest("[data-row]");
    return node ? node.dataset.row : "";
  };

  const { zoom, showAll, wasDragged } = zoomable(
    () => [...document.querySelectorAll("svg.picture")].find((svg) => svg.getClientRects().length));

  document.addEventListener("pointerover", (event) => heat(markOf(event.target) || chosen));
  document.addEventListener("click", (event) => {
    const mark = markOf(event.target);
    if (mark && !wasDragged()) choose(mark, Boolean(event.target.closest(".picture")));
  });
  for (const node of marks) {
    node.setAttribute("tabindex", "0");
    node.setAttribute("role", "button");
    const row = (byRow.get(node.dataset.row) || []).find((other) => other.tagName === "TR");
    const title = node.querySelector(":scope > title");
    node.setAttribute("aria-label", row ? [...row.cells].map((cell) => cell.textContent).join(", ") : title.textContent);
    node.addEventListener("focus", () => heat(node.dataset.row));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(node.dataset.row, true);
    });
  }

  // ---- search, and what is the same -------------------------------------------------------------
  const look = () => {
    const wanted = search.value.trim().toLowerCase();
    const hits = new Set();
    let count = 0;
    rows.forEach((row, index) => {
      const isHit = texts[index].includes(wanted);
      row.hidden = !isHit || (only.checked && row.classList.contains("same"));
      if (row.hidden) return;
      count += 1;
      if (row.dataset.row) hits.add(row.dataset.row);
    });
    for (const node of marks) {
      const isQuiet = only.checked && same.has(node.dataset.row);
      node.classList.toggle("dim", isQuiet || (Boolean(wanted) && hits.size > 0 && !hits.has(node.dataset.row)));
    }
    found.textContent = wanted ? (count ? `${count} found` : "nothing found") : "";
    choose(wanted ? [...hits][0] || "" : "", false);
  };
  search.addEventListener("input", look);
  only.addEventListener("change", look);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      search.value = "";
      search.blur();
      look();
      showAll();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input[type=search]")) return;
    const keys = { "+": () => zoom(0.7), "=": () => zoom(0.7), "-": () => zoom(1 / 0.7), 0: showAll, "/": () => search.focus() };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
