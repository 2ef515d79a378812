"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const every = (selector) => [...document.querySelectorAll(selector)];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let place = 0;
  let shown = new Set(data.shown);

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
  function traces({ key, x, y, low, high }) {
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
      type: "scatter", mode: "lines", fill: "toself", fillcolor: colour + (shown.size > 4 ? "18" : "26"),
      line: { width: 0 }, hoverinfo: "skip", showlegend: false,
    };
    return [band, line];
  }

  function layout(colours, x, y) {
    const axis = {
      gridcolor: colours.line, linecolor: colours.line, zeroline: false, automargin: true,
      tickfont: { color: colours.quiet }, title: { font: { color: colours.quiet }, standoff: 10 },
    };
    return {
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colours.ink },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 8, r: 12, t: 28, b: 8 },
      hovermode: shown.size > 8 ? "closest" : "x unified",
      hoverlabel: { bgcolor: colours.paper, bordercolor: colours.line, font: { color: colours.ink, size: 12 } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colours.quiet, activecolor: colours.ink },
      showlegend: false, dragmode: false,
      xaxis: { ...axis, ...x, showgrid: false, title: { ...axis.title, text: x.title } },
      yaxis: { ...axis, ...y, title: { ...axis.title, text: y.title } },
    };
  }

  /** The learning curves of the chosen environment; planners count sweeps, which no other axis shares. */
  function curves(colours) {
    const { label, optimum } = data.environments[place];
    const here = data.curves[place].filter(({ key }) => shown.has(key));
    const stepping = data.curves[place].filter(({ unit }) => unit === "step");
    const unit = stepping.length || !here.length ? "step" : here[0].unit;
    const drawn = here.filter((curve) => curve.unit === unit);
    const lines = drawn.flatMap(traces);
    if (optimum !== null && drawn.length) {
      const ends = drawn.flatMap(({ x }) => [x[0], x[x.length - 1]]);
      lines.push({
        x: [Math.min(...ends), Math.max(...ends)], y: [optimum, optimum], name: "optimum", type: "scatter",
        mode: "lines", line: { color: colours.quiet, width: 1.25, dash: "5px,4px" }, hovertemplate: "%{y:.4~g}",
      });
    }
    const axis = { title: unit === "step" ? "environment steps" : `${unit}s`, tickformat: "~s", hoverformat: ",d" };
    const empty = data.curves[place].length ? "No algorithm that is switched on has a curve here."
      : "No evaluations that all seeds share were logged here.";
    return { lines, layout: layout(colours, axis, { title: "evaluation return" }), name: label, empty };
  }

  function profiles(colours) {
    const lines = data.profiles.filter(({ key }) => shown.has(key))
      .flatMap((curve) => traces({ ...curve, x: data.taus }));
    const ends = [data.taus[0], data.taus[data.taus.length - 1]];
    const x = { title: "normalised score τ", range: ends, hoverformat: ".2f" };
    const y = { title: "fraction of runs with score > τ", range: [-0.01, 1.03], tickformat: ".0%" };
    return { lines, layout: layout(colours, x, y), name: "performance-profiles" };
  }

  /** Saves a figure as papers want it: light, with its legend, whatever the page looks like. */
  function save(build, format) {
    const figure = build(theme("light"));
    const above = { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 } };
    const size = { width: 760, height: 440 };
    const whole = { ...figure.layout, ...size, showlegend: true, legend: above, paper_bgcolor: "#ffffff" };
    const filename = figure.name.replace(/[^\w.-]+/g, "-");
    const config = { ...size, format, filename, scale: format === "png" ? 3 : 1 };
    return Plotly.downloadImage({ data: figure.lines, layout: whole }, config);
  }

  const buttons = (build) => [[
    { name: "svg", title: "Download as SVG", icon: Plotly.Icons.disk, click: () => save(build, "svg") },
    { name: "png", title: "Download as PNG", icon: Plotly.Icons.camera, click: () => save(build, "png") },
  ], ["zoom2d", "resetScale2d"]];

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
    const config = { responsive: true, displaylogo: false, displayModeBar: true, modeBarButtons: buttons(build) };
    Plotly.react(target, figure.lines, figure.layout, config);
  }

  function refresh() {
    for (const key of every(".key")) key.setAttribute("aria-pressed", shown.has(Number(key.dataset.key)));
    for (const button of every("[data-env]")) button.setAttribute("aria-pressed", Number(button.dataset.env) === place);
    for (const table of every("[data-place]")) table.hidden = Number(table.dataset.place) !== place;
    draw("curves", curves);
    draw("profiles", profiles);
  }

  function choose(index) {
    place = index;
    refresh();
  }

  /** A click isolates an algorithm, and a second one brings the others back; with Shift or Ctrl it adds. */
  function pick(key, more) {
    if (more) {
      if (!shown.delete(key)) shown.add(key);
    } else {
      shown = new Set(shown.size === 1 && shown.has(key) ? data.shown : [key]);
    }
    refresh();
  }

  for (const key of every(".key")) {
    key.title = "Click to see it alone; Shift-click to add or remove it";
    key.addEventListener("click", (event) =>
      pick(Number(key.dataset.key), event.shiftKey || event.ctrlKey || event.metaKey));
  }
  for (const button of every(".every")) {
    button.addEventListener("click", () => {
      const all = shown.size === data.algorithms.length;
      shown = new Set(all ? data.shown : data.algorithms.keys());
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
  document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
  filter("");
  refresh();
})();
