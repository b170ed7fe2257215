// The idle lock as the reader meets it: a word a minute before, then the door in the same place.
// The server decides; this only saves the reader from a page that looks open and is not.
"use strict";
(() => {
  const minutes = Number(document.body.dataset.lockMinutes || 0);
  if (!minutes) return;
  const TELL_EVERY_MS = 60000;
  const WARN_MS = 60000;
  const ASK_EVERY_MS = 30000;
  let moved = Date.now();
  let told = Date.now();
  const warning = document.getElementById("locking");

  function alive() {
    moved = Date.now();
    warning.hidden = true;
    if (moved - told < TELL_EVERY_MS) return;
    told = moved;
    fetch("/session/seen", { method: "POST", credentials: "same-origin" }).then((answer) => {
      if (answer.status === 401) location.reload();
    }, () => {});
  }
  for (const kind of ["keydown", "pointerdown", "wheel"]) addEventListener(kind, alive, { passive: true });
  addEventListener("pointermove", () => { if (Date.now() - moved > 5000) alive(); }, { passive: true });

  // Another page of the same session may be in use: the server knows, and this question is no sign of life.
  let asked = 0;
  function ask() {
    if (Date.now() - asked < ASK_EVERY_MS) return;
    asked = Date.now();
    fetch("/list", { headers: { "hx-request": "true", "hx-trigger": "refresh" } }).then((answer) => {
      if (answer.ok) warning.hidden = true;
      else location.reload();
    }, () => location.reload());
  }

  setInterval(() => {
    const left = minutes * 60000 - (Date.now() - moved);
    if (left < -2000) ask();
    else warning.hidden = left > WARN_MS;
  }, 1000);
})();
