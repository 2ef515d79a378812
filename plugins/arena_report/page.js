"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const every = (selector) => [...document.querySelectorAll(selector)];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let place = 0;
  let picked = null; // the algorithms that a reader switched on, or null for those that a figure draws at first
  let whole = false; // whether the curves' axis shows all points

  const available = {
    curves: () => data.curves[place].map(({ key }) => key),
    profiles: () => data.profiles.map(({ key }) => key),
  };
  const first = (id) => (id === "curves" ? data.shown.curves[place] : data.shown.profiles);
  const shown = (id) => picked ?? new Set(first(id));
  const drawing = (id, rows) => rows.filter(({ key }) => shown(id).has(key));

  // Plotly takes < and & in a name for markup: a name from a run is text.
  const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

  /** The colours of a theme, as the style sheet has them. */
  function theme(scheme) {
    const probe = document.createElement("span");
    document.body.append(probe);
    if (scheme) probe.style.colorScheme = scheme;
    const colour = (name) => {
      probe.style.color = `var(--${name})`;
      return getComputedStyle(probe).color;
    };
    const found = { ink: colour("ink"), quiet: colour("quiet"), line: colour("line"), paper: colour("paper") };
    probe.remove();
    return found;
  }

  /** A curve and its band. */
  function traces({ key, x, y, low, high }, _, { length }) {
    const { label, colour, dash } = data.algorithms[key];
    const name = plain(label);
    const line = {
      x, y, name, type: "scatter", mode: x.length > 1 ? "lines" : "markers",
      line: { color: colour, width: 2, dash }, marker: { color: colour, size: 7 },
      customdata: low && low.map((value, i) => [value, high[i]]),
      hovertemplate: "%{y:.4~g}" + (low ? "  [%{customdata[0]:.4~g}, %{customdata[1]:.4~g}]" : ""),
    };
    if (!low) return [line];
    const band = {
      x: [...x, ...[...x].reverse()], y: [...low, ...[...high].reverse()], name,
      type: "scatter", mode: "lines", fill: "toself", fillcolor: colour + (length > 4 ? "18" : "26"),
      line: { width: 0 }, hoverinfo: "skip", showlegend: false,
    };
    return [band, line];
  }

  /**
   * Range of the curves' axis that keeps a few outliers from flattening the other points: the points without the 2 %
   * lowest and highest, if the outliers would more than double the range on that side; null if all points fit.
   */
  function robust(drawn, optimum) {
    const known = optimum === null ? [] : [optimum];
    const inner = [...known], outer = [...known];
    for (const part of ["y", "low", "high"]) {
      const values = drawn.flatMap((curve) => curve[part] ?? []).sort((a, b) => a - b);
      const few = values.length < 10 ? 0 : Math.ceil(values.length / 50);
      if (values.length) inner.push(values[few], values.at(-1 - few));
      if (values.length) outer.push(values[0], values.at(-1));
    }
    const [low, high] = [Math.min(...inner), Math.max(...inner)];
    const [least, most] = [Math.min(...outer), Math.max(...outer)];
    const [below, above] = [low - least > high - low, most - high > high - low];
    if (!below && !above) return null;
    const [from, to] = [below ? low : least, above ? high : most];
    const pad = 0.06 * (to - from) || 0.05 * Math.abs(low) || 1;
    const range = [from - pad, to + pad];
    const values = drawn.flatMap(({ y }) => y);
    const counts = [[values.filter((y) => y < range[0]), "below"], [values.filter((y) => y > range[1]), "above"]]
      .filter(([points]) => points.length)
      .map(([{ length }, where]) => `${length} point${length === 1 ? "" : "s"} ${where}`);
    return { range, note: counts.length ? `${counts.join(" and ")} the axis.` : "Bands reach beyond the axis." };
  }

  function layout(colours, x, y, many) {
    const axis = {
      gridcolor: colours.line, linecolor: colours.line, zeroline: false, automargin: true,
      tickfont: { color: colours.quiet }, title: { font: { color: colours.quiet }, standoff: 10 },
    };
    return {
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colours.ink },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 8, r: 12, t: 28, b: 8 },
      hovermode: many > 8 ? "closest" : "x unified",
      hoverlabel: { bgcolor: colours.paper, bordercolor: colours.line, font: { color: colours.ink, size: 12 } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colours.quiet, activecolor: colours.ink },
      showlegend: false, dragmode: false,
      xaxis: { ...axis, ...x, showgrid: false, title: { ...axis.title, text: x.title } },
      yaxis: { ...axis, ...y, title: { ...axis.title, text: y.title } },
    };
  }

  /** The learning curves of the chosen environment. */
  function curves(colours) {
    const { label, optimum } = data.environments[place];
    const drawn = drawing("curves", data.curves[place]);
    const unit = drawn.length ? drawn[0].unit : "step";
    const lines = drawn.flatMap(traces);
    if (optimum !== null && drawn.length) {
      const ends = drawn.flatMap(({ x }) => [x[0], x[x.length - 1]]);
      lines.push({
        x: [Math.min(...ends), Math.max(...ends)], y: [optimum, optimum], name: "optimum", type: "scatter",
        mode: "lines", line: { color: colours.quiet, width: 1.25, dash: "5px,4px" }, hovertemplate: "%{y:.4~g}",
      });
    }
    const axis = { title: unit === "step" ? "environment steps" : `${unit}s`, tickformat: "~s", hoverformat: ",d" };
    const empty = data.curves[place].length ? "No selected algorithm has a curve in this environment."
      : "No evaluations at steps that all seeds share.";
    const beyond = robust(drawn, optimum);
    const returns = { title: "evaluation return", ...(beyond && !whole && { range: beyond.range }) };
    return { lines, layout: layout(colours, axis, returns, drawn.length), name: label, empty, beyond };
  }

  function profiles(colours) {
    const drawn = drawing("profiles", data.profiles).map((curve) => ({ ...curve, x: data.taus }));
    const lines = drawn.flatMap(traces);
    const ends = [data.taus[0], data.taus[data.taus.length - 1]];
    const x = { title: "normalized score τ", range: ends, hoverformat: ".2f" };
    const y = { title: "fraction of runs with score > τ", range: [-0.01, 1.03], tickformat: ".0%" };
    return { lines, layout: layout(colours, x, y, drawn.length), name: "performance-profiles" };
  }

  /** Saves a figure for a paper: in light colours and with its legend, in either theme of the page. */
  function save(build, format) {
    const figure = build(theme("light"));
    const above = { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 } };
    const size = { width: 760, height: 440 };
    const look = { ...figure.layout, ...size, showlegend: true, legend: above, paper_bgcolor: "#ffffff" };
    if (figure.beyond && !whole) {
      const corner = { xref: "paper", yref: "paper", x: 1, y: 0, xanchor: "right", yanchor: "bottom" };
      look.annotations = [{ ...corner, text: figure.beyond.note, showarrow: false, font: { size: 10 } }];
    }
    const filename = figure.name.replace(/[^\w.-]+/g, "-");
    const config = { ...size, format, filename, scale: format === "png" ? 3 : 1 };
    return Plotly.downloadImage({ data: figure.lines, layout: look }, config);
  }

  const home = { name: "home", title: "Show all points", icon: Plotly.Icons.home, click: () => widen(true) };
  const buttons = (id, build) => [[
    { name: "svg", title: "Download as SVG", icon: Plotly.Icons.disk, click: () => save(build, "svg") },
    { name: "png", title: "Download as PNG", icon: Plotly.Icons.camera, click: () => save(build, "png") },
  ], ["zoom2d", id === "curves" ? home : "resetScale2d"]];

  function widen(all) {
    whole = all;
    refresh();
  }

  function draw(id, build) {
    const target = document.getElementById(id);
    if (!target) return;
    const figure = build(theme());
    const message = document.getElementById(`no-${id}`);
    if (message) {
      message.textContent = figure.empty;
      message.hidden = figure.lines.length > 0;
      target.hidden = !message.hidden;
      if (target.hidden) return;
    }
    const own = id === "curves" ? { doubleClick: false } : { doubleClick: "reset" };
    const config = { ...own, responsive: true, displaylogo: false, displayModeBar: true };
    const begun = target.matches(".js-plotly-plot");
    Plotly.react(target, figure.lines, figure.layout, { ...config, modeBarButtons: buttons(id, build) });
    if (!begun && id === "curves") target.on("plotly_doubleclick", () => widen(true));
  }

  /** Note about the points beyond the axis, and a button that shows or leaves them out. */
  function noteBeyond() {
    const { beyond } = curves(theme());
    const note = document.getElementById("beyond");
    const [text, button] = note.children;
    note.hidden = !beyond;
    text.textContent = whole ? "The axis shows all points." : beyond?.note;
    button.textContent = whole ? "Leave out distant points" : "Show all points";
    button.onclick = () => widen(!whole);
  }

  function refresh() {
    for (const key of every(".key")) {
      const id = figureOf(key);
      key.hidden = !available[id]().includes(Number(key.dataset.key));
      key.setAttribute("aria-pressed", shown(id).has(Number(key.dataset.key)));
    }
    for (const button of every(".every")) button.hidden = available[figureOf(button)]().length <= data.most;
    for (const button of every("[data-env]")) button.setAttribute("aria-pressed", Number(button.dataset.env) === place);
    for (const table of every("[data-place]")) table.hidden = Number(table.dataset.place) !== place;
    draw("curves", curves);
    draw("profiles", profiles);
    noteBeyond();
  }

  function figureOf(element) {
    return element.closest("section").id.replace("-section", "");
  }

  /** Chooses an environment; if no picked algorithm has a curve in it, its first algorithms are drawn. */
  function choose(index) {
    place = index;
    whole = false;
    if (picked && !available.curves().some((key) => picked.has(key))) picked = null;
    refresh();
  }

  /** Click: isolates an algorithm; second click: shows the others again; Shift or Ctrl: adds or removes it. */
  function pick(id, key, more) {
    const now = new Set(shown(id));
    if (more) {
      if (!now.delete(key)) now.add(key);
      picked = now;
    } else {
      picked = picked && now.size === 1 && now.has(key) ? null : new Set([key]);
    }
    refresh();
  }

  for (const key of every(".key")) {
    key.title = "Click to see it alone; Shift-click to add or remove it";
    key.firstElementChild.removeAttribute("title");
    key.addEventListener("click", (event) =>
      pick(figureOf(key), Number(key.dataset.key), event.shiftKey || event.ctrlKey || event.metaKey));
  }
  for (const button of every(".every")) {
    button.addEventListener("click", () => {
      const keys = available[figureOf(button)]();
      picked = keys.every((key) => picked?.has(key)) ? null : new Set(keys);
      refresh();
    });
  }
  for (const button of every("[data-env]")) button.addEventListener("click", () => choose(Number(button.dataset.env)));
  document.getElementById("env")?.addEventListener("change", (event) => choose(Number(event.target.value)));
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    refresh();
  });
  dark.addEventListener("change", refresh);

  const rows = every("#runs-section tbody tr").map((row) => [row, row.textContent.toLowerCase()]);
  function filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const [row, content] of rows) {
      row.hidden = !words.every((word) => content.includes(word));
      left += !row.hidden;
    }
    const total = rows.length.toLocaleString("en");
    const noun = rows.length === 1 ? "run" : "runs";
    document.getElementById("matches").textContent =
      left === rows.length ? `${total} ${noun}` : `${left.toLocaleString("en")} of ${total} ${noun}`;
  }
  /** Fades the edges of a box behind which it can scroll. */
  function fade(box) {
    box.classList.toggle("right", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
    box.classList.toggle("below", box.scrollTop + box.clientHeight < box.scrollHeight - 2);
  }
  for (const box of every(".scroll, .legend, .every-option")) {
    const watch = new ResizeObserver(() => fade(box));
    for (const element of [box, ...box.children]) watch.observe(element);
    box.addEventListener("scroll", () => fade(box), { passive: true });
  }

  document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
  filter("");
  refresh();
})();
