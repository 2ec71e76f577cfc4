const specs = JSON.parse(document.getElementById("specs").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function config(isDark) {
  const ink = isDark ? "#e8eaea" : "#1c2227", soft = isDark ? "#a3adb3" : "#58636b", line = isDark ? "#343c42" : "#e4e2db";
  const font = "system-ui, 'Segoe UI', Roboto, sans-serif";
  return {
    background: "transparent", font,
    view: {stroke: null},
    axis: {labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500, labelLimit: 150},
    legend: {labelColor: ink, titleColor: soft, labelFontSize: 12, symbolStrokeWidth: 3},
    rule: {color: soft},
    range: {category: isDark
      ? ["#e8eaea", "#5fb4ea", "#f0a35e", "#7fd6a5", "#d59be8", "#f19a92"]
      : ["#30383d", "#1d76b5", "#d1711c", "#2b8a57", "#8b4fa8", "#b8433a"]},
  };
}

function draw(place, isDark = dark.matches) {
  const number = Number(place.dataset.chart);
  const into = document.createElement("div");
  into.style.width = "100%";
  place.replaceChildren(into);
  return vegaEmbed(into, {...specs[number], config: config(isDark)}, {actions: false, renderer: "svg"})
    .then(() => { place.dataset.ready = "yes"; })
    .catch((error) => { place.dataset.ready = "failed"; place.textContent = "This chart could not be drawn: " + error.message; });
}

const places = [...document.querySelectorAll("[data-chart]")];
// one after the other, from the top, so that the page can be read meanwhile
async function drawAll(isDark) {
  for (const place of places) await draw(place, isDark);
}
const first = drawAll();
dark.addEventListener("change", () => first.then(() => drawAll()));
window.addEventListener("beforeprint", () => drawAll(false));
window.addEventListener("afterprint", () => drawAll());

// rows of all layers of a chart, as a table for those who cannot see or point
function rowsOf(spec) {
  const own = spec.data?.values ?? [];
  return [own, ...(spec.layer ?? []).map(rowsOf)].reduce((longest, rows) => rows.length > longest.length ? rows : longest, []);
}

document.querySelectorAll("[data-numbers]").forEach((details) => details.addEventListener("toggle", () => {
  if (details.querySelector("table")) return;
  const rows = rowsOf(specs[Number(details.dataset.numbers)]);
  const columns = [...new Set(rows.flatMap(Object.keys))];
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const column of columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = column;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const column of columns) {
      const value = row[column];
      line.insertCell().textContent = typeof value === "number" ? value.toLocaleString("en", {maximumSignificantDigits: 5}) : value ?? "";
    }
  }
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.tabIndex = 0;
  scroll.append(table);
  details.append(scroll);
}));
