"use strict";
(() => {
  const root = document.documentElement;

  // Dark or light: the system's choice until the button says otherwise.
  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // A node that is pointed at or focused shows its step; the text is cloned, never parsed.
  for (const figure of document.querySelectorAll("figure.flow")) {
    const peek = figure.querySelector(".peek");
    const hide = () => { peek.hidden = true; };
    const show = (event) => {
      const node = event.target.closest("a.node");
      if (!node) return hide();
      const told = document.getElementById(node.dataset.step).querySelector(".told");
      peek.replaceChildren(...[...told.children].map((child) => child.cloneNode(true)));
      peek.hidden = false;
      const frame = figure.getBoundingClientRect();
      const box = node.getBoundingClientRect();
      // Beside the node where there is room, else below it: the way on stays in sight.
      const right = box.right - frame.left + 12, left = box.left - frame.left - peek.offsetWidth - 12;
      const beside = right + peek.offsetWidth <= frame.width ? right : left >= 0 ? left : null;
      peek.style.left = `${beside ?? Math.max(0, Math.min(box.left - frame.left, frame.width - peek.offsetWidth))}px`;
      peek.style.top = `${(beside === null ? box.bottom + 8 : box.top) - frame.top}px`;
    };
    figure.addEventListener("mouseover", show);
    figure.addEventListener("focusin", show);
    figure.addEventListener("mouseleave", hide);
    figure.addEventListener("focusout", hide);
    figure.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  }

  // What a link leads to is opened first; paper shows everything.
  const open = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    const own = target.querySelector(":scope > details");
    if (own) own.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of closed) details.open = false; });

  // j and k walk the findings, as in a pager.
  const findings = [...document.querySelectorAll("article.finding")];
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !["j", "k"].includes(event.key)) return;
    const here = findings.filter((item) => item.getBoundingClientRect().top < 40).length;
    const next = findings[event.key === "j" ? here : here - 2];
    if (next) next.querySelector("summary").focus(), next.scrollIntoView();
  });
})();
