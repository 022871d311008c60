// Equations, code and tables that are wider than the page scroll inside themselves. This lets the keyboard reach those that
// do, also after they were unfolded or the window was resized; the theme looks at code and tables once, and at no equation.
// On a phone a table does not scroll: where it would, or would squeeze its words, each row becomes a card, in which every
// cell begins with the head of its column.
const wideParts = ".math, mjx-container[display], main pre, .cell_output > .output, .pst-scrollable-table-container";
const phone = matchMedia("(max-width: 600px)"); // as in book.css
const LINES = 4;

const cramped = (table, place) => {
  const tall = LINES * parseFloat(getComputedStyle(table).lineHeight) + 16;
  return place.scrollWidth > place.clientWidth || [...table.querySelectorAll("td")].some((cell) => cell.clientHeight > tall);
};

const stack = (table) => {
  const rows = [...table.tHead.rows];
  // pandas writes the name of an index into a second row of heads
  const heads = [...rows[0].cells].map((_, i) => rows.map((row) => row.cells[i]).findLast((cell) => cell?.textContent.trim()));
  for (const row of table.tBodies[0].rows) {
    [...row.cells].forEach((cell, i) => {
      if (!heads[i] || !cell.textContent.trim()) return;
      const head = document.createElement("span");
      head.className = "stacked-head";
      head.append(...heads[i].cloneNode(true).childNodes, ": ");
      (cell.querySelector(":scope > p:first-child") ?? cell).prepend(head);
    });
  }
  table.classList.add("stacked");
};

const reach = ({ target }) => {
  if (phone.matches) {
    target.querySelectorAll("table:not(.stacked)").forEach((table) => {
      if (table.tHead && !table.querySelector("[colspan], [rowspan]") && cramped(table, target)) stack(table);
    });
  }
  if (target.scrollWidth > target.clientWidth) {
    target.tabIndex = 0;
  } else {
    target.removeAttribute("tabindex");
  }
};

// A link into what is folded opens it, where the browser does not do so by itself.
const unfold = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  let opened = false;
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName === "DETAILS" && !part.open) part.open = opened = true;
  }
  if (opened) target.scrollIntoView();
};
addEventListener("hashchange", unfold);

document.addEventListener("DOMContentLoaded", async () => {
  unfold();
  await window.MathJax?.startup?.promise;
  const sizes = new ResizeObserver((changes) => changes.forEach(reach));
  document.querySelectorAll(wideParts).forEach((part) => sizes.observe(part));
});
