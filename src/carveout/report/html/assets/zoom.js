"use strict";
// Zoom and pan of the picture that is on show, by buttons, wheel, pointer and keys.
const zoomable = (visible) => {
  let dragged = false;
  document.addEventListener("pointerdown", () => { dragged = false; }, true);
  const whole = (svg) => {
    if (!svg.dataset.whole) svg.dataset.whole = svg.getAttribute("viewBox");
    return svg.dataset.whole.split(" ").map(Number);
  };
  const box = (svg) => svg.getAttribute("viewBox").split(" ").map(Number);

  const setBox = (svg, x, y, width, height) => {
    const [, , fullWidth, fullHeight] = whole(svg);
    const w = Math.min(Math.max(width, fullWidth / 64), fullWidth);
    const h = Math.min(Math.max(height, fullHeight / 64), fullHeight);
    const left = Math.min(Math.max(x, 0), fullWidth - w);
    const top = Math.min(Math.max(y, 0), fullHeight - h);
    svg.setAttribute("viewBox", [left, top, w, h].map((value) => value.toFixed(2)).join(" "));
    svg.closest("figure").classList.toggle("moved", w < fullWidth - 1);
  };

  const zoom = (factor, at) => {
    const svg = visible();
    if (!svg) return;
    const [x, y, w, h] = box(svg);
    const [px, py] = at || [0.5, 0.5];
    setBox(svg, x + w * px * (1 - factor), y + h * py * (1 - factor), w * factor, h * factor);
  };
  const pan = (dx, dy) => {
    const svg = visible();
    if (!svg) return;
    const [x, y, w, h] = box(svg);
    setBox(svg, x + w * dx, y + h * dy, w, h);
  };
  const showAll = () => {
    const svg = visible();
    if (svg) setBox(svg, ...whole(svg));
  };

  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      if (button.dataset.zoom === "all") showAll();
      else zoom(button.dataset.zoom === "in" ? 0.7 : 1 / 0.7);
    });
  }
  for (const figure of document.querySelectorAll("figure.map")) {
    figure.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !figure.classList.contains("moved")) return;
      event.preventDefault();
      const area = figure.getBoundingClientRect();
      const at = [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
      zoom(event.deltaY < 0 ? 0.85 : 1 / 0.85, at);
    }, { passive: false });
    figure.addEventListener("pointerdown", (event) => {
      if (!figure.classList.contains("moved")) return;
      let [lastX, lastY] = [event.clientX, event.clientY];
      const area = figure.getBoundingClientRect();
      const onMove = (next) => {
        if (Math.abs(next.clientX - lastX) + Math.abs(next.clientY - lastY) > 2) dragged = true;
        pan((lastX - next.clientX) / area.width, (lastY - next.clientY) / area.height);
        [lastX, lastY] = [next.clientX, next.clientY];
      };
      const onUp = () => {
        window.removeEventListener("pointermove", onMove);
        window.removeEventListener("pointerup", onUp);
      };
      window.addEventListener("pointermove", onMove);
      window.addEventListener("pointerup", onUp);
    });
    figure.addEventListener("keydown", (event) => {
      const moves = { ArrowUp: [0, -0.1], ArrowDown: [0, 0.1], ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0] };
      if (moves[event.key] && figure.classList.contains("moved")) {
        event.preventDefault();
        pan(...moves[event.key]);
      }
    });
  }

  return { zoom, showAll, wasDragged: () => dragged };
};
