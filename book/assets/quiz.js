// Quizzes: makes radio buttons of a question's answers and shows the feedback to the one that is chosen.
// Without this script the answers are a list, and the feedback to all of them is folded away below.

"use strict";

/** A new element with properties, and nodes or strings inside. */
function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Turn one question, an item of a list, into a group of radio buttons; nodes are moved, so that math stays typeset. */
function enliven(question, name) {
  const answers = question.querySelector(":scope > .quiz-answers");
  const solution = question.querySelector(":scope > .quiz-solution");
  const feedback = [...solution.querySelectorAll(":scope > .quiz-feedback > li")].map((item) =>
    element("div", { hidden: true, className: item.className }, ...item.childNodes));
  const status = element("div", { className: "quiz-status" }, ...feedback);
  status.setAttribute("role", "status");

  const options = [...answers.children].map((item, index) => {
    const radio = element("input", { type: "radio", name });
    radio.addEventListener("change", () => feedback.forEach((shown, other) => { shown.hidden = other !== index; }));
    const text = element("span", {}, ...[...item.children].flatMap((paragraph) => [...paragraph.childNodes]));
    return element("label", { className: "quiz-answer" }, radio, text);
  });

  const [first, ...more] = [...question.children].filter((child) => child !== answers && child !== solution);
  const group = element("fieldset", {}, element("legend", {}, ...first.childNodes), ...more, ...options, status);
  question.replaceChildren(group);
}

document.querySelectorAll(".quiz-questions").forEach((quiz, number) => {
  quiz.classList.add("quiz-live");
  [...quiz.children].forEach((question, index) => enliven(question, `quiz-${number}-${index}`));
});
