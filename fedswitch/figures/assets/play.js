/* Interactive figures of the book. A figure brings everything that it can show as JSON (fedswitch.figures.explorable): this
   script puts sliders and charts in the place of its picture. It adds and multiplies what it was given, follows lines
   between their points where one points at them, and asks for nothing. */
(() => {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const MARGIN = { top: 26, right: 12, bottom: 40 };
  const DASHES = { dashed: "7 4", dotted: "1.5 4", dashdot: "8 3 2 3" };

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    return fill(made, attributes, children);
  }

  function drawn(name, attributes = {}, ...children) {
    const made = document.createElementNS(SVG, name);
    return fill(made, attributes, children);
  }

  function fill(made, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  /* What a grid holds at a setting; a dimension of size 1 is the same for all values of its control. Or a sum of products
     of tables, in which controls and points go so many places further. */
  function at(grid, setting) {
    if (grid.terms) return Array.from({ length: grid.points }, (_, point) => total(grid, setting, point));
    let row = 0;
    grid.sizes.forEach((size, i) => { row = row * size + (size > 1 ? setting[i] : 0); });
    return grid.rows[row];
  }

  function total(grid, setting, point) {
    let sum = 0;
    for (const factors of grid.terms) {
      let product = 1;
      for (const table of factors) {
        const place = table.strides.reduce((from, step, i) => from + step * setting[i], table.start + table.along * point);
        const value = table.values[place] ?? null; /* what ends in gaps was cut there */
        product = value === null || product === null ? null : product * value;
      }
      if (product === null) return null;
      sum += product;
    }
    return grid.decays ? Math.exp(-sum) : sum;
  }

  function told(fact, setting) {
    const value = at(fact, setting);
    return fact.terms ? value[0].toFixed(fact.places) : value;
  }

  /* From a place on an axis to one on the screen. */
  function scale(axis, from, to) {
    const shape = axis.scale === "log" ? Math.log : (value) => value;
    const low = shape(axis.low), high = shape(axis.high);
    return (value) => from + (to - from) * (shape(value) - low) / (high - low);
  }

  /* Points of a curve that have both coordinates, and null where the line breaks. */
  function places(curve, setting) {
    const x = at(curve.x, setting), y = at(curve.y, setting);
    const count = Math.min(x.length, y.length);
    return Array.from({ length: count }, (_, i) => (x[i] === null || y[i] === null ? null : [x[i], y[i]]));
  }

  function path(points, right, up) {
    let pen = "M";
    return points.map((point) => {
      if (point === null) { pen = "M"; return ""; }
      const step = `${pen}${right(point[0]).toFixed(1)} ${up(point[1]).toFixed(1)}`;
      pen = "L";
      return step;
    }).join("");
  }

  const OUTLINES = {
    square: (r) => `M${-r} ${-r}H${r}V${r}H${-r}Z`,
    triangle: (r) => `M0 ${-1.2 * r}L${1.2 * r} ${r}H${-1.2 * r}Z`,
    diamond: (r) => `M0 ${-1.4 * r}L${1.4 * r} 0L0 ${1.4 * r}L${-1.4 * r} 0Z`,
    cross: (r) => `M${-r} ${-r}L${r} ${r}M${-r} ${r}L${r} ${-r}`,
    bar: (r) => `M0 ${-1.6 * r}V${1.6 * r}`,
    star: (r) => "M" + Array.from({ length: 10 }, (_, i) => {
      const reach = (i % 2 ? 0.8 : 2) * r, angle = Math.PI * (i / 5 - 0.5);
      return `${(reach * Math.cos(angle)).toFixed(1)} ${(reach * Math.sin(angle)).toFixed(1)}`;
    }).join("L") + "Z",
    circle: (r) => `M${-r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 ${-r} 0Z`,
  };

  function marker(curve, x, y) {
    const size = curve.text ? 8 : curve.marker === "cross" ? 12 : 4;
    const made = drawn("g", {
      class: `play-marker play-color-${curve.color}${curve.filled ? " play-filled" : curve.text ? " play-open" : ""}`,
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
    }, drawn("path", { d: OUTLINES[curve.marker](size) }));
    if (curve.text) made.append(drawn("text", { y: 4, "text-anchor": "middle" }, curve.text));
    return made;
  }

  function line(curve, d) {
    const attributes = { d, class: `play-line play-color-${curve.color}${curve.line === "thin" ? " play-thin" : ""}` };
    if (DASHES[curve.line]) attributes["stroke-dasharray"] = DASHES[curve.line];
    return drawn("path", attributes);
  }

  /* Ticks and grid of both axes. Labels of the horizontal axis give way where they would touch. */
  function frame(panel, right, up, left, width, height) {
    const made = drawn("g", { class: "play-frame" });
    const bottom = height - MARGIN.bottom;
    for (const [place, label] of panel.y.ticks) {
      made.append(
        drawn("path", { d: `M${left} ${up(place).toFixed(1)}H${width - MARGIN.right}` }),
        drawn("text", { x: left - 6, y: up(place) + 4, "text-anchor": "end" }, label),
      );
    }
    let free = -Infinity;
    for (const [place, label] of panel.x.ticks) {
      const x = right(place), half = 3.5 * label.length;
      made.append(drawn("path", { d: `M${x.toFixed(1)} ${MARGIN.top}V${bottom}` }));
      if (x - half < free) continue;
      made.append(drawn("text", { x, y: bottom + 17, "text-anchor": "middle" }, label));
      free = x + half + 6;
    }
    made.append(
      drawn("text", { x: 2, y: 14, class: "play-axis" }, panel.y.label),
      drawn("text", { x: (left + width - MARGIN.right) / 2, y: height - 5, "text-anchor": "middle", class: "play-axis" },
        panel.x.label),
    );
    return made;
  }

  function chart(panel, setting, width) {
    const left = Math.max(36, 14 + 7.5 * Math.max(...panel.y.ticks.map(([, label]) => label.length)));
    const inner = width - left - MARGIN.right;
    const height = panel.square ? inner + MARGIN.top + MARGIN.bottom : Math.min(300, Math.max(210, 0.62 * width));
    const bottom = height - MARGIN.bottom;
    const right = scale(panel.x, left, width - MARGIN.right), up = scale(panel.y, bottom, MARGIN.top);
    const svg = drawn("svg", {
      width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
      "aria-label": `Chart: ${panel.y.label} against ${panel.x.label}`,
    });
    svg.frame = { left, inner, bottom, right };
    svg.append(frame(panel, right, up, left, width, height));
    /* an inner svg clips what leaves the axes */
    const lines = drawn("svg", {
      x: left, y: MARGIN.top, width: inner, height: bottom - MARGIN.top,
      viewBox: `${left} ${MARGIN.top} ${inner} ${bottom - MARGIN.top}`,
    });
    svg.append(lines);
    for (const curve of panel.curves) {
      const points = places(curve, setting);
      if (curve.line !== "none") lines.append(line(curve, path(points, right, up)));
      if (curve.marker === "none") continue;
      for (const point of points) {
        if (point === null) continue;
        const x = right(point[0]), y = up(point[1]);
        const seen = x > left - 1 && x < width - MARGIN.right + 1 && y > MARGIN.top - 1 && y < bottom + 1;
        if (seen) svg.append(marker(curve, x, y));
      }
    }
    return svg;
  }

  /* Values of a chart where one points at it, or, by the keyboard, at the place that the arrow keys lead to: of lines at
     that place, of single marks those that are near. They stand below the chart, for readers of screens as well. */
  const NEAR = 14;

  function short(value) {
    const rounded = Number(value.toPrecision(3));
    return (Math.abs(rounded) >= 1e5 || (rounded !== 0 && Math.abs(rounded) < 1e-3) ? rounded.toExponential()
      : String(rounded)).replace("-", "\u2212");
  }

  function valueAt(points, right, x, log) {
    for (let i = 1; i < points.length; i += 1) {
      if (points[i - 1] === null || points[i] === null) continue;
      const [from, to] = [right(points[i - 1][0]), right(points[i][0])];
      if (from <= x && x <= to) {
        const share = to > from ? (x - from) / (to - from) : 0;
        const [low, high] = [points[i - 1][1], points[i][1]];
        return log ? low * (high / low) ** share : low + share * (high - low);
      }
    }
    return null;
  }

  function reading(panel, setting, { left, inner, right }, share) {
    const x = left + share * inner, said = [];
    for (const curve of panel.curves) {
      const points = places(curve, setting);
      if (!curve.label) continue;
      if (curve.line === "none") {
        const near = points.filter((point) => point !== null)
          .map((point) => [Math.abs(right(point[0]) - x), point]).filter(([away]) => away < NEAR);
        if (near.length) said.push([curve.label, near.reduce((one, other) => (other[0] < one[0] ? other : one))[1][1]]);
      } else {
        const value = valueAt(points, right, x, panel.y.scale === "log");
        if (value !== null) said.push([curve.label, value]);
      }
    }
    const place = panel.x.scale === "log"
      ? panel.x.low * (panel.x.high / panel.x.low) ** share
      : panel.x.low + (panel.x.high - panel.x.low) * share;
    return `${panel.x.label}: ${short(place)}. ${said.map(([label, value]) => `${label}: ${short(value)}`).join("; ")}`;
  }

  const KEYS = { ArrowLeft: -1, ArrowRight: 1, PageDown: -5, PageUp: 5, Home: -Infinity, End: Infinity };
  const STEPS = 40;

  function pointer(place, panel, now) {
    const shown = element("p", { class: "play-reading" });
    let share = null;
    /* A slider: the role to which screen readers hand the arrow keys, and whose values they speak. */
    fill(place, { role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuemax": STEPS,
      "aria-label": `Chart of ${panel.y.label}: move along ${panel.x.label}` }, []);
    function tell(at, text) {
      fill(place, { "aria-valuenow": Math.round(at * STEPS), "aria-valuetext": text || "nothing is marked" }, []);
      shown.textContent = text;
    }
    function mark() {
      const svg = place.querySelector("svg");
      if (!svg || !svg.frame) return;
      svg.querySelector(".play-cursor")?.remove();
      if (share === null) {
        tell(0.5, "");
        return;
      }
      const { left, inner, bottom } = svg.frame;
      svg.append(drawn("path", { class: "play-cursor", d: `M${(left + share * inner).toFixed(1)} ${MARGIN.top}V${bottom}` }));
      tell(share, reading(panel, now(), svg.frame, share));
    }
    function move(to) {
      share = to === null ? null : Math.min(1, Math.max(0, to));
      mark();
    }
    function follow(event) {
      const svg = place.querySelector("svg");
      if (svg) move((event.clientX - svg.getBoundingClientRect().left - svg.frame.left) / svg.frame.inner);
    }
    place.addEventListener("pointermove", follow);
    place.addEventListener("pointerdown", follow); /* a finger that taps does not move, and what it shows stays */
    place.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch" && document.activeElement !== place) move(null);
    });
    place.addEventListener("focus", () => { if (share === null) move(0.5); });
    place.addEventListener("blur", () => move(null));
    place.addEventListener("keydown", (event) => {
      if (event.key === "Escape") move(null);
      if (!(event.key in KEYS) || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      move(Math.round((share ?? 0.5) * STEPS + KEYS[event.key]) / STEPS);
    });
    return { shown, mark };
  }

  function legend(panel) {
    const made = element("ul", { class: "play-legend" });
    const named = new Map(panel.curves.filter((curve) => curve.label).map((curve) => [curve.label, curve]));
    for (const [label, curve] of named) {
      const swatch = drawn("svg", { width: 32, height: 20, "aria-hidden": "true" });
      if (curve.line !== "none") swatch.append(line(curve, "M1 10H31"));
      if (curve.marker !== "none") swatch.append(marker(curve, 16, 10));
      made.append(element("li", {}, swatch, label));
    }
    return made;
  }

  function start(root) {
    const data = JSON.parse(root.querySelector("script").textContent);
    const said = root.querySelector(".play-said");
    const starts = data.controls.map((control) => control.start);
    let setting = [...starts], timer = null;

    const sliders = data.controls.map((control, i) => {
      const input = element("input", { type: "range", min: 0, max: control.values.length - 1, step: 1 });
      input.addEventListener("input", () => { stop(); move(i, Number(input.value)); });
      return input;
    });
    const values = data.controls.map(() => element("span", { class: "play-value", "aria-hidden": "true" }));
    const rows = data.controls.map((control, i) => element("label", { class: "play-control" },
      element("span", {}, control.label), sliders[i], values[i]));
    const reset = element("button", { type: "button" }, "Reset");
    reset.addEventListener("click", () => { stop(); setting = [...starts]; show(); });
    const buttons = element("div", { class: "play-buttons" }, reset);

    const charts = data.panels.map(() => element("div", { class: "play-chart" }));
    const pointers = data.panels.map((panel, i) => (panel.square ? null : pointer(charts[i], panel, () => setting)));
    const panels = element("div", { class: data.stacked ? "play-panels" : "play-panels play-beside" }, ...data.panels.map((panel, i) => {
      const title = panel.title ? [element("p", { class: "play-title" }, panel.title)] : [];
      const values = pointers[i] ? [pointers[i].shown] : [];
      return element("div", { class: "play-panel" }, ...title, charts[i], ...values, legend(panel));
    }));

    /* A figure that plays says nothing by itself: a screen reader would talk all the time. */
    const play = element("button", { type: "button" }, "Play");
    function stop() {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
      said.setAttribute("aria-live", "polite");
    }
    function go() {
      const last = data.controls[data.played].values.length - 1;
      if (setting[data.played] === last) move(data.played, 0);
      play.textContent = "Pause";
      said.setAttribute("aria-live", "off");
      timer = setInterval(() => {
        move(data.played, setting[data.played] + 1);
        if (setting[data.played] === last) stop();
      }, 900);
    }
    if (data.played !== null && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      play.addEventListener("click", () => (timer === null ? go() : stop()));
      buttons.prepend(play);
    }

    function move(i, place) {
      setting[i] = place;
      show();
    }
    function draw() {
      data.panels.forEach((panel, i) => {
        const width = Math.floor(charts[i].clientWidth);
        if (width > 0) charts[i].replaceChildren(chart(panel, setting, width));
        pointers[i]?.mark();
      });
    }
    function show() {
      data.controls.forEach((control, i) => {
        const value = control.values[setting[i]];
        sliders[i].value = setting[i];
        sliders[i].setAttribute("aria-valuetext", value);
        values[i].textContent = value;
      });
      said.textContent = data.readout.replace(/\{(\w+)\}/g, (_, name) => told(data.facts[name], setting));
      draw();
    }

    said.before(element("div", { class: "play-live" }, element("div", { class: "play-controls" }, ...rows, buttons), panels));
    root.classList.add("play-on");
    stop();
    show();
    new ResizeObserver(draw).observe(panels);
  }

  document.querySelectorAll(".play:not(.play-on)").forEach(start);
})();
