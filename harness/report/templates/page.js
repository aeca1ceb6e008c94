"use strict";
// Marks one place in a chart and shows its values beside the legend. The charts of a group share their x axis, so a place
// marked in one is marked in all of them. Everything here is also in the tables; without scripts nothing is lost.
(() => {
  document.documentElement.classList.remove("no-script");
  const charts = [...document.querySelectorAll("figure.chart")].map((figure) => {
    const data = JSON.parse(figure.querySelector("script").textContent);
    return {
      figure, data,
      svg: figure.querySelector("svg"),
      slider: figure.querySelector("input"),
      cursor: figure.querySelector(".cursor"),
      values: [...figure.querySelectorAll(".legend b")],
      at: figure.querySelector(".legend .at"),
    };
  });

  const nearest = (xs, x) => {
    let best = 0;
    xs.forEach((each, place) => { if (Math.abs(each - x) < Math.abs(xs[best] - x)) best = place; });
    return best;
  };

  const show = (chart, x) => {
    const { data, cursor } = chart;
    const place = nearest(data.x, x);
    const [low, high] = data.limits;
    const at = data.left + ((data.x[place] - low) / (high - low)) * (data.right - data.left);
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    cursor.style.visibility = "visible";
    chart.values.forEach((value, line) => { value.textContent = data.values[line][place]; });
    chart.at.textContent = "at " + data.said[place];
    chart.slider.value = place;
    const spoken = data.labels.map((label, line) => label + " " + data.values[line][place]).join(", ");
    chart.slider.setAttribute("aria-valuetext", data.said[place] + ": " + spoken);
  };

  const mark = (chart, x) => {
    const { group } = chart.data;
    charts.filter((each) => each === chart || (group && each.data.group === group)).forEach((each) => show(each, x));
  };

  charts.forEach((chart) => {
    chart.slider.addEventListener("input", () => mark(chart, chart.data.x[Number(chart.slider.value)]));
    chart.svg.addEventListener("pointermove", (event) => {
      const box = chart.svg.getBoundingClientRect();
      const unit = ((event.clientX - box.left) / box.width) * chart.data.width;
      const share = (unit - chart.data.left) / (chart.data.right - chart.data.left);
      const [low, high] = chart.data.limits;
      mark(chart, low + Math.min(Math.max(share, 0), 1) * (high - low));
    });
  });

  // A link to something within a folded part unfolds it.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const folded = target && target.closest("details");
    if (folded) folded.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
