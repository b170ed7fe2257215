// This tab's end of the browser's one live feed (feed-worker.js), in the shape of an EventSource, which is what the
// SSE extension of htmx asks for. Where a browser has no SharedWorker, or it does not start, each tab has its own feed.
"use strict";
(() => {
  const script = document.body.dataset.feed;
  if (!globalThis.SharedWorker || !script) return;

  class SharedFeed extends EventTarget {
    constructor(address) {
      super();
      this.readyState = EventSource.CONNECTING;
      this.heard = false;
      this.refused = false;
      this.worker = new SharedWorker(script, { name: "triage-feed" });
      this.worker.onerror = () => this.heard || this.alone(address);
      this.port = this.worker.port;
      this.port.onmessage = ({ data }) => this.hear(data);
      this.hello = () => this.port.postMessage("hello");
      this.bye = () => this.port.postMessage("bye");
      addEventListener("pagehide", this.bye);
      addEventListener("pageshow", this.back = (event) => event.persisted && this.hello());
      this.hello();
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
    alone(address) {
      const own = new EventSource(address);
      this.own = own;
      own.onopen = () => this.hear("open");
      own.onerror = () => {
        const refused = own.readyState === EventSource.CLOSED;
        this.hear(refused ? "refused" : "error");
        if (refused) setTimeout(() => this.alone(address), 5000);
      };
      for (const kind of ["change", "stale", "resync", "alive"]) own.addEventListener(kind, () => this.hear(kind));
    }
    close() {
      this.readyState = EventSource.CLOSED;
      this.own?.close();
      this.bye();
      removeEventListener("pagehide", this.bye);
      removeEventListener("pageshow", this.back);
    }
  }
  htmx.createEventSource = (address) => new SharedFeed(address);
})();
