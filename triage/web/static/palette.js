// Ctrl+K: every act of the page by its name. It chooses what a key or a link does; it can do nothing of its own.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const palette = $("palette");
  if (!palette) return; // nobody has said who they are
  const input = $("palette-text");
  const list = $("palette-list");
  let chosen = 0;

  const options = () => [...list.children].filter((option) => !option.hidden);
  function mark(at) {
    const shown = options();
    chosen = shown.length ? (at + shown.length) % shown.length : 0;
    for (const option of list.children) option.setAttribute("aria-selected", String(option === shown[chosen]));
    if (shown.length) input.setAttribute("aria-activedescendant", shown[chosen].id);
    else input.removeAttribute("aria-activedescendant");
    shown[chosen]?.scrollIntoView({ block: "nearest" });
    $("palette-none").hidden = shown.length > 0;
  }
  function narrow() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const option of list.children) {
      const said = option.textContent.toLowerCase();
      option.hidden = !words.every((word) => said.includes(word));
    }
    mark(0);
  }
  // Saved views are the reader's and change while the page is open: they are read when it opens.
  function views() {
    for (const old of list.querySelectorAll("[data-view]")) old.remove();
    for (const [at, link] of [...document.querySelectorAll("#views li > a")].entries()) {
      const option = document.createElement("li");
      option.id = `palette-view-${at}`;
      option.role = "option";
      option.dataset.view = link.getAttribute("href");
      option.textContent = `View: ${link.textContent}`;
      list.append(option);
    }
  }
  function open() {
    views();
    input.value = "";
    palette.showModal();
    narrow();
  }
  function choose(option) {
    if (!option) return;
    palette.close();
    const { key, press, view } = option.dataset;
    if (view) location.assign(view);
    else if (press) $(press)?.click();
    else document.dispatchEvent(new CustomEvent("triage:key", { detail: key }));
  }

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    if (palette.open) palette.close();
    else if (!document.querySelector("dialog[open]")) open();
  });
  input.addEventListener("input", narrow);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") mark(chosen + 1);
    else if (event.key === "ArrowUp") mark(chosen - 1);
    else if (event.key === "Enter") choose(options()[chosen]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => choose(event.target.closest("li")));
})();
