"use strict";
// Draws the points of a sweep: what is chosen in the page's own controls, on sources that Bokeh made.
(() => {
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const byId = (id) => document.getElementById(id);
  const numericAxes = data.axes.filter((axis) => axis.numeric);
  const wordAxes = data.axes.filter((axis) => !axis.numeric);
  const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#B8860B", "#000000", "#7F7F7F"];
  const MARKERS = ["circle", "square", "triangle", "diamond", "inverted_triangle", "plus", "star", "cross"];
  const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [1, 3], [4, 1], [12, 2, 2, 2]];
  const unique = (values) => [...new Set(values)];
  const digits = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(6)).toString());
  const sliders = new Map();

  function option(select, value, text) {
    const item = document.createElement("option");
    item.value = value;
    item.textContent = text;
    select.append(item);
  }

  function valuesOf(key) {
    return unique(data.points.map((point) => point.at[key]).filter((value) => value !== null)).sort((a, b) => a - b);
  }

  function buildSliders() {
    for (const axis of numericAxes) {
      const values = valuesOf(axis.key);
      if (!values.length) continue;
      const row = document.createElement("div");
      row.className = "slider";
      const id = `slider-${axis.key}`;
      row.innerHTML = `<label for="${id}"></label><input type="range" id="${id}" min="0" max="${values.length - 1}">
        <output for="${id}"></output><label class="every"><input type="checkbox" id="${id}-every"> every value</label>`;
      row.querySelector("label").textContent = axis.label;
      byId("sliders").append(row);
      const input = row.querySelector("input[type=range]");
      const every = row.querySelector("input[type=checkbox]");
      input.value = String(Math.floor(values.length / 2));
      every.checked = axis.key.startsWith("policy.") && values.length <= 6;
      const state = { row, input, every, values, output: row.querySelector("output") };
      sliders.set(axis.key, state);
      input.addEventListener("input", draw);
      every.addEventListener("change", draw);
    }
  }

  function buildChoices() {
    for (const axis of numericAxes) option(byId("choose-x"), `at:${axis.key}`, axis.label);
    for (const column of data.columns) {
      option(byId("choose-x"), `column:${column.name}`, column.label);
      option(byId("choose-y"), column.name, column.label);
    }
    data.intervals.forEach((interval, index) => option(byId("choose-interval"), String(index), interval.words));
    const start = numericAxes.find((axis) => axis.key === "channel.snr_db") || numericAxes[0];
    if (start) byId("choose-x").value = `at:${start.key}`;
    if (data.columns.some((column) => column.name === "throughput_tok_s")) byId("choose-y").value = "throughput_tok_s";
    for (const id of ["choose-x", "choose-y", "choose-interval", "log-y"]) byId(id).addEventListener("change", draw);
  }

  // What tells curves apart: words, and every axis that is neither x nor held by its slider.
  function curveAxes(x) {
    return [...wordAxes.map((axis) => axis.key),
      ...numericAxes.map((axis) => axis.key).filter((key) => `at:${key}` !== x && sliders.get(key).every.checked)];
  }

  function shownPoints(x) {
    return data.points.filter((point) => numericAxes.every(({ key }) => {
      const slider = sliders.get(key);
      const value = point.at[key];
      return `at:${key}` === x || slider.every.checked || value === null || value === slider.values[slider.input.value];
    }));
  }

  function curveName(point, axes) {
    const parts = axes.filter((key) => point.at[key] !== null).map((key) => {
      const axis = data.axes.find((own) => own.key === key);
      return axis.numeric ? `${axis.label} ${digits(point.at[key])}` : String(point.at[key]);
    });
    return parts.join(", ") || "all points";
  }

  function identityOf(name) {
    let place = names.indexOf(name);
    if (place < 0) place = names.push(name) - 1;
    const turn = Math.floor(place / COLOURS.length);
    return {
      colour: COLOURS[place % COLOURS.length],
      marker: MARKERS[(place + 3 * turn) % MARKERS.length],
      dash: DASHES[(place + turn) % DASHES.length],
    };
  }
  const names = [];
  const hidden = new Set();

  function curvesOf(x, y, interval) {
    const axes = curveAxes(x);
    const curves = new Map();
    for (const point of shownPoints(x)) {
      const value = point.values[y];
      const at = x.startsWith("at:") ? point.at[x.slice(3)] : point.values[x.slice(7)][0];
      if (value[0] === null) continue;
      const name = curveName(point, axes);
      if (!curves.has(name)) curves.set(name, []);
      curves.get(name).push({ x: at, mean: value[0], low: value[1 + 2 * interval], high: value[2 + 2 * interval], point });
    }
    for (const points of curves.values()) points.sort((a, b) => a.x - b.x);
    return curves;
  }

  // A policy without the swept key (slm over the threshold) is a level line over the whole width.
  function spread(points, ends) {
    if (points.every((own) => own.x !== null)) return points;
    return ends.flatMap((end) => points.filter((own) => own.x === null).map((own) => ({ ...own, x: end })));
  }

  function draw() {
    const x = byId("choose-x").value;
    const y = byId("choose-y").value;
    const interval = Number(byId("choose-interval").value || 0);
    for (const [key, slider] of sliders) {
      slider.row.hidden = `at:${key}` === x || slider.values.length < 2;
      slider.input.disabled = slider.every.checked;
      slider.output.textContent = slider.every.checked ? "" : digits(slider.values[slider.input.value]);
    }
    const curves = curvesOf(x, y, interval);
    const xs = [...curves.values()].flat().map((own) => own.x).filter((value) => value !== null);
    const ends = xs.length ? [Math.min(...xs), Math.max(...xs)] : [0, 1];
    const lines = { xs: [], ys: [], colour: [], dash: [] };
    const marks = { x: [], y: [], low: [], high: [], colour: [], marker: [], label: [], seeds: [], interval: [], index: [] };
    const rows = [];
    for (const [name, own] of curves) {
      if (hidden.has(name)) continue;
      const look = identityOf(name);
      const points = spread(own, ends);
      lines.xs.push(points.map((one) => one.x));
      lines.ys.push(points.map((one) => one.mean));
      lines.colour.push(look.colour);
      lines.dash.push(look.dash);
      for (const one of points) {
        marks.x.push(one.x); marks.y.push(one.mean);
        marks.low.push(one.low ?? one.mean); marks.high.push(one.high ?? one.mean);
        marks.colour.push(look.colour); marks.marker.push(look.marker); marks.label.push(name);
        marks.seeds.push(one.point.seeds);
        marks.interval.push(one.low === null || one.low === undefined ? "not determined" : `${digits(one.low)} to ${digits(one.high)}`);
        marks.index.push(data.points.indexOf(one.point));
      }
      for (const one of own) rows.push([name, one.x, one.mean, one.low, one.high, one.point]);
    }
    show(lines, marks);
    legend([...curves.keys()]);
    table(rows, x, y);
    const words = data.intervals[interval] ? data.intervals[interval].words : "no interval";
    const determined = !rows.length || rows.some((row) => row[3] !== null && row[3] !== undefined);
    byId("interval-words").textContent = determined ? words : `none: this column has no ${words}`;
  }

  function show(lines, marks) {
    const log = byId("log-y").checked;
    const label = (value) => byId(value).selectedOptions[0].textContent;
    byId("plot-linear").hidden = log;
    byId("plot-log").hidden = !log;
    const doc = Bokeh.documents[0];
    doc.get_model_by_name("lines").data = lines;
    doc.get_model_by_name("marks").data = marks;
    for (const name of ["x-linear", "x-log"]) doc.get_model_by_name(name).axis_label = label("choose-x");
    for (const name of ["y-linear", "y-log"]) doc.get_model_by_name(name).axis_label = label("choose-y");
  }

  const SHAPES = {
    circle: '<circle cx="14" cy="8" r="4.5"/>', square: '<rect x="10" y="4" width="8" height="8"/>',
    triangle: '<path d="M14 3l5 9h-10z"/>', inverted_triangle: '<path d="M14 13l5-9h-10z"/>',
    diamond: '<path d="M14 2l5 6-5 6-5-6z"/>', plus: '<path d="M12 3h4v3h3v4h-3v3h-4v-3h-3v-4h3z"/>',
    star: '<path d="M14 2l2 4 4 1-3 3 1 4-4-2-4 2 1-4-3-3 4-1z"/>', cross: '<path d="M13 3h2v4h4v2h-4v4h-2v-4h-4v-2h4z"/>',
  };

  function legend(curveNames) {
    const list = byId("legend");
    list.replaceChildren();
    for (const name of curveNames) {
      const look = identityOf(name);
      const item = document.createElement("label");
      item.innerHTML = `<input type="checkbox"><svg width="28" height="16" aria-hidden="true" fill="${look.colour}">
        <path d="M0 8H28" stroke="${look.colour}" stroke-width="2" stroke-dasharray="${look.dash.join(" ")}"/>${SHAPES[look.marker]}</svg><span></span>`;
      item.querySelector("span").textContent = name;
      const box = item.querySelector("input");
      box.checked = !hidden.has(name);
      box.addEventListener("change", () => { box.checked ? hidden.delete(name) : hidden.add(name); draw(); });
      list.append(item);
    }
  }

  function table(rows, x, y) {
    const body = byId("shown").querySelector("tbody");
    body.replaceChildren();
    byId("shown-x").textContent = byId("choose-x").selectedOptions[0].textContent;
    byId("shown-y").textContent = byId("choose-y").selectedOptions[0].textContent;
    for (const [name, at, mean, low, high, point] of rows) {
      const row = body.insertRow();
      for (const text of [name, digits(at), digits(mean), `${digits(low)} to ${digits(high)}`, point.seeds]) {
        row.insertCell().textContent = low === null && String(text).includes(" to ") ? "–" : text;
      }
      row.tabIndex = 0;
      row.addEventListener("click", () => pick(point));
      row.addEventListener("keydown", (event) => { if (event.key === "Enter") pick(point); });
    }
  }

  function pick(point) {
    byId("picked-label").textContent = point.label || "the only point";
    byId("picked-command").textContent = point.command;
    byId("picked").hidden = false;
  }

  byId("copy").addEventListener("click", async () => {
    const text = byId("picked-command").textContent;
    try {
      await navigator.clipboard.writeText(text);
      byId("copied").textContent = "copied";
    } catch {
      getSelection().selectAllChildren(byId("picked-command"));
      byId("copied").textContent = "selected: copy it";
    }
  });
  window.netsimPick = (index) => pick(data.points[index]);

  buildSliders();
  buildChoices();
  const wait = setInterval(() => {
    if (!(window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].get_model_by_name("marks"))) return;
    clearInterval(wait);
    draw();
    document.body.dataset.ready = "yes";
  }, 30);
})();
