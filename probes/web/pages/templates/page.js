"use strict";
(() => {
  const intervalMs = 5000;
  const openIds = () => new Set([...document.querySelectorAll("details[open]")].map((d) => d.id));
  async function refresh() {
    // A new page would take away what is being marked for copying.
    if (document.hidden || String(getSelection())) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      // The new page's style carries the new page's nonce, which this page's policy refuses.
      const text = (await answer.text()).replace(/<(style|script)\b[^]*?<\/\1>/g, "");
      const fresh = new DOMParser().parseFromString(text, "text/html");
      const wasOpen = openIds();
      const focused = document.activeElement && document.activeElement.id;
      for (const d of fresh.querySelectorAll("details")) d.open = wasOpen.has(d.id);
      document.title = fresh.title;
      document.getElementById("at").replaceWith(fresh.getElementById("at"));
      document.querySelector("link[rel=icon]").replaceWith(fresh.querySelector("link[rel=icon]"));
      document.querySelector("main").replaceWith(fresh.querySelector("main"));
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    } catch {
      document.getElementById("at").textContent = "the daemon doesn't answer";
    }
  }
  setInterval(refresh, intervalMs);
  document.addEventListener("visibilitychange", refresh);
})();
