// Presents a page of slides: each section of it in turn fills the window. A slide is moved into a dialog while it is shown,
// and back to its place afterwards, so that it keeps its sliders, its answers and the colors of the page.
document.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector("article > section");
  const slides = [...page.querySelectorAll(":scope > section")];
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };
  const dialog = document.createElement("dialog"), stage = document.createElement("div");
  const bar = document.createElement("div"), place = document.createElement("span"), gap = document.createComment("slide");
  let now = 0;

  const putBack = () => { if (stage.firstChild) gap.replaceWith(stage.firstChild); };
  const show = (number) => {
    putBack();
    now = Math.min(slides.length - 1, Math.max(0, number));
    slides[now].replaceWith(gap);
    stage.append(slides[now]);
    dialog.scrollTop = 0;
    place.textContent = `${now + 1} of ${slides.length}`;
    history.replaceState(null, "", `#${slides[now].id}`);
  };
  const KEYS = { ArrowRight: 1, ArrowLeft: -1, PageDown: 1, PageUp: -1, Home: -Infinity, End: Infinity };

  dialog.className = "slides";
  dialog.setAttribute("aria-label", "Slides");
  place.setAttribute("aria-live", "polite");
  bar.className = "slides-bar";
  const next = button("Next", () => show(now + 1));
  next.autofocus = true;
  bar.append(button("Back", () => show(now - 1)), place, next, button("End", () => dialog.close()));
  dialog.append(stage, bar);
  dialog.addEventListener("close", putBack);
  dialog.addEventListener("keydown", (event) => {
    // what has a use for the arrow keys keeps them
    const used = event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey;
    if (!(event.key in KEYS) || used || event.target.closest("input, .play-chart, [tabindex='0']")) return;
    event.preventDefault();
    show(now + KEYS[event.key]);
  });
  page.after(dialog);
  page.querySelector("h1").after(button("Present", () => {
    dialog.showModal();
    show(slides.findIndex((slide) => location.hash === `#${slide.id}`));
  }));
  page.querySelector("h1 + button").className = "slides-start";
});
