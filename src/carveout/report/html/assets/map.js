"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const scenes = [...document.querySelectorAll(".scene")];
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const chooser = document.getElementById("scene");
  let current = 0;
  let chosen = "";
  let hits = [];
  let hit = -1;

  const scene = () => scenes[current];
  const all = (selector) => [...scene().querySelectorAll(selector)];
  const byRow = (mark) => all("[data-row]").filter((node) => node.dataset.row === mark);

  // ---- which row is looked at -------------------------------------------------------------------
  const heat = (mark) => {
    for (const node of all(".hot")) node.classList.remove("hot");
    if (!mark) return;
    for (const node of byRow(mark)) node.classList.add("hot");
  };

  const describe = (mark) => {
    const title = mark && all(".mark > title").find((node) => node.parentNode.dataset.row === mark);
    const labels = mark ? byRow(mark).map((node) => node.querySelector(":scope > title")).filter(Boolean) : [];
    const longest = labels.map((node) => node.textContent).sort((a, b) => b.length - a.length)[0];
    scene().querySelector(".detail").textContent = longest || (title ? title.textContent : "");
  };

  const choose = (mark, scroll) => {
    chosen = mark;
    heat(mark);
    describe(mark);
    if (mark && scroll) {
      const row = scene().querySelector(`tr[data-row="${mark}"]`);
      if (row) row.scrollIntoView({ block: "center" });
    }
  };

  const markOf = (target) => {
    const node = target.closest && target.closest("[data-row]");
    return node ? node.dataset.row : "";
  };

  document.addEventListener("pointerover", (event) => {
    const mark = markOf(event.target);
    heat(mark || chosen);
  });
  document.addEventListener("click", (event) => {
    const mark = markOf(event.target);
    if (!mark || wasDragged()) return;
    const inPicture = event.target.closest(".picture, .strip");
    choose(mark, Boolean(inPicture));
    if (event.target.closest("button.go")) scene().querySelector("figure").scrollIntoView({ block: "nearest" });
  });

  for (const node of document.querySelectorAll(".picture > .mark")) {
    const title = node.querySelector(":scope > title");
    // Labels are the second mark of a row; the column's slivers are left to the pointer.
    if (!title || !node.querySelector("text")) continue;
    node.setAttribute("tabindex", "0");
    node.setAttribute("role", "button");
    node.setAttribute("aria-label", title.textContent);
    node.addEventListener("focus", () => heat(node.dataset.row));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(node.dataset.row, true);
    });
  }

  // ---- the boot, step by step -------------------------------------------------------------------
  const markers = (section) => [...section.querySelectorAll("svg.picture")].map((svg) => {
    let rect = svg.querySelector(".now");
    if (!rect) {
      rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      rect.setAttribute("class", "now");
      svg.append(rect);
    }
    return rect;
  });

  const column = (svg) => {
    const frame = svg.querySelector(".frame, .outside");
    return frame ? [frame.x.baseVal.value, frame.width.baseVal.value] : [0, 0];
  };

  const showStep = (section, step) => {
    const { appears, steps } = data[section.dataset.scene];
    const done = step >= steps.length;
    for (const node of section.querySelectorAll(".picture .mark")) {
      const first = appears[node.dataset.row];
      node.classList.toggle("later", first !== undefined && first >= step);
    }
    const said = section.querySelector(".said");
    for (const node of section.querySelectorAll("tr.now-step")) node.classList.remove("now-step", "hot");
    if (done) said.textContent = `All ${steps.length} steps done.`;
    const row = step > 0 ? section.querySelector(`tr[data-step="${step}"]`) : null;
    if (!done && !row) said.textContent = "Before the first step.";
    if (!done && row) {
      const cells = [...row.cells].map((cell) => cell.textContent);
      said.textContent = `Step ${step} of ${steps.length}: ${cells[1]} ${cells[2]} ${cells[3]} ${cells[4]}: ${cells[5]}`;
      row.classList.add("now-step", "hot");
    }
    const places = !done && step > 0 ? steps[step - 1] : [];
    markers(section).forEach((rect, index) => {
      const place = places[index];
      rect.style.display = place ? "" : "none";
      if (!place) return;
      const [x, width] = column(rect.ownerSVGElement);
      rect.setAttribute("x", x - 2);
      rect.setAttribute("width", width + 4);
      rect.setAttribute("y", place[0] - 1);
      rect.setAttribute("height", Math.max(place[1] - place[0], 1) + 2);
    });
  };

  const move = (by) => {
    const slider = scene().querySelector(".step");
    slider.value = Number(slider.value) + by;
    showStep(scene(), Number(slider.value));
  };

  for (const section of scenes) {
    const slider = section.querySelector(".step");
    slider.addEventListener("input", () => showStep(section, Number(slider.value)));
  }
  for (const button of document.querySelectorAll("[data-move]")) {
    button.addEventListener("click", () => move(Number(button.dataset.move)));
  }

  // ---- zoom and pan -----------------------------------------------------------------------------
  const { zoom, showAll, wasDragged } = zoomable(() => all("svg.picture").find((svg) => svg.getClientRects().length));

  // ---- search -----------------------------------------------------------------------------------
  const address = (text) => {
    const digits = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text);
    return digits && (/^0x/i.test(text) || text.length >= 6) ? BigInt(`0x${digits[1]}`) : null;
  };

  const matches = (text) => {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return [];
    const at = address(wanted);
    return all("tr[data-name]").filter((row) => {
      if (row.dataset.name.toLowerCase().includes(wanted)) return true;
      if (at === null || !row.dataset.start) return false;
      return BigInt(`0x${row.dataset.start}`) <= at && at < BigInt(`0x${row.dataset.end}`);
    });
  };

  const look = () => {
    hits = matches(search.value);
    hit = hits.length ? 0 : -1;
    const marks = new Set(hits.map((row) => row.dataset.row).filter(Boolean));
    for (const node of all(".picture .mark")) node.classList.toggle("dim", hits.length > 0 && !marks.has(node.dataset.row));
    if (!search.value.trim()) found.textContent = "";
    else found.textContent = hits.length ? `${hits.length} found` : "nothing found";
    choose(hits.length ? hits[0].dataset.row || "" : "", false);
  };
  search.addEventListener("input", look);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !hits.length) return;
    event.preventDefault();
    const row = hits[hit];
    choose(row.dataset.row || "", false);
    row.scrollIntoView({ block: "center" });
    found.textContent = `${hit + 1} of ${hits.length}`;
    hit = (hit + 1) % hits.length;
  });

  // ---- scenes and keys --------------------------------------------------------------------------
  const show = (number) => {
    current = number;
    scenes.forEach((section, index) => { section.hidden = index !== number; });
    if (chooser) chooser.value = String(number);
    look();
  };
  if (chooser) chooser.addEventListener("change", () => show(Number(chooser.value)));

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "Escape") {
      search.value = "";
      search.blur();
      look();
      showAll();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing && event.target.type !== "range") return;
    const keys = { "+": () => zoom(0.7), "=": () => zoom(0.7), "-": () => zoom(1 / 0.7), 0: showAll, "[": () => move(-1), "]": () => move(1), "/": () => search.focus() };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  for (const section of scenes) showStep(section, data[section.dataset.scene].steps.length);
})();
