// Equations, code and tables that are wider than the page scroll inside themselves. This lets the keyboard reach those that
// do, also after they were unfolded or the window was resized; the theme looks at code and tables once, and at no equation.
const wideParts = ".math, mjx-container[display], main pre, .cell_output > .output, .pst-scrollable-table-container";

const reach = ({ target }) => {
  if (target.scrollWidth > target.clientWidth) {
    target.tabIndex = 0;
  } else {
    target.removeAttribute("tabindex");
  }
};

document.addEventListener("DOMContentLoaded", async () => {
  await window.MathJax?.startup?.promise;
  const sizes = new ResizeObserver((changes) => changes.forEach(reach));
  document.querySelectorAll(wideParts).forEach((part) => sizes.observe(part));
});
