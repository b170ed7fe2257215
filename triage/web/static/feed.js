// This tab's end of the browser's one live feed (feed-worker.js), in the shape of an EventSource, which is what the
// SSE extension of htmx asks for. Where a browser has no SharedWorker, or it does not start, each tab has its own feed,
// and opens it anew when it falls silent, as the worker does.
"use strict";
(() => {
  const script = document.body.dataset.feed;
  if (!script) return;
  const QUIET_MS = 25000; // the feed speaks every 10 s
  const LOOK_MS = 5000;
  const REFUSED_MS = 5000;

  class SharedFeed extends EventTarget {
    constructor(address) {
      super();
      this.readyState = EventSource.CONNECTING;
      this.heard = false;
      this.refused = false;
      this.address = address;
      this.hello = () => this.port?.postMessage("hello");
      this.bye = () => this.port?.postMessage("bye");
      if (globalThis.SharedWorker) this.share();
      else this.alone();
      addEventListener("pagehide", this.bye);
      addEventListener("pageshow", this.back = (event) => event.persisted && this.hello());
      this.hello();
    }
    share() {
      this.worker = new SharedWorker(script, { name: "triage-feed" });
      this.worker.onerror = () => this.heard || this.alone();
      this.port = this.worker.port;
      this.port.onmessage = ({ data }) => this.hear(data);
    }
    hear(kind) {
      this.heard = true;
      const event = new Event(kind);
      if (kind === "open") {
        this.readyState = EventSource.OPEN;
        this.onopen?.(event);
      } else if (kind === "error" || kind === "refused") {
        this.readyState = EventSource.CONNECTING; // the worker tries again for everybody, also after a refusal
        this.refused = kind === "refused";
        this.onerror?.(event);
      } else this.dispatchEvent(event);
    }
    alone() {
      const own = new EventSource(this.address);
      this.own = own;
      this.spoke = Date.now();
      this.looking ??= setInterval(() => this.renew(), LOOK_MS);
      own.onopen = () => this.speak("open");
      own.onerror = () => {
        const refused = own.readyState === EventSource.CLOSED;
        this.hear(refused ? "refused" : "error");
        if (refused) this.again = setTimeout(() => this.alone(), REFUSED_MS);
      };
      for (const kind of ["change", "stale", "resync", "alive"]) own.addEventListener(kind, () => this.speak(kind));
    }
    speak(kind) {
      this.spoke = Date.now();
      this.hear(kind);
    }
    // A line that a router forgot ends without a word: the browser waits on it for ever and never tries again.
    renew() {
      if (this.own.readyState === EventSource.CLOSED || Date.now() - this.spoke <= QUIET_MS) return;
      this.own.close();
      this.hear("error");
      this.alone();
    }
    close() {
      this.readyState = EventSource.CLOSED;
      this.own?.close();
      clearInterval(this.looking);
      clearTimeout(this.again);
      this.bye();
      removeEventListener("pagehide", this.bye);
      removeEventListener("pageshow", this.back);
    }
  }
  htmx.createEventSource = (address) => new SharedFeed(address);
})();
