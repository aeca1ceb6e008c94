"""What is asked of a page in the browser, as JavaScript."""

from typing import Final

# Of every text that is shown: how far its colour stands out from the background it lies on, as WCAG counts it.
CONTRAST: Final = """
(() => {
  const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)|transparent/.test(c)) return c; } return "rgb(255, 255, 255)"; };
  let least = 99;
  for (const e of document.querySelectorAll("h1, h2, h3, p, td, th, dt, dd, span, b, a, summary, code, li, small")) {
    if (!e.textContent.trim() || !e.checkVisibility() || e.matches(".skip, .unseen")) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05));
  }
  return least;
})()
"""
UNNAMED: Final = """
[...document.querySelectorAll("svg, input, nav, [role=region]")].filter((e) => {
  const by = (e.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id));
  return !e.getAttribute("aria-label") && !(by.length && by.every((each) => each && each.textContent));
}).map((e) => e.outerHTML.slice(0, 80))
"""
# Of each chart, how long its lines are on the screen; a line without a value has no length.
LINES: Final = """
[...document.querySelectorAll("figure.chart")].map((f) =>
  [...f.querySelectorAll("[id*='-line-'] path")].reduce((sum, p) => sum + p.getTotalLength(), 0))
"""
